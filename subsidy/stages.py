"""How each amount of a statement came about: gross, conditions, caps, earlier awards, held, rounding, payable.

Each stage says what it adds (gross) or takes away, by which clause and from which inputs. What the stages before
`payable` come to is exactly what is payable, line by line and in all, and that is what the statement says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pandas as pd

from subsidy import award as amounts
from subsidy.adjustments import Adjustment
from subsidy.amounts import EXACT, ZERO, money, plain
from subsidy.dispositions import HELD, REJECTED
from subsidy.entitlement import Entitlement
from subsidy.operating import QUANTITIES
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.versions import Row
from subsidy.wording import build_rows, in_period, operating_rows

STAGES = ("gross", "conditions", "caps", "earlier_awards", "held", "rounding", "adjustments", "payable")
Inputs = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """One step: yuan (exact, what is taken away below 0), the clause, and the inputs by name, each with its unit."""

    name: str
    yuan: Decimal
    clause: str
    inputs: Inputs


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a statement by its subject (`build/CHARGER`, `operating/STATION/MONTH`, `adjustments/…`)."""

    subject: str
    stages: tuple[Stage, ...]

    @property
    def payable(self) -> Decimal:
        """What the last stage says."""
        return self.stages[-1].yuan


def of_operator(
    due: Entitlement, period: Period, operator_id: str, adjustments: Sequence[Adjustment] = ()
) -> list[Line]:
    """Every line of an operator's statement of a period, in its stages."""
    return [
        *(_build(due, period, operator_id, row) for row in build_rows(due, period, operator_id)),
        *_operating(due, period, operator_id),
        *(_adjustment(one) for one in adjustments),
    ]


def sums(lines: Iterable[Line]) -> dict[str, Decimal]:
    """What each stage comes to over some lines."""
    total = dict.fromkeys(STAGES, ZERO)
    for line in lines:
        for stage in line.stages:
            total[stage.name] += stage.yuan
    return total


def document(
    due: Entitlement,
    period: Period,
    operators: Sequence[str],
    adjustments: Mapping[str, Sequence[Adjustment]],
    *,
    rehearsal: bool,
    as_of: str,
) -> list[dict[str, Any]]:
    """The stages beside a statement: one object an operator, amounts as exact decimal text."""
    found = []
    for operator_id in operators:
        lines = of_operator(due, period, operator_id, adjustments.get(operator_id, ()))
        found.append(
            {
                "operator_id": operator_id,
                "period": period.name,
                "policy": due.policy.id,
                "policy_sha256": due.policy.sha256,
                "rehearsal": rehearsal,
                "as_of": as_of,
                "lines": [{"subject": line.subject, "stages": [told(one) for one in line.stages]} for line in lines],
                "stages": {name: plain(yuan) for name, yuan in sums(lines).items()},
            }
        )
    return found


def told(stage: Stage) -> dict[str, Any]:
    """A stage as a document writes it."""
    return {"stage": stage.name, "yuan": plain(stage.yuan), "clause": stage.clause, "inputs": dict(stage.inputs)}


def _line(subject: str, stages: Iterable[Stage], clause: str, inputs: Inputs) -> Line:
    steps = tuple(stages)
    return Line(subject, (*steps, Stage("payable", sum((one.yuan for one in steps), ZERO), clause, inputs)))


def _build(due: Entitlement, period: Period, operator_id: str, row: Mapping[str, Any]) -> Line:
    policy, charger_id = due.policy, str(row["charger_id"])
    clause, subject = policy.build.window.clause, f"build/{charger_id}"
    if not row["eligible"]:
        charger = due.eligibility.chargers.on(period.last_day, operator_id, charger_id)
        assert charger is not None
        return _line(subject, _refused(charger, row["reasons"], policy), clause, {"by": period.last_day.isoformat()})
    made = due.awards.by_charger[operator_id, charger_id]
    award, unit = made.award, made.charger["power_unit_id"]
    caps = [one for one in award.taken if one.rule != "replaced"]
    replaced = [one for one in award.taken if one.rule == "replaced"]
    limits = {f"{one.rule}_yuan": money(one.limit_yuan) for one in caps}
    held = -award.amount if row["disposition"] == HELD else ZERO
    stages = [
        Stage("gross", award.before, clause, _gross_inputs(made.charger, policy)),
        Stage("conditions", ZERO, clause, {"met_on": made.day.isoformat()}),
        Stage(
            "caps", -_taken(caps), policy.build.shared_power_unit.clause,
            {**({"power_unit": str(unit)} if unit else {}), **limits},
        ),
        Stage(
            "earlier_awards", -_taken(replaced), clause,
            {"replaces": str(made.charger["replaces_serial_no"]), "paid_yuan": money(replaced[0].limit_yuan)}
            if replaced else {},
        ),
        Stage("held", held, policy.findings.duplicate_serial.clause, _codes(row["reasons"]) if held else {}),
    ]  # fmt: skip
    return _line(subject, stages, clause, {"awarded_on": made.day.isoformat()})


def _taken(steps: Sequence[amounts.Taken]) -> Decimal:
    return sum((one.yuan for one in steps), ZERO)


def _gross_inputs(charger: Row, policy: Policy) -> dict[str, str]:
    """What was counted, once each: rated output by kind and its rate."""
    inputs = {"kind": str(charger["kind"])}
    for part in amounts.gross(charger, None, policy).parts:
        inputs[f"{part.kind}_kw"] = plain(part.subsidised_kw)
        inputs[f"{part.kind}_yuan_per_kw"] = plain(part.rate)
    return inputs


