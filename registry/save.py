"""Tables into files: a folder of CSV files or one workbook, the same bytes for the same registry."""

import csv
import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from chargewatch.errors import Refusal
from registry import values
from registry.contents import Registry
from registry.tables import TABLES, Table

_LAST_ROW = 1_048_576  # of a sheet


def save(registry: Registry, path: Path, zone: ZoneInfo) -> None:
    """Write every table, empty ones too, to a folder, or to a workbook if the name ends in .xlsx.

    Times are written in `zone`. Refusal if the place cannot be written.
    """
    try:
        if path.suffix.lower() == ".xlsx":
            path.parent.mkdir(parents=True, exist_ok=True)
            _workbook(registry, path, zone)
        else:
            path.mkdir(parents=True, exist_ok=True)
            _folder(registry, path, zone)
    except OSError as error:
        raise Refusal(f"{path} cannot be written: {error.strerror or error}", "a place to write to") from None


def _lines(registry: Registry, table: Table, zone: ZoneInfo) -> Iterator[list[str]]:
    yield list(table.names)
    frame = registry.tables[table.name]
    for cells in zip(*(frame[name] for name in table.names), strict=True):
        yield [values.write(cell, zone) for cell in cells]


def _folder(registry: Registry, folder: Path, zone: ZoneInfo) -> None:
    for table in TABLES:
        # Written aside and then renamed: a reader sees the old file or the whole new one.
        with tempfile.NamedTemporaryFile(
            "w", dir=folder, prefix=f".{table.name}", encoding="utf-8", newline="", delete=False
        ) as file:
            csv.writer(file, lineterminator="\n").writerows(_lines(registry, table, zone))
        _finish(Path(file.name), folder / f"{table.name}.csv")


def _workbook(registry: Registry, path: Path, zone: ZoneInfo) -> None:
    import xlsxwriter

    for table in TABLES:
        if len(registry.tables[table.name]) >= _LAST_ROW:
            raise Refusal(f"{table.name} has more rows than a sheet can hold", "a folder to export to, as CSV")
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}", suffix=".xlsx")
    os.close(handle)
    book = xlsxwriter.Workbook(aside, {"constant_memory": True})
    book.set_properties({"created": datetime(2000, 1, 1, tzinfo=UTC)})  # the same registry, the same bytes
    bold = book.add_format({"bold": True})
    for table in TABLES:
        sheet = book.add_worksheet(table.name)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(table.columns) - 1, 18)
        sheet.ignore_errors({"number_stored_as_text": "A1:XFD1048576"})
        for row, cells in enumerate(_lines(registry, table, zone)):
            for column, cell in enumerate(cells):
                if cell:  # always as text: digits stay as they are, and = + - @ never make a formula
                    sheet.write_string(row, column, cell, bold if row == 0 else None)
    book.close()
    _finish(Path(aside), path)


def _finish(aside: Path, path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    aside.chmod(0o666 & ~mask)
    aside.replace(path)
