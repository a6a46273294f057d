"""When a station is closed by its published hours: the windows, and every quarter of an hour asked by itself."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from chargewatch.instants import day_start_us, from_us, to_us
from registry.opening_hours import parse
from uptime.opening import closings

QUARTER = 15 * 60 * 1_000_000
ZONES = ("Asia/Shanghai", "Europe/London")
FIRST, DAYS = date(2023, 3, 24), 6  # in London 26 March has 23 hours
HOURS = (
    None, "24/7", "Mo-Su 08:00-22:00", "Mo-Fr 06:00-12:00,14:00-20:30", "Mo-Su 20:00-02:00",
    "Sa 22:00-05:00; Su 09:00-10:00",
)  # fmt: skip
VERSION = st.tuples(
    st.one_of(st.none(), st.integers(0, DAYS).map(lambda day: FIRST + timedelta(days=day))),
    st.sampled_from(HOURS),
    st.integers(-4, DAYS * 96).map(lambda quarter: quarter * QUARTER),
)


def is_closed(versions: list[tuple[date | None, str | None, int]], zone: ZoneInfo, at: int) -> bool:
    """By the hours that were published last before this instant, of the row that holds on its day."""
    day = from_us(at).astimezone(zone).date()
    told = [(held or date.min, recorded, text) for held, text, recorded in versions if recorded <= at]
    holding = [one for one in told if one[0] <= day]
    if not holding:
        return False
    text = max(holding, key=lambda one: one[:2])[2]
    week = parse(text) if text else None
    if week is None:
        return False
    clock = from_us(at).astimezone(zone)
    minute = clock.hour * 60 + clock.minute
    today, yesterday = week[day.weekday()], week[(day.weekday() - 1) % 7]
    return not any(start <= minute < end for start, end in today) and not any(
        start <= minute + 1440 < end for start, end in yesterday
    )


@given(st.lists(VERSION, min_size=1, max_size=4, unique_by=lambda one: (one[0], one[2])), st.sampled_from(ZONES))
def test_closed_is_closed_at_every_quarter(versions: list[tuple[date | None, str | None, int]], name: str) -> None:
    zone = ZoneInfo(name)
    start, end = day_start_us(FIRST, zone), day_start_us(FIRST + timedelta(days=DAYS), zone)
    versions = [(held, text, start + recorded) for held, text, recorded in versions]
    table = pd.DataFrame(
        [(held, text, from_us(recorded)) for held, text, recorded in versions],
        columns=["valid_from", "opening_hours", "recorded_at"],
        dtype=object,
    )
    windows = list(closings(table, zone, start, end))
    assert all(start <= shut < opens <= end and published <= shut for shut, opens, _, published in windows)
    for at in range(start, end, QUARTER):
        covered = sum(shut <= at < opens for shut, opens, _, _ in windows)
        assert covered == is_closed(versions, zone, at), from_us(at).astimezone(zone)


def test_a_night_is_closed_from_the_minute_it_is_published() -> None:
    zone = ZoneInfo("Asia/Shanghai")
    published = datetime(2023, 6, 1, 23, 0, 0, 1, tzinfo=zone)
    table = pd.DataFrame(
        [(None, "Mo-Su 08:00-22:00", published)], columns=["valid_from", "opening_hours", "recorded_at"], dtype=object
    )
    found = list(closings(table, zone, *(day_start_us(date(2023, 6, day), zone) for day in (1, 3))))
    assert [(from_us(shut), from_us(opens)) for shut, opens, _, _ in found] == [
        (published, datetime(2023, 6, 2, tzinfo=zone)),
        (datetime(2023, 6, 2, tzinfo=zone), datetime(2023, 6, 2, 8, tzinfo=zone)),
        (datetime(2023, 6, 2, 22, tzinfo=zone), datetime(2023, 6, 3, tzinfo=zone)),
    ]
    assert {(text, at) for _, _, text, at in found} == {("Mo-Su 08:00-22:00", to_us(published))}
