"""The truth of status: where what a connector announces does not fit what it does (issue 4.4; thresholds are ours).

Reported beside availability and never mixed into it: no state, second or verdict changes by what is found here.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from chargewatch.instants import iso
from uptime.observed import Observed
from uptime.truth_limits import Limits
from uptime.truth_meter import energy_while_available, frozen_samples, still_register
from uptime.truth_status import busy_without_energy, charging_without_order, order_while_available
from uptime.truth_use import Found, failing_visits, passed_over, zombies

RULES: dict[str, Callable[[Observed, Limits], Found]] = {
    "failing_visits": failing_visits,
    "passed_over": passed_over,
    "zombie": zombies,
    "busy_without_energy": busy_without_energy,
    "charging_without_order": charging_without_order,
    "order_while_available": order_while_available,
    "energy_while_available": energy_while_available,
    "frozen_samples": frozen_samples,
    "still_register": still_register,
}
"""By code, in the order in which they are shown."""

MEANS = {
    "failing_visits": "false idle",
    "passed_over": "false idle",
    "zombie": "zombie",
    "busy_without_energy": "false busy",
    "charging_without_order": "false busy",
    "order_while_available": "status against order",
    "energy_while_available": "status against meter",
    "frozen_samples": "frozen telemetry",
    "still_register": "frozen telemetry",
}
SHOWN = 20
"""Pieces of evidence that are shown of one finding; how many there are is told."""


def found(observed: Observed, limits: Limits) -> list[dict[str, Any]]:
    """One row a connector and rule that found something, by operator, connector and rule.

    operator_id, connector_id, rule, means, score (0.50 at the limit, 1.00 from twice the limit on), seen, limit, unit,
    evidence (from, to, said, boot_id, seq; the first SHOWN of evidence_count).
    """
    names = observed.places.set_index("connector")
    rows = []
    for code, rule in RULES.items():
        one = rule(observed, limits)
        evidence = dict(iter(one.evidence.groupby("connector")))
        for connector, seen, limit in one.found[["connector", "seen", "limit"]].itertuples(index=False):
            rows.append(
                {
                    "operator_id": names.at[connector, "operator_id"],
                    "connector_id": names.at[connector, "connector_id"],
                    "rule": code,
                    "means": MEANS[code],
                    "score": _score(int(seen), int(limit)),
                    "seen": int(seen),
                    "limit": int(limit),
                    "unit": one.unit,
                    **_evidence(evidence.get(connector)),
                }
            )
    return sorted(rows, key=lambda row: (row["operator_id"], row["connector_id"], list(RULES).index(row["rule"])))


def by_connector(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row a connector that any rule found: its score is the greatest one."""
    table: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        table.setdefault((row["operator_id"], row["connector_id"]), []).append(row)
    return [
        {
            "operator_id": operator,
            "connector_id": connector,
            "score": max(row["score"] for row in mine),
            "rules": [row["rule"] for row in mine],
        }
        for (operator, connector), mine in table.items()
    ]


def by_operator(rows: list[dict[str, Any]], connectors: pd.Series) -> list[dict[str, Any]]:
    """One row an operator of `connectors` (operator_id of each connector judged): how many each rule found."""
    return [
        {
            "operator_id": operator,
            "connectors": int(count),
            "doubted": len({row["connector_id"] for row in rows if row["operator_id"] == operator}),
            **{code: sum(row["rule"] == code and row["operator_id"] == operator for row in rows) for code in RULES},
        }
        for operator, count in connectors.value_counts().sort_index().items()
    ]


def _score(seen: int, limit: int) -> str:
    hundredths = min(100, seen * 50 // limit)
    return f"{hundredths // 100}.{hundredths % 100:02d}"


def _evidence(table: pd.DataFrame | None) -> dict[str, Any]:
    if table is None:
        return {"evidence_count": 0, "evidence": []}
    shown = table.sort_values(["from_us", "to_us"], kind="stable").head(SHOWN)
    return {
        "evidence_count": len(table),
        "evidence": [
            {
                "from": iso(row.from_us),
                "to": iso(row.to_us),
                "said": row.said,
                **({"boot_id": row.boot_id, "seq": int(row.seq)} if row.seq >= 0 else {}),
            }
            for row in shown.itertuples()
        ],
    }
