"""An operator's rehearsal before going live: its real traffic, held to contract 1 rule by rule.

Pure: what was received in a while and what the registry knows of the operator in, a verdict for each rule out. A rule
looks at each thing that it asks about and gives None where that is as it should be, else a sentence; a rule that found
nothing to look at has no verdict (`not_seen`). The limits are ours and bind nobody: they say what a sound sender does.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from chargewatch.instants import US_PER_MIN, US_PER_S, iso, seconds, to_us
from collector.contract import Decoded
from collector.items import HeartbeatItem, Item, MeterItem, SessionItem, StatusItem

DEFAULT_INTERVAL_US = 5 * US_PER_MIN
"""Where the registry agrees on no other (contract 1)."""

AHEAD_US = 5 * US_PER_S
"""How far a sender's clock may be ahead of receipt."""

BEHIND_US = 60 * US_PER_S
"""How long a message may be under way."""

_GRACE = (11, 10)
"""A sign of life may be late by a tenth of the interval: senders that wake up every five minutes do not do so to the
microsecond."""

_TOLERANCE, _LEAST_TOLERANCE_KWH = Decimal("0.01"), Decimal("0.05")
"""How far energy and registers may disagree, as for a session that proves service (semantics 2.3)."""

_MOST_EXAMPLES = 5
_SCHEMA = ("unreadable", "unknown_schema", "invalid_item", "too_large", "implausible", "wrong_operator")


class Delivery(msgspec.Struct, frozen=True):
    """One message as it was received, its accepted items one by one; `qos` is None where nothing tells it."""

    decoded: Decoded
    items: tuple[Item, ...]
    qos: int | None
    retained: bool

    @classmethod
    def of(cls, decoded: Decoded, qos: int | None = None, retained: bool = False) -> "Delivery":
        """A delivery of this message."""
        return cls(decoded, decoded.accepted, qos, retained)


class Traffic(msgspec.Struct, frozen=True):
    """What was received of one operator in [from_us, to_us), and what the registry says of it.

    `connectors` gives each registered connector's number, `in_service` those that must be heard of.
    """

    operator_id: str
    interval_us: int
    connectors: Mapping[str, int]
    in_service: frozenset[str]
    from_us: int
    to_us: int
    deliveries: tuple[Delivery, ...]
    live: bool

    @property
    def sent(self) -> list[Delivery]:
        """What was sent while it was watched; retained copies are of another time."""
        return [one for one in self.deliveries if not one.retained]


Judgement = Iterator[str | None]


class Rule(msgspec.Struct, frozen=True):
    """A stable code, what is asked and how to mend it, in English and Chinese, and what judges it."""

    code: str
    asks: str
    mend: str
    asks_zh: str
    mend_zh: str
    judge: Callable[[Traffic], Judgement]


class Verdict(msgspec.Struct, frozen=True):
    """What became of one rule: `pass`, `fail` or `not_seen`; how many things it looked at, how many were not right."""

    rule: Rule
    outcome: str
    checked: int
    failed: int
    examples: tuple[str, ...]


class Report(msgspec.Struct, frozen=True):
    """All verdicts about an operator's traffic; `passed` if no rule failed."""

    operator_id: str
    interval_us: int
    from_us: int
    to_us: int
    messages: int
    items: int
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        """Whether no rule failed."""
        return all(verdict.outcome != "fail" for verdict in self.verdicts)


def judge(traffic: Traffic, rules: Iterable[Rule]) -> Report:
    """The report on what was received."""
    verdicts = []
    for rule in rules:
        found = Counter[bool]()
        examples: list[str] = []
        for sentence in rule.judge(traffic):
            found[sentence is None] += 1
            if sentence is not None and len(examples) < _MOST_EXAMPLES:
                examples.append(sentence)
        outcome = "fail" if found[False] else "pass" if found[True] else "not_seen"
        verdicts.append(Verdict(rule, outcome, found.total(), found[False], tuple(examples)))
    return Report(
        traffic.operator_id,
        traffic.interval_us,
        traffic.from_us,
        traffic.to_us,
        len(traffic.sent),
        sum(one.decoded.offered for one in traffic.sent),
        tuple(verdicts),
    )


def schema(traffic: Traffic) -> Judgement:
    """Every message and every item can be read."""
    for one in traffic.sent:
        yield from [None] * (len(one.items) + (one.decoded.link is not None))
        for no in one.decoded.rejected:
            yield f"{_where(one.decoded, no.place)}: {no.reason}, {no.detail}" if no.reason in _SCHEMA else None


