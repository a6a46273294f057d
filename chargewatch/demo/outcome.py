"""What the month came to: rows for the demo's tables, out of the program's own reports and the simulator's truth."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from chargewatch.instants import from_us
from simulators.truth import CAUSES, Truth, ratio

Row = dict[str, Any]
WHY = {
    "clock": "a charger's clock was wrong",
    "lost": "messages were lost",
    "late": "messages came late",
    "silence": "the charger was silent",
    "none": "UNEXPLAINED",
}
# Ways in which ordinary messages of the simulated city come to be refused.
OTHERWISE = {
    "clock_future": "of a charger whose clock runs an hour ahead",
    "personal_data": "orders with a plate instead of a pseudonym",
}


def percent(eight_decimals: str | None) -> str:
    """A ratio as the law's reader expects it, truncated, so that a failing one never shows as the threshold."""
    if eight_decimals is None:
        return "–"
    whole, _, decimals = eight_decimals.partition(".")
    return f"{int(whole) * 100 + int(decimals[:2])}.{decimals[2:4]} %"


def availability(
    reported: Sequence[Mapping[str, Any]], compared: Iterable[Mapping[str, Any]], names: Mapping[str, str], level: str
) -> list[Row]:
    """Availability at one level beside the truth of the same connectors.

    `compared` are the rows of `simulators.truth.compare` of the connectors that are bound; `level` is the key in them
    that a row of the report has as its id.
    """
    true_up: Counter[tuple[str, str]] = Counter()
    required: Counter[tuple[str, str]] = Counter()
    for row in compared:
        key = (row["operator_id"], row[level])
        true_up[key] += row["true_up_us"]
        required[key] += row["required_us"]
    rows = []
    for row in reported:
        key = (row["operator_id"], row["id"])
        true = ratio(true_up[key], required[key])
        rows.append(
            {
                level.removesuffix("_id"): f"{row['id']} {names.get(row['id'], '')}".strip(),
                "measured": percent(row["ratio"]),
                "true": percent(true),
                "": "=" if true == row["ratio"] else "≠",
                "at most": percent(row["ratio_upper"]),
                "verdict": row["verdict"],
                "connectors": row["connectors"],
                "below": row["connectors_below"],
                "pending": row["connectors_pending"],
                "out > 7 days": row["connectors_out_7d"],
            }
        )
    return rows


def differences(compared: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Every interval in which the measured state is not the true one, with its cause."""
    return [
        {
            "operator": row["operator_id"],
            "station": row["station_id"],
            "connector": row["connector_id"],
            "from": f"{from_us(one['from_us']):%Y-%m-%d %H:%M:%S} UTC",
            "to": f"{from_us(one['to_us']):%Y-%m-%d %H:%M:%S} UTC",
            "seconds": Decimal(one["seconds"]),
            "true": one["true_state"],
            "measured": one["measured_state"] or "nothing",
            "changes the figure": "yes" if one["counts"] else "no",
            "cause": one["cause"],
            "what happened": one["what"],
        }
        for row in compared
        for one in row["differences"]
    ]


def explained(intervals: Iterable[Mapping[str, Any]]) -> list[Row]:
    """The differing intervals that change a figure, summed by operator, cause and what happened."""
    grouped: dict[tuple[str, ...], list[Mapping[str, Any]]] = defaultdict(list)
    for row in intervals:
        if row["changes the figure"] == "yes":
            direction = f"{row['true']} → {row['measured']}"
            grouped[(row["operator"], row["cause"], row["what happened"], direction)].append(row)
    rows: list[Row] = [
        {
            "operator": operator,
            "because": WHY[cause],
            "what happened": what,
            "true → measured": direction,
            "connectors": len({row["connector"] for row in found}),
            "intervals": len(found),
            "hours": f"{sum((row['seconds'] for row in found), Decimal(0)) / 3600:.2f}",
        }
        for (operator, cause, what, direction), found in grouped.items()
    ]
    order = ["none", *CAUSES]
    reasons = {WHY[cause]: order.index(cause) for cause in order}
    return sorted(rows, key=lambda row: (row["operator"], reasons[row["because"]], row["what happened"]))


def money(statements: Iterable[Mapping[str, Any]], names: Mapping[str, str]) -> list[Row]:
    """What each operator is owed for the month, and what became of the energy."""
    rows = []
    for statement in statements:
        energy = {
            name: sum((Decimal(line[f"{name}_kwh"]) for line in statement["operating"]), Decimal(0))
            for name in ("admitted", "held", "rejected")
        }
        awarded = sum(1 for line in statement["build"] if Decimal(line["amount"]) > 0)
        operator = statement["operator_id"]
        rows.append(
            {
                "operator": f"{operator} {names.get(operator, '')}".strip(),
                "chargers awarded": awarded,
                "building, yuan": statement["build_yuan"],
                "kWh admitted": f"{energy['admitted']:.3f}",
                "kWh held": f"{energy['held']:.3f}",
                "kWh rejected": f"{energy['rejected']:.3f}",
                "operating, yuan": statement["operating_yuan"],
                "adjustments, yuan": statement["adjustments_yuan"],
                "total, yuan": statement["total_yuan"],
            }
        )
    return rows


def not_awarded(statements: Iterable[Mapping[str, Any]]) -> list[Row]:
    """Chargers without an award and every reason, with its clause."""
    return [
        {
            "operator": statement["operator_id"],
            "charger": line["charger_id"],
            "clause": reason["clause"],
            "reason": reason["code"],
            "in words": reason["text"],
        }
        for statement in statements
        for line in statement["build"]
        for reason in line["reasons"]
    ]


def refused(found: Mapping[str, int], truth: Truth) -> list[Row]:
    """What was quarantined by reason, beside what the simulator spoilt on purpose."""
    expected: Counter[str] = Counter()
    what: dict[str, set[str]] = defaultdict(set)
    for nuisance in truth.nuisances:
        expected[nuisance.expected] += nuisance.items
        what[nuisance.expected].add(nuisance.what)
    return [
        {
            "reason": reason,
            "items": found.get(reason, 0),
            "spoilt on purpose": expected[reason],
            "how": "; ".join(sorted(what[reason])),
            "others": OTHERWISE.get(reason, "") if found.get(reason, 0) > expected[reason] else "",
        }
        for reason in sorted({*found, *expected})
    ]