def _refused(charger: Row, reasons: Sequence[Mapping[str, str]], policy: Policy) -> list[Stage]:
    """A charger that earns nothing: for its conditions, or only because its serial number was subsidised already."""
    gross = amounts.gross(charger, None, policy).amount
    earlier = [one for one in reasons if one["code"] == "already_subsidised"]
    failed = [one for one in reasons if one["code"] != "already_subsidised"]
    clause = policy.build.window.clause
    by = {"already_subsidised": earlier[0]["text"].partition(": ")[2]} if earlier else {}
    return [
        Stage("gross", gross, clause, _gross_inputs(charger, policy)),
        Stage("conditions", -gross if failed else ZERO, _clauses(failed) or clause, _codes(failed)),
        Stage("caps", ZERO, policy.build.shared_power_unit.clause, {}),
        Stage("earlier_awards", ZERO if failed else -gross, clause, by),
        Stage("held", ZERO, policy.findings.duplicate_serial.clause, {}),
    ]


def _codes(reasons: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {"reasons": ", ".join(one["code"] for one in reasons)} if reasons else {}


def _clauses(reasons: Sequence[Mapping[str, str]]) -> str:
    return ", ".join(dict.fromkeys(one["clause"] for one in reasons))


def _operating(due: Entitlement, period: Period, operator_id: str) -> list[Line]:
    rate = due.policy.operating.rate
    why = _why(due, period, operator_id)
    lines = []
    for row in operating_rows(due, period, operator_id):
        station, month = str(row["station_id"]), str(row["month"])
        energy, admitted, held, rejected = (Decimal(row[name]) for name in QUANTITIES)
        worth = {kwh: EXACT.multiply(kwh, rate.value) for kwh in (energy, admitted, held, rejected)}
        per_kwh = {"yuan_per_kwh": plain(rate.value)}
        rounding = due.policy.operating.rounding
        stages = [
            Stage("gross", worth[energy], rate.clause,
                  {"orders": str(row["sessions"]), "energy_kwh": plain(energy), **per_kwh}),
            Stage("conditions", -worth[rejected],
                  _of_codes(why.get((station, month, REJECTED), {}), due.policy) or rate.clause,
                  {"rejected_kwh": plain(rejected), **per_kwh, **why.get((station, month, REJECTED), {})}),
            Stage("caps", ZERO, rate.clause, {}),
            Stage("earlier_awards", ZERO, rate.clause, {}),
            Stage("held", -worth[held], _of_codes(why.get((station, month, HELD), {}), due.policy) or rate.clause,
                  {"held_kwh": plain(held), **per_kwh, **why.get((station, month, HELD), {})}),
            Stage("rounding", Decimal(row["amount"]) - worth[admitted], rounding.clause,
                  {"admitted_kwh": plain(admitted), **per_kwh, "rule": f"{rounding.rule}, {rounding.unit}"}),
        ]  # fmt: skip
        lines.append(_line(f"operating/{station}/{month}", stages, rate.clause, {"admitted_kwh": plain(admitted)}))
    return lines


def of_session(due: Entitlement, row: int) -> tuple[Stage, ...]:
    """The stages of one order's energy; what is payable is rounded only at its station's month."""
    rate, decided = due.policy.operating.rate, due.dispositions.iloc[row]
    worth, disposition = EXACT.multiply(decided["energy_kwh"], rate.value), decided["disposition"]
    clause = _of_codes(decided["reasons"], due.policy) or rate.clause
    why = {"reasons": ", ".join(decided["reasons"])} if decided["reasons"] else {}
    inputs = {"energy_kwh": plain(decided["energy_kwh"]), "yuan_per_kwh": plain(rate.value)}
    stages = (
        Stage("gross", worth, rate.clause, inputs),
        Stage(
            "conditions", -worth if disposition == REJECTED else ZERO, clause, why if disposition == REJECTED else {}
        ),
        Stage("caps", ZERO, rate.clause, {}),
        Stage("earlier_awards", ZERO, rate.clause, {}),
        Stage("held", -worth if disposition == HELD else ZERO, clause, why if disposition == HELD else {}),
    )
    return _line("", stages, rate.clause, {"rounded": due.policy.operating.rounding.rule}).stages


def _of_codes(codes: Iterable[str], policy: Policy) -> str:
    return ", ".join(dict.fromkeys(policy.reasons[code].clause for code in codes))


def _why(due: Entitlement, period: Period, operator_id: str) -> dict[tuple[str, str, str], dict[str, str]]:
    """By station, month and disposition how many orders each reason applies to; an order can have several."""
    decided = due.dispositions
    mine = decided[in_period(decided, period, operator_id) & (decided["disposition"] != "admitted")]
    months = pd.Series(mine["day"].to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype(str))
    groups = mine.groupby([mine["station_id"].to_numpy(), months.to_numpy(), "disposition", "reasons"], sort=True)
    found: dict[tuple[str, str, str], dict[str, int]] = {}
    for (station, month, disposition, codes), count in groups.size().items():
        counts = found.setdefault((str(station), str(month), str(disposition)), {})
        for code in codes:
            counts[code] = counts.get(code, 0) + int(count)
    return {key: {code: str(count) for code, count in sorted(counts.items())} for key, counts in found.items()}


def _adjustment(one: Adjustment) -> Line:
    stage = Stage("adjustments", one.amount, "", {"period": one.period, "reason": one.reason})
    return _line(f"adjustments/{one.period}/{one.subject}", [stage], "", {})