def unknown_connector(traffic: Traffic) -> Judgement:
    """Every connector is registered."""
    yield from _refused(traffic, "unknown_connector")


def personal_data(traffic: Traffic) -> Judgement:
    """Nobody's plate, VIN or telephone number is sent."""
    yield from _refused(traffic, "personal_data")


def _refused(traffic: Traffic, reason: str) -> Judgement:
    for one in traffic.sent:
        yield from [None] * len(one.items)
        for no in one.decoded.rejected:
            yield f"{_where(one.decoded, no.place)}: {no.detail}" if no.reason == reason else None


def clock(traffic: Traffic) -> Judgement:
    """The sender's clock is right, and messages are not long under way."""
    for one in traffic.sent:
        received = _us(one.decoded.received_us)
        if one.decoded.sent_us is not None:
            ahead = one.decoded.sent_us - received
            if ahead > AHEAD_US:
                yield f"{_where(one.decoded)}: sent_at is {seconds(ahead)} s ahead of its receipt"
            elif -ahead > BEHIND_US:
                yield f"{_where(one.decoded)}: received {seconds(-ahead)} s after its sent_at"
            else:
                yield None
        for place, _, _, at in _signs(one):
            early = at - received > AHEAD_US
            yield (
                f"{_where(one.decoded, place)}: dated {seconds(at - received)} s ahead of its receipt"
                if early
                else None
            )
        for no in one.decoded.rejected:
            if no.reason == "clock_future":
                yield f"{_where(one.decoded, no.place)}: {no.detail}"


def delay(traffic: Traffic) -> Judgement:
    """What is measured or heard is told within the reporting interval."""
    for one in traffic.sent:
        for place, item, _, at in _signs(one):
            if isinstance(item, (MeterItem, HeartbeatItem)):
                late = _us(one.decoded.received_us) - at
                over = late > traffic.interval_us * _GRACE[0] // _GRACE[1]
                yield f"{_where(one.decoded, place)}: received {seconds(late)} s after its at" if over else None


def cadence(traffic: Traffic) -> Judgement:
    """Each connector that is heard of at all gives a sign of life in every reporting interval."""
    most = traffic.interval_us * _GRACE[0] // _GRACE[1]
    if traffic.to_us - traffic.from_us <= most:
        return
    heard: dict[int, list[int]] = defaultdict(list)
    for one in traffic.sent:
        for _, _, nos, at in _signs(one):
            for no in nos:
                heard[no].append(min(max(at, traffic.from_us), traffic.to_us))
    names = _names(traffic)
    for no in sorted(heard):
        ends = sorted([traffic.from_us, *heard[no], traffic.to_us])
        gap, start = max((later - earlier, earlier) for earlier, later in pairwise(ends))
        yield f"connector {names[no]}: nothing for {seconds(gap)} s from {iso(start)} on" if gap > most else None


def silence(traffic: Traffic) -> Judgement:
    """Every registered connector in service is heard of."""
    heard = {no for one in traffic.sent for _, _, nos, _ in _signs(one) for no in nos}
    for connector_id in sorted(traffic.in_service):
        yield None if traffic.connectors[connector_id] in heard else f"connector {connector_id}: nothing at all"


def sequence(traffic: Traffic) -> Judgement:
    """`seq` counts the messages of each start, without a gap, and begins at 0 at a new start."""
    seen: dict[tuple[str, int], bytes] = {}
    last: dict[str, int] = {}
    for one in traffic.sent:
        if one.decoded.boot_id is None or one.decoded.seq is None:
            continue
        if (before := seen.get((one.decoded.boot_id, one.decoded.seq))) is not None:
            yield f"{_where(one.decoded)}: another message had this seq" if before != one.decoded.sha256 else None
            continue
        seen[one.decoded.boot_id, one.decoded.seq] = one.decoded.sha256
        expected = last[one.decoded.boot_id] + 1 if one.decoded.boot_id in last else 0 if last else one.decoded.seq
        last[one.decoded.boot_id] = max(one.decoded.seq, last.get(one.decoded.boot_id, -1))
        yield None if one.decoded.seq == expected else f"{_where(one.decoded)}: seq {expected} was expected"


def register(traffic: Traffic) -> Judgement:
    """A meter's register never runs back."""
    for no, samples in _registers(traffic).items():
        for (_, before), (at, energy) in pairwise(samples):
            back = energy < before
            yield f"connector {_names(traffic)[no]}: {energy} kWh at {iso(at)} after {before} kWh" if back else None


