"""A small simulated city, made harder, and its archive: what arrives late is written into it the second time."""

import csv
import gzip
import json
import os
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg

from chargewatch import database
from chargewatch.output import Format
from collector.commands import ingest
from registry.commands import import_
from registry.tables import DEFAULT_TIME_ZONE
from simulators.commands import simulate
from uptime.archive import writing
from uptime.archive.layout import Series
from uptime.archive.opening import Archive

FIRST, LAST = "2023-06-01", date.fromisoformat(os.environ.get("ARCHIVE_LAST", "2023-06-03"))
STATIONS = int(os.environ.get("ARCHIVE_STATIONS", "6"))
DAY = datetime(2023, 6, 1, tzinfo=UTC)


@dataclass(frozen=True)
class City:
    folder: Path
    earlier: Archive
    archive: Archive


def build(folder: Path) -> City:
    """Simulate, take in all but what is late, archive; take in the rest, archive again."""
    capture = folder / "c.ndjson.gz"
    tables = folder / "r"
    simulate(
        registry=tables, truth=folder / "t.json", capture=capture, seed=23, from_day=FIRST, to_day=str(LAST),
        stations=STATIONS,
    )  # fmt: skip
    operator, one, other, stranger = _together(tables)
    import_(tables, Format.json, DEFAULT_TIME_ZONE)
    everything = [json.loads(line) for line in gzip.decompress(capture.read_bytes()).splitlines()]
    end = str(LAST + timedelta(days=3))  # the simulator goes on for weeks
    messages = [one for one in everything if one["received_at"] < end]
    told = _Told(operator, [*one, *other, stranger])
    late = [one for one in messages if _is_late(one)] + told.late()
    _ingest(folder / "in-time.ndjson", [one for one in messages if not _is_late(one)] + told.in_time())
    with database.connect() as connection:
        earlier = writing.write(connection, str(folder / "archive"), buckets=15)
    _ingest(folder / "late.ndjson", late)
    with database.connect() as connection:
        return City(folder, earlier, writing.write(connection, str(folder / "archive")))


def _is_late(message: dict[str, Any]) -> bool:
    """Some of the first days."""
    return bool(message["received_at"] < "2023-06-04" and len(json.dumps(message)) % 9 == 0)


def _together(registry: Path) -> tuple[str, list[str], list[str], str]:
    """Make two chargers of one operator serve one at a time, and move a connector from one to the other, elsewhere."""
    chargers, connectors = (_rows(registry / f"{name}.csv") for name in ("chargers", "connectors"))
    guns: dict[tuple[str, str], list[str]] = {}
    for row in connectors:
        guns.setdefault((row["operator_id"], row["charger_id"]), []).append(row["connector_id"])
    pairs = [row for row in chargers if len(guns[row["operator_id"], row["charger_id"]]) == 2]
    first, second = next(
        (one, two) for one in pairs for two in pairs
        if one["operator_id"] == two["operator_id"] and one["station_id"] < two["station_id"]
    )  # fmt: skip
    operator = first["operator_id"]
    for row in (first, second):
        row["simultaneous"] = "no"
    one, other = (guns[operator, row["charger_id"]] for row in (first, second))
    row = next(row for row in connectors if (row["operator_id"], row["connector_id"]) == (operator, one[1]))
    connectors.append({**row, "charger_id": second["charger_id"], "valid_from": "2023-06-03"})
    stranger = next(
        row["connector_id"] for row in connectors
        if row["operator_id"] == operator and row["connector_id"] not in (*one, *other)
    )  # fmt: skip
    _write(registry / "chargers.csv", chargers)
    _write(registry / "connectors.csv", [{"valid_from": "", **row} for row in connectors])
    return operator, one, other, stranger


@dataclass
class _Told:
    """Messages of one operator that bring out every rule: late good news, a charger in use, orders at two places."""

    operator: str
    connectors: list[str]

    def in_time(self) -> list[dict[str, Any]]:
        a, b, c, _, _ = self.connectors
        noon, two = DAY + timedelta(hours=36), DAY + timedelta(hours=38)
        return [
            self._message("status", DAY, [self._status(one, DAY, "available") for one in self.connectors]),
            self._message("status", noon, [self._status(b, noon, "charging"), self._status(a, noon, "unavailable")]),
            self._message("status", two, [self._status(b, two, "available")]),
            self._message("status", noon, [self._status(c, noon, "faulted")]),
            self._session([a, self.connectors[3]], DAY + timedelta(hours=20), 9, "11.123456789", "two-places"),
        ]

    def late(self) -> list[dict[str, Any]]:
        c, other = self.connectors[2], self.connectors[4]
        after = DAY + timedelta(hours=36, minutes=1)
        start = DAY + timedelta(hours=30)
        return [
            self._message("status", after + timedelta(hours=40), [self._status(c, after, "available")]),
            self._message("status", start, [self._status(other, start, "offline")]),
            self._session([c, other], start, 5, "7.5", "late"),
            self._session([c, other], start, 5, "7.25", "late", revision=1),
        ]

    def _status(self, connector: str, at: datetime, status: str) -> dict[str, Any]:
        return {"connector_id": connector, "at": at.isoformat(), "status": status}

    def _session(
        self, connectors: list[str], start: datetime, hours: int, energy: str, name: str, revision: int = 0
    ) -> dict[str, Any]:
        end = start + timedelta(hours=hours)
        item = {
            "session_id": name, "connector_ids": connectors, "start": start.isoformat(), "end": end.isoformat(),
            "energy_kwh": float(energy), "meter_start_kwh": 0, "meter_end_kwh": float(energy), "revision": revision,
        }  # fmt: skip
        return self._message("session", end, [item])

    def _message(self, kind: str, sent: datetime, items: list[dict[str, Any]]) -> dict[str, Any]:
        seq = next(_numbers)
        payload = {
            "schema": f"ev.{kind}/1", "msg_id": f"told-{seq}", "boot_id": "told", "seq": seq,
            "sent_at": sent.isoformat(), "items": items,
        }  # fmt: skip
        return {"received_at": sent.isoformat(), "topic": f"ev/1/{self.operator}/{kind}", "payload": payload}


_numbers = iter(range(1_000_000, 2_000_000))


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def _write(file: Path, rows: list[dict[str, str]]) -> None:
    with file.open("w", newline="", encoding="utf-8") as text:
        writer = csv.DictWriter(text, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _ingest(file: Path, messages: list[dict[str, Any]]) -> None:
    file.write_text("".join(json.dumps(message) + "\n" for message in messages))
    ingest([file], Format.json)


def count(connection: psycopg.Connection, series: Series, last: date) -> int:
    """Rows of a table of facts up to that UTC day's end."""
    row = connection.execute(
        f"SELECT count(*) FROM {series.name}_fact WHERE {series.day_by} < %s".encode(), [last + timedelta(days=1)]
    ).fetchone()
    assert row is not None
    return int(row[0])
