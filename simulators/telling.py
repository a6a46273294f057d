"""What each connector has to tell: status, meter and session items, as its clock and its silences let them out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from chargewatch.instants import iso
from simulators.calendar import MINUTE_US
from simulators.charging import Charge, instants
from simulators.city import Plug
from simulators.orders import Order, kwh
from simulators.plan import Clock, Plan, Silence
from simulators.truth import TrueInterval

_encoder = msgspec.json.Encoder(decimal_format="number")
_STATUS = {"serving": "available", "faulted": "faulted", "out_of_service": "unavailable"}
_SAMPLE_US = {"dc": 15 * MINUTE_US, "ac": 30 * MINUTE_US}
_NOTICED_US = 3 * MINUTE_US
_RETURN_US = 2 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Item:
    """One item, encoded; `at_us` is what the device says, `due_us` from when on it can be sent."""

    kind: str
    connector_id: str
    at_us: int
    due_us: int
    encoded: bytes
    lost: bool = False


class Voice:
    """A connector's items, given what happens to its charger's messages."""

    def __init__(self, charger_id: str, plug: Plug, plan: Plan) -> None:
        self.plug = plug
        self.charger_id = charger_id
        self.silences: list[Silence] = [one for one in plan.silences if one.charger_id == charger_id]
        self.clocks: list[Clock] = [one for one in plan.clocks if one.charger_id == charger_id]
        self.lost_recoveries = {end for charger, end in plan.lost_recoveries if charger == charger_id}

    def items(
        self, intervals: Sequence[TrueInterval], charges: Sequence[Charge], orders: Sequence[Order]
    ) -> list[Item]:
        """All items, by the time they are due."""
        made = [*self._statuses(intervals, charges), *self._samples(charges), *self._orders(orders)]
        made.sort(key=lambda one: (one.due_us, one.at_us))
        return made

    def shift_us(self, true_us: int) -> int:
        """How wrong the charger's clock is."""
        return next((one.shift_us for one in self.clocks if one.from_us <= true_us < one.to_us), 0)

    def silence(self, true_us: int) -> Silence | None:
        """The silence that an instant lies in."""
        return next((one for one in self.silences if one.from_us <= true_us < one.to_us), None)

    def _statuses(self, intervals: Sequence[TrueInterval], charges: Sequence[Charge]) -> Iterator[Item]:
        told = sorted(_changes(self.plug, intervals, charges), key=lambda change: change[0])
        for true_us, status, clock_us in told:
            silence = self.silence(true_us)
            if silence is None:
                lost = true_us in self.lost_recoveries
                yield self._status(true_us, status, true_us, self.shift_us(clock_us), lost)
            elif silence.kept:
                yield self._status(true_us, status, silence.to_us, self.shift_us(clock_us))
        for silence in self.silences:
            if silence.reported_offline:
                noticed_us = silence.from_us + _NOTICED_US
                yield self._status(noticed_us, "offline", noticed_us, 0)
            if silence.greets:
                holds = max((change for change in told if change[0] < silence.to_us), key=lambda change: change[0])
                yield self._status(silence.to_us, holds[1], silence.to_us, 0)

    def _status(self, true_us: int, status: str, due_us: int, shift_us: int, lost: bool = False) -> Item:
        fields = {"connector_id": self.plug.connector_id, "at": iso(true_us + shift_us), "status": status}
        if status == "faulted":
            fields["fault_code"] = "E07"
        return self._item("status", true_us + shift_us, due_us, fields, lost)

    def _samples(self, charges: Sequence[Charge]) -> Iterator[Item]:
        for charge in charges:
            shift_us = self.shift_us(charge.start_us)
            for true_us in instants(charge, _SAMPLE_US[self.plug.kind]):
                silence = self.silence(true_us)
                if silence is not None and not silence.kept:
                    continue
                elapsed_us = true_us - charge.start_us
                fields: dict[str, Any] = {
                    "connector_id": self.plug.connector_id,
                    "at": iso(true_us + shift_us),
                    "energy_kwh": kwh(charge.start_wh + charge.curve.wh_at(elapsed_us)),
                    "power_kw": kwh(0 if true_us == charge.end_us else charge.curve.watt_at(elapsed_us)),
                    "session_id": charge.session_id,
                }
                if self.plug.kind == "dc":
                    fields["soc_pct"] = charge.curve.soc_at(elapsed_us)
                yield self._item("meter", true_us + shift_us, silence.to_us if silence else true_us, fields)

    def _orders(self, orders: Sequence[Order]) -> Iterator[Item]:
        for order in orders:
            shift_us = self.shift_us(order.start_us)
            silence = self.silence(order.ready_us)
            due_us = silence.to_us + _RETURN_US if silence else order.ready_us
            fields = order.item(self.plug.connector_id, shift_us)
            yield self._item("session", order.end_us + shift_us, due_us, fields, order.lost)

    def _item(self, kind: str, at_us: int, due_us: int, fields: dict[str, Any], lost: bool = False) -> Item:
        return Item(kind, self.plug.connector_id, at_us, due_us, _encoder.encode(fields), lost)


def _changes(
    plug: Plug, intervals: Sequence[TrueInterval], charges: Sequence[Charge]
) -> Iterator[tuple[int, str, int]]:
    """True status changes: instant, status, and the instant whose clock it is told by (a session keeps to one)."""
    for interval in intervals:
        yield interval.from_us, _STATUS[interval.state], interval.from_us
    for charge in charges:
        clock_us = charge.start_us
        yield charge.plugged_us, "preparing", clock_us
        yield charge.start_us, "charging", clock_us
        if charge.left_us == charge.end_us:
            continue  # a trouble ended it, and speaks for itself
        full = plug.kind == "ac" and charge.stop_reason == "ev"
        yield charge.end_us, "suspended_ev" if full else "finishing", clock_us
        yield charge.left_us, "available", clock_us
