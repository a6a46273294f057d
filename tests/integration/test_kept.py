"""Figures from what is kept are those from the facts, day after day, whatever comes late or changes in the registry."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chargewatch import database
from chargewatch.instants import day_start_us, from_us
from registry import snapshot
from tests.small_city import SmallCity, local
from uptime import keeping, kept, report
from uptime import profile as profiles
from uptime import settings as interval_settings

PROFILE, SETTINGS = profiles.load(), interval_settings.load()
LEVELS = ("city", "operator", "charger", "connector")


@pytest.fixture
def city(dsn: str, tmp_path: Path) -> SmallCity:
    """A city in an official store, on both backends."""
    return SmallCity(tmp_path)


def keep(until: datetime) -> int | None:
    """Keep as if the day that `until` lies in were today; how many connectors were made anew."""
    with database.connect() as connection:
        as_of = database.watermark(connection)
        registry = snapshot.load(connection, as_of)
        with connection.transaction():
            changed = keeping.keep(connection, registry, PROFILE, SETTINGS, as_of, until=until)
    return None if changed is None else len(changed)


def figures(days: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, *, from_kept: bool) -> list[dict[str, Any]]:
    with database.connect() as connection, monkeypatch.context() as patch:
        as_of = database.watermark(connection)
        registry = snapshot.load(connection, as_of)
        city = keeping.City.of(registry, PROFILE, SETTINGS, day_start_us(days[1], PROFILE.zone))
        stands = kept.stands(connection, lambda _: city.bases, PROFILE, SETTINGS, days[1], as_of)
        assert stands == from_kept or not from_kept
        if not from_kept:
            patch.setattr(kept, "stands", lambda *_: False)
        rows = report.compute(
            connection, first_day=days[0], last_day=days[1], by=LEVELS, profile=PROFILE, settings=SETTINGS,
            as_of=as_of, everything=True,
        )  # fmt: skip
    return [{name: value for name, value in row.items() if name != "as_of"} for row in rows]


def test_figures_from_what_is_kept_are_those_from_facts(city: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    first = (datetime.now(UTC) - timedelta(days=40)).date()
    whole = (first, first + timedelta(days=12))

    def day(nth: float, hour: float = 0) -> datetime:
        return local(first, 24 * nth + hour)

    def holds(until: int, made: int | None) -> None:
        assert keep(day(until)) == made
        days = (first, first + timedelta(days=until))
        assert figures(days, monkeypatch, from_kept=True) == figures(days, monkeypatch, from_kept=False)

    city.register()
    city.ingest(city.status(day(0, 5), "available"), *city.heartbeats(day(0, 5), day(3)))
    holds(3, 2)  # the first time all there is
    city.ingest(city.status(day(3, 7), "faulted", "C1-1"), *city.heartbeats(day(3, 5), day(5)))
    holds(5, 2)  # two more days, from what stood
    holds(5, None)
    city.ingest(city.status(day(2, 20), "unavailable", "C1-2", boot="late"))
    assert figures((first, first + timedelta(days=5)), monkeypatch, from_kept=False)
    holds(5, 1)  # one connector, from the standing before
    city.ingest(city.status(day(0, 9), "offline", "C1-1", boot="late"))
    holds(5, 1)  # one connector, from its first item
    city.ingest(*city.heartbeats(day(6, 12), day(7)))
    holds(8, 2)  # silence, and more than a day of it, across days
    city.register(simultaneous="no")
    holds(8, 2)  # another basis: made anew
    city.ingest(city.status(day(8, 1), "charging", "C1-2", boot="b2"), city.status(day(8, 2), "unavailable", "C1-1"))
    holds(10, 2)  # one out of use because the other is in use, across midnight
    city.ingest(city.status(day(10, 3), "available", "C1-2", boot="b3"))
    holds(11, 2)
    city.ingest(*city.heartbeats(day(10, 3), day(11)))
    holds(12, 2)
    with database.connect() as connection:
        rows = connection.execute("SELECT count(*), count(DISTINCT at) FROM standing").fetchone()
        kept_until = kept.state(connection)
    assert rows == (2 * keeping.STANDINGS, keeping.STANDINGS)
    assert kept_until is not None
    assert kept_until.until == from_us(day_start_us(whole[1], PROFILE.zone))


def test_what_was_kept_is_not_used_for_a_time_before_or_beyond_it(city: SmallCity) -> None:
    first = (datetime.now(UTC) - timedelta(days=20)).date()
    city.register()
    city.ingest(city.status(local(first, 5), "available"), *city.heartbeats(local(first, 5), local(first, 24 * 6)))
    with database.connect() as connection:
        earlier = database.watermark(connection)
    city.ingest(city.status(local(first, 50), "faulted"))
    keep(local(first, 24 * 5))
    with database.connect() as connection:
        now = database.watermark(connection)

        def stands(days: int, as_of: datetime) -> bool:
            last = first + timedelta(days=days)
            return kept.stands(connection, lambda _: pytest.fail("asked"), PROFILE, SETTINGS, last, as_of)

        assert stands(5, now)
        assert stands(3, now)
        assert not stands(6, now)
        assert not stands(5, earlier)
        city.ingest(city.status(local(first, 60), "available"))
        assert not stands(5, database.watermark(connection))
        assert stands(2, database.watermark(connection))
