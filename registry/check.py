"""Every problem of a whole import at once: what was seen in which cell, and what was expected there.

Nothing here decides what is true, only what cannot be: a district that nobody listed is no problem, a charger at a
station that does not exist is one.
"""

from collections.abc import Iterator
from datetime import date
from zoneinfo import ZoneInfo

from registry import fitting, values
from registry.contents import Registry, Value
from registry.problems import Checked, Problem, Row, Sheet
from registry.tables import BY_NAME, Kind, Table


def check(sheets: list[Sheet], existing: Registry, zone: ZoneInfo) -> Checked:
    """The rows of an import as values, by table, and every problem in them, in the order of the file.

    `existing` is what the store holds now (rows may refer to it); days that are given as times are days in `zone`.
    """
    rows: dict[str, list[Row]] = {}
    problems: list[Problem] = []
    for sheet in sheets:
        table = BY_NAME[sheet.table]
        rows[table.name], found = _read(sheet, table, zone)
        problems += found
        problems += _repeated(table, rows[table.name])
        problems += _backwards(table, rows[table.name])
    problems += fitting.problems(rows, existing)
    place = {sheet.table: number for number, sheet in enumerate(sheets)}
    problems.sort(key=lambda problem: (place[problem.table], problem.row))
    return Checked(rows, problems)


def _read(sheet: Sheet, table: Table, zone: ZoneInfo) -> tuple[list[Row], list[Problem]]:
    problems = list(_header(sheet, table))
    width = len(sheet.header)
    for number, cells in zip(sheet.numbers, sheet.rows, strict=True):
        if any(cells[width:]):
            seen = f"{len(cells)} cells"
            problems.append(Problem(table.name, number, "", seen, f"{width}, as many as the header names"))
    columns: list[list[Value]] = []
    for column in table.columns:
        place = sheet.header.index(column.name) if column.name in sheet.header else None
        cells_of = [cells[place] if place is not None and place < len(cells) else "" for cells in sheet.rows]
        read = {seen: values.read(column, seen, zone) for seen in set(cells_of) if seen}
        read[""] = (None, f"{column.expected}; the column may not be empty" if column.required else "")
        columns.append([read[seen][0] for seen in cells_of])
        if place is not None and any(expected for _, expected in read.values()):
            problems += [
                Problem(table.name, number, column.name, seen, read[seen][1])
                for number, seen in zip(sheet.numbers, cells_of, strict=True)
                if read[seen][1]
            ]
    rows = [
        Row(number, dict(zip(table.names, cells, strict=True)))
        for number, cells in zip(sheet.numbers, zip(*columns, strict=True), strict=True)
    ]
    return rows, problems


def _header(sheet: Sheet, table: Table) -> Iterator[Problem]:
    for name in sorted(set(sheet.header) - {""}):
        if name not in table.names:
            yield Problem(table.name, 1, name, name, "one of the columns " + ", ".join(table.names))
        if sheet.header.count(name) > 1:
            yield Problem(table.name, 1, name, f"{sheet.header.count(name)} columns of this name", "each column once")
    for place, name in enumerate(sheet.header):
        if not name and any(len(cells) > place and cells[place] for cells in sheet.rows):
            yield Problem(table.name, 1, "", f"no name above cell {place + 1}", "a name above each column")
    for column in table.columns:
        if column.required and column.name not in sheet.header:
            yield Problem(table.name, 1, column.name, "no such column", f"a column {column.name}: {column.expected}")


def _repeated(table: Table, rows: list[Row]) -> Iterator[Problem]:
    """Rows that have the key of an earlier row of the file."""
    first: dict[tuple[Value, ...], int] = {}
    named = [name for name in table.key if table.column(name).required]
    for row in rows:
        key = tuple(row.cells[name] for name in table.key)
        if any(row.cells[name] is None for name in named):
            continue  # already a problem of its own
        earlier = first.setdefault(key, row.number)
        if earlier != row.number:
            seen = " ".join(str(part) for part in key if part is not None)
            yield Problem(table.name, row.number, ", ".join(table.key), f"{seen} (as in row {earlier})", "each once")


def _backwards(table: Table, rows: list[Row]) -> Iterator[Problem]:
    """Periods that end before they start, or that have an end only."""
    for start_name, end_name in table.periods:
        strictly = table.column(end_name).kind is Kind.TIME and table.column(end_name).required
        for row in rows:
            start, end = row.cells[start_name], row.cells[end_name]
            if not isinstance(start, date) or not isinstance(end, date):
                continue
            if end < start or (strictly and end == start):
                yield Problem(
                    table.name,
                    row.number,
                    end_name,
                    str(end),
                    f"{'after' if strictly else 'not before'} {start_name}, which is {start}",
                )
