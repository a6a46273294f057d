"""Small registries and captures for examples: what a person would put into the tables and send over MQTT."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

BEIJING = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

QUALIFIED = {
    "legal_form": "limited", "business_scope": "yes", "credit_good": "yes", "management_system": "yes",
    "maintenance_team": "yes", "platform_commitment": "yes", "admitted_on": "2022-01-01",
}  # fmt: skip


def moment(us: int) -> datetime:
    """Beijing time of µs since 1970."""
    return (EPOCH + timedelta(microseconds=us)).astimezone(BEIJING)


def beijing(text: str) -> datetime:
    """`2023-06-01 10:00` as Beijing time."""
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


@dataclass
class Registry:
    """The contract's registry tables, filled row by row with sensible values for what an example does not name."""

    tables: dict[str, list[dict[str, str]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, table: str, **columns: object) -> None:
        """One row; None is an empty field."""
        self.tables[table].append({name: "" if value is None else str(value) for name, value in columns.items()})

    def operator(self, operator_id: str, **more: object) -> None:
        """An operator that meets 137-四."""
        self.add("operators", **{"operator_id": operator_id, "name": operator_id, **QUALIFIED, **more})

    def station(self, operator_id: str, station_id: str = "S1", **more: object) -> None:
        """A public station in Lucheng under the platform's management."""
        self.add(
            "stations",
            **{
                "operator_id": operator_id, "station_id": station_id, "name": station_id, "district": "lucheng",
                "category": "public", "open_to_public": "yes", "platform_managed_from": "2022-01-01", **more,
            },
        )  # fmt: skip

    def charger(self, operator_id: str, charger_id: str, kind: str, rated_kw: object, **more: object) -> None:
        """An integrated charger at S1 with one connector of the same rating and the charger's id with -1."""
        columns = {
            "operator_id": operator_id, "charger_id": charger_id, "station_id": "S1",
            "serial_no": f"SN{operator_id}{charger_id}", "form": "integrated", "kind": kind,
            f"rated_kw_{kind}": rated_kw, "completed_on": "2022-03-01", "accepted_on": "2022-03-10",
            "commissioned_on": "2022-03-15", **more,
        }  # fmt: skip
        self.add("chargers", **columns)
        self.add(
            "connectors", operator_id=operator_id, connector_id=f"{charger_id}-1", charger_id=charger_id, kind=kind,
            rated_kw=rated_kw,
        )  # fmt: skip

    def write(self, folder: Path) -> Path:
        """All tables as CSV files in one folder."""
        folder.mkdir(parents=True)
        for name, rows in self.tables.items():
            columns = list(dict.fromkeys(column for row in rows for column in row))
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, restval="")
                writer.writeheader()
                writer.writerows(rows)
        return folder


@dataclass
class Capture:
    """Messages with their receipts, in the order of sending."""

    lines: list[dict[str, Any]] = field(default_factory=list)
    seqs: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def send(
        self, operator_id: str, kind: str, items: Sequence[Mapping[str, Any]], received: datetime, boot_id: str = "a"
    ) -> None:
        """One message."""
        seq = self.seqs[operator_id]
        self.seqs[operator_id] += 1
        payload = {
            "schema": f"ev.{kind}/1", "msg_id": f"{operator_id}-{boot_id}-{seq}", "boot_id": boot_id, "seq": seq,
            "sent_at": received.isoformat(), "items": list(items),
        }  # fmt: skip
        self.lines.append(
            {"received_at": received.isoformat(), "topic": f"ev/1/{operator_id}/{kind}", "payload": payload}
        )

    def status(self, operator_id: str, connector_id: str, at: datetime, status: str, received: datetime) -> None:
        """A status, in a message of its own."""
        item = {"connector_id": connector_id, "at": at.isoformat(), "status": status}
        self.send(operator_id, "status", [item], received)

    def heartbeats(self, operator_id: str, connector_id: str, instants: Iterable[datetime]) -> None:
        """Signs of life, a message a day that arrives with the day's last one."""
        days: dict[object, list[datetime]] = defaultdict(list)
        for at in instants:
            days[at.date()].append(at)
        for of_day in days.values():
            items = [{"connector_id": connector_id, "at": at.isoformat()} for at in of_day]
            self.send(operator_id, "heartbeat", items, max(of_day))

    def order(
        self,
        operator_id: str,
        connector_id: str,
        end: datetime,
        energy_kwh: str,
        *,
        register_kwh: str = "100",
        lasting: timedelta = HOUR,
    ) -> str:
        """A finished session with its registers, and what a charger says around one; gives the register after it."""
        start, energy, before = end - lasting, Decimal(energy_kwh), Decimal(register_kwh)
        session_id = f"{connector_id}@{end:%Y%m%dT%H%M%S}"
        for share, at in ((Decimal(0), start), (Decimal("0.5"), start + lasting / 2), (Decimal(1), end)):
            reading = before + (energy * share).quantize(Decimal("0.001"))
            item = {"connector_id": connector_id, "at": at.isoformat(), "energy_kwh": float(reading)}
            self.send(operator_id, "meter", [item], at)
        for at, status in ((start, "charging"), (end, "available")):
            self.status(operator_id, connector_id, at, status, at)
        item = {
            "session_id": session_id, "connector_id": connector_id, "start": start.isoformat(), "end": end.isoformat(),
            "energy_kwh": float(energy), "meter_start_kwh": float(before), "meter_end_kwh": float(before + energy),
        }  # fmt: skip
        self.send(operator_id, "session", [item], end + timedelta(seconds=5))
        return str(before + energy)

    def write(self, file: Path) -> Path:
        """One message a line."""
        file.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")
        return file


def serving_in_june(*chargers: str) -> tuple[Registry, Capture]:
    """Operator A's chargers, each available from 1 June 2023 on and heard of at every midnight until 1 July."""
    start = beijing("2023-06-01 00:00")
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    for charger in chargers:
        registry.charger("A", charger, "dc", 60)
        capture.status("A", f"{charger}-1", start, "available", start)
        capture.heartbeats("A", f"{charger}-1", [start + timedelta(days=nth) for nth in range(31)])
    return registry, capture
