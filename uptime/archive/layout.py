"""What the archive is made of: its tables, their plain types, where a file lies and which bucket a connector is in."""

import hashlib
from dataclasses import dataclass
from datetime import date
from enum import Enum

import pyarrow as pa

FORMAT = "chargewatch archive 1"

BUCKETS = 16
"""Of a new archive, unless it is told another number; an archive keeps its own for good."""


class Kind(Enum):
    """What a column holds, as every reader of Parquet knows it."""

    TEXT = pa.string()
    TEXTS = pa.list_(pa.field("element", pa.string()))
    INSTANT = pa.timestamp("us", tz="UTC")
    WHOLE = pa.int64()
    YES_NO = pa.bool_()
    NUMBER = pa.decimal128(18, 6)
    """Six decimals; what has more of them or does not fit stands in the row's column `exact`, too."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """One table of facts: its columns in order, and which of them say when and in which order its rows stand."""

    name: str
    columns: dict[str, Kind]
    day_by: str
    """The instant whose UTC day a row belongs to: a session's start, since availability asks for what began by then."""
    order: tuple[str, ...]

    @property
    def schema(self) -> pa.Schema:
        """Columns as Arrow types."""
        return pa.schema([(name, kind.value) for name, kind in self.columns.items()])

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of its decimals."""
        return tuple(name for name, kind in self.columns.items() if kind is Kind.NUMBER)


_PLACE = {"operator_id": Kind.TEXT, "connector_id": Kind.TEXT, "at": Kind.INSTANT}
_EVIDENCE = {
    "received_at": Kind.INSTANT, "recorded_at": Kind.INSTANT, "message_id": Kind.WHOLE, "boot_id": Kind.TEXT,
    "seq": Kind.WHOLE, "place": Kind.WHOLE, "copy": Kind.WHOLE,
}  # fmt: skip
_CONNECTOR = ("operator_id", "connector_id", "at")

STATUS = Series(
    "status",
    {**_PLACE, "status": Kind.TEXT, "fault_code": Kind.TEXT, "detail": Kind.TEXT, **_EVIDENCE},
    "at",
    (*_CONNECTOR, "status", "copy"),
)
METER = Series(
    "meter",
    {
        **_PLACE,
        **dict.fromkeys(("energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct"), Kind.NUMBER),
        "session_id": Kind.TEXT, "exact": Kind.TEXT, **_EVIDENCE,
    },
    "at",
    (*_CONNECTOR, "copy"),
)  # fmt: skip
HEARTBEAT = Series("heartbeat", {**_PLACE, **_EVIDENCE}, "at", (*_CONNECTOR, "copy"))
SESSION = Series(
    "session",
    {
        "operator_id": Kind.TEXT, "session_id": Kind.TEXT, "revision": Kind.WHOLE, "content_sha256": Kind.TEXT,
        "connector_ids": Kind.TEXTS, "started_at": Kind.INSTANT, "at": Kind.INSTANT,
        **dict.fromkeys(("energy_kwh", "meter_start_kwh", "meter_end_kwh"), Kind.NUMBER),
        "void": Kind.YES_NO, "vehicle": Kind.TEXT, "stop_reason": Kind.TEXT, "total_fee": Kind.NUMBER,
        "body": Kind.TEXT, "exact": Kind.TEXT, **_EVIDENCE,
    },
    "started_at",
    ("operator_id", "session_id", "revision", "content_sha256", "at", "copy"),
)  # fmt: skip

SERIES = (STATUS, METER, HEARTBEAT, SESSION)
BY_NAME = {series.name: series for series in SERIES}


def bucket_of(operator_id: str, station_id: str, buckets: int) -> int:
    """The bucket of a connector whose first registered station this is: for good, wherever it moves."""
    return int.from_bytes(hashlib.sha256(f"{operator_id}/{station_id}".encode()).digest()[:8], "big") % buckets


def facts_file(series: str, day: date, bucket: int, generation: int) -> str:
    """Where the rows of a day and bucket lie; a later generation holds what was recorded since the one before."""
    return f"facts/{series}/day={day}/bucket={bucket}/{generation}.parquet"


def day_file(day: date, generation: int) -> str:
    """Where a day's manifest lies."""
    return f"days/{day}/{generation}.json"


def head_file(number: int) -> str:
    """Where the head that one writing left lies."""
    return f"heads/{number:06d}.json"


def registry_file(number: int, table: str) -> str:
    """Where a table of the registry lies, as the writing of that number found it."""
    return f"registry/{number:06d}/{table}.parquet"
