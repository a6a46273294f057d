"""Declarations under control: what the commission should look at before it believes one (semantics 3 and 8).

Nothing here decides what a declaration covers: that is uptime.declarations, under a profile. A declaration that has a
finding may be perfectly right.
"""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import numpy as np
import pandas as pd
from msgspec.structs import replace

from chargewatch.instants import iso, seconds
from uptime import states
from uptime.declarations import reach
from uptime.evidence import Bools, Calendar, Ints, Stretches
from uptime.figures import truncated
from uptime.intervals import Timeline
from uptime.life import NEVER
from uptime.observed import Measure, common
from uptime.profile import Cause, Profile, Rule

MAINTENANCE = "routine_maintenance"

FINDINGS = {
    "filed_after_start": "filed after the time that it declares had begun",
    "filed_during_outage": "filed after an outage had begun that it covers",
    "overlapping": "covers the same time at a connector as another one",
    "charging_inside": "covers time in which somebody charged",
    "not_approved": "needs an approval and has none",
    "withdrawn_late": "withdrawn after the time that it declares had begun",
    "changed": "changed after it was recorded first: it should have been withdrawn and filed anew",
}
"""What is looked for, by code, in the order in which it is shown."""

_SEEN = ["declaration", "code", "connector", "us", "note"]
_ENDS = ("started_us", "ended_us")


def seen(
    declarations: pd.DataFrame, life: pd.DataFrame, timeline: Timeline, orders: pd.DataFrame, profile: Profile,
    from_us: int, to_us: int,
) -> pd.DataFrame:  # fmt: skip
    """What some connectors have to say of declarations in [from_us, to_us): declaration, code, connector, us, note.

    `declarations` as of uptime.report.declarations, `orders` as of uptime.observed.orders. us is the time concerned,
    note the other declaration where two overlap. Parts of a city can be looked at one by one and put together.
    """
    calendar, reached = _reached(declarations, life, timeline, profile, from_us, to_us)
    if reached.empty:
        return pd.DataFrame(columns=_SEEN)
    connector = reached["connector"].to_numpy()
    start, end = (calendar.place(connector, reached[name].to_numpy()) for name in ("from_us", "to_us"))
    outages = _in_state(calendar, timeline, [state for state in range(len(states.STATES)) if state != states.SERVING])
    until = np.clip(_before_filing(calendar, outages, reached), start, end)
    covered = Measure(outages).within(start, until)
    rows = [_rows(reached, "filed_during_outage", covered, covered > 0)]

    guns = orders[calendar.known(orders["connector"].to_numpy()) & (orders["energy_mwh"].to_numpy() > 0)]
    begun, over = (calendar.place(guns["connector"].to_numpy(), guns[name].to_numpy()) for name in _ENDS)
    used = Stretches.union(begun, over)
    charged = Measure(used).within(start, end)
    rows.append(_rows(reached, "charging_inside", charged, charged > 0))
    rows.append(_overlapping(reached))
    return pd.concat(rows, ignore_index=True)[_SEEN]


