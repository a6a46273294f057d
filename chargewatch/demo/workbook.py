"""What the demo found, as an XLSX workbook: a sheet a table, every row of it."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import xlsxwriter

Rows = Sequence[Mapping[str, Any]]


def write(path: Path, title: str, sheets: Mapping[str, Rows]) -> None:
    """Write the sheets, each with the title above and the columns of its first row as header; numbers stay numbers."""
    with xlsxwriter.Workbook(path, {"in_memory": True}) as book:
        bold, head = book.add_format({"bold": True}), book.add_format({"bold": True, "bottom": 1})
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            sheet.write(0, 0, title, bold)
            columns = list(rows[0]) if rows else []
            for place, column in enumerate(columns):
                width = max([len(column), *(len(str(row.get(column, ""))) for row in rows[:500])])
                sheet.set_column(place, place, min(60, width + 2))
                sheet.write(2, place, column, head)
            for line, row in enumerate(rows, 3):
                for place, column in enumerate(columns):
                    value = row.get(column)
                    if value is None:
                        continue
                    if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
                        sheet.write_number(line, place, value)
                    else:
                        sheet.write_string(line, place, str(value))
            sheet.freeze_panes(3, 0)
