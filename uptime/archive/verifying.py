"""Verifying: that an archive is what was written, from itself alone, and that it holds all that the store holds."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta

import msgspec
import psycopg
import pyarrow as pa
import pyarrow.compute as pc

from chargewatch.errors import Refusal
from uptime.archive import digests, layout, manifests, store
from uptime.archive.manifests import Day, Head, Mark, Rows, Whole
from uptime.archive.opening import Archive


@dataclass(frozen=True, slots=True)
class Problem:
    """What is not as it must be."""

    where: str
    """A file of the archive, or a day and series."""
    seen: str


@dataclass(frozen=True, slots=True)
class Seen:
    """What was looked at."""

    problems: list[Problem]
    files: int
    rows: int
    bytes: int


def verify(archive: Archive, advance: Callable[..., None] = lambda *_, **__: None) -> Seen:
    """Every file that the newest head names: hashes, counts, content digests, and each manifest's predecessor."""
    problems = list(_heads(archive))
    named: set[str] = set()
    unread: set[str] = set()
    files, rows, size = 0, 0, 0
    for file in archive.head.registry.values():
        with _noting(problems, archive):
            archive.table(file)
    for day in archive.head.days:
        sums: dict[str, Whole] = {}
        read: list[Day] = []
        with _noting(problems, archive):
            read = archive.generations(day)
        if not read:
            unread |= {f"facts/{name}/day={day}" for name in layout.BY_NAME} | {f"days/{day}"}
        for one in read:
            path = layout.day_file(day, one.generation)
            named |= {path, *(part.file.path for part in one.files)}
            for part in one.files:
                with _noting(problems, archive):
                    problems += _part(archive, day, part)
                files, rows, size = files + 1, rows + part.file.rows, size + part.file.bytes
            sums = {name: manifests.whole(one.files, sums, name) for name in layout.BY_NAME}
            if sums != one.series:
                problems.append(Problem(path, "its files do not add up to what it says"))
        advance(total=len(archive.head.days))
    for folder in ("facts", "days"):
        strange = set(archive.storage.listed(folder)) - named
        problems += [Problem(one, "no manifest names it") for one in sorted(strange) if not _below(one, unread)]
    return Seen(problems, files, rows, size)


def _below(path: str, folders: set[str]) -> bool:
    parts = path.split("/")
    return any("/".join(parts[:count]) in folders for count in range(1, len(parts)))


def complete(archive: Archive, connection: psycopg.Connection) -> Iterator[Problem]:
    """Where rows or content of a day differ from what the database counts and hashes by itself, as of then."""
    head = archive.head
    by_mark: dict[Mark, list[date]] = {}
    for day, named in head.days.items():
        by_mark.setdefault(named.known, []).append(day)
    for mark, days in by_mark.items():
        for series in layout.SERIES:
            wholes = store.wholes(connection, series, days[0], days[-1] + timedelta(days=1), mark)
            for day in days:
                is_, must = archive.day(day).series[series.name], wholes.get(day, Whole(0, digests.NOTHING))
                if is_.rows != must.rows:
                    yield Problem(f"{day} {series.name}", f"{is_.rows} rows; the store has {must.rows}")
                elif is_ != must:
                    yield Problem(f"{day} {series.name}", f"{is_.rows} rows, but not the store's")
    earliest = store.earliest(connection, head.known, None)
    if earliest is not None and (not head.days or earliest < min(head.days)):
        yield Problem("days", f"they begin {min(head.days, default='never')}; the store's facts begin {earliest}")


def _heads(archive: Archive) -> Iterator[Problem]:
    number, before = archive.head.number, archive.head.before
    while number:
        number -= 1
        path = layout.head_file(number)
        try:
            text = archive.checked(path, before)
        except Refusal as refusal:
            yield _said(refusal)
            return
        before = manifests.decoded(text, Head).before


def _part(archive: Archive, day: date, named: Rows) -> Iterator[Problem]:
    path, series = named.file.path, layout.BY_NAME[named.series]
    table = archive.table(named.file)
    if table.schema.remove_metadata() != series.schema:
        yield Problem(path, "its columns are not those of the archive")
        return
    days = pc.cast(pc.cast(table[series.day_by], pa.timestamp("us")), pa.date32(), safe=False)
    if len(table) != named.file.rows or pc.any(pc.not_equal(days, pa.scalar(day))).as_py():
        yield Problem(path, "it holds other rows than its manifest says")
    elif digests.of_rows(table, series) != named.digest:
        yield Problem(path, "its content digest is another one")


@contextmanager
def _noting(problems: list[Problem], archive: Archive) -> Iterator[None]:
    """Note what cannot be read, and go on behind it."""
    try:
        yield
    except Refusal as refusal:
        problems.append(_said(refusal))
    except (msgspec.DecodeError, pa.ArrowException) as error:
        problems.append(Problem(archive.storage.url, " ".join(str(error).split())))


def _said(refusal: Refusal) -> Problem:
    path, seen = refusal.seen.split(" ", 1)
    return Problem(path, seen)
