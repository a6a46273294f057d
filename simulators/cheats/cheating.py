"""A city's cheats in their places: what becomes of each connector's charges and orders, and of the registry."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from simulators.calendar import DAY_US, MINUTE_US, day_of, start_of
from simulators.charging import Charge
from simulators.cheats import claims, fabricated, hours, loads, oddities, registers
from simulators.cheats.dealing import Deal
from simulators.cheats.papers import Exchange, Papers
from simulators.city import City, Plug, Post, Site
from simulators.orders import Order, Period, night_periods
from simulators.plan import Plan
from simulators.registry_folder import Row
from simulators.truth import TrueCheat, TrueInterval

_LOADS = {"flat_power": loads.flat_power, "idle_discharge": loads.idle_discharge}
_REGISTERS = ("register_back", "register_jump")
_RAISED = {"over_advance": 8, "skimmed": 3}
_SCHEMES = ("endless", *_RAISED, *_REGISTERS, "too_regular")
"""What a connector does all the time; one that has none may cheat with single orders."""

_LARGE, _FEW, _BUSY = 5, 5, 30
_FLEETS = ("fleet_as_public", "disguised_fleet")
_CHARGED = ("flat_power", "idle_discharge", "micro_sessions", "in_maintenance")
_MS_US = 1_000
_BESIDE = ("overlap", "repeat", "repeat_elsewhere", "impossible", "ghost")


class Cheating:
    """What is asked for beyond the ordinary city. Each connector's part depends on nobody else's."""

    def __init__(self, deal: Deal, city: City, plan: Plan) -> None:
        self.deal, self.city, self.plan = deal, city, plan
        self.papers = Papers(deal, city, plan)
        self.sites = {site.station_id: site for site in city.sites}
        staying = [post for post in city.posts() if self._may(post) and post.retired_on is None]
        dc = Counter(post.station_id for post in staying for plug in post.plugs if plug.kind == "dc")
        self.large = {station_id for station_id, count in dc.items() if count >= _LARGE}
        """Stations whose sessions of a day are together more than any battery holds."""
        self.elsewhere: list[tuple[str, Order]] = []
        """Orders that another operator's connector (by its id) hands in as its own."""

    def driven(self, post: Post, plug: Plug, charges: list[Charge], intervals: Sequence[TrueInterval]) -> list[Charge]:
        """The charges as they truly are where somebody cheats with real energy, or is honest and looks odd."""
        site, scheme = self.sites[post.station_id], self._scheme(post, plug)
        if scheme not in _FLEETS and (not self._may(post) or len(charges) < _FEW):
            return charges
        from_us = self.plan.from_us
        if scheme == "too_regular":
            charges = [replace(one, cheat=scheme) for one in loads.too_regular(plug, charges, intervals, from_us)]
        elif scheme == "fleet_as_public":
            count = 2 if len(charges) > _BUSY else 1
            own = [self._vehicle("fleet", f"{plug.connector_id}/{number}") for number in range(count)]
            charges = [replace(one, vehicle=own[index % count], cheat=scheme) for index, one in enumerate(charges)]
        elif scheme == "disguised_fleet":
            charges = [replace(one, cheat=scheme) for one in charges]
        else:
            charges = [one for charge in charges for one in self._driven(post, plug, charge, scheme)]
            if hours.closes(site) and not scheme:
                charges += hours.outside_hours(self.deal, plug, charges, intervals, from_us)
                charges.sort(key=lambda one: one.start_us)
            if self.papers.night(site) and plug.kind == "ac":
                charges = list(oddities.night_tariff(charges, intervals))
            charges = list(self._with_regulars(site, plug, charges))
        charges = registers.laid(charges, plug.base_wh)
        if scheme in _REGISTERS:
            return registers.tampered(charges, scheme, self.deal.rng(scheme, plug.connector_id))
        if not scheme and self.deal.odd("meter_exchange", plug.connector_id):
            return self._exchanged(plug, charges)
        return charges

    def claimed(self, post: Post, plug: Plug, charges: Sequence[Charge], orders: Sequence[Order]) -> list[Order]:
        """The orders as they are handed in."""
        site, scheme = self.sites[post.station_id], self._scheme(post, plug)
        by_id = {one.session_id: one for one in charges}
        gaps = {before.session_id: after.plugged_us for before, after in pairwise(charges)}
        made: list[Order] = []
        for order in orders:
            plain = order.fate == "sent" and not order.cheat and self._may(post) and order.session_id in by_id
            if plain and scheme in _RAISED:
                made.append(replace(claims.raised(order, _RAISED[scheme]), cheat=scheme))
            elif plain and scheme == "meter_expired":
                expired = day_of(order.end_us - 1) > self.papers.expires_on(plug.connector_id)
                made.append(replace(order, cheat=scheme if expired else ""))
            elif plain and not scheme and not order.oddity:
                made += self._claimed(post, plug, order, by_id[order.session_id], gaps)
            else:
                made.append(order)
        if self._may(post):
            made += self._invented(post, plug, charges, scheme)
        if self.papers.night(site):
            made = [replace(one, periods=self._periods(one, by_id.get(one.session_id))) for one in made]
        return made

    def later(self, plug: Plug) -> int:
        """So that no two sessions over the last midnight are the same by accident (µs)."""
        return self.deal.rng("midnight", plug.connector_id).randrange(20 * MINUTE_US // _MS_US) * _MS_US

    def registry(self, tables: Mapping[str, list[Row]]) -> dict[str, list[Row]]:
        """The registry of this city; to be asked for when all connectors have had their part."""
        self.papers.declarations.sort(key=lambda row: str(row["declaration_id"]))
        return self.papers.rewritten(tables)

    def cheats(self) -> tuple[TrueCheat, ...]:
        """Those that are not single orders', by pattern."""
        return tuple(sorted(self.papers.cheats, key=lambda one: (one.pattern, one.operator_id, one.id)))

    def _may(self, post: Post) -> bool:
        """Only where it earns something, and nothing else disturbs the charger."""
        return self.papers.able(post)

    def _scheme(self, post: Post, plug: Plug) -> str:
        if self.papers.earns(post.station_id) and (fleet := self.deal.first(_FLEETS, post.station_id)):
            return fleet  # all of its connectors, whatever else happens to them
        if not self._may(post):
            return ""
        if self.papers.expired(post, plug.connector_id):
            return "meter_expired"
        able = plug.kind == "dc" and (post.kind != "hybrid" or post.simultaneous)
        return self.deal.first(_SCHEMES if able else _SCHEMES[:-1], plug.connector_id)

    def _driven(self, post: Post, plug: Plug, charge: Charge, scheme: str) -> list[Charge]:
        if scheme:
            return [charge]
        site, name = self.sites[post.station_id], charge.session_id
        day = f"{site.station_id}/{day_of(charge.end_us - 1)}"
        if plug.kind == "dc" and site.station_id in self.large and self.deal.hits("one_vehicle", day):
            return [replace(charge, vehicle=self._vehicle("one_vehicle", day), cheat="one_vehicle")]
        long_enough = charge.end_us - charge.start_us >= loads.LONG_ENOUGH_US
        able = _CHARGED if plug.kind == "dc" else _CHARGED[2:]
        cheat = self.deal.first(able, name) if long_enough and charge.end_us < self.plan.to_us else ""
        if cheat in _LOADS:
            return [replace(_LOADS[cheat](charge), cheat=cheat)]
        if cheat == "micro_sessions":
            return [replace(one, cheat=cheat) for one in loads.micro_sessions(charge) if one.energy_wh]
        if cheat == "in_maintenance":
            self._declare(cheat, hours.around(post, charge))
            return [replace(charge, cheat=cheat)]
        if self.deal.odd("full_car", name):
            return [oddities.full_car(charge, self.deal.rng("full_car", name))]
        if plug.kind == "dc" and self.deal.odd("cold_battery", name):
            return [oddities.cold_battery(charge, plug, self.deal.rng("cold_battery", name))]
        if plug.kind == "dc" and self.deal.odd("power_limited", site.station_id):
            return [oddities.power_limited(charge, plug)]
        return [charge]

    def _with_regulars(self, site: Site, plug: Plug, charges: list[Charge]) -> Iterator[Charge]:
        """With the vehicles that come again and again."""
        if plug.kind == "dc" and self.deal.odd("shared_depot", site.station_id):
            own = [self._vehicle("shared_depot", f"{plug.connector_id}/{number}") for number in range(2)]
            return oddities.shared_depot(charges, own)
        if plug.kind == "dc" and self.deal.odd("taxi", plug.connector_id):
            return oddities.taxi(charges, self._vehicle("taxi", plug.connector_id))
        return iter(charges)

    def _exchanged(self, plug: Plug, charges: list[Charge]) -> list[Charge]:
        index = registers.exchange(charges, self.deal.rng("meter_exchange", plug.connector_id))
        if index is None or charges[index].cheat:
            return charges
        last_wh = charges[index].start_wh
        self.papers.exchanges[plug.connector_id] = Exchange(day_of(charges[index].plugged_us), last_wh)
        moved = registers.shifted(charges, index, -last_wh, "")
        moved[index] = replace(moved[index], oddity="meter_exchange")
        return moved

    def _claimed(
        self, post: Post, plug: Plug, order: Order, charge: Charge, gaps: Mapping[str, int]
    ) -> Iterator[Order]:
        name, overrated = order.session_id, self.papers.overrated(post)
        able = [one for one in claims.CLAIMS if not (overrated and one == "beyond_rating")]
        if plug.kind == "ac":
            able.remove("inflated_readings")
        cheat = self.deal.first([*able, *_BESIDE], name)
        rng = self.deal.rng(cheat, name)
        if cheat in claims.CLAIMS:
            changed = claims.CLAIMS[cheat](order, plug, rng)
            yield order if changed is None else replace(changed, cheat=cheat)
            return
        yield order
        false: Order | None = None
        if cheat == "overlap":
            false = fabricated.overlap(order, rng)
        elif cheat == "repeat":
            false = fabricated.repeat(order, rng)
        elif cheat == "repeat_elsewhere":
            self._lend(post, plug, replace(fabricated.repeat(order, rng), cheat=cheat))
        elif cheat == "impossible":
            false = fabricated.impossible(charge, plug, rng)
        elif cheat == "ghost":
            false = fabricated.ghost(charge, gaps.get(name, 0), plug, rng)
        if false is not None:
            yield replace(false, cheat=cheat)

    def _lend(self, post: Post, plug: Plug, order: Order) -> None:
        able = [
            other.connector_id
            for one in self.city.posts()
            for other in one.plugs
            if self._may(one) and one.operator_id != post.operator_id and other.kind == plug.kind
        ]
        if able:
            self.elsewhere.append((self.deal.rng("repeat_elsewhere", order.session_id).choice(sorted(able)), order))

    def _invented(self, post: Post, plug: Plug, charges: Sequence[Charge], scheme: str) -> Iterator[Order]:
        for number, trouble in enumerate(self.plan.troubles.get(post.charger_id, ()), 1):
            unit = f"{plug.connector_id}/{number}"
            if trouble.state == "faulted" and not scheme and self.deal.hits("while_faulted", unit):
                rng = self.deal.rng("while_faulted", unit)
                order = fabricated.while_faulted(trouble, charges, plug, number, rng)
                if order is not None:
                    yield replace(order, cheat="while_faulted")
            late = plug is post.plugs[0] and self.deal.hits("late_maintenance", f"{post.charger_id}/{number}")
            if trouble.state == "faulted" and late:
                self._declare("late_maintenance", hours.afterwards(self.deal, post, trouble, number))
        old = start_of(post.commissioned_on) < self.plan.from_us - 10 * DAY_US
        if scheme == "endless" and charges and old:
            made = fabricated.endless(charges[0], plug, self.deal.rng(scheme, plug.connector_id))
            yield replace(made, cheat=scheme)

    def _declare(self, pattern: str, row: Row) -> None:
        self.papers.declarations.append(row)
        name = str(row["declaration_id"])
        self.papers.cheats.append(TrueCheat(pattern, "declaration", str(row["operator_id"]), name))

    def _vehicle(self, what: str, unit: str) -> str:
        return f"v{self.deal.rng(what, unit).randrange(16**8):08x}"

    def _periods(self, order: Order, charge: Charge | None) -> tuple[Period, ...]:
        cuts = [order.start_us]
        while (at_us := oddities.next_change(cuts[-1])) < order.end_us:
            cuts.append(at_us)
        spans = list(pairwise([*cuts, max(order.end_us, cuts[0])]))
        return night_periods(spans, [self._share(order, charge, to_us) for _, to_us in spans], oddities.is_night)

    @staticmethod
    def _share(order: Order, charge: Charge | None, at_us: int) -> int:
        """Energy that the order claims up to an instant."""
        if at_us >= order.end_us:
            return order.claimed_wh
        if charge is not None and charge.energy_wh:
            return order.claimed_wh * charge.curve.wh_at(at_us - charge.start_us) // charge.energy_wh
        return order.claimed_wh * (at_us - order.start_us) // (order.end_us - order.start_us)
