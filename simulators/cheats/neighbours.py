"""Honest orders that a cheat at their connector contradicts: of the two alone nobody can tell which is true."""

from collections.abc import Sequence
from dataclasses import replace

from simulators.orders import Order


def marked(orders: Sequence[Order]) -> list[Order]:
    """The orders, the honest ones that share time or readings with a neighbour that is not with that one's pattern."""
    ordered = sorted(orders, key=lambda one: (one.start_us, one.end_us, one.session_id))
    names: dict[int, str] = {}
    for index, order in enumerate(ordered):
        if not _false(order):
            near = ordered[max(0, index - 2) : index + 3]
            names[id(order)] = next(
                (one.cheat or one.fate for one in near if _false(one) and _contradicts(one, order)), ""
            )
    return [replace(order, beside=names[id(order)]) if names.get(id(order)) else order for order in orders]


def _false(order: Order) -> bool:
    return bool(order.cheat) or order.fate != "sent"


def _contradicts(false: Order, true: Order) -> bool:
    if false.start_us == true.start_us and false.end_us == true.end_us:
        return False  # a repeat: what was received first stands
    if max(false.start_us, true.start_us) < min(false.end_us, true.end_us):
        return True
    if false.meter_wh is None or true.meter_wh is None:
        return False
    before, after = (false, true) if false.start_us < true.start_us else (true, false)
    assert before.meter_wh is not None
    assert after.meter_wh is not None
    return before.meter_wh[1] > after.meter_wh[0]
