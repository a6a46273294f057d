"""Writing: what the store has recorded since the last time goes into the archive, day by day, and nothing is edited.

A day that is written for the second time gets a further generation of files with what came in since. The last file
that is written is the head; what no head names does not count, so a writing that was cut off is simply repeated.
"""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import psycopg

from chargewatch import bulk, database
from chargewatch.errors import Refusal
from registry import snapshot
from uptime.archive import digests, layout, manifests, registering, store
from uptime.archive.bucketing import Read, by_bucket
from uptime.archive.layout import SERIES, SESSION, Series
from uptime.archive.manifests import Day, Head, Mark, Named, Rows
from uptime.archive.opening import Archive
from uptime.archive.parquet import put
from uptime.archive.storage import Storage
from uptime.contests import granted


def write(
    connection: psycopg.Connection,
    url: str,
    *,
    first: date | None = None,
    last: date | None = None,
    buckets: int | None = None,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> Archive:
    """Bring the archive up to what the store knows of the UTC days [first, last), by default of every ended one."""
    storage = Storage.at(url)
    before = Archive.newest(storage)
    _same(before, buckets, database.is_rehearsal(connection))
    known = store.mark(connection)
    if before is not None and before.head.known.as_of > known.as_of:
        raise Refusal(
            f"{url} knows more than this store: {before.head.known.as_of}", "the store that it was written from"
        )
    earliest = store.earliest(connection, known, before.head.known if before else None)
    earliest = min((day for day in (earliest, before.head.earliest if before else None) if day), default=None)
    first, last = _days(before, earliest, known, first, last)
    head = before.head if before else None
    number = head.number + 1 if head else 0
    if head is None:
        storage.write("README.md", (Path(__file__).parent / "about.md").read_bytes())
    count = head.buckets if head else buckets or layout.BUCKETS
    homes = registering.homes(store.homes(connection), count)
    registry = snapshot.load(connection, known.as_of)
    tables = registering.written(registry, granted(connection, known.as_of), homes)
    named = dict(head.days) if head else {}
    due = _due(connection, named, first, last, known)
    with bulk.tables(database.dsn()) as read:
        for day in [first + timedelta(days=nth) for nth in range((last - first).days)]:
            if day in due:
                named[day] = _write_day(read, storage, before, day, known, due[day], homes)
            named[day] = msgspec.structs.replace(named[day], known=known)
            advance(total=(last - first).days)
    files = {name: put(storage, layout.registry_file(number, name), table) for name, table in tables.items()}
    written = Head(
        layout.FORMAT, number, before.sha256 if before else "", count, database.is_rehearsal(connection), known,
        earliest, dict(sorted(named.items())), files,
    )  # fmt: skip
    text = manifests.encoded(written)
    storage.write(layout.head_file(number), text)
    return Archive(storage, written, manifests.sha256(text))


_Latest = dict[Series, Any]


def _due(
    connection: psycopg.Connection, named: dict[date, Named], first: date, last: date, known: Mark
) -> dict[date, _Latest]:
    """Days that need a (further) generation; of each series the latest `at` of the rows that are new."""
    days = [first + timedelta(days=nth) for nth in range((last - first).days)]
    new, old = [day for day in days if day not in named], [day for day in days if day in named]
    due: dict[date, _Latest] = {day: {} for day in new}
    asked: list[tuple[Series, list[date], Mark | None]] = [(SESSION, new, None)] if new else []
    if old:
        oldest = min((named[day].known for day in old), key=lambda mark: mark.as_of)
        asked += [(series, old, oldest) for series in SERIES]
    for series, among, since in asked:
        found = store.days_with_news(connection, series, among[0], among[-1] + timedelta(days=1), known, since)
        for day in set(found) & set(among):
            due.setdefault(day, {})[series] = found[day]
    return due


def _write_day(
    read: Read, storage: Storage, before: Archive | None, day: date, known: Mark, latest: _Latest, homes: pd.DataFrame
) -> Named:
    earlier = before.day(day) if before and day in before.head.days else None
    since = before.head.days[day].known if before and earlier else None
    generation = earlier.generation + 1 if earlier else 0
    files: list[Rows] = []
    for series in SERIES:
        wanted = store.Wanted(series, day, known, since, latest.get(series) if series is SESSION else None)
        if series is SESSION and wanted.latest is None:
            continue
        for bucket, rows, also in by_bucket(read, wanted, homes):
            file = put(storage, layout.facts_file(series.name, day, bucket, generation), rows, series)
            files.append(Rows(file, series.name, bucket, digests.of_rows(rows, series), also))
    if earlier is not None and not files:
        return before.head.days[day]  # type: ignore[union-attr]
    sums = {one.name: manifests.whole(tuple(files), earlier.series if earlier else {}, one.name) for one in SERIES}
    previous = before.head.days[day].sha256 if before and earlier else ""
    text = manifests.encoded(Day(day, generation, known, previous, tuple(files), sums))
    storage.write(layout.day_file(day, generation), text)
    return Named(generation, manifests.sha256(text), known)


def _same(before: Archive | None, buckets: int | None, rehearsal: bool) -> None:
    if before is None:
        return
    if buckets not in (None, before.head.buckets):
        raise Refusal(f"the archive has {before.head.buckets} buckets", "the same number, or a new archive")
    if before.head.rehearsal != rehearsal:
        raise Refusal("archive and store are not both rehearsals", "the store that the archive was written from")


def _days(
    before: Archive | None, earliest: date | None, known: Mark, first: date | None, last: date | None
) -> tuple[date, date]:
    """The days asked for, or every ended one since the store's first fact; they must join those that are there."""
    today = known.as_of.date()
    there = sorted(before.head.days) if before else []
    first = first or min([one for one in (earliest, *there[:1]) if one is not None], default=today)
    last = last or max([today, *([there[-1] + timedelta(days=1)] if there else [])])
    if last > today:
        raise Refusal(f"{last - timedelta(days=1)} has not ended in UTC", f"--to-day {today} or earlier")
    if first >= last:
        raise Refusal(f"no day lies from {first} to {last}", "a day that has ended, and facts of it")
    if there and (first > there[-1] + timedelta(days=1) or last < there[0]):
        raise Refusal(f"between {first} and what is archived a day is missing", "days that join those there")
    return first, last
