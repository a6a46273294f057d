"""What a change of the rules does to money: line by line, what was due before, what is due after, and by which rule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from subsidy.adjustments import Body, Line, due
from subsidy.amounts import ZERO


@dataclass(frozen=True, slots=True)
class Difference:
    """One line that changes: yuan issued so far (None: nothing was), due before and after, why, and the rules."""

    operator_id: str
    period: str
    subject: str
    issued: Decimal | None
    before: Decimal
    after: Decimal
    why_before: str
    why_after: str
    rules: tuple[str, ...]

    @property
    def yuan(self) -> Decimal:
        """What the change moves."""
        return self.after - self.before


def differences(
    before: Body, after: Body, alone: Mapping[str, Body], issued: Mapping[Line, Decimal]
) -> list[Difference]:
    """Every line whose amount the change moves, sorted.

    `before`, `after`: statements of the same periods by the one and by the other policy; `alone`: by the path of each
    changed statement, those by the policy before with that change alone. A line's rules are those that move it by
    themselves; where none does, all that were changed, because it takes several of them together.
    """
    was, now = due(before), due(after)
    single = {path: due(body) for path, body in alone.items()}
    why_before, why_after = reasons(before), reasons(after)
    found = []
    for line in sorted(set(was) | set(now)):
        old, new = was.get(line, ZERO), now.get(line, ZERO)
        if old == new:
            continue
        rules = tuple(path for path, lines in single.items() if lines.get(line, ZERO) != old)
        why = why_before.get(line, ""), why_after.get(line, "")
        found.append(Difference(*line, issued.get(line), old, new, *why, rules or tuple(single)))
    return found


def reasons(body: Body) -> dict[Line, str]:
    """Of every line, paid or not, how its amount comes about: the clauses' reasons, or power and energy by rate."""
    found: dict[Line, str] = {}
    for statement in body:
        operator_id, period = statement["operator_id"], statement["period"]
        for row in statement["build"]:
            found[operator_id, period, f"build/{row['charger_id']}"] = _building(row)
        for row in statement["operating"]:
            said = f"{row['admitted_kwh']} of {row['energy_kwh']} kWh × {row['rate']}"
            found[operator_id, period, f"operating/{row['station_id']}/{row['month']}"] = said
    return found


def by_period(found: Sequence[Difference]) -> list[dict[str, Any]]:
    """The periods that the change touches: how many operators and lines, and the yuan before, after and between."""
    rows = []
    for period in sorted({one.period for one in found}):
        mine = [one for one in found if one.period == period]
        rows.append(
            {
                "period": period,
                "operators": len({one.operator_id for one in mine}),
                "lines": len(mine),
                "before": sum((one.before for one in mine), ZERO),
                "after": sum((one.after for one in mine), ZERO),
                "difference": sum((one.yuan for one in mine), ZERO),
            }
        )
    return rows


def _building(row: Mapping[str, Any]) -> str:
    if row["disposition"] != "admitted":
        return ", ".join(reason["code"] for reason in row["reasons"])
    return ", ".join(f"{part['kind']} {part['subsidised_kw']} kW × {part['rate']}" for part in row["parts"])
