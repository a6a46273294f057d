"""One simulated period of a seeded city: registry tables, messages, and the truth about it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from chargewatch.instants import seconds
from simulators import city as cities
from simulators import city_registry, orders, scenario
from simulators.calendar import HOUR_US, MINUTE_US, start_of
from simulators.charging import Charge, charges, over_midnight
from simulators.cheats import neighbours
from simulators.cheats.cheating import Cheating
from simulators.cheats.dealing import Deal
from simulators.cheats.patterns import PATTERNS
from simulators.city import City, Plug, Post
from simulators.dispatch import Dispatch, Event, Life, felt
from simulators.feed import Message
from simulators.orders import TRICKS, Order
from simulators.plan import Plan
from simulators.registry_folder import Row
from simulators.telling import Item, Voice
from simulators.truth import TrueConnector, TrueInterval, TrueSession, Truth

_OPENS_AT_US = 9 * HOUR_US + 30 * MINUTE_US
_FUTURE_US = 5 * MINUTE_US


@dataclass(frozen=True, slots=True, eq=False)
class Month:
    """What a simulation gives. `messages` are made while they are read."""

    truth: Truth
    registry: dict[str, list[Row]]
    dispatch: Dispatch

    def messages(self) -> Iterator[Message]:
        """Every message in order of receipt; the same each time."""
        return self.dispatch.messages()


def simulate(
    seed: int,
    from_day: date,
    to_day: date,
    stations: int,
    cheats: Mapping[str, float] | None = None,
    oddities: bool = False,
) -> Month:
    """The period [from_day, to_day) of the city of a seed with so many stations (at least 4).

    `cheats`: rates by pattern (simulators.cheats.patterns); `oddities`: with honest traffic that looks odd.
    """
    city = cities.build(seed, stations, from_day, to_day)
    plan = scenario.deal(seed, city, start_of(from_day), start_of(to_day))
    managed_late_from = from_day + timedelta(days=(to_day - from_day).days // 2)
    deal = Deal(seed, cheats or {}, oddities)
    return _Simulation(seed, city, plan, deal).month(city_registry.tables(city, plan, managed_late_from))


class _Simulation:
    def __init__(self, seed: int, city: City, plan: Plan, deal: Deal) -> None:
        self.seed, self.city, self.plan = seed, city, plan
        self.cheating = Cheating(deal, city, plan) if deal.asked else None
        self.items: defaultdict[str, list[Item]] = defaultdict(list)
        self.lives: defaultdict[str, list[Life]] = defaultdict(list)
        self.intervals: dict[str, tuple[TrueInterval, ...]] = {}
        self.sessions: list[TrueSession] = []
        self.tricks = self._tricks()

    def month(self, registry: dict[str, list[Row]]) -> Month:
        for post in self.city.posts():
            for plug in post.plugs:
                self._live(post, plug)
        if self.cheating is not None:
            self._borrow(self.cheating)
            registry = self.cheating.registry(registry)
        dispatch = Dispatch(self.seed, self.city, self.plan, self.items, self.lives)
        truth = Truth(
            self.seed,
            self.plan.from_us,
            self.plan.to_us,
            tuple(self._connectors(dispatch)),
            tuple(self.sessions),
            tuple(dispatch.nuisances()),
            self.cheating.cheats() if self.cheating is not None else (),
        )
        return Month(truth, registry, dispatch)

    def _tricks(self) -> dict[str, list[str]]:
        """Which connectors' operators do what with one of their orders: honest ones elsewhere."""
        rng = Random(f"{self.seed}/tricks")
        plugs = [
            plug.connector_id
            for site in self.city.sites
            for post in site.posts
            for plug in post.plugs
            if plug.kind == "dc" and site.category == "public" and post.charger_id not in self.plan.eventful
        ]
        rng.shuffle(plugs)
        dealt: defaultdict[str, list[str]] = defaultdict(list)
        for index, trick in enumerate(TRICKS * max(1, len(plugs) // 20)):
            if plugs:
                dealt[plugs[index % len(plugs)]].append(trick)
        return dealt

    def _live(self, post: Post, plug: Plug) -> None:
        life = self._life(post, plug)
        intervals = tuple(_true_intervals(post, self.plan, life.from_us, life.to_us or self.plan.to_us))
        if not intervals:
            return
        self.intervals[plug.connector_id] = intervals
        self.lives[post.operator_id].append(life)
        happened = charges(self.seed, post, plug, intervals, self.plan.to_us)
        if self._stays_over_midnight(post, plug, intervals):
            happened = [one for one in happened if one.left_us < self.plan.to_us - HOUR_US]
            later_us = self.cheating.later(plug) if self.cheating is not None else 0
            happened.append(over_midnight(self.seed, plug, happened, self.plan.to_us, later_us))
        if self.cheating is not None:
            happened = self.cheating.driven(post, plug, happened, intervals)
        told = self._orders(plug, happened)
        if self.cheating is not None:
            told = neighbours.marked(self.cheating.claimed(post, plug, happened, told))
        voice = Voice(post.charger_id, plug, self.plan)
        self.items[post.operator_id] += voice.items(intervals, happened, told)
        self._tell(post, plug, voice, told)

    def _borrow(self, cheating: Cheating) -> None:
        """Orders that somebody else hands in as his own."""
        places = {plug.connector_id: (post, plug) for post in self.city.posts() for plug in post.plugs}
        for connector_id, order in sorted(cheating.elsewhere, key=lambda one: one[1].session_id):
            post, plug = places[connector_id]
            voice = Voice(post.charger_id, plug, self.plan)
            self.items[post.operator_id] += voice.items((), (), [order])
            self._tell(post, plug, voice, [order])

    def _tell(self, post: Post, plug: Plug, voice: Voice, told: list[Order]) -> None:
        for order in told:
            future = voice.shift_us(order.start_us) > _FUTURE_US + 30 * MINUTE_US
            fate = "quarantined: clock_future" if future else order.fate
            self.sessions.append(_true_session(post, plug, order, fate))

    def _life(self, post: Post, plug: Plug) -> Life:
        opened = start_of(post.commissioned_on)
        from_us = self.plan.from_us if opened < self.plan.from_us else opened + _OPENS_AT_US
        closed = None if post.retired_on is None else start_of(post.retired_on)
        to_us = closed if closed is not None and closed < self.plan.to_us else None
        silent = tuple((s.from_us, s.to_us) for s in self.plan.silences if s.charger_id == post.charger_id)
        return Life(plug.connector_id, from_us, to_us, silent)

    def _stays_over_midnight(self, post: Post, plug: Plug, intervals: tuple[TrueInterval, ...]) -> bool:
        serves = intervals[-1].state == "serving" and intervals[-1].to_us == self.plan.to_us
        long_enough = intervals[-1].to_us - intervals[-1].from_us > 3 * HOUR_US
        return plug.kind == "ac" and post.kind == "ac" and serves and long_enough and post.charger_id.endswith("3")

    def _orders(self, plug: Plug, happened: list[Charge]) -> list[Order]:
        made = [orders.honest(charge, plug) for charge in happened]
        rng = Random(f"{self.seed}/orders/{plug.connector_id}")
        for number, trick in enumerate(self.tricks.get(plug.connector_id, ()), 1):
            if len(made) <= 2 * number:
                break
            # Late ones belong to the window's last days, when its statement is still to come.
            index = len(happened) - 1 - number if trick == "late" else len(happened) * number // 12
            name = happened[index].session_id
            place = next(i for i, order in enumerate(made) if order.session_id == name)
            made[place : place + 1] = orders.tricked(made[place], trick, plug, self.plan.to_us, rng)
        return made

    def _connectors(self, dispatch: Dispatch) -> Iterator[TrueConnector]:
        on_the_way = dispatch.disturbances()
        in_time = dispatch.in_time()
        for post in self.city.posts():
            at_charger = list(_charger_events(post, self.plan))
            for plug in post.plugs:
                if plug.connector_id not in self.intervals:
                    continue
                key = (post.operator_id, plug.connector_id)
                yield TrueConnector(
                    post.operator_id,
                    post.station_id,
                    plug.connector_id,
                    self.intervals[plug.connector_id],
                    tuple(self.plan.deducted.get(post.charger_id, ())),
                    felt([*at_charger, *on_the_way.get(key, ())], in_time.get(key, ()), self.plan.to_us),
                )


def _true_intervals(post: Post, plan: Plan, from_us: int, to_us: int) -> Iterator[TrueInterval]:
    now_us = from_us
    for trouble in plan.troubles.get(post.charger_id, ()):
        first, last = max(trouble.from_us, from_us), min(trouble.to_us, to_us)
        if first >= last:
            continue
        if now_us < first:
            yield TrueInterval("serving", now_us, first, "")
        yield TrueInterval(trouble.state, first, last, trouble.why)
        now_us = last
    if now_us < to_us:
        yield TrueInterval("serving", now_us, to_us, "")


def _charger_events(post: Post, plan: Plan) -> Iterator[Event]:
    for silence in plan.silences:
        if silence.charger_id == post.charger_id:
            what = "its operator reports it offline" if silence.reported_offline else "silent charger"
            yield "silence", silence.from_us, silence.to_us, what
    for clock in plan.clocks:
        if clock.charger_id == post.charger_id:
            early = min(0, clock.shift_us)
            yield "clock", clock.from_us + early, clock.to_us, f"clock wrong by {seconds(clock.shift_us)} s"


def _true_session(post: Post, plug: Plug, order: Order, fate: str) -> TrueSession:
    return TrueSession(
        post.operator_id,
        plug.connector_id,
        order.session_id,
        order.start_us,
        order.end_us,
        str(orders.kwh(order.true_wh)),
        str(orders.kwh(order.claimed_wh)),
        fate,
        order.cheat,
        str(orders.kwh(order.true_wh if PATTERNS[order.cheat].owed else 0)) if order.cheat else "",
        order.oddity,
        order.beside,
    )
