"""The benchmark's city: a registry of many connectors, and messages of contract 1 in which no item ever repeats."""

from array import array
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

OPERATORS = ("330302001", "330302002", "330302003")
CONNECTORS = 30_000
KINDS = ("status", "meter", "heartbeat")
STATUSES = ("available", "preparing", "charging", "suspended_ev", "finishing", "faulted")

_EACH = CONNECTORS // len(OPERATORS)
_LOCAL = timezone(timedelta(hours=8))

REGISTRY = {
    "operators": "operator_id,name,legal_form,business_scope,credit_good,management_system,maintenance_team,"
    "platform_commitment,admitted_on",
    "stations": "operator_id,station_id,name,district,category,open_to_public",
    "chargers": "operator_id,charger_id,station_id,serial_no,kind,rated_kw_dc,commissioned_on",
    "connectors": "operator_id,connector_id,charger_id,kind,rated_kw",
}


def write_registry(folder: Path) -> None:
    """The tables of contract 3 of the whole city, one connector a charger."""
    rows: dict[str, list[str]] = {table: [header] for table, header in REGISTRY.items()}
    for operator in OPERATORS:
        rows["operators"].append(f"{operator},{operator},limited,yes,yes,yes,yes,yes,2022-01-01")
        rows["stations"].append(f"{operator},S1,S1,lucheng,public,yes")
        for n in range(_EACH):
            rows["chargers"].append(f"{operator},C{n:05},S1,SN{operator}-{n:05},dc,60,2022-06-01")
            rows["connectors"].append(f"{operator},C{n:05}-1,C{n:05},dc,60")
    folder.mkdir()
    for table, lines in rows.items():
        (folder / f"{table}.csv").write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class Run:
    """Messages of one kind ("mix": all in turn), with so many items each, and a field that no contract knows."""

    kind: str
    items: int
    messages: int
    padding_bytes: int = 0


class Load:
    """Messages as MQTT 3.1.1 PUBLISH packets of QoS 1, ready to be written to a socket one after another."""

    def __init__(self, boot_id: str, packets: bytes, lengths: "array[int]", rows: int, largest: int) -> None:
        self.boot_id, self.packets, self.lengths, self.rows, self.largest = boot_id, packets, lengths, rows, largest

    @property
    def messages(self) -> int:
        """How many."""
        return len(self.lengths)

    def save(self, path: Path) -> None:
        """For the publishing process: the packets, and their lengths beside them."""
        path.write_bytes(self.packets)
        with path.with_suffix(".lengths").open("wb") as file:
            self.lengths.tofile(file)


class City:
    """Says new things about its connectors, whatever is asked for and however often."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(_LOCAL).replace(microsecond=0) - timedelta(hours=2)
        self._said = dict.fromkeys(OPERATORS, 0)
        self._times: dict[int, str] = {}
        self._loads = 0

    def load(self, *plan: Run) -> Load:
        """Messages of a plan, in its order. Operators take turns."""
        self._loads += 1
        boot_id, packets, lengths, rows, largest = f"load-{self._loads}", [], array("I"), 0, 0
        index = 0
        for run in plan:
            rows += run.items * run.messages
            padding = "x" * run.padding_bytes
            for _ in range(run.messages):
                operator = OPERATORS[index % len(OPERATORS)]
                chosen = KINDS[index // len(OPERATORS) % len(KINDS)] if run.kind == "mix" else run.kind
                payload = self._payload(operator, chosen, boot_id, index // len(OPERATORS), run.items, padding)
                packet = _publish(f"ev/1/{operator}/{chosen}".encode(), payload, index % 65535 + 1)
                packets.append(packet)
                lengths.append(len(packet))
                largest = max(largest, len(payload))
                index += 1
        return Load(boot_id, b"".join(packets), lengths, rows, largest)

    def _payload(self, operator: str, kind: str, boot_id: str, seq: int, items: int, padding: str) -> bytes:
        first = self._said[operator]
        self._said[operator] += items
        places = range(first, first + items)
        if kind == "status":
            told = ", ".join(
                f'{{"connector_id": "C{n % _EACH:05}-1", "at": "{self._time(n // _EACH)}",'
                f' "status": "{STATUSES[n % len(STATUSES)]}"}}'
                for n in places
            )
        elif kind == "meter":
            told = ", ".join(self._sample(n) for n in places)
        elif items == 1:
            told = f'{{"at": "{self._time(first // _EACH)}", "connector_id": "C{first % _EACH:05}-1"}}'
        else:
            # One time for the whole list, so the list is cut where the city has been gone round.
            told = ", ".join(
                f'{{"at": "{self._time(lap)}", "connector_ids": ['
                + ", ".join(f'"C{n % _EACH:05}-1"' for n in places if n // _EACH == lap)
                + "]}"
                for lap in sorted({first // _EACH, (first + items - 1) // _EACH})
            )
        more = f', "remark": "{padding}"' if padding else ""
        return (
            f'{{"schema": "ev.{kind}/1", "msg_id": "{boot_id}-{operator}-{seq}", "boot_id": "{boot_id}", "seq": {seq},'
            f' "sent_at": "{self._time(first // _EACH)}", "items": [{told}]{more}}}'
        ).encode()

    def _sample(self, n: int) -> str:
        # Registers hardly repeat between connectors; powers and currents do, the rest does much.
        lap, connector = divmod(n, _EACH)
        return (
            f'{{"connector_id": "C{connector:05}-1", "at": "{self._time(lap)}",'
            f' "energy_kwh": {1000 + connector * 37 % 50_000}.{(connector * 7 + lap * 53) % 1000:03},'
            f' "power_kw": {(connector * 13 + lap * 7) % 12_000 / 100}, "voltage_v": {380 + (n * 7) % 400 / 10},'
            f' "current_a": {(connector * 11 + lap * 3) % 2500 / 10}, "soc_pct": {n % 100},'
            f' "session_id": "20261123{connector:08}"}}'
        )

    def _time(self, lap: int) -> str:
        text = self._times.get(lap)
        if text is None:
            text = self._times[lap] = (self._start + timedelta(seconds=lap)).isoformat()
        return text


def _publish(topic: bytes, payload: bytes, packet_id: int) -> bytes:
    rest = len(topic).to_bytes(2, "big") + topic + packet_id.to_bytes(2, "big") + payload
    size, length = len(rest), bytearray()
    while True:
        size, digit = divmod(size, 128)
        length.append(digit | 0x80 if size else digit)
        if not size:
            return b"\x32" + bytes(length) + rest
