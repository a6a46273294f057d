"""The facts of a city straight into the store: what its connectors report on a day, made by the database itself."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import psycopg

from benchmarks.city import REGISTRY
from chargewatch import timeseries

HEARTBEATS, METERS, STATUSES, SESSIONS = 288, 96, 12, 3
"""Of a connector on a day: every 5 minutes, every 15 minutes, four charges of three changes each, three orders."""

PER_DAY = HEARTBEATS + METERS + STATUSES + SESSIONS
_EACH = 50
"""Connectors of a station; a message speaks of as many, as operators' platforms send them."""


def write_registry(folder: Path, connectors: int) -> None:
    """The tables of contract 3: stations of 25 chargers with two connectors each."""
    rows: dict[str, list[str]] = {table: [header] for table, header in REGISTRY.items()}
    rows["operators"].append("OP,OP,limited,yes,yes,yes,yes,yes,2022-01-01")
    for n in range(connectors):
        station, charger = f"S{n // _EACH:05}", f"C{n // 2:07}"
        if n % _EACH == 0:
            rows["stations"].append(f"OP,{station},{station},lucheng,public,yes")
        if n % 2 == 0:
            rows["chargers"].append(f"OP,{charger},{station},SN{charger},dc,60,2022-06-01")
        rows["connectors"].append(f"OP,{charger}-{1 + n % 2},{charger},dc,60")
    folder.mkdir()
    for table, lines in rows.items():
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n")


def write_day(connection: psycopg.Connection, day: date, nth: int) -> int:
    """All facts of a day, as they would have come in; how many."""
    start = datetime.combine(day, time(), UTC)
    for table in ("status_fact", "meter_fact", "heartbeat_fact", "session_fact"):
        timeseries.ensure(connection, table, start, start + timedelta(days=1))
    asked = {"start": start, "id": nth * 10_000_000}
    return sum(connection.execute(query.encode(), asked).rowcount for query in _INSERTS)


def write_status(connection: psycopg.Connection, day: date) -> int:
    """Nothing but the statuses of a day: what stood when the next one began."""
    start = datetime.combine(day, time(), UTC)
    timeseries.ensure(connection, "status_fact", start, start + timedelta(days=1))
    return connection.execute(_STATUS.encode(), {"start": start, "id": 0}).rowcount


# A message is received one to two seconds after the instant that it speaks of, and recorded a little later.
_CAME = """at + interval '1 s' + (hashint8(id) & 1048575) * interval '1 us' AS received_at,
  at + interval '2.1 s' + (hashint8(id) & 1048575) * interval '1 us' AS recorded_at, id"""
_SEEN = f"""SELECT connector_no AS no, (connector_no - 1) / {_EACH} AS station, (connector_no - 1) %% {_EACH} AS place
  FROM connector_keys"""
_HEARTBEAT = f"""
INSERT INTO heartbeat_fact (connector_no, at, received_at, recorded_at, message_id, boot_id, seq, place)
SELECT no, at, received_at, recorded_at, id, 'platform-1', id, 0 FROM (
  SELECT no, at, {_CAME} FROM (
    SELECT no, %(start)s::timestamptz + n * interval '300 s' + (hashint4(station) & 255) * interval '1 s' AS at,
      %(id)s::bigint + n * 20000 + station AS id
    FROM ({_SEEN}) AS c, generate_series(0, {HEARTBEATS - 1}) AS n) AS m) AS f
ORDER BY at, no"""
_METER = f"""
INSERT INTO meter_fact (connector_no, at, energy_kwh, power_kw, voltage_v, current_a, soc_pct, session_id,
  received_at, recorded_at, message_id, boot_id, seq, place)
SELECT no, at, trim_scale(round((no * 1000 + n * 1.213 + (no %% 97) * 0.001)::numeric, 3)),
  CASE WHEN busy THEN trim_scale(round((40 + (hashint8(no * 97 + n) & 2047) / 100.0)::numeric, 2)) ELSE 0 END,
  CASE WHEN busy THEN trim_scale(round((380 + (hashint8(no * 89 + n) & 255) / 10.0)::numeric, 1)) END,
  CASE WHEN busy THEN trim_scale(round((100 + (hashint8(no * 83 + n) & 511) / 10.0)::numeric, 1)) END,
  CASE WHEN busy THEN 20 + n %% 60 END, CASE WHEN busy THEN 'S' || %(id)s::bigint || '-' || no || '-' || n / 24 END,
  received_at, recorded_at, id, 'platform-1', id, place FROM (
  SELECT no, place, n, n %% 24 < 5 AS busy, at, {_CAME} FROM (
    SELECT no, place, n, %(start)s::timestamptz + n * interval '900 s' + (hashint4(no) & 511) * interval '1 s' AS at,
      %(id)s::bigint + 6000000 + n * 20000 + station AS id
    FROM ({_SEEN}) AS c, generate_series(0, {METERS - 1}) AS n) AS m) AS f
ORDER BY at, no"""
_STATUS = f"""
INSERT INTO status_fact (connector_no, at, status, received_at, recorded_at, message_id, boot_id, seq, place)
SELECT no, at, (ARRAY['charging', 'finishing', 'available'])[1 + n %% 3], received_at, recorded_at, id, 'platform-1',
  id, 0 FROM (SELECT no, n, at, {_CAME} FROM (
    SELECT no, n, %(start)s::timestamptz + n / 3 * interval '6 h' + n %% 3 * interval '35 min'
      + (hashint8(no * 31 + n) & 1048575) * interval '1 ms' AS at, %(id)s::bigint + 8000000 + no * {STATUSES} + n AS id
    FROM ({_SEEN}) AS c, generate_series(0, {STATUSES - 1}) AS n) AS m) AS f
ORDER BY at, no"""
_SESSION = f"""
INSERT INTO session_fact (operator_id, session_id, revision, content_sha256, at, started_at, connector_nos, energy_kwh,
  meter_start_kwh, meter_end_kwh, void, body, received_at, recorded_at, message_id, boot_id, seq, place)
SELECT 'OP', name, 0, sha256(name::bytea), at, at - interval '35 min', ARRAY[no], 20.125, no, no + 20.125, false,
  '{{"periods": []}}', received_at, recorded_at, id, 'platform-1', id, 0 FROM (
  SELECT no, at, 'S' || id AS name, {_CAME} FROM (
    SELECT no, %(start)s::timestamptz + n * interval '7 h' + interval '40 min'
      + (hashint8(no * 29 + n) & 1048575) * interval '1 ms' AS at, %(id)s::bigint + 9000000 + no * {SESSIONS} + n AS id
    FROM ({_SEEN}) AS c, generate_series(0, {SESSIONS - 1}) AS n) AS m) AS f
ORDER BY at, no"""
_INSERTS = (_HEARTBEAT, _METER, _STATUS, _SESSION)
