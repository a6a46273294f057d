"""Items on their way: into messages, through broken links, some lost, some twice; and what that did to whom."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random

from chargewatch.instants import US_PER_S, iso
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US
from simulators.city import City
from simulators.feed import MAX_ITEMS, Message, Sender
from simulators.nuisances import Prank, schedule, spoil
from simulators.plan import Break, Plan
from simulators.telling import Item
from simulators.truth import Disturbance, Nuisance

STEP_US = 5 * MINUTE_US
_KINDS = ("status", "meter", "session")
_EVERY_US = {"status": 15 * MINUTE_US, "meter": 30 * MINUTE_US, "session": 30 * MINUTE_US}
_IN_TIME_US = DAY_US
_FUTURE_US = 5 * MINUTE_US
_TWICE = 0.004
_TAIL_DAYS = 5
_CLOSING_US = 30 * MINUTE_US

Event = tuple[str, int, int, str]  # cause, from, to, what


@dataclass(frozen=True, slots=True)
class Life:
    """A connector's service life in the window, and when nothing is heard of it."""

    connector_id: str
    from_us: int
    to_us: int | None
    silent: tuple[tuple[int, int], ...]

    def beats(self, at_us: int) -> bool:
        """Whether its charger is heard at an instant."""
        if at_us < self.from_us or (self.to_us is not None and at_us >= self.to_us):
            return False
        return not any(first <= at_us < last for first, last in self.silent)


@dataclass(slots=True)
class Mail:
    """All that an operator sends, by instant of sending and kind."""

    operator_id: str
    interval_us: int
    lives: Sequence[Life]
    boxes: dict[int, defaultdict[str, list[Item]]] = field(default_factory=dict)
    edges: list[int] = field(default_factory=list)
    _known: dict[int, list[str]] = field(default_factory=dict)

    def ahead(self, sent_us: int) -> bool:
        """Whether an item that is sent at an instant lies so far in its future that it is refused."""
        box: Mapping[str, list[Item]] = self.boxes.get(sent_us, {})
        return any(item.at_us > sent_us + _FUTURE_US for items in box.values() for item in items)

    def alive(self, at_us: int) -> list[str]:
        """Connectors that are heard at an instant."""
        if not self.edges:
            pairs = [pair for one in self.lives for pair in ((one.from_us, one.to_us or one.from_us), *one.silent)]
            self.edges = sorted({edge for pair in pairs for edge in pair})
        era = bisect_right(self.edges, at_us)
        if era not in self._known:
            self._known[era] = [one.connector_id for one in self.lives if one.beats(at_us)]
        return self._known[era]


