"""What an archive promises for good: which bucket a connector is in, and the content digest, as its README says it."""

import hashlib
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from uptime.archive import digests
from uptime.archive.layout import METER, SESSION, bucket_of

AT = datetime(2023, 6, 1, 12, 0, 0, 5, tzinfo=UTC)
AT_US = "1685620800000005"
EVIDENCE = {
    "received_at": AT, "recorded_at": AT, "message_id": 7, "boot_id": "b", "seq": 8, "place": 0, "copy": 0,
}  # fmt: skip
EVIDENCE_TEXTS = [AT_US, AT_US, "7", "b", "8", "0", "0"]


def digest(*rows: list[str]) -> str:
    """As the archive's README says it, and nothing else."""
    total = [0, 0, 0, 0]
    for texts in rows:
        hashed = hashlib.sha256("\x1f".join(texts).encode()).digest()
        total = [total[n] + int.from_bytes(hashed[8 * n : 8 * n + 8], "big") for n in range(4)]
    return "".join(f"{one % 2**64:016x}" for one in total)


def meter(energy: str, **more: Any) -> dict[str, Any]:
    row = {
        "operator_id": "甲", "connector_id": "C1", "at": AT, "energy_kwh": Decimal(energy), "power_kw": Decimal("0"),
        "voltage_v": None, "current_a": Decimal("-0.000001"), "soc_pct": None, "session_id": None, "exact": None,
    }  # fmt: skip
    return {**row, **EVIDENCE, **more}


def meter_texts(energy: str) -> list[str]:
    return ["甲", "C1", AT_US, energy, "0", "\x18", "-1", "\x18", "\x18", "\x18", *EVIDENCE_TEXTS]


def test_buckets_stay_what_they_are() -> None:
    assert [bucket_of("OP1", station, 16) for station in ("S1", "S2", "330302001")] == [10, 7, 12]


def test_the_digest_is_what_the_readme_says() -> None:
    rows = pa.Table.from_pylist([meter("12.5"), meter("999999999999.999999")], METER.schema)
    expected = digest(meter_texts("12500000"), meter_texts("999999999999999999"))
    assert digests.of_rows(rows, METER) == expected
    session = {
        "operator_id": "OP", "session_id": "S", "revision": 0, "content_sha256": "ab", "connector_ids": ["C1", "C2"],
        "started_at": AT, "at": AT, "energy_kwh": Decimal("1"), "meter_start_kwh": None, "meter_end_kwh": None,
        "void": False, "vehicle": None, "stop_reason": "full", "total_fee": None, "body": "{}", "exact": None,
        **EVIDENCE,
    }  # fmt: skip
    texts = ["OP", "S", "0", "ab", "C1 C2", AT_US, AT_US, "1000000", "\x18", "\x18", "false", "\x18", "full", "\x18"]
    found = digests.of_rows(pa.Table.from_pylist([session], SESSION.schema), SESSION)
    assert found == digest([*texts, "{}", "\x18", *EVIDENCE_TEXTS])


def test_it_does_not_depend_on_order_or_on_files() -> None:
    rows = pa.Table.from_pylist([meter(str(n)) for n in range(100)], METER.schema)
    whole = digests.of_rows(rows, METER)
    assert digests.of_rows(rows.take(pa.array(range(99, -1, -1))), METER) == whole
    assert digests.added([digests.of_rows(rows.slice(0, 33), METER), digests.of_rows(rows.slice(33), METER)]) == whole
    assert digests.of_rows(rows.slice(1), METER) != whole
    assert digests.of_rows(rows.slice(0, 0), METER) == digests.NOTHING
