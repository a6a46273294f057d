"""Tables of real charging sessions and their connectors, moved by whole days."""

import csv
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Self

from chargewatch.errors import Refusal
from chargewatch.instants import parse, to_us
from simulators.calendar import DAY_US, day_of

SESSION_COLUMNS = ("session_id", "operator_id", "connector_id", "start", "end", "energy_kwh")
CONNECTOR_COLUMNS = (
    *("operator_id", "operator_name", "station_id", "station_name", "connector_id", "kind", "rated_kw"),
    *("commissioned_on", "longitude", "latitude"),
)
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Session:
    """A finished charging session; `energy_kwh` has the digits of the file."""

    session_id: str
    operator_id: str
    connector_id: str
    start_us: int
    end_us: int
    energy_kwh: Decimal

    @property
    def key(self) -> Key:
        """Operator and connector."""
        return self.operator_id, self.connector_id


@dataclass(frozen=True, slots=True)
class Connector:
    """A connector as its row has it; `commissioned_on` is the charger's, None where the row says nothing."""

    operator_id: str
    operator_name: str
    station_id: str
    station_name: str
    connector_id: str
    kind: str
    rated_kw: str
    commissioned_on: date | None
    longitude: str
    latitude: str

    @property
    def key(self) -> Key:
        """Operator and connector."""
        return self.operator_id, self.connector_id


@dataclass(frozen=True, slots=True)
class RealSessions:
    """Sessions by start (then end and id), and the connectors they took place at, by operator and id."""

    sessions: tuple[Session, ...]
    connectors: tuple[Connector, ...]

    @classmethod
    def read(cls, sessions: Path, connectors: Path) -> Self:
        """Both tables (CSV, optionally gzip); Refusal names the first row that cannot be used."""
        places: dict[Key, Connector] = {}
        for where, row in _rows(connectors, CONNECTOR_COLUMNS):
            connector = _connector(where, row)
            if connector.key in places:
                raise Refusal(f"{where} repeats connector {connector.connector_id}", "one row a connector")
            places[connector.key] = connector
        happened = []
        for where, row in _rows(sessions, SESSION_COLUMNS):
            session = _session(where, row)
            if session.key not in places:
                seen = f"{where} has connector {session.connector_id} of operator {session.operator_id}"
                raise Refusal(seen, f"one of the connectors in {connectors.name}")
            happened.append(session)
        if not happened:
            raise Refusal(f"{sessions} has no sessions", "at least one")
        happened.sort(key=lambda one: (one.start_us, one.end_us, one.operator_id, one.session_id))
        return cls(tuple(happened), tuple(places[key] for key in sorted(places)))

    def moved(self, first_day: date) -> Self:
        """The same, all times and days moved by whole days so that the first session starts on `first_day`."""
        days = (first_day - day_of(self.sessions[0].start_us)).days
        by_us, by_days = days * DAY_US, timedelta(days=days)
        return replace(
            self,
            sessions=tuple(
                replace(one, start_us=one.start_us + by_us, end_us=one.end_us + by_us) for one in self.sessions
            ),
            connectors=tuple(
                replace(one, commissioned_on=one.commissioned_on and one.commissioned_on + by_days)
                for one in self.connectors
            ),
        )

    def commissioning(self) -> dict[Key, date]:
        """Commissioning day of each connector's charger: its own or its first session's day, the earlier one.

        A connector with neither counts from the first day of the sessions.
        """
        first: dict[Key, date] = {}
        for session in self.sessions:
            first.setdefault(session.key, day_of(session.start_us))
        fallback = day_of(self.sessions[0].start_us)
        return {
            one.key: min(filter(None, (one.commissioned_on, first.get(one.key))), default=fallback)
            for one in self.connectors
        }


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        opened = gzip.open if path.suffix == ".gz" else open
        with opened(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in columns if name not in (reader.fieldnames or ())]
            if missing:
                raise Refusal(f"{path} lacks the columns {', '.join(missing)}", ", ".join(columns))
            for row in reader:
                where = f"{path.name} line {reader.line_num}"
                if None in row.values() or None in row:
                    raise Refusal(f"{where} has too many or too few columns", f"{len(columns)}")
                yield where, row
    except (OSError, EOFError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Refusal(f"{path} cannot be read: {reason}", "a CSV file, optionally .gz") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise Refusal(f"{path} is no UTF-8 CSV: {error}") from None


def _session(where: str, row: dict[str, str]) -> Session:
    try:
        start, end = to_us(parse(row["start"])), to_us(parse(row["end"]))
    except ValueError:
        raise Refusal(f"{where} has {row['start']!r} to {row['end']!r}", "times with an offset") from None
    if end < start:
        raise Refusal(f"{where} ends before it starts", "end at or after start")
    try:
        energy = Decimal(row["energy_kwh"])
    except InvalidOperation:
        energy = Decimal("NaN")
    if not energy.is_finite() or energy < 0:
        raise Refusal(f"{where} has energy_kwh {row['energy_kwh']!r}", "a number, not negative")
    return Session(row["session_id"], row["operator_id"], row["connector_id"], start, end, energy)


def _connector(where: str, row: dict[str, str]) -> Connector:
    if row["kind"] not in ("dc", "ac"):
        raise Refusal(f"{where} has kind {row['kind']!r}", "dc or ac")
    try:
        own = date.fromisoformat(row["commissioned_on"]) if row["commissioned_on"] else None
    except ValueError:
        raise Refusal(f"{where} has commissioned_on {row['commissioned_on']!r}", "YYYY-MM-DD or nothing") from None
    values = {name: row[name] for name in CONNECTOR_COLUMNS if name != "commissioned_on"}
    return Connector(**values, commissioned_on=own)
