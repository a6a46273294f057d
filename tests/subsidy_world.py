"""A small world for subsidies, told once: as tables for the engine, as CSV and capture file for the program.

Where nothing else is said: operator A meets everything, its public station S1 in lucheng has been managed and heard
since 2022, and a charger was completed, accepted and commissioned in 2022, was first heard on 2023-06-01 and proved
itself by a session on 2023-06-02. All times are Beijing time.
"""

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from chargewatch.instants import to_us
from registry.contents import Registry
from subsidy import entitlement, periods, policy, wording
from subsidy.entitlement import Entitlement
from subsidy.findings import observed
from subsidy.findings.settled import Decision
from uptime import settings

ZONE = ZoneInfo("Asia/Shanghai")
POLICY = policy.load()
SETTINGS = settings.load()
Row = dict[str, Any]

OPERATOR: Row = {
    "operator_id": "A", "name": "甲", "legal_form": "limited", "business_scope": True, "credit_good": True,
    "management_system": True, "maintenance_team": True, "platform_commitment": True, "admitted_on": date(2022, 1, 1),
}  # fmt: skip
STATION: Row = {
    "operator_id": "A", "station_id": "S1", "name": "一", "district": "lucheng", "category": "public",
    "open_to_public": True, "platform_managed_from": date(2022, 1, 1),
}  # fmt: skip
CHARGER: Row = {
    "operator_id": "A", "charger_id": "C1", "station_id": "S1", "form": "integrated", "kind": "dc",
    "completed_on": date(2022, 5, 1), "accepted_on": date(2022, 5, 10), "commissioned_on": date(2022, 6, 1),
}  # fmt: skip


def local(text: str | datetime | date) -> datetime:
    """`2023-06-01 08:00` in Beijing, to the microsecond if need be; a bare day is its start."""
    moment = text if isinstance(text, datetime) else datetime.fromisoformat(str(text))
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


@dataclass(frozen=True)
class Session:
    """One version of an order."""

    operator_id: str
    session_id: str
    connectors: tuple[str, ...]
    start: datetime
    end: datetime
    energy_kwh: Decimal
    registers: tuple[Decimal, Decimal] | None
    received: datetime
    revision: int = 0
    void: bool = False

    @property
    def content(self) -> str:
        """Stands for the content's hash: equal for equal content."""
        said = (self.connectors, self.start, self.end, self.energy_kwh, self.registers, self.void)
        return hashlib.sha256(repr(said).encode()).hexdigest()


