"""Workbooks that come out the same byte for byte, and in which no text from outside is ever taken for a formula.

The file's date is that of what it shows, rows have the order in which they are given. Rows may come from a generator:
in a book that is `streamed`, a sheet of a million of them does not stand in memory.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import chain, islice
from typing import IO, Any

import xlsxwriter

MOST_ROWS = 1_048_575
"""Lines that a sheet holds beside its header."""
DIGITS = 15
"""Significant digits that a spreadsheet keeps of a number; text keeps all of them."""
_FORMULA_BEGINS = frozenset("=+-@\t\r\n")
Cells = Sequence[Any]


@dataclass(frozen=True, slots=True)
class Formula:
    """One of our own formulas, with the value that it has."""

    text: str
    value: Decimal


def book(file: IO[bytes], title: str, as_of: datetime, *, streamed: bool = False) -> Any:
    """An open workbook, to be closed by the caller; it is written to `file` then."""
    as_texts = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    opened = xlsxwriter.Workbook(
        file, {"constant_memory": True, **as_texts} if streamed else {"in_memory": True, **as_texts}
    )
    created = as_of.astimezone(UTC).replace(tzinfo=None, microsecond=0)
    opened.set_properties({"title": title, "created": max(created, datetime(1980, 1, 1))})  # noqa: DTZ001
    return opened


def write(
    opened: Any,
    name: str,
    rows: Iterable[Cells],
    *,
    heading: Callable[[str], str] = str,
    number_format: Callable[[str], str] = lambda column: "#,##0.######",
    mark: str = "",
    width: int = 18,
) -> None:
    """A sheet: the first row names the columns, each number is shown in the format of its column's name.

    A cell is a text, a Decimal, an int, a bool (是, 否), a Formula, or None. `mark` stands on top of each printed page.
    """
    sheet = opened.add_worksheet(name)
    styles: dict[str, Any] = {}
    bold = opened.add_format({"bold": True, "text_wrap": True, "bg_color": "#EEEEEE"})
    # A text that looks like a formula stays a text, also when somebody edits its cell.
    quoted = opened.add_format({"quote_prefix": True})
    sheet.freeze_panes(1, 0)
    sheet.set_paper(9)  # A4
    sheet.set_landscape()
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    if mark:
        sheet.set_header(f'&C&"bold"{mark}')
    lines = iter(rows)
    header = [str(one) for one in next(lines, ())]
    sheet.set_column(0, max(0, len(header) - 1), width)
    for place, column in enumerate(header):
        sheet.write_string(0, place, heading(column), bold)
        shown = number_format(column)
        styles.setdefault(shown, opened.add_format({"num_format": shown}))
    style = [styles[number_format(column)] for column in header]
    for number, row in enumerate(lines, 1):
        for place, value in enumerate(row):
            if value is None or value == "":
                continue
            if isinstance(value, Formula):
                sheet.write_formula(number, place, value.text, style[place], value.value)
            elif isinstance(value, bool):
                sheet.write_string(number, place, "是" if value else "否")
            elif isinstance(value, Decimal):
                sheet.write_number(number, place, value, style[place])
            elif isinstance(value, int):
                sheet.write_number(number, place, value)
            else:
                text = str(value)
                sheet.write_string(number, place, text, quoted if text[0] in _FORMULA_BEGINS else None)


def split(name: str, rows: Iterable[Cells], most: int = MOST_ROWS) -> Iterable[tuple[str, Iterable[Cells]]]:
    """Rows that one sheet may not hold, as sheets name, name2, … with the header on each; each used up in turn."""
    lines = iter(rows)
    header = next(lines)
    first = next(lines, None)
    number = 1
    while number == 1 or first is not None:
        held = () if first is None else (first,)
        yield name if number == 1 else f"{name}{number}", chain((header,), held, islice(lines, most - 1))
        first, number = next(lines, None), number + 1