def fault_time(
    declarations: pd.DataFrame, life: pd.DataFrame, timeline: Timeline, profile: Profile, from_us: int, to_us: int
) -> pd.DataFrame:
    """Per connector the time it was faulted in [from_us, to_us), and how much was later called maintenance (µs).

    Columns operator_id, connector, faulted_us, renamed_us: what lies in a declaration of maintenance that was filed
    after the outage had begun and is not withdrawn, whether it has an effect or not.
    """
    standing = declarations[(declarations["withdrawn_us"] == NEVER) & (declarations["cause"] == MAINTENANCE)]
    calendar, reached = _reached(standing, life, timeline, profile, from_us, to_us)
    period = Stretches.union(
        *(calendar.place(calendar.connectors, np.full(len(calendar.connectors), at)) for at in (from_us, to_us))
    )
    faulted = common(_in_state(calendar, timeline, [states.FAULTED]), period)
    outages = _in_state(calendar, timeline, [state for state in range(len(states.STATES)) if state != states.SERVING])
    connector = reached["connector"].to_numpy(dtype=np.int64)
    start, end = (calendar.place(connector, reached[name].to_numpy(dtype=np.int64)) for name in ("from_us", "to_us"))
    until = np.clip(_before_filing(calendar, outages, reached), start, end) if len(reached) else end
    renamed = common(faulted, Stretches.union(start, until))
    edges = [calendar.place(calendar.connectors, np.full(len(calendar.connectors), at)) for at in (from_us, to_us)]
    operators = life.drop_duplicates("connector_no").set_index("connector_no")["operator_id"]
    return pd.DataFrame(
        {
            "operator_id": operators.reindex(calendar.connectors).to_numpy(),
            "connector": calendar.connectors,
            "faulted_us": Measure(faulted).within(*edges),
            "renamed_us": Measure(renamed).within(*edges),
        }
    )


