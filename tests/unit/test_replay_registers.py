"""What real sessions become: registers that rise, statuses that do not contradict each other, energies to the digit."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chargewatch.errors import Refusal
from chargewatch.instants import parse, to_us
from collector import contract
from simulators import real_messages, real_registry
from simulators.feed import MAX_BYTES, MAX_ITEMS, Sender
from simulators.real_sessions import Connector, RealSessions, Session
from simulators.visits import visits

START = datetime(2024, 12, 1, 8, tzinfo=UTC)


def session(name: str, start_min: int, minutes: float, energy: str, connector: str = "C1") -> Session:
    start = START + timedelta(minutes=start_min)
    return Session(name, "OP", connector, to_us(start), to_us(start + timedelta(minutes=minutes)), Decimal(energy))


def connector(name: str = "C1", commissioned_on: date | None = None) -> Connector:
    return Connector("OP", "Operator", "S1", "Station", name, "dc", "50", commissioned_on, "1.0", "45.0")


def real(*sessions: Session, connectors: tuple[Connector, ...] = (connector(),)) -> RealSessions:
    return RealSessions(tuple(sorted(sessions, key=lambda one: one.start_us)), connectors)


def items(made: RealSessions, kind: str, heartbeat_min: int = 60) -> Iterator[dict[str, Any]]:
    decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
    for message in real_messages.messages(made, heartbeat_min):
        if message.topic.endswith(f"/{kind}"):
            yield from decoder.decode(message.payload)["items"]


OVERLAPPING = (
    session("a", 0, 50, "10.001"),
    session("b", 20, 50, "20.5"),
    session("twin", 20, 50, "20.5"),
    session("c", 300, 40.5, "7"),
    session("instant", 400, 0, "0.003"),
    session("touches", 341, 10, "1.000"),
)


def test_each_order_rises_by_its_energy_and_follows_the_one_before() -> None:
    orders = [order for visit in visits(OVERLAPPING) for order in visit.orders]
    register = Decimal()
    for order in orders:
        item = order.item()
        assert item["meter_start_kwh"] == register
        assert item["meter_end_kwh"] - item["meter_start_kwh"] == order.session.energy_kwh
        register = item["meter_end_kwh"]
    assert register == sum(one.energy_kwh for one in OVERLAPPING)


def test_the_register_never_runs_back_and_has_one_reading_an_instant() -> None:
    samples = list(items(real(*OVERLAPPING), "meter"))
    readings = [(parse(item["at"]), Decimal(item["energy_kwh"])) for item in samples]
    assert len(readings) > 10
    assert len({at for at, _ in readings}) == len(readings)
    ordered = sorted(readings)
    assert [kwh for _, kwh in ordered] == sorted(kwh for _, kwh in ordered)
    assert ordered[-1][1] == sum(one.energy_kwh for one in OVERLAPPING)


def test_the_register_shows_what_all_overlapping_sessions_have_delivered() -> None:
    samples = {item["at"][11:16]: Decimal(item["energy_kwh"]) for item in items(real(*OVERLAPPING[:3]), "meter")}
    assert samples["08:15"] == Decimal("3.000")  # 15 of 50 minutes of the first, 10.001 kWh, rounded down
    assert samples["08:50"] == Decimal("10.001") + 2 * Decimal("12.300")
    assert samples["09:10"] == Decimal("51.001")


def test_the_meter_is_read_at_start_end_and_every_quarter_of_an_hour() -> None:
    samples = [(item["at"], item["energy_kwh"]) for item in items(real(session("a", 0, 40, "8")), "meter")]
    assert samples == [
        ("2024-12-01T08:00:00Z", 0),
        ("2024-12-01T08:15:00Z", 3),
        ("2024-12-01T08:30:00Z", 6),
        ("2024-12-01T08:40:00Z", 8),
    ]


def test_overlapping_sessions_are_told_as_one_stay() -> None:
    statuses = [(item["at"][11:19], item["status"]) for item in items(real(*OVERLAPPING[:3]), "status")]
    assert statuses == [
        ("16:00:00", "available"),
        ("07:59:40", "preparing"),
        ("08:00:00", "charging"),
        ("09:10:00", "finishing"),
        ("09:10:30", "available"),
    ]


def test_energies_keep_the_digits_of_the_file() -> None:
    texts = ["36.834", "0.10", "139.1700", "12", "0.1000000000000000055"]
    made = real(*(session(str(n), 60 * n, 30, text) for n, text in enumerate(texts)))
    payloads = b"".join(m.payload for m in real_messages.messages(made, 60) if m.topic.endswith("/session"))
    for text in texts:
        assert f'"energy_kwh":{text},'.encode() in payloads


def test_all_days_move_together_and_commissioning_is_never_after_the_first_session() -> None:
    late, none, early = connector("C1", date(2025, 7, 1)), connector("C2"), connector("C3", date(2023, 1, 31))
    made = real(
        session("a", 0, 30, "1"),
        session("b", 60 * 24, 30, "1", "C2"),
        session("c", 60 * 48, 30, "1", "C3"),
        connectors=(late, none, early),
    ).moved(date(2023, 6, 1))
    assert made.commissioning() == {
        ("OP", "C1"): date(2023, 6, 1),
        ("OP", "C2"): date(2023, 6, 2),
        ("OP", "C3"): date(2021, 7, 31),
    }
    assert made.sessions[0].start_us == to_us(datetime(2023, 6, 1, 8, tzinfo=UTC))


def test_the_first_day_is_one_of_shanghai() -> None:
    evening = Session("a", "OP", "C1", to_us(datetime(2024, 11, 30, 20, tzinfo=UTC)), to_us(START), Decimal(1))
    moved = real(evening).moved(date(2023, 6, 1))
    # 20:00Z is 04:00 of the next day in Shanghai.
    assert moved.sessions[0].start_us == to_us(datetime(2023, 5, 31, 20, tzinfo=UTC))


def test_everything_sent_is_accepted_and_within_the_limits() -> None:
    made = real(*OVERLAPPING, connectors=tuple(connector(f"C{n}") for n in range(1, 1500)))
    directory = contract.Directory({"OP": {one.connector_id: n for n, one in enumerate(made.connectors)}})
    received = 0
    numbers: defaultdict[str | None, list[int | None]] = defaultdict(list)
    accepted = 0
    for message in real_messages.messages(made, 45):
        decoded = contract.decode(
            message.topic, message.payload, datetime.fromtimestamp(message.received_us / 1e6, UTC), directory
        )
        assert not decoded.rejected
        assert len(message.payload) <= MAX_BYTES
        assert decoded.offered <= MAX_ITEMS
        assert message.sent_us < message.received_us
        assert received <= message.received_us
        received = message.received_us
        numbers[decoded.boot_id].append(decoded.seq)
        accepted += decoded.offered
    assert accepted > 10_000
    assert [list(range(len(seqs))) == seqs for seqs in numbers.values()] == [True]


def test_heartbeats_name_every_connector_in_service_at_every_interval() -> None:
    made = real(
        session("a", 0, 30, "1"), session("b", 60 * 24, 30, "1", "C2"), connectors=(connector(), connector("C2"))
    )
    beats = {item["at"]: item["connector_ids"] for item in items(made, "heartbeat", 30)}
    assert len(beats) == 48 * 2
    assert beats["2024-11-30T16:00:00Z"] == ["C1"]
    assert beats["2024-12-01T15:30:00Z"] == ["C1"]
    assert beats["2024-12-01T16:00:00Z"] == ["C1", "C2"]


def test_a_message_holds_as_many_bytes_as_are_allowed_and_no_more() -> None:
    item = {"connector_id": "C1", "at": "2023-06-01T00:00:00Z", "status": "available", "detail": "x" * 1000}
    made = list(Sender("OP", "b").messages("status", [item] * 900, 0, 1))
    assert len(made) > 1
    assert MAX_BYTES - 3000 < max(len(one.payload) for one in made) <= MAX_BYTES


def test_registry_rows_say_what_the_table_does_not() -> None:
    lower = real(session("a", 0, 30, "1"), connectors=(connector("c1"), connector("C1")))
    tables = real_registry.tables(lower, 60)
    assert {row["reporting_interval_min"] for row in tables["operators"]} == {60}
    serials = [str(row["serial_no"]).upper() for row in tables["chargers"]]
    assert len(set(serials)) == len(serials) == 2
    (station,) = tables["stations"]
    assert (station["category"], station["open_to_public"]) == ("public", "yes")
    assert station["district"] in {"lucheng", "longwan", "ouhai", "dongtou", "marine_zone", "economic_zone"}
    assert station["platform_managed_from"] == date(2024, 12, 1)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("1,OP,C1,2024-12-01T09:00:00Z,2024-12-01T08:00:00Z,1", "ends before it starts"),
        ("1,OP,C1,2024-12-01T09:00:00,2024-12-01T10:00:00,1", "times with an offset"),
        ("1,OP,C1,2024-12-01T09:00:00Z,2024-12-01T10:00:00Z,-1", "not negative"),
        ("1,OP,C1,2024-12-01T09:00:00Z,2024-12-01T10:00:00Z,NaN", "not negative"),
        ("1,OP,C9,2024-12-01T09:00:00Z,2024-12-01T10:00:00Z,1", "connector C9"),
        ("1,OP,C1,2024-12-01T09:00:00Z", "too few columns"),
    ],
)
def test_a_row_that_cannot_be_is_named(tmp_path: Path, row: str, told: str) -> None:
    sessions, connectors = tmp_path / "s.csv", tmp_path / "c.csv"
    sessions.write_text(f"session_id,operator_id,connector_id,start,end,energy_kwh\n{row}\n")
    connectors.write_text(
        "operator_id,operator_name,station_id,station_name,connector_id,kind,rated_kw,commissioned_on,longitude,latitude\n"
        "OP,Operator,S1,Station,C1,dc,50,,1,45\n"
    )
    with pytest.raises(Refusal, match=told) as refused:
        RealSessions.read(sessions, connectors)
    assert "s.csv line 2" in str(refused.value)