class Dispatch:
    """The month's mail of a city, sorted; `messages` can be asked for again and gives the same."""

    def __init__(
        self,
        seed: int,
        city: City,
        plan: Plan,
        items: Mapping[str, Iterable[Item]],
        lives: Mapping[str, Sequence[Life]],
    ) -> None:
        self.seed, self.city, self.plan = seed, city, plan
        self.mail = [
            Mail(one.operator_id, one.reporting_interval_min * MINUTE_US, lives.get(one.operator_id, ()))
            for one in city.operators
        ]
        for mail in self.mail:
            for item in items.get(mail.operator_id, ()):
                if item.lost and item.kind != "status":
                    continue
                box = mail.boxes.setdefault(self._sent(mail.operator_id, item), defaultdict(list))
                box[item.kind].append(item)
        self.pranks = [
            (at_us, index, prank)
            for at_us, index, prank in schedule(seed, len(self.mail), plan.from_us, plan.to_us, STEP_US)
            if self._link_down(self.mail[index].operator_id, at_us) is None
        ]

    def disturbances(self) -> dict[tuple[str, str], list[Event]]:
        """By operator and connector: status items that were late or lost."""
        found: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
        for mail in self.mail:
            for sent_us, box in mail.boxes.items():
                lost = _is_lost(box["status"])
                for item in box["status"]:
                    key = (mail.operator_id, item.connector_id)
                    if lost:
                        what = f"status message of {iso(sent_us)} was lost"
                        found[key].append(("lost", item.at_us, item.at_us + 1, what))
                    elif sent_us - item.at_us > _IN_TIME_US:
                        found[key].append(("late", item.at_us, item.at_us + 1, f"status arrived {iso(sent_us)}"))
        return found

    def in_time(self) -> dict[tuple[str, str], list[int]]:
        """By operator and connector: when (by the device) the statuses happened that arrived in time, sorted."""
        found: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for mail in self.mail:
            for sent_us, box in mail.boxes.items():
                if _is_lost(box["status"]):
                    continue
                for item in box["status"]:
                    if -_FUTURE_US <= sent_us - item.at_us <= _IN_TIME_US:
                        found[mail.operator_id, item.connector_id].append(item.at_us)
        return {key: sorted(instants) for key, instants in found.items()}

    def end_us(self) -> int:
        """When the last message is sent."""
        return max(self.plan.to_us + _TAIL_DAYS * DAY_US, *(max(mail.boxes, default=0) for mail in self.mail))

    def nuisances(self) -> list[Nuisance]:
        """What was spoilt on purpose."""
        sender = Sender("", "")
        made = []
        for at_us, index, prank in self.pranks:
            sender.operator_id = self.mail[index].operator_id
            made.append(spoil(prank, sender, self.city, at_us, at_us)[1])
        return made

    def messages(self) -> Iterator[Message]:
        """Every message in order of receipt."""
        rng = Random(f"{self.seed}/dispatch")
        senders = {mail.operator_id: Sender(mail.operator_id, "b0") for mail in self.mail}
        twice: defaultdict[int, list[Message]] = defaultdict(list)
        pranks: defaultdict[int, list[tuple[int, Prank]]] = defaultdict(list)
        for at_us, index, prank in self.pranks:
            pranks[at_us].append((index, prank))
        for now_us in self._steps():
            received_us = now_us + 2 * US_PER_S
            for index, mail in enumerate(self.mail):
                sender = senders[mail.operator_id]
                for message in self._of_operator(mail, sender, now_us, received_us):
                    received_us += 1_000
                    yield message
                    later_us = now_us + rng.randrange(1, 20) * STEP_US
                    again = rng.random() < _TWICE and not message.topic.endswith(("/heartbeat", "/link"))
                    # An hour later, what was in the future would be accepted.
                    again = again and not mail.ahead(now_us)
                    if again and self._link_down(mail.operator_id, later_us) is None:
                        twice[later_us].append(message)
                for who, prank in pranks.get(now_us, ()):
                    if who == index:
                        received_us += 1_000
                        yield spoil(prank, sender, self.city, now_us, received_us)[0]
            for message in twice.pop(now_us, ()):
                received_us += 1_000
                yield _received(message, received_us)

    def _of_operator(self, mail: Mail, sender: Sender, now_us: int, received_us: int) -> Iterator[Message]:
        down = self._link_down(mail.operator_id, now_us)
        if now_us == self.plan.from_us:
            yield sender.link("ready", now_us, received_us)
        if down is not None:
            if now_us - STEP_US < down.from_us:
                yield sender.link("lost", now_us, received_us)
            return
        back = self._link_down(mail.operator_id, now_us - STEP_US)
        if back is not None:
            sender.boot_id, sender.seq = f"b{int(sender.boot_id[1:]) + 1}", 0
            yield sender.link("ready", now_us, received_us)
        box: Mapping[str, list[Item]] = mail.boxes.get(now_us, {})
        for kind in _KINDS:
            items = box.get(kind, [])
            made = sender.packed(kind, ((item.encoded, 1) for item in items), now_us, received_us)
            if kind == "status" and _is_lost(items):
                for _ in made:
                    pass  # numbered, and never heard of: a gap
            else:
                yield from made
        first_us = now_us if back is None else back.from_us
        beats = [at_us for at_us in range(_up(first_us, STEP_US), now_us + 1, STEP_US) if self._beats(mail, at_us)]
        if beats:
            yield from sender.messages(
                "heartbeat",
                ({"at": iso(at_us), "connector_ids": ids} for at_us in beats for ids in _lists(mail.alive(at_us))),
                now_us,
                received_us,
            )

    def _beats(self, mail: Mail, at_us: int) -> bool:
        """Heartbeats every reporting interval; after the window's end once a day."""
        since = at_us - self.plan.from_us
        if at_us <= self.plan.to_us + _CLOSING_US:
            return since % mail.interval_us == 0
        return since % DAY_US == 0 and at_us <= self.plan.to_us + _TAIL_DAYS * DAY_US

    def _steps(self) -> Iterator[int]:
        """Instants of sending: every five minutes, after the window only those with something to send."""
        yield from range(self.plan.from_us, self.plan.to_us + 3 * HOUR_US, STEP_US)
        tail = {at_us for mail in self.mail for at_us in mail.boxes}
        tail.update(self.plan.to_us + day * DAY_US for day in range(1, _TAIL_DAYS + 1))
        yield from sorted(at_us for at_us in tail if at_us >= self.plan.to_us + 3 * HOUR_US)

    def _sent(self, operator_id: str, item: Item) -> int:
        sent_us = self.plan.from_us + _up(item.due_us - self.plan.from_us, _EVERY_US[item.kind])
        down = self._link_down(operator_id, sent_us)
        return sent_us if down is None else _first_step_after(down, self.plan.from_us)

    def _link_down(self, operator_id: str, at_us: int) -> Break | None:
        return next(
            (
                one
                for one in self.plan.breaks
                if one.operator_id == operator_id and one.from_us <= at_us < _first_step_after(one, self.plan.from_us)
            ),
            None,
        )


def felt(events: Sequence[Event], in_time: Sequence[int], last_us: int) -> tuple[Disturbance, ...]:
    """Disturbances with the time until which each is felt: that of the next status that arrived in time."""
    made = []
    for cause, from_us, to_us, what in sorted(events, key=lambda event: (event[1], event[0])):
        index = bisect_right(in_time, to_us - 1)
        until = in_time[index] if index < len(in_time) else last_us
        made.append(Disturbance(cause, from_us, to_us, max(to_us, min(until, last_us)), what))
    return tuple(made)


def _is_lost(items: Sequence[Item]) -> bool:
    return any(item.lost for item in items)


def _first_step_after(down: Break, origin_us: int) -> int:
    return origin_us + _up(down.to_us - origin_us, STEP_US)


def _up(us: int, step_us: int) -> int:
    return -(-us // step_us) * step_us


def _lists(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[first : first + MAX_ITEMS] for first in range(0, len(ids), MAX_ITEMS)]


def _received(message: Message, received_us: int) -> Message:
    return replace(message, received_us=received_us)