def listed(
    declarations: pd.DataFrame, found: pd.DataFrame, changes: Mapping[tuple[str, str], Sequence[str]], profile: Profile,
    from_us: int, to_us: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """One row a declaration that touches [from_us, to_us), by operator and id, with its findings.

    `found` as of `seen`, all parts together; `changes`: by operator and id what was changed after the first recording.
    """
    approved = {rule.cause for rule in profile.causes if rule.approved}
    by_declaration = dict(iter(found.groupby("declaration"))) if len(found) else {}
    rows = []
    for index, one in declarations.iterrows():
        if one["end_us"] <= from_us or one["start_us"] >= to_us:
            continue
        key = (one["operator_id"] or "", one["declaration_id"])
        withdrawn = None if one["withdrawn_us"] == NEVER else one["withdrawn_us"]
        findings = _of_time(by_declaration.get(index, pd.DataFrame(columns=_SEEN)), declarations)
        if one["filed_us"] > one["start_us"]:
            findings["filed_after_start"] = {"after_s": seconds(int(one["filed_us"] - one["start_us"]))}
        if withdrawn is None and one["cause"] in approved and not one["approved"]:
            findings["not_approved"] = {}
        if withdrawn is not None and withdrawn > one["start_us"]:
            findings["withdrawn_late"] = {"after_s": seconds(int(withdrawn - one["start_us"]))}
        if changes.get(key):
            findings["changed"] = {"what": list(changes[key])}
        rows.append(
            {
                "operator_id": one["operator_id"],
                "declaration_id": one["declaration_id"],
                "cause": one["cause"],
                "scope": one["scope"],
                "scope_id": one["scope_id"],
                "start": iso(int(one["start_us"])),
                "end": iso(int(one["end_us"])),
                "filed_at": iso(int(one["filed_us"])),
                "approved": bool(one["approved"]),
                "withdrawn_at": None if withdrawn is None else iso(int(withdrawn)),
                "findings": [{"finding": code, **findings[code]} for code in FINDINGS if code in findings],
            }
        )
    return sorted(rows, key=lambda row: (row["operator_id"] or "", row["declaration_id"]))


def by_operator(rows: Sequence[Mapping[str, Any]], faults: pd.DataFrame) -> list[dict[str, Any]]:
    """One row an operator with a connector or a declaration: how many of its declarations have each finding.

    And the time its connectors were faulted, with the share that was later called maintenance.
    """
    sums = faults.groupby("operator_id")[["faulted_us", "renamed_us"]].sum() if len(faults) else pd.DataFrame()
    operators = sorted({*sums.index, *(row["operator_id"] for row in rows if row["operator_id"])})
    answer = []
    for operator in operators:
        mine = [row for row in rows if row["operator_id"] == operator]
        codes = [one["finding"] for row in mine for one in row["findings"]]
        faulted, renamed = (int(us) for us in sums.loc[operator]) if operator in sums.index else (0, 0)
        answer.append(
            {
                "operator_id": operator,
                "declarations": len(mine),
                **{code: codes.count(code) for code in FINDINGS},
                "faulted_s": seconds(faulted),
                "later_called_maintenance_s": seconds(renamed),
                "share": truncated(renamed, faulted),
            }
        )
    return answer


def _reached(
    declarations: pd.DataFrame, life: pd.DataFrame, timeline: Timeline, profile: Profile, from_us: int, to_us: int
) -> tuple[Calendar, pd.DataFrame]:
    """Where declarations reach within the period, whether valid or not; and an axis that holds all that is known."""
    rules = tuple(Rule(cause=cause, effect="deduct", clause="") for cause in get_args(Cause))
    every = reach(declarations.assign(withdrawn_us=NEVER), life, replace(profile, causes=rules))
    every = every.assign(from_us=np.maximum(every["from_us"], from_us), to_us=np.minimum(every["to_us"], to_us))
    every = every[every["from_us"] < every["to_us"]].reset_index(drop=True)
    whole = timeline.intervals
    first, last = min([from_us, *whole["from_us"]]), max([to_us, *whole["to_us"]])
    return Calendar.over(np.unique(life["connector_no"].to_numpy(dtype=np.int64)), int(first), int(last)), every


def _in_state(calendar: Calendar, timeline: Timeline, wanted: Sequence[int]) -> Stretches:
    whole = timeline.intervals
    mine = whole[whole["state"].isin(wanted) & calendar.known(whole["connector"].to_numpy())]
    connector = mine["connector"].to_numpy()
    return Stretches.union(
        calendar.place(connector, mine["from_us"].to_numpy()), calendar.place(connector, mine["to_us"].to_numpy())
    )


def _before_filing(calendar: Calendar, outages: Stretches, reached: pd.DataFrame) -> Ints:
    """Until where time belongs to an outage that began before the filing: the end of the last one that did."""
    filed = calendar.place(reached["connector"].to_numpy(), reached["filed_us"].to_numpy())
    if not len(outages.start):
        return np.zeros(len(filed), dtype=np.int64)
    # One that begins at the filing's own instant did not begin before it.
    index = np.searchsorted(outages.start, filed, side="left") - 1
    mine = (index >= 0) & (outages.start[index] // calendar.width_us == filed // calendar.width_us)
    return np.where(mine, outages.end[index], 0)


def _rows(reached: pd.DataFrame, code: str, us: Ints, holds: Bools) -> pd.DataFrame:
    chosen = reached[holds]
    return pd.DataFrame(
        {
            "declaration": chosen["declaration"].to_numpy(),
            "code": code,
            "connector": chosen["connector"].to_numpy(),
            "us": us[holds],
            "note": -1,
        }
    )


def _overlapping(reached: pd.DataFrame) -> pd.DataFrame:
    """Pairs of declarations at one connector that share time."""
    names = ["connector", "from_us", "to_us", "declaration"]
    several = reached[reached.duplicated("connector", keep=False)][names]
    pairs = several.merge(several, on="connector", suffixes=("", "_other"))
    start = np.maximum(pairs["from_us"], pairs["from_us_other"])
    end = np.minimum(pairs["to_us"], pairs["to_us_other"])
    pairs = pairs.assign(us=end - start, note=pairs["declaration_other"], code="overlapping")
    return pairs[(pairs["us"] > 0) & (pairs["declaration"] != pairs["note"])][_SEEN]


def _of_time(found: pd.DataFrame, declarations: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """The findings of one declaration that connectors tell of: how many connectors, and how long together."""
    findings: dict[str, dict[str, Any]] = {}
    for code, table in found.groupby("code"):
        told: dict[str, Any] = {
            "connectors": int(table["connector"].nunique()),
            "seconds": seconds(int(table["us"].sum())),
        }
        if code == "overlapping":
            told["with"] = sorted({declarations.at[other, "declaration_id"] for other in table["note"]})
        findings[str(code)] = told
    return findings
