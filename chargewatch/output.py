"""What commands print: reports on stdout as table, JSON or CSV; progress and sentences on stderr."""

import csv
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


class Format(StrEnum):
    """How a report is printed."""

    table = "table"
    json = "json"
    csv = "csv"


def emit(
    rows: Sequence[Mapping[str, Any]],
    format: Format,
    columns: Sequence[str] | None = None,
    title: str = "",
    *,
    right: Iterable[str] = (),
) -> None:
    """Print rows: all their fields as JSON, `columns` (default: the first row's) as a table or CSV."""
    if format is Format.json:
        print(json.dumps(list(rows), ensure_ascii=False, indent=1))
        return
    names = list(columns or (rows[0] if rows else ()))
    if format is Format.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([_text(row.get(name)) for name in names] for row in rows)
        return
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for name in names:
        table.add_column(name, justify="right" if name in set(right) else "left", overflow="fold")
    for row in rows:
        # As Text: rich would take a "[masked]" that others wrote for a style, and stumble over "[/x]".
        table.add_row(*(Text(_visible(_text(row.get(name)))) for name in names))
    console().print(table if names else "nothing to show")


def console() -> "Console":
    """Standard output; as wide as its lines where it is no terminal, so that nothing is cut in a file."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=200)


def say(sentence: str) -> None:
    """One sentence on stderr."""
    print(sentence, file=sys.stderr, flush=True)


@contextmanager
def progress(what: str, total: int | None = None, unit: str = "") -> Iterator[Any]:
    """A progress bar on stderr; yields `advance(n=1, note="", total=…)`, the total where it shows on the way."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit + " {task.fields[note]}"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )
    with bar:
        task = bar.add_task(what, total=total, note="")

        def advance(count: int = 1, note: str | None = None, total: int | None = None) -> None:
            fields: dict[str, Any] = {} if note is None else {"note": note}
            bar.update(task, advance=count, total=total, **fields)

        yield advance


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False) if value else ""
    return str(value)


def _visible(text: str) -> str:
    """What others wrote must not command the reader's terminal: control characters are shown by their codes."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or one == "\n" else ascii(one)[1:-1] for one in text)
