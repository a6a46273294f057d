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
# How the simulated city's own messages, not spoilt on purpose, come to be refused.
OTHERWISE = {
    "clock_future": "others: a charger's clock an hour ahead",
    "personal_data": "others: a plate instead of a pseudonym",
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
    rows: list[Row] = []
    for statement in statements:
        admitted, held, rejected = (
            sum((Decimal(line[f"{name}_kwh"]) for line in statement["operating"]), Decimal(0))
            for name in ("admitted", "held", "rejected")
        )
        operator = statement["operator_id"]
        rows.append(
            {
                "operator": f"{operator} {names.get(operator, '')}".strip(),
                "awards": sum(1 for line in statement["build"] if Decimal(line["amount"]) > 0),
                "building yuan": Decimal(statement["build_yuan"]),
                "kWh admitted": admitted,
                "held": held,
                "rejected": rejected,
                "operating yuan": Decimal(statement["operating_yuan"]),
                "total yuan": Decimal(statement["total_yuan"]),
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


def why_not_awarded(reasons: Iterable[Mapping[str, Any]]) -> list[Row]:
    """How many chargers of each operator fail for each reason."""
    counts = Counter((row["operator"], row["clause"], row["in words"]) for row in reasons)
    return [
        {"operator": operator, "chargers": count, "clause": clause, "because": words}
        for (operator, clause, words), count in sorted(counts.items())
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
            "how": "; ".join(
                [*sorted(what[reason]), *([OTHERWISE[reason]] if reason in OTHERWISE and found.get(reason) else [])]
            ),
        }
        for reason in sorted({*found, *expected})
    ]
