"""Whatever bytes come, the contract answers: every item has exactly one fate, and nothing raises."""

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.contract import MOST_ITEMS, REASONS, Decoded, Directory, decode
from collector.personal import mask

RECEIPT = datetime(2023, 6, 1, 12, tzinfo=UTC)
DIRECTORY = Directory({"op": {"c1": 1, "c2": 2}})
KINDS = st.sampled_from(["status", "meter", "session", "heartbeat", "link", "other"])

anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.decimals().map(str),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
times = st.sampled_from(["2023-06-01T08:00:00+08:00", "2023-06-01T08:00:00", "9999-12-31T23:59:59-14:00", "x", 0, None])
numbers = st.integers() | st.floats() | st.sampled_from([10**400, 0, -0.0, 1.10, 1e-30])
fields: dict[str, st.SearchStrategy[Any]] = {
    "connector_id": st.sampled_from(["c1", "c2", "c9", "", "c 1"]) | anything,
    "connector_ids": st.lists(st.sampled_from(["c1", "c9", "c2"]), max_size=3) | anything,
    "at": times, "start": times, "end": times, "status": st.sampled_from(["available", "faulted", "no"]),
    "energy_kwh": numbers, "soc_pct": numbers, "session_id": st.text(max_size=5), "void": st.booleans(),
    "vehicle": st.sampled_from(["v1", "浙C12345", "\0", "13812345678"]), "detail": st.text(), "total_fee": numbers,
    "revision": st.integers(), "periods": anything,
}  # fmt: skip
items = st.fixed_dictionaries({}, optional=fields) | anything
envelopes = st.fixed_dictionaries(
    {"schema": KINDS.map("ev.{}/1".format), "boot_id": st.just("b"), "seq": st.just(1) | anything, "sent_at": times},
    optional={"items": st.lists(items, max_size=6) | anything, "msg_id": anything},
)


def answered(decoded: Decoded) -> None:
    assert (decoded.offered >= 1) == (decoded.link is None)
    assert decoded.offered <= MOST_ITEMS
    for rejected in decoded.rejected:
        assert rejected.reason in REASONS
        assert "\0" not in rejected.detail
        rejected.detail.encode()


@settings(max_examples=400)
@given(KINDS, st.binary())
def test_any_bytes(kind: str, payload: bytes) -> None:
    answered(decode(f"ev/1/op/{kind}", payload, RECEIPT, DIRECTORY))


@settings(max_examples=600)
@given(KINDS, envelopes, st.booleans())
def test_any_message(kind: str, message: Any, ascii_only: bool) -> None:
    payload = json.dumps(message, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    decoded = decode(f"ev/1/op/{kind}", payload, RECEIPT, DIRECTORY)
    answered(decoded)
    again = decode(f"ev/1/op/{kind}", payload, RECEIPT, DIRECTORY)
    assert again == decoded


@settings(max_examples=400)
@given(st.text(), st.binary())
def test_any_topic(topic: str, payload: bytes) -> None:
    decoded = decode(topic, payload, RECEIPT, DIRECTORY)
    answered(decoded)
    assert "\0" not in decoded.topic


@settings(max_examples=600)
@given(st.lists(items, min_size=1, max_size=5), st.integers(0, 4))
def test_neighbours_do_not_matter(several: list[Any], which: int) -> None:
    """An item has the fate that it has alone."""
    which %= len(several)

    def fates(chosen: list[Any]) -> list[tuple[int, str]]:
        message = {
            "schema": "ev.status/1",
            "boot_id": "b",
            "seq": 1,
            "sent_at": "2023-06-01T00:00:00Z",
            "items": chosen,
        }
        decoded = decode("ev/1/op/status", json.dumps(message).encode(), RECEIPT, DIRECTORY)
        found = [(one.place, "") for one in decoded.accepted] + [(one.place, one.reason) for one in decoded.rejected]
        return sorted(found)

    together, alone = fates(several), fates([several[which]])
    if not any(reason == "unreadable" for _, reason in together):
        assert [reason for place, reason in together if place == which] == [reason for _, reason in alone]


@settings(max_examples=400)
@given(st.binary() | st.text().map(str.encode) | anything.map(lambda value: json.dumps(value).encode()))
def test_masking_twice_is_masking_once(payload: bytes) -> None:
    once = mask(payload)
    assert mask(once) == once
    assert mask(b'{"vehicle":"13812345678","x":' + payload + b"}").startswith(b'{"vehicle":"[masked]"')
