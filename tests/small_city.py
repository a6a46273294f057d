"""A city of one operator with one charger of two connectors, told day by day: registry tables and capture files."""

import json
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from chargewatch.output import Format

ZONE = ZoneInfo("Asia/Shanghai")
CONNECTORS = ("C1-1", "C1-2")
EVERY = timedelta(hours=12)  # the reporting interval agreed: few heartbeats tell a long story

_TABLES: dict[str, dict[str, str]] = {
    "operators": {
        "operator_id": "A", "name": "甲", "legal_form": "limited", "business_scope": "yes", "credit_good": "yes",
        "management_system": "yes", "maintenance_team": "yes", "platform_commitment": "yes",
        "reporting_interval_min": "720", "admitted_on": "2022-01-01",
    },
    "stations": {
        "operator_id": "A", "station_id": "S1", "name": "一", "district": "lucheng", "category": "public",
        "open_to_public": "yes", "platform_managed_from": "2022-01-01",
    },
    "chargers": {
        "operator_id": "A", "charger_id": "C1", "station_id": "S1", "serial_no": "SN1", "kind": "dc",
        "rated_kw_dc": "60", "form": "integrated", "completed_on": "2022-05-01", "accepted_on": "2022-05-10",
        "commissioned_on": "2022-06-01",
    },
}  # fmt: skip


def local(day: date, hour: float = 0) -> datetime:
    """That hour of that policy day."""
    return datetime.combine(day, time(), ZONE) + timedelta(hours=hour)


class SmallCity:
    """Writes into `folder` and takes in through the program's own doors, into the store that CHARGEWATCH_DSN names."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.seq, self.files = folder, 0, 0

    def register(self, **chargers: str) -> None:
        """Import the registry, with other values of the charger's row where given."""
        from registry.commands import import_
        from registry.tables import DEFAULT_TIME_ZONE

        self.files += 1
        folder = self.folder / f"registry-{self.files}"
        folder.mkdir()
        for name, row in _TABLES.items():
            told = {**row, **chargers} if name == "chargers" else row
            (folder / f"{name}.csv").write_text(f"{','.join(told)}\n{','.join(told.values())}\n")
        rows = [f"A,{connector},C1,dc,60" for connector in CONNECTORS]
        (folder / "connectors.csv").write_text("\n".join(["operator_id,connector_id,charger_id,kind,rated_kw", *rows]))
        import_(folder, Format.json, DEFAULT_TIME_ZONE)

    def message(self, kind: str, at: datetime, *items: dict[str, Any], boot: str = "boot") -> dict[str, Any]:
        """One message as a line of a capture file, sent and received at `at`."""
        payload = {
            "schema": f"ev.{kind}/1", "msg_id": f"m{self.seq}", "boot_id": boot, "seq": self.seq,
            "sent_at": at.isoformat(), "items": items,
        }  # fmt: skip
        self.seq += 1
        return {"received_at": at.isoformat(), "topic": f"ev/1/A/{kind}", "payload": payload}

    def status(self, at: datetime, status: str, *connectors: str, boot: str = "boot") -> dict[str, Any]:
        """A status of some connectors (all, if none is named)."""
        items = [{"connector_id": one, "at": at.isoformat(), "status": status} for one in connectors or CONNECTORS]
        return self.message("status", at, *items, boot=boot)

    def heartbeats(self, start: datetime, end: datetime) -> Iterator[dict[str, Any]]:
        """Proof of life of all connectors from `start` to `end`, that included."""
        at = start
        while at <= end:
            yield self.message("heartbeat", at, {"connector_ids": list(CONNECTORS), "at": at.isoformat()})
            at += EVERY

    def session(
        self, start: datetime, hours: float, energy: str, session_id: str, meter: str, sent: datetime | None = None
    ) -> dict[str, Any]:
        """A finished order at the first connector, with registers that agree; sent at its end if nothing is said."""
        end = start + timedelta(hours=hours)
        after = f"{float(meter) + float(energy):.3f}"
        item = {
            "session_id": session_id, "connector_id": CONNECTORS[0], "start": start.isoformat(),
            "end": end.isoformat(), "energy_kwh": Number(energy), "meter_start_kwh": Number(meter),
            "meter_end_kwh": Number(after),
        }  # fmt: skip
        return self.message("session", sent or end, item)

    def ingest(self, *messages: dict[str, Any]) -> None:
        """Take these messages in, in this order."""
        from collector.commands import ingest

        self.files += 1
        file = self.folder / f"capture-{self.files}.ndjson"
        file.write_text("".join(json.dumps(message) + "\n" for message in messages))
        ingest([file], Format.json)


class Number(float):
    """A number that JSON shows as it was written."""

    def __new__(cls, text: str) -> "Number":
        number = super().__new__(cls, text)
        number.text = text
        return number

    text: str

    def __repr__(self) -> str:
        return self.text
