"""Tables out of files: a folder of CSV files or one workbook, as they were typed."""

import csv
import hashlib
import io
import re
import warnings
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from chargewatch.errors import Refusal
from registry.problems import Problem, Sheet
from registry.tables import BY_NAME

_KNOWN = ", ".join(BY_NAME)
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
# What a damaged workbook makes openpyxl raise, wherever the damage is.
_UNREADABLE = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(SyntaxError, LookupError, ValueError, TypeError, AttributeError),
)
_EXACT_DIGITS = 10**15  # a spreadsheet keeps 15 digits of a number


@dataclass
class Loaded:
    """What was read: the known tables, what could not be read of them, and the SHA-256 of it all."""

    sheets: list[Sheet] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    sha256: str = ""


def load(path: Path) -> Loaded:
    """The tables in a folder of CSV files or in a workbook; Refusal if nothing of ours is there."""
    if path.is_dir():
        try:
            return _folder(path)
        except OSError as error:
            raise Refusal(f"{error.filename} cannot be read: {error.strerror}", "files that you may read") from None
    if path.is_file() and path.suffix.lower() == ".xlsx":
        return _workbook(path)
    seen = f"{path} is neither a folder nor a workbook" if path.exists() else f"{path} is not there"
    raise Refusal(seen, "a folder of CSV files or a file .xlsx", "docs/commission/registry.md")


def _folder(folder: Path) -> Loaded:
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".csv" and not file.name.startswith("."))
    _refuse_strangers(str(folder), [file.stem for file in files])
    loaded, digest = Loaded(), hashlib.sha256()
    for file in sorted(files, key=lambda file: _order(file.stem)):
        content = file.read_bytes()
        digest.update(f"{file.name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            row = content[: error.start].count(b"\n") + 1
            seen = content[error.start : error.start + 8].hex(" ")
            loaded.problems.append(Problem(file.stem, row, "", f"bytes {seen}", "text in UTF-8"))
            continue
        rows: list[list[str]] = []
        try:
            rows.extend(csv.reader(io.StringIO(text, newline=""), strict=True))
        except csv.Error as error:
            expected = 'cells apart by commas, with " only around a whole cell'
            loaded.problems.append(Problem(file.stem, len(rows) + 1, "", str(error), expected))
            continue
        _add(loaded, file.stem, rows)
    loaded.sha256 = digest.hexdigest()
    return loaded


def _workbook(path: Path) -> Loaded:
    import openpyxl

    try:
        with warnings.catch_warnings(action="ignore"):  # about decorations of the sheet that are of no matter here
            loaded = Loaded(sha256=hashlib.sha256(path.read_bytes()).hexdigest())
            book = openpyxl.load_workbook(path, read_only=True, data_only=True)
            tables = {sheet.title: list(_cells(sheet)) for sheet in book.worksheets}
            book.close()
    except _UNREADABLE as error:
        raise Refusal(f"{path} cannot be read as a workbook: {error}", "a workbook saved as .xlsx") from None
    _refuse_strangers(str(path), list(tables))
    for name in sorted(tables, key=_order):
        for number, cells in enumerate(tables[name], 1):
            for cell in cells:
                if isinstance(cell, int | float) and abs(cell) >= _EXACT_DIGITS:
                    expected = "a cell of the type text, because a spreadsheet keeps only 15 digits of a number"
                    loaded.problems.append(Problem(name, number, "", str(cell), expected))
        _add(loaded, name, ([_typed(cell) for cell in cells] for cells in tables[name]))
    return loaded


def _cells(sheet: Any) -> Iterable[tuple[object, ...]]:
    sheet.reset_dimensions()  # some programs write a wrong size
    rows: Iterable[tuple[object, ...]] = sheet.iter_rows(values_only=True)
    return rows


def _order(name: str) -> tuple[int, str]:
    names = list(BY_NAME)
    return (names.index(name) if name in BY_NAME else len(names), name)


def _refuse_strangers(where: str, names: Sequence[str]) -> None:
    if not set(names) & set(BY_NAME):
        found = ", ".join(names) or "nothing"
        raise Refusal(f"no registry table in {where} (found: {found})", f"at least one of {_KNOWN}")


def _add(loaded: Loaded, name: str, rows: Iterable[Sequence[str]]) -> None:
    """Keep a table; blank rows are skipped, yet counted, so that row numbers are those of the file."""
    filled = [
        (number, tuple(cell.strip().replace("\r\n", "\n").replace("\r", "\n") for cell in row))
        for number, row in enumerate(rows, 1)
    ]
    filled = [(number, row) for number, row in filled if any(row)]
    if name not in BY_NAME:
        if filled:
            loaded.problems.append(Problem(name, 1, "", f"a table named {name}", f"one of {_KNOWN}"))
    elif not filled or filled[0][0] != 1:
        loaded.problems.append(Problem(name, 1, "", "no header", "the names of the columns in the first row"))
    else:
        numbers = [number for number, _ in filled[1:]]
        loaded.sheets.append(Sheet(name, filled[0][1], [row for _, row in filled[1:]], numbers))


def _typed(cell: object) -> str:
    """The text of a spreadsheet's cell as a person would have typed it into a CSV file."""
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.date().isoformat() if cell.time() == time() else cell.isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, time):
        return f"{cell:%H:%M:%S}" if cell.second else f"{cell:%H:%M}"
    if isinstance(cell, float):
        return format(Decimal(repr(cell)), "f").removesuffix(".0")
    # The workbook format writes a character that XML cannot hold as _x000D_, and a text that looks so as _x005F_x000D_.
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), str(cell))