def session(traffic: Traffic) -> Judgement:
    """A session has both register readings, they differ by its energy, and they fit the meter's samples."""
    registers = _registers(traffic)
    for one in traffic.sent:
        for item in one.items:
            if isinstance(item, SessionItem) and not item.void:
                yield _session(item, registers, _where(one.decoded, item.place))


def _session(item: SessionItem, registers: dict[int, list[tuple[int, Decimal]]], where: str) -> str | None:
    first, last = item.meter_start_kwh, item.meter_end_kwh
    if first is None or last is None:
        return f"{where}: session {item.session_id} has not both register readings"
    most = max(item.energy_kwh * _TOLERANCE, _LEAST_TOLERANCE_KWH)
    if abs(last - first - item.energy_kwh) > most:
        return f"{where}: session {item.session_id} has {item.energy_kwh} kWh, its register readings {last - first} kWh"
    if len(item.connector_nos) > 1:
        return None  # its energy is of several meters
    start, end = to_us(item.started_at), to_us(item.at)
    for at, energy in registers.get(item.connector_nos[0], ()):
        if (at <= start and energy > first + most) or (at >= start and energy < first - most):
            return f"{where}: session {item.session_id} begins at {first} kWh, its meter said {energy} at {iso(at)}"
        if (at >= end and energy < last - most) or (at <= end and energy > last + most):
            return f"{where}: session {item.session_id} ends at {last} kWh, its meter said {energy} at {iso(at)}"
    return None


def conflict(traffic: Traffic) -> Judgement:
    """The same item is not sent twice with different content."""
    known: dict[Any, Any] = {}
    for one in traffic.sent:
        for item in one.items:
            if isinstance(item, StatusItem):
                identity: Any = (item.connector_no, item.at, item.status)
                content: Any = (item.fault_code, item.detail)
            elif isinstance(item, SessionItem):
                identity, content = (item.session_id, item.revision), item.content_sha256
            elif isinstance(item, MeterItem):
                identity = (item.connector_no, item.at)
                content = msgspec.structs.astuple(item)[3:]
            else:
                continue
            other = known.setdefault(identity, content) != content
            yield f"{_where(one.decoded, item.place)}: sent before with other content" if other else None


def link(traffic: Traffic) -> Judgement:
    """The operator's link is kept on its topic, and is ready."""
    states = [one.decoded.link for one in traffic.deliveries if one.decoded.link is not None]
    if states:
        yield None if states[-1].state == "ready" else "the link's last state is lost"
    elif traffic.live:
        yield "no message on the topic link, retained or new"


def retained(traffic: Traffic) -> Judgement:
    """Nothing but the link is published retained."""
    if traffic.live:
        for one in traffic.deliveries:
            kept = one.retained and one.decoded.kind != "link"
            yield f"{one.decoded.topic}: the broker keeps a retained message" if kept else None


def qos(traffic: Traffic) -> Judgement:
    """Everything is published at QoS 1."""
    for one in traffic.deliveries:
        if one.qos is not None:
            yield f"{_where(one.decoded)}: published at QoS 0" if one.qos == 0 else None


def _signs(one: Delivery) -> Iterator[tuple[int, Any, list[int], int]]:
    """Each accepted item with its place, its connectors and its time; a session is a sign at its start and its end."""
    for item in one.items:
        if isinstance(item, SessionItem):
            yield item.place, item, item.connector_nos, to_us(item.started_at)
            yield item.place, item, item.connector_nos, to_us(item.at)
        else:
            yield item.place, item, [item.connector_no], to_us(item.at)


def _registers(traffic: Traffic) -> dict[int, list[tuple[int, Decimal]]]:
    """Each connector's register by time."""
    samples: dict[int, list[tuple[int, Decimal]]] = defaultdict(list)
    for one in traffic.sent:
        for item in one.items:
            if isinstance(item, MeterItem):
                samples[item.connector_no].append((to_us(item.at), item.energy_kwh))
    return {no: sorted(samples[no]) for no in sorted(samples)}


def _names(traffic: Traffic) -> dict[int, str]:
    return {no: connector_id for connector_id, no in traffic.connectors.items()}


def _where(one: Decoded, place: int | None = None) -> str:
    sender = "" if one.boot_id is None else f" boot_id {one.boot_id} seq {one.seq}"
    return f"{one.kind}{sender}, received {iso(_us(one.received_us))}" + ("" if place is None else f", item {place}")


def _us(received_us: int | None) -> int:
    assert received_us is not None, "every delivery has a receipt"
    return received_us