@dataclass
class World:
    """Registry rows by table, status items as (operator, connector, at, received), and sessions."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    statuses: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    sessions: list[Session] = field(default_factory=list)
    samples: list[tuple[str, str, datetime, Decimal]] = field(default_factory=list)
    """Meter samples: operator, connector, at, register (kWh); received when they were taken."""
    soc_pct: dict[tuple[str, str, datetime], Decimal] = field(default_factory=dict)
    """States of charge that samples tell, by operator, connector and time."""
    states: list[tuple[str, str, datetime, str]] = field(default_factory=list)
    """Status items beside `statuses`: operator, connector, at, status; received when they were true."""
    decisions: list[Decision] = field(default_factory=list)
    vehicles: dict[str, str] = field(default_factory=dict)
    """Pseudonyms of vehicles by session_id."""

    def add(self, table: str, base: Mapping[str, Any], /, **more: Any) -> Row:
        """Another row: `base` with other values."""
        row = {**base, **more}
        self.tables.setdefault(table, []).append(row)
        return row

    def charger(
        self, connectors: int = 1, connector_kw: Any = None, heard: Any = "2023-06-01 08:00", **more: Any
    ) -> Row:
        """A charger with connectors `ID-1` …; its first status of each connector is at `heard` (None: never)."""
        kw = {
            name: Decimal(str(value))
            for name, value in more.items()
            if name.startswith("rated_kw") and value is not None
        }
        row = self.add("chargers", CHARGER, **{**more, **kw})
        row.setdefault("serial_no", f"SN-{row['operator_id']}-{row['charger_id']}")
        rating = connector_kw or row.get("rated_kw_dc") or row.get("rated_kw_ac") or 60
        for number in range(1, connectors + 1):
            kind = "ac" if row["kind"] == "ac" else "dc"
            names = {"operator_id": row["operator_id"], "charger_id": row["charger_id"], "kind": kind}
            connector = f"{row['charger_id']}-{number}"
            self.add("connectors", names, connector_id=connector, rated_kw=Decimal(str(rating)))
            if heard is not None:
                self.statuses.append((row["operator_id"], connector, local(heard), local(heard)))
        return row

    def session(
        self,
        session_id: str,
        connectors: str | tuple[str, ...],
        start: Any,
        end: Any,
        kwh: Any,
        *,
        operator: str = "A",
        registers: Any = "agree",
        received: Any = None,
        revision: int = 0,
        void: bool = False,
    ) -> Session:
        """An order whose registers agree with its energy, received a minute after its end, if nothing else is said."""
        energy = Decimal(str(kwh))
        if registers == "agree":
            registers = (Decimal(1000), 1000 + energy)
        pair = None if registers is None else (Decimal(str(registers[0])), Decimal(str(registers[1])))
        after = local(received) if received is not None else local(end) + timedelta(minutes=1)
        where = (connectors,) if isinstance(connectors, str) else tuple(connectors)
        told = Session(operator, session_id, where, local(start), local(end), energy, pair, after, revision, void)
        self.sessions.append(told)
        return told

    def prove(self, charger: Row, at: Any = "2023-06-02 10:00") -> None:
        """One proven session at the charger's first connector, an hour long; each with an energy of its own."""
        energy = 1 + Decimal(len(self.sessions)) / 1000
        connector = f"{charger['charger_id']}-1"
        end = local(at) + timedelta(hours=1)
        name = f"proof-{charger['operator_id']}-{charger['charger_id']}"
        self.session(name, connector, at, end, energy, operator=charger["operator_id"])

    def sample(self, connector: str, at: Any, kwh: Any, operator: str = "A", soc: Any = None) -> None:
        """A meter sample."""
        self.samples.append((operator, connector, local(at), Decimal(str(kwh))))
        if soc is not None:
            self.soc_pct[operator, connector, local(at)] = Decimal(str(soc))

    def state(self, connector: str, at: Any, status: str, operator: str = "A") -> None:
        """A status item."""
        self.states.append((operator, connector, local(at), status))

    # the engine's view

    def registry(self) -> Registry:
        """The registry of these rows, complete with operator A and station S1 if there are none."""
        tables = {"operators": [OPERATOR], "stations": [STATION], **self.tables}
        return Registry.of(tables)

    def decide(self, last_day: date, rules: policy.Policy = POLICY) -> Entitlement:
        """What the engine finds due."""
        registry = self.registry()
        connectors = registry.tables["connectors"]
        keys = zip(connectors["operator_id"], connectors["connector_id"], connectors["connector_no"], strict=True)
        number = {(operator, connector): int(no) for operator, connector, no in keys}
        return entitlement.decide(
            registry.tables, self._sessions(number), *self._first_signs(), rules, SETTINGS, last_day,
            self._around(number, rules),
        )  # fmt: skip

    def _around(self, number: Mapping[tuple[str, str], int], rules: policy.Policy) -> entitlement.Around:
        told = [(number[one[0], one[1]], to_us(at), 0) for *one, at, _ in self.statuses]
        told += [
            (number[o, c], to_us(at), int(status in ("faulted", "unavailable"))) for o, c, at, status in self.states
        ]
        statuses = pd.DataFrame(told, columns=["connector", "at_us", "bad"], dtype="int64")
        soc = self.soc_pct
        sampled = [
            (number[o, c], to_us(at), int(kwh * 1_000_000), int(soc.get((o, c, at), Decimal("-0.01")) * 100))
            for o, c, at, kwh in self.samples
        ]
        meters = pd.DataFrame(sampled, columns=["connector", "at_us", "energy_mwh", "soc_bp"], dtype="int64")
        one_a_moment = [
            table.sort_values(["connector", "at_us"], kind="stable").drop_duplicates(
                ["connector", "at_us"], keep="last"
            )
            for table in (meters, statuses)
        ]
        sessions = self._sessions(number)
        slack_us = int(rules.findings.no_sign_inside.slack.value * 1_000_000)
        each = observed.by_connector(sessions)
        seen = observed.by_session(observed.observe(each, *one_a_moment, slack_us), each, len(sessions))
        vehicles = pd.Categorical([self.vehicles.get(one.session_id) for one in self.sessions])
        return entitlement.Around(seen, vehicles, self.decisions)

    def statement(self, period: str, operator: str = "A", rules: policy.Policy = POLICY) -> dict[str, Any]:
        """Contract 4's object for an operator."""
        when = periods.parse(period)
        return wording.statement(self.decide(when.last_day, rules), when, operator, (), rehearsal=False, as_of="")

    def in_force(self, table: str, day: date, **key: str) -> Row | None:
        """The row of a key that holds on a day."""
        tables = {"operators": [OPERATOR], "stations": [STATION], **self.tables}
        rows = [row for row in tables.get(table, []) if all(row[name] == value for name, value in key.items())]
        rows = [row for row in rows if (row.get("valid_from") or date.min) <= day]
        return max(rows, key=lambda row: row.get("valid_from") or date.min, default=None)

    def place(self, operator_id: str, connector_id: str, day: date) -> tuple[str | None, str | None]:
        """Charger and station of a connector on a day."""
        connector = self.in_force("connectors", day, operator_id=operator_id, connector_id=connector_id)
        if connector is None:
            return None, None
        charger = self.in_force("chargers", day, operator_id=operator_id, charger_id=connector["charger_id"])
        if charger is None:
            return connector["charger_id"], None
        station = self.in_force("stations", day, operator_id=operator_id, station_id=charger["station_id"])
        return connector["charger_id"], station["station_id"] if station else None

    def first_row(self, table: str, **key: str) -> Row:
        """The earliest row of a key."""
        tables = {"operators": [OPERATOR], "stations": [STATION], **self.tables}
        rows = [row for row in tables.get(table, []) if all(row[name] == value for name, value in key.items())]
        return min(rows, key=lambda row: row.get("valid_from") or date.min)

    def first_signs(self) -> tuple[dict[tuple[str, str, str], datetime], dict[tuple[str, str], datetime]]:
        """First status at (operator, connector, charger), and first receipt from (operator, station)."""
        items: dict[tuple[str, str, str], datetime] = {}
        receipts: dict[tuple[str, str], datetime] = {}
        heard = [(*status, True) for status in self.statuses]
        for one in self.sessions:
            heard += [(one.operator_id, connector, one.end, one.received, False) for connector in one.connectors]
        for operator_id, connector_id, at, received, is_status in heard:
            charger, station = self.place(operator_id, connector_id, at.astimezone(ZONE).date())
            if charger is not None and is_status:
                key = (operator_id, connector_id, charger)
                items[key] = min(items.get(key, at), at)
            if station is not None:
                where = (operator_id, station)
                receipts[where] = min(receipts.get(where, received), received)
        return items, receipts

    def _first_signs(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        items, receipts = self.first_signs()
        names = ["operator_id", "connector_id", "charger_id", "at_us"]
        return (
            pd.DataFrame([(*key, to_us(at)) for key, at in items.items()], columns=names),
            pd.DataFrame(
                [(*key, to_us(at)) for key, at in receipts.items()],
                columns=["operator_id", "station_id", "received_us"],
            ),
        )

    def _sessions(self, number: Mapping[tuple[str, str], int]) -> pd.DataFrame:
        rows = [
            (
                one.operator_id, one.session_id, one.revision, one.content, to_us(one.received), to_us(one.start),
                to_us(one.end), tuple(sorted(number[one.operator_id, name] for name in one.connectors)),
                one.energy_kwh, *(one.registers or (None, None)), one.void, "b", 0, 0, number_of_row,
            )
            for number_of_row, one in enumerate(self.sessions)
        ]  # fmt: skip
        columns = [
            "operator_id", "session_id", "revision", "content_sha256", "received_us", "started_us", "ended_us",
            "connector_nos", "energy_kwh", "meter_start_kwh", "meter_end_kwh", "void", "boot_id", "seq", "place",
            "message_id",
        ]  # fmt: skip
        whole = ["revision", "received_us", "started_us", "ended_us", "seq", "place", "message_id"]
        frame = pd.DataFrame(rows, columns=columns, dtype=object)
        return frame.astype({**dict.fromkeys(whole, "int64"), "void": bool})

    # the program's view

    def write_registry(self, folder: Path) -> Path:
        """The registry as CSV files in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in {"operators": [OPERATOR], "stations": [STATION], **self.tables}.items():
            columns = sorted({column for row in rows for column in row})
            with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.writer(file)
                writer.writerow(columns)
                writer.writerows([_cell(row.get(column)) for column in columns] for row in rows)
        return folder

    def _order(self, one: Session) -> dict[str, Any]:
        vehicle = self.vehicles.get(one.session_id)
        return _item(one) if vehicle is None else {**_item(one), "vehicle": vehicle}

    def _sample(self, operator_id: str, connector_id: str, at: datetime, kwh: Decimal) -> dict[str, Any]:
        soc = self.soc_pct.get((operator_id, connector_id, at))
        told = {"connector_id": connector_id, "at": at.isoformat(), "energy_kwh": float(kwh)}
        return told if soc is None else {**told, "soc_pct": float(soc)}

    def write_capture(self, file: Path) -> Path:
        """All statuses and sessions as a capture file, one item a message, in the order of their receipts."""
        told = [
            (
                received,
                operator_id,
                "status",
                {"connector_id": connector_id, "at": at.isoformat(), "status": "available"},
            )
            for operator_id, connector_id, at, received in self.statuses
        ]
        told += [(one.received, one.operator_id, "session", self._order(one)) for one in self.sessions]
        told += [(sample[2], sample[0], "meter", self._sample(*sample)) for sample in self.samples]
        told += [
            (at, operator_id, "status", {"connector_id": connector_id, "at": at.isoformat(), "status": status})
            for operator_id, connector_id, at, status in self.states
        ]
        lines = []
        for seq, (received, operator_id, kind, item) in enumerate(sorted(told, key=lambda one: one[:3])):
            payload = {
                "schema": f"ev.{kind}/1", "msg_id": f"m{seq}", "boot_id": "b", "seq": seq,
                "sent_at": received.isoformat(), "items": [item],
            }  # fmt: skip
            message = {"received_at": received.isoformat(), "topic": f"ev/1/{operator_id}/{kind}", "payload": payload}
            lines.append(json.dumps(message, ensure_ascii=False))
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return file


def _item(one: Session) -> dict[str, Any]:
    ids: dict[str, Any] = {"connector_ids": list(one.connectors)}
    if len(one.connectors) == 1:
        ids = {"connector_id": one.connectors[0]}
    registers: dict[str, Any] = {}
    if one.registers is not None:
        registers = {"meter_start_kwh": float(one.registers[0]), "meter_end_kwh": float(one.registers[1])}
    return {
        "session_id": one.session_id, **ids, "start": one.start.isoformat(), "end": one.end.isoformat(),
        "energy_kwh": float(one.energy_kwh), **registers, "revision": one.revision, "void": one.void,
    }  # fmt: skip


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
