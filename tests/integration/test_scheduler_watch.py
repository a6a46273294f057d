"""The live view of connectors and links, from the facts as they are stored."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from chargewatch.database import connect
from scheduler import watch
from tests.small_city import ZONE, SmallCity, local
from uptime.settings import load

DAY = date(2023, 6, 10)


@pytest.fixture
def city(tmp_path: Path) -> SmallCity:
    return SmallCity(tmp_path)


def states() -> dict[str, int]:
    with connect() as conn:
        counts = watch.connectors_by_state(conn, ZONE, load())
    assert {operator for operator, _ in counts} <= {"A"}
    return {state: number for (_, state), number in counts.items()}


def test_a_connector_that_never_spoke_is_no_data(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(city.status(local(DAY), "available", "C1-1"))
    assert states() == {"serving": 1, "no_data": 1}


def test_silence_is_seen_after_twice_the_interval_and_bad_states_stand(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(city.status(local(DAY), "available"), city.status(local(DAY, 1), "faulted", "C1-2"))
    clock = city.message("heartbeat", local(DAY, 24), {"connector_id": "C1-2", "at": local(DAY, 24).isoformat()})
    city.ingest(clock)
    assert states() == {"serving": 1, "faulted": 1}  # 24 h after the last sign: exactly twice 12 h
    later = local(DAY, 24) + timedelta(seconds=1)
    city.ingest(city.message("heartbeat", later, {"connector_id": "C1-2", "at": later.isoformat()}))
    assert states() == {"no_data": 1, "faulted": 1}


def test_heartbeats_do_not_revive_what_was_silent_for_a_day(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    start = local(DAY)
    city.ingest(city.status(start, "available"), *city.heartbeats(start, start + timedelta(days=6)))
    assert states() == {"serving": 2}  # day by day, from heartbeat to heartbeat
    back = start + timedelta(days=8)
    city.ingest(*city.heartbeats(back, back + timedelta(hours=12)))
    assert states() == {"no_data": 2}
    sample = back + timedelta(hours=13)
    item = {"connector_id": "C1-1", "at": sample.isoformat(), "energy_kwh": 1}
    city.ingest(city.message("meter", sample, item))
    assert states() == {"serving": 1, "no_data": 1}


def test_a_session_is_a_sign_of_life(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(city.status(local(DAY), "available"), city.session(local(DAY, 40), 2, "10", "s", "5"))
    assert states() == {"serving": 1, "no_data": 1}


def test_a_retired_charger_is_not_shown(rehearsal_dsn: str, city: SmallCity) -> None:
    city.register()
    city.ingest(city.status(local(DAY), "available"))
    city.register(retired_on="2023-06-10")
    assert states() == {}


def test_links_show_the_last_word(embedded_dsn: str) -> None:
    with connect() as conn:
        for nth, (operator, state) in enumerate([("A", "ready"), ("B", "ready"), ("A", "lost")]):
            conn.execute(
                "INSERT INTO link_event SELECT %s, 'b', %s, t, t FROM (SELECT clock_timestamp() + %s AS t) AS clock",
                [operator, state, timedelta(seconds=nth)],
            )
        assert watch.links(conn) == {"A": False, "B": True}
