"""A statement as a workbook: summary, awards with reasons, station-months, stages, every order, and the parameters.

The same statement gives the same bytes. No text is ever taken for a formula; amounts and energy are numbers to add up,
of which a spreadsheet keeps 15 digits.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec

from chargewatch import sheets
from chargewatch.sheets import MOST_ROWS, Cells
from subsidy.document import orders, wording
from subsidy.entitlement import Entitlement
from subsidy.numerals import capital
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.prices import Bill
from subsidy.stages import Line

Statement = Mapping[str, Any]
YUAN = ("build_yuan", "operating_yuan", "adjustments_yuan", "total_yuan")


def xlsx(
    due: Entitlement,
    period: Period,
    statements: Sequence[Statement],
    stages: Mapping[str, Sequence[Line]],
    bills: Callable[[Any], Iterable[tuple[int, Bill]]],
    as_of: datetime,
    most_rows: int = MOST_ROWS,
) -> bytes:
    """The workbook's bytes for statements of one period.

    `stages`: each operator's lines; `bills`: what orders at some positions state of money, ascending. More orders than
    a sheet holds stand on 订单, 订单2, ….
    """
    buffer = io.BytesIO()
    book = sheets.book(buffer, f"充电设施补助 {period.name}", as_of, streamed=True)
    mark = wording.REHEARSAL if any(one["rehearsal"] for one in statements) else ""
    for name, rows in _sheets(due, period, statements, stages, bills, most_rows):
        sheets.write(book, name, rows, heading=wording.heading, number_format=_number_format, mark=mark)
    book.close()
    return buffer.getvalue()


def _number_format(column: str) -> str:
    return "#,##0.00" if column in ("amount", *YUAN) or column.endswith("_fee") else "#,##0.######"


def _sheets(
    due: Entitlement,
    period: Period,
    statements: Sequence[Statement],
    stages: Mapping[str, Sequence[Line]],
    bills: Callable[[Any], Iterable[tuple[int, Bill]]],
    most_rows: int,
) -> Iterator[tuple[str, Iterable[Cells]]]:
    yield "摘要", _summary(statements)
    yield "建设补助", _build(statements, due.policy)
    yield "运营补贴", _operating(statements)
    yield "计算步骤", _stages(stages)
    yield "调整", _adjustments(statements)
    yield "发现", _findings(statements, due)
    yield from sheets.split("订单", _orders(due, period, statements, bills), most_rows)
    yield "参数", _parameters(due, period, statements)


def _summary(statements: Sequence[Statement]) -> Iterator[Cells]:
    yield ["operator_id", "period", "policy", "rehearsal", "as_of", *YUAN, "in_words"]
    for one in statements:
        says = [one["operator_id"], one["period"], one["policy"], one["rehearsal"], one["as_of"]]
        yield [*says, *(Decimal(one[name]) for name in YUAN), capital(Decimal(one["total_yuan"]))]


def _build(statements: Sequence[Statement], policy: Policy) -> Iterator[Cells]:
    yield [
        *("operator_id", "charger_id", "station_id", "kind", "eligible", "awarded_on", "disposition"),
        *("subsidised_kw", "rate", "amount", "reasons", "notes"),
    ]
    for one in statements:
        for row in one["build"]:
            numbers = [Decimal(row[name]) for name in ("subsidised_kw", "rate", "amount")]
            reasons = wording.stated(row["reasons"], policy)
            yield [
                one["operator_id"], row["charger_id"], row["station_id"], wording.KINDS[row["kind"]], row["eligible"],
                row.get("awarded_on"), wording.DISPOSITIONS[row["disposition"]], *numbers, reasons,
                "; ".join(row["notes"]),
            ]  # fmt: skip


def _operating(statements: Sequence[Statement]) -> Iterator[Cells]:
    numbers = ["energy_kwh", "admitted_kwh", "held_kwh", "rejected_kwh", "rate", "amount"]
    yield ["operator_id", "station_id", "month", "sessions", *numbers]
    for one in statements:
        for row in one["operating"]:
            says = [one["operator_id"], row["station_id"], row["month"], row["sessions"]]
            yield [*says, *(Decimal(row[name]) for name in numbers)]


def _stages(stages: Mapping[str, Sequence[Line]]) -> Iterator[Cells]:
    yield ["operator_id", "subject", "stage", "yuan", "clause", "inputs"]
    for operator_id, lines in stages.items():
        for line in lines:
            for one in line.stages:
                said = "; ".join(f"{name} = {value}" for name, value in one.inputs.items())
                yield [operator_id, line.subject, wording.STAGES[one.name], one.yuan, one.clause, said]


def _adjustments(statements: Sequence[Statement]) -> Iterator[Cells]:
    yield ["operator_id", "period", "subject", "amount", "reason"]
    for one in statements:
        for row in one["adjustments"]:
            yield [one["operator_id"], row["period"], row["subject"], Decimal(row["amount"]), row["reason"]]


def _findings(statements: Sequence[Statement], due: Entitlement) -> Iterator[Cells]:
    yield ["operator_id", "rule", "effect", "count", "clause", "says"]
    for one in statements:
        for row in one["findings"]:
            said = due.policy.reasons[row["rule"]]
            effect = {"hold": "暂缓", "note": "提示"}[row["effect"]]
            yield [one["operator_id"], row["rule"], effect, row["count"], said.clause, said.zh]


def _orders(
    due: Entitlement,
    period: Period,
    statements: Sequence[Statement],
    bills: Callable[[Any], Iterable[tuple[int, Bill]]],
) -> Iterator[Cells]:
    yield orders.COLUMNS
    for one in statements:
        at = orders.positions(due, period, one["operator_id"])
        lines = orders.rows(due, at, bills(at))
        next(lines)
        yield from lines


def _parameters(due: Entitlement, period: Period, statements: Sequence[Statement]) -> Iterator[Cells]:
    yield ["field", "value"]
    yield ["period", f"{period.name}: {period.first_day} … {period.last_day}"]
    yield ["as_of", "; ".join(sorted({one["as_of"] for one in statements}))]
    yield ["policy_sha256", due.policy.sha256]
    yield ["numbers", f"数字格最多 {sheets.DIGITS} 位有效数字；精确值见同一结算的 JSON"]
    yield from _fields("", msgspec.to_builtins(due.policy))


def _fields(name: str, value: Any) -> Iterator[Cells]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _fields(f"{name}.{key}".removeprefix("."), item)
    else:
        text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else value
        yield [name, text if isinstance(text, bool) or text is None else str(text)]
