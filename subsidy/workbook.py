"""A statement as a workbook: summary, chargers with reasons, operating lines, every order, and the policy's numbers.

The same statement gives the same bytes: the file's date is its `as_of`, rows have a fixed order. Texts are written as
texts whatever they begin with, so that none is ever taken for a formula; amounts and energy are numbers to add up.
"""

import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec
import xlsxwriter

from subsidy.entitlement import Entitlement
from subsidy.periods import Period
from subsidy.place import EPOCH
from subsidy.wording import in_period

Row = Sequence[Any]


def write(due: Entitlement, period: Period, statements: Sequence[Mapping[str, Any]], as_of: datetime) -> bytes:
    """The workbook's bytes for statements of one period."""
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(
        buffer,
        {
            "in_memory": True,
            "strings_to_formulas": False,
            "strings_to_urls": False,
            "strings_to_numbers": False,
        },
    )
    created = as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    book.set_properties({"title": f"Subsidies {period.name}", "created": max(created, datetime(1980, 1, 1))})  # noqa: DTZ001
    sheets = {
        "summary": _summary(statements),
        "build": _build(statements),
        "operating": _operating(statements),
        "adjustments": _adjustments(statements),
        "orders": _orders(due, period, {statement["operator_id"] for statement in statements}),
        "policy": _policy(due),
    }
    bold = book.add_format({"bold": True})
    money, energy = book.add_format({"num_format": "#,##0.00"}), book.add_format({"num_format": "#,##0.000"})
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        sheet.freeze_panes(1, 0)
        header: Row = ()
        for number, row in enumerate(rows):
            header = header or row
            for column, value in enumerate(row):
                if number == 0:
                    sheet.write_string(0, column, str(value), bold)
                elif isinstance(value, Decimal | int) and not isinstance(value, bool):
                    kind = money if header[column].endswith(("yuan", "amount")) else energy
                    sheet.write_number(number, column, value, kind if isinstance(value, Decimal) else None)
                elif text := _text(value):
                    sheet.write_string(number, column, text)
        sheet.set_column(0, max(0, len(header) - 1), 18)
    book.close()
    return buffer.getvalue()


def _summary(statements: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    yuan = ["build_yuan", "operating_yuan", "adjustments_yuan", "total_yuan"]
    yield ["operator_id", "period", "policy", "rehearsal", "as_of", *yuan]
    for one in statements:
        says = [one["operator_id"], one["period"], one["policy"], one["rehearsal"], one["as_of"]]
        yield [*says, *(Decimal(one[name]) for name in yuan)]


def _build(statements: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    names = ["charger_id", "station_id", "kind", "eligible", "disposition"]
    yield ["operator_id", *names, "subsidised_kw", "rate", "amount", "reasons", "notes"]
    for one in statements:
        for row in one["build"]:
            numbers = [Decimal(row[name]) for name in ("subsidised_kw", "rate", "amount")]
            reasons = "; ".join(f"{reason['code']} ({reason['clause']}: {reason['text']})" for reason in row["reasons"])
            yield [one["operator_id"], *(row[name] for name in names), *numbers, reasons, "; ".join(row["notes"])]


def _operating(statements: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    numbers = ["energy_kwh", "admitted_kwh", "held_kwh", "rejected_kwh", "rate", "amount"]
    yield ["operator_id", "station_id", "month", "sessions", *numbers]
    for one in statements:
        for row in one["operating"]:
            says = [one["operator_id"], row["station_id"], row["month"], row["sessions"]]
            yield [*says, *(Decimal(row[name]) for name in numbers)]


def _adjustments(statements: Sequence[Mapping[str, Any]]) -> Iterable[Row]:
    yield ["operator_id", "period", "subject", "amount", "reason"]
    for one in statements:
        for row in one["adjustments"]:
            yield [one["operator_id"], row["period"], row["subject"], Decimal(row["amount"]), row["reason"]]


def _orders(due: Entitlement, period: Period, operators: set[str]) -> Iterable[Row]:
    yield ["operator_id", "session_id", "station_id", "day", "energy_kwh", "disposition", "reasons", "notes"]
    decided = due.dispositions
    mine = decided[in_period(decided, period) & decided["operator_id"].isin(sorted(operators))]
    for row in mine.sort_values(["operator_id", "session_id", "day", "station_id"], kind="stable").itertuples():
        day = EPOCH.fromordinal(EPOCH.toordinal() + row.day).isoformat()
        says = [row.operator_id, row.session_id, row.station_id, day, row.energy_kwh, row.disposition]
        yield [*says, ", ".join(row.reasons), ", ".join(row.notes)]


def _policy(due: Entitlement) -> Iterable[Row]:
    yield ["field", "value"]
    yield from _fields("", msgspec.to_builtins(due.policy))
    yield ["sha256", due.policy.sha256]


def _fields(name: str, value: Any) -> Iterable[Row]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _fields(f"{name}.{key}".removeprefix("."), item)
    else:
        yield [name, ", ".join(value) if isinstance(value, list | tuple) else _text(value)]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
