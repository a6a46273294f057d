"""Contract 1, the items: one bad item never costs its neighbours, and the first reason that holds is its reason."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from collector.contract import Decoded, Directory, decode, item

RECEIPT = datetime(2023, 6, 1, 0, 0, 1, tzinfo=UTC)
DIRECTORY = Directory({"op": {"c1": 1, "c2": 2, "c3": 3}, "empty": {}})
AT = "2023-06-01T08:00:00+08:00"
GOOD: dict[str, dict[str, Any]] = {
    "status": {"connector_id": "c1", "at": AT, "status": "charging"},
    "meter": {"connector_id": "c1", "at": AT, "energy_kwh": 12.5},
    "heartbeat": {"connector_id": "c1", "at": AT},
    "session": {
        "session_id": "s1", "connector_id": "c1", "start": "2023-06-01T07:00:00+08:00", "end": AT, "energy_kwh": 12.34,
    },
}  # fmt: skip


def read(kind: str, *items: Any) -> Decoded:
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in items]
    head = b'{"schema":"ev.%b/1","boot_id":"a","seq":0,"sent_at":"%b","items":[' % (kind.encode(), AT.encode())
    return decode(f"ev/1/op/{kind}", head + b",".join(raw) + b"]}", RECEIPT, DIRECTORY)


def changed(kind: str, **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in {**GOOD[kind], **changes}.items() if value is not ...}


def reasons(decoded: Decoded) -> list[str]:
    return [rejected.reason for rejected in decoded.rejected]


BAD = [
    ("status", {"connector_id": ...}, "invalid_item"),
    ("status", {"at": ...}, "invalid_item"),
    ("status", {"at": 1685577600}, "invalid_item"),
    ("status", {"at": "2023-06-01T08:00:00"}, "invalid_item"),
    ("status", {"at": "2023-06-01 08:00:00+08:00"}, "invalid_item"),
    ("status", {"at": "2023-06-01T08:00:00+0800"}, "invalid_item"),
    ("status", {"at": "2023-06-31T08:00:00+08:00"}, "invalid_item"),
    ("status", {"at": "2023-06-01T24:00:00+08:00"}, "invalid_item"),
    ("status", {"at": "9999-12-31T23:59:59-08:00"}, "invalid_item"),
    ("status", {"status": ...}, "invalid_item"),
    ("status", {"status": "Charging"}, "invalid_item"),
    ("status", {"connector_id": ""}, "invalid_item"),
    ("status", {"connector_id": "c 1"}, "invalid_item"),
    ("status", {"connector_id": "c" * 51}, "invalid_item"),
    ("status", {"connector_id": "c1\0"}, "invalid_item"),
    ("status", {"detail": "a\0b"}, "invalid_item"),
    ("status", {"detail": "x" * 1001}, "invalid_item"),
    ("status", {"detail": 5}, "invalid_item"),
    ("status", {"connector_id": "c9"}, "unknown_connector"),
    ("status", {"at": "2023-06-01T08:05:01.000001+08:00"}, "clock_future"),
    ("status", {"at": "2009-12-31T23:59:59Z"}, "implausible"),
    ("status", {"at": "0001-01-01T00:00:00Z"}, "implausible"),
    ("status", {"fault_code": "浙C12345"}, "personal_data"),
    ("status", {"detail": "13812345678"}, "personal_data"),
    ("meter", {"energy_kwh": ...}, "invalid_item"),
    ("meter", {"energy_kwh": None}, "invalid_item"),
    ("meter", {"energy_kwh": True}, "invalid_item"),
    ("meter", {"energy_kwh": "12.5"}, "invalid_item"),
    ("meter", {"energy_kwh": [1]}, "invalid_item"),
    ("meter", {"power_kw": "7"}, "invalid_item"),
    ("meter", {"session_id": ""}, "invalid_item"),
    ("meter", {"session_id": "x" * 101}, "invalid_item"),
    ("meter", {"energy_kwh": -0.001}, "implausible"),
    ("meter", {"energy_kwh": 10**400}, "implausible"),
    ("meter", {"soc_pct": 100.0001}, "implausible"),
    ("meter", {"soc_pct": -1}, "implausible"),
    ("meter", {"power_kw": 10**15}, "implausible"),
    ("heartbeat", {"at": ...}, "invalid_item"),
    ("heartbeat", {"connector_id": ...}, "invalid_item"),
    ("heartbeat", {"connector_id": None}, "invalid_item"),
    ("heartbeat", {"connector_ids": ["c2"]}, "invalid_item"),
    ("heartbeat", {"connector_id": ..., "connector_ids": []}, "invalid_item"),
    ("heartbeat", {"connector_id": ..., "connector_ids": "c1"}, "invalid_item"),
    ("session", {"session_id": ...}, "invalid_item"),
    ("session", {"session_id": ""}, "invalid_item"),
    ("session", {"session_id": "a\nb"}, "invalid_item"),
    ("session", {"connector_id": ...}, "invalid_item"),
    ("session", {"connector_ids": ["c2"]}, "invalid_item"),
    ("session", {"connector_id": ..., "connector_ids": []}, "invalid_item"),
    ("session", {"connector_id": ..., "connector_ids": ["c1", 2]}, "invalid_item"),
    ("session", {"connector_id": ..., "connector_ids": ["c1", "c9"]}, "unknown_connector"),
    ("session", {"revision": -1}, "invalid_item"),
    ("session", {"revision": 2**31}, "invalid_item"),
    ("session", {"revision": "1"}, "invalid_item"),
    ("session", {"void": "yes"}, "invalid_item"),
    ("session", {"periods": {}}, "invalid_item"),
    ("session", {"periods": [{"start": AT, "end": AT}]}, "invalid_item"),
    ("session", {"periods": [{"start": AT, "end": "2023-06-01T07:00:00+08:00", "energy_kwh": 1}]}, "implausible"),
    ("session", {"periods": [{"start": AT, "end": AT, "energy_kwh": -1}]}, "implausible"),
    ("session", {"total_fee": "3"}, "invalid_item"),
    ("session", {"energy_kwh": -1}, "implausible"),
    ("session", {"meter_end_kwh": -1}, "implausible"),
    ("session", {"start": "2023-06-01T08:00:00.000001+08:00"}, "implausible"),
    ("session", {"start": "2009-06-01T08:00:00+08:00"}, "implausible"),
    ("session", {"end": "2023-06-01T08:06:00+08:00"}, "clock_future"),
    ("session", {"vehicle": "LSVAU2180N2183294"}, "personal_data"),
    ("session", {"stop_reason": "+44 7911 123456"}, "personal_data"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes", "reason"), BAD)
def test_a_bad_item_costs_itself_and_not_its_neighbours(kind: str, changes: dict[str, Any], reason: str) -> None:
    decoded = read(kind, GOOD[kind], changed(kind, **changes), changed(kind, connector_id="c2"))
    assert reasons(decoded) == [reason]
    assert [accepted.place for accepted in decoded.accepted] == [0, 2]
    assert decoded.rejected[0].place == 1
    if reason != "personal_data":
        assert json.loads(decoded.rejected[0].payload) == changed(kind, **changes)


@pytest.mark.parametrize("raw", [b"1", b"null", b'"x"', b"[]", b"true"])
@pytest.mark.parametrize("kind", GOOD)
def test_an_item_that_is_no_object_is_invalid(kind: str, raw: bytes) -> None:
    decoded = read(kind, raw, GOOD[kind])
    assert (reasons(decoded), decoded.rejected[0].payload, len(decoded.accepted)) == (["invalid_item"], raw, 1)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"connector_id":"c1","at":"%b","status":"charging","status":"faulted"}' % AT.encode(),
        b'{"connector_id":"c1","at":"%b","status":"charging","st\\u0061tus":"faulted"}' % AT.encode(),
        b'{"connector_id" : "c1" , "at" : "%b" , "status" : "charging" , "at" : "%b"}' % (AT.encode(), AT.encode()),
    ],
)
def test_a_key_that_stands_twice_makes_an_item_invalid(raw: bytes) -> None:
    assert reasons(read("status", raw)) == ["invalid_item"]


def test_a_value_that_looks_like_a_key_is_no_second_key() -> None:
    assert read("status", changed("status", detail="at", fault_code="status")).rejected == ()
    assert read("status", changed("status", vendor={"at": 1, "status": 2}, detail='a "quoted" \\ word')).rejected == ()


ORDER = [
    ({"status": "x", "detail": "13812345678", "at": "2009-01-01T00:00:00Z", "connector_id": "c9"}, "invalid_item"),
    ({"detail": "13812345678", "at": "2009-01-01T00:00:00Z", "connector_id": "c9"}, "personal_data"),
    ({"at": "2009-01-01T00:00:00Z", "connector_id": "c9"}, "implausible"),
    ({"at": "2024-01-01T00:00:00Z", "connector_id": "c9"}, "clock_future"),
    ({"connector_id": "c9"}, "unknown_connector"),
]


@pytest.mark.parametrize(("changes", "reason"), ORDER)
def test_the_first_reason_in_order_is_the_reason(changes: dict[str, Any], reason: str) -> None:
    assert reasons(read("status", changed("status", **changes))) == [reason]


def test_exactly_five_minutes_ahead_is_in_time() -> None:
    assert read("status", changed("status", at="2023-06-01T08:05:01+08:00")).rejected == ()


def test_numbers_are_exact_and_equal_by_value() -> None:
    decoded = read("meter", *(
        b'{"connector_id":"c1","at":"%b","energy_kwh":%b}' % (AT.encode(), text)
        for text in (b"0.1", b"1.10", b"100", b"1E2", b"12345678.123456789012345678", b"0e400", b"-0.0", b"1e-18")
    ))  # fmt: skip
    assert decoded.rejected == ()
    energies = [accepted.energy_kwh for accepted in decoded.accepted]  # type: ignore[union-attr]
    assert energies == [
        Decimal("0.1"), Decimal("1.1"), 100, 100, Decimal("12345678.123456789012345678"), 0, 0, Decimal("1e-18"),
    ]  # fmt: skip
    assert str(energies[1]) == "1.1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"1e400", "implausible"),
        (b"-1e400", "implausible"),
        (b"1e999999999", "implausible"),
        (b"1e99999999999999999999", "implausible"),
        (b"1e-99999999999999999999", "invalid_item"),
        (b"1e-400", "invalid_item"),
        (b"0." + b"1" * 200, "invalid_item"),
        (b"1" * 5000, "invalid_item"),
        (b"1" * 5000 + b".5", "implausible"),
    ],
)
def test_a_number_that_no_column_could_hold_is_refused_without_being_written_out(text: bytes, reason: str) -> None:
    item = b'{"connector_id":"c1","at":"%b","energy_kwh":%b}' % (AT.encode(), text)
    assert reasons(read("meter", item, GOOD["meter"])) == [reason]


def test_a_heartbeats_list_is_as_many_items_as_it_has_ids() -> None:
    decoded = read("heartbeat", {"at": AT, "connector_ids": ["c1", "c9", "c2", 7]}, GOOD["heartbeat"])
    assert decoded.offered == 5
    assert [(one.place, one.connector_no) for one in decoded.accepted] == [(0, 1), (0, 2), (1, 1)]  # type: ignore[union-attr]
    assert reasons(decoded) == ["unknown_connector", "invalid_item"]
    assert json.loads(decoded.rejected[0].payload) == {"at": AT, "connector_id": "c9"}


def test_heartbeats_beyond_a_thousand_are_too_large_however_they_are_listed() -> None:
    ids = {"at": AT, "connector_ids": ["c1"] * 500}
    assert len(read("heartbeat", ids, ids).accepted) == 1000
    decoded = read("heartbeat", ids, ids, GOOD["heartbeat"])
    assert (decoded.offered, reasons(decoded)) == (1, ["too_large"])


def session(**changes: Any) -> Any:
    (accepted,) = read("session", changed("session", **changes)).accepted
    return accepted


def test_a_session_on_several_guns_is_one_item_about_each() -> None:
    one = session(connector_id=..., connector_ids=["c2", "c1", "c2"])
    assert one.connector_nos == [1, 2]


def test_a_sessions_content_is_compared_by_value() -> None:
    one = session(total_fee=10).content_sha256
    assert one == session(total_fee=10.0).content_sha256
    assert one == session(total_fee=10, end="2023-06-01T00:00:00Z", vendor="x", void=False, revision=0).content_sha256
    assert one == session(total_fee=10, connector_id=..., connector_ids=["c1"]).content_sha256
    assert one == session(total_fee=10, service_fee=None, vehicle=None).content_sha256


@pytest.mark.parametrize(
    "changes",
    [
        {"energy_kwh": 12.341}, {"vehicle": "v1"}, {"stop_reason": "full"}, {"void": True}, {"total_fee": 1},
        {"meter_start_kwh": 12.34}, {"meter_end_kwh": 12.34}, {"service_fee": 1}, {"connector_id": "c2"},
        {"start": "2023-06-01T07:00:00.000001+08:00"}, {"other_fee": 0},
        {"periods": [{"start": AT, "end": AT, "energy_kwh": 1}]},
    ],
)  # fmt: skip
def test_any_known_field_changes_a_sessions_content(changes: dict[str, Any]) -> None:
    assert session(**changes).content_sha256 != session().content_sha256


def test_a_sessions_body_keeps_periods_and_fees_exactly() -> None:
    period = {"start": AT, "end": AT, "energy_kwh": 0.1, "electricity_price": 0.6200, "service_price": 1}
    assert session(periods=[period], discount=0.30).body == {
        "discount": "0.3",
        "periods": [
            {
                "start": "2023-06-01T00:00:00+00:00", "end": "2023-06-01T00:00:00+00:00", "energy_kwh": "0.1",
                "electricity_price": "0.62", "service_price": "1",
            }
        ],
    }  # fmt: skip


def test_an_item_is_judged_again_as_at_its_own_receipt() -> None:
    (rejected,) = read("status", changed("status", connector_id="c9")).rejected
    again = item("status", rejected.payload, rejected.place, RECEIPT, {"c9": 9})
    assert again.connector_no == 9  # type: ignore[union-attr]
    still = item("status", rejected.payload, rejected.place, RECEIPT, {})
    assert still.reason == "unknown_connector"  # type: ignore[union-attr]
