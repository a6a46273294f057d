"""What was announced: the status that speaks at each instant (semantics 2.1 and 2.5)."""

import numpy as np
import pandas as pd

from uptime import states
from uptime.evidence import Calendar, Ints

_STATE = np.array([states.STATE_OF_STATUS[status] for status in states.STATUSES], dtype=np.int8)
_INSTANT = ["connector", "at_us"]


def announced(statuses: pd.DataFrame, calendar: Calendar) -> tuple[Ints, Ints, Ints]:
    """Ascending positions at which a status speaks, its state, and its row in `statuses` (by position).

    Of different statuses at one instant: for each boot_id the one with the highest seq, then item order, speaks; among
    several boot_ids the worst counts. Of equal items the first received counts.
    """
    position = calendar.place(statuses["connector"].to_numpy(), statuses["at_us"].to_numpy())
    row = np.argsort(position, kind="stable")
    position = position[row]
    alone = np.ones(len(position), dtype=np.bool_)
    alone[1:] &= position[1:] != position[:-1]
    alone[:-1] &= alone[1:]
    if not alone.all():
        spoken = _speaking(statuses.iloc[row[~alone]].assign(row=row[~alone], position=position[~alone]))
        row, position = np.append(row[alone], spoken["row"]), np.append(position[alone], spoken["position"])
        order = np.argsort(position, kind="stable")
        row, position = row[order], position[order]
    return position, _STATE[statuses["status"].to_numpy()[row]].astype(np.int64), row


def _speaking(rivals: pd.DataFrame) -> pd.DataFrame:
    """Of statuses at the same instants the one row each that speaks."""
    message = ["boot_id", "seq", "place"]
    items = rivals.sort_values([*_INSTANT, "status", "received_us", *message])
    items = items.drop_duplicates([*_INSTANT, "status"], keep="first")
    items = items.assign(badness=states.BADNESS[_STATE[items["status"]]])
    by_boot = items.sort_values([*_INSTANT, "boot_id", "seq", "place", "badness", "status"])
    by_boot = by_boot.drop_duplicates([*_INSTANT, "boot_id"], keep="last")
    return by_boot.sort_values([*_INSTANT, "badness", *message]).drop_duplicates(_INSTANT, keep="last")
