"""What an import is made of, and what was wrong with it."""

from dataclasses import dataclass, field

from registry.contents import Value


@dataclass(frozen=True, slots=True)
class Sheet:
    """One table as read: its header, its filled rows as text, their numbers in the file (the header is 1)."""

    table: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    numbers: list[int]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that was wrong: where (row as the user sees it in the file), what was seen, what was expected."""

    table: str
    row: int
    column: str
    seen: str
    expected: str


@dataclass(frozen=True, slots=True)
class Row:
    """One row as values, with its number in the file; a cell that could not be read is None."""

    number: int
    cells: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Checked:
    """An import as values, by table, and everything wrong with it; only one without problems may be stored."""

    rows: dict[str, list[Row]]
    problems: list[Problem] = field(default_factory=list)
