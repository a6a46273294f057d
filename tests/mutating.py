"""Messages of all kinds as an operator sends them, and what becomes of them on a bad day: a seeded mutator.

`Valid(rng)` makes messages that are stored; `mutated(rng, payload)` breaks or bends one, as bytes or as JSON. All is
drawn from the generator that is given, so that a seed replays it.
"""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

START = datetime(2023, 6, 1, tzinfo=UTC)
KINDS = ("status", "meter", "heartbeat", "session")
_STATUSES = ("available", "charging", "faulted", "offline", "unknown", "finishing")

STRANGE_NUMBERS = (
    "0", "-0", "-0.0", "0e400", "1e400", "-1e400", "1e-400", "1e-60", "1e-61", "1" + "0" * 400,
    "9" * 4300, "9" * 4301,
    "999999999999999", "1000000000000000", "999999999999999.9", "0." + "1" * 77, "0." + "1" * 80,
    "1e999999999999999999",
    "1e9999999999999999999", "1e-9999999999999999999", "9223372036854775807", "9223372036854775808",
    "18446744073709551616", "2147483647", "2147483648", "-1", "100", "100.0000001", "1.50", "1E2", "12.0", "NaN",
    "Infinity", "-Infinity", "01", "1.", ".5", "+1", "0x10", "1e", "--1",
)  # fmt: skip
STRANGE_TEXTS = (
    '""', '"\\u0000"', '"a\\u0000b"', '"\\ud800"', '"\\udc00\\ud800"', '"\\ud83d\\ude00"', '"\\q"', '"\\u12"', '"a\nb"',
    '"\\n"', '"\x7f"', '"浙C12345"', '"\\u6d59C12345"', '"13812345678"', '"LSVAU2180N2183294"', '"c1 "', '"\u202e"',
    '"%s"' % ("x" * 50), '"%s"' % ("x" * 51), '"%s"' % ("x" * 100), '"%s"' % ("x" * 101), '"%s"' % ("温" * 1000),
    '"%s"' % ("x" * 1001), '"\\"connector_id\\""', '"connector_ids"', '"at"', '"c1"', '"c9"', '"[masked]"',
)  # fmt: skip
STRANGE_TIMES = (
    '"9999-12-31T23:59:59Z"', '"9999-12-31T23:59:59-08:00"', '"0001-01-01T00:00:00+08:00"', '"0000-01-01T00:00:00Z"',
    '"2023-06-01T08:00:00"', '"2023-06-01 08:00:00Z"', '"2023-06-01t00:00:00z"', '"2023-06-01T24:00:00Z"',
    '"2023-02-29T00:00:00Z"', '"2024-02-29T00:00:00Z"', '"2023-06-01T00:00:60Z"', '"2023-06-01T00:00:00.1234567891Z"',
    '"2023-06-01T00:00:00.123456789Z"', '"2023-06-01T00:00:00.5+23:59"', '"2023-06-01T00:00:00+24:00"',
    '"2009-12-31T23:59:59.999999Z"', '"2010-01-01T00:00:00Z"', '"2023-06-01T00:00:00,5Z"', '"２０２３-06-01T00:00:00Z"',
    '"2023-06-01T01:05:00Z"', '"2023-06-01T01:05:00.000001Z"', '"2023-06-01T00:00:00.000001Z"',
    '"2023-06-01T00:00:00.Z"', '"2023-W22-4T00:00:00Z"', '"20230601T000000Z"', "1685577600", '"2023-06-01T00:00:00Z "',
)  # fmt: skip
STRANGE_VALUES = (
    "null", "true", "false", "[]", "{}", "[[]]", "[null]", '{"a":1,"a":2}', '["c1"]', '["c1","c9","c1"]', '["c1",2]',
    "[" * 150 + "]" * 150,
    "[" * 2000, '[{"start":"2023-06-01T00:00:00Z","end":"2023-06-01T00:00:00Z","energy_kwh":1,"energy_kwh":2}]',
)  # fmt: skip
KEYS = (
    "schema", "msg_id", "boot_id", "seq", "sent_at", "items", "connector_id", "connector_ids", "at", "status",
    "fault_code", "detail", "energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "session_id", "start", "end",
    "meter_start_kwh", "meter_end_kwh", "periods", "electricity_price", "service_price", "electricity_fee",
    "service_fee", "other_fee", "discount", "total_fee", "stop_reason", "vehicle", "revision", "void", "vendor",
    "st\\u0061tus",
)  # fmt: skip


def moment(seconds: float) -> str:
    """A time so long after START, in one of the ways that operators write it."""
    return (START + timedelta(seconds=seconds)).isoformat()


class Valid:
    """Messages that are stored whole, each about moments of its own, of connectors c0, c1 … of one operator."""

    def __init__(self, rng: random.Random, connectors: int = 10) -> None:
        self.rng, self.connectors, self.number = rng, connectors, 0

    def message(self, kind: str | None = None, most_items: int = 4) -> tuple[str, dict[str, Any]]:
        """A kind and its message."""
        kind = kind or self.rng.choice(KINDS)
        items = [self._item(kind) for _ in range(self.rng.randint(1, most_items))]
        message = {
            "schema": f"ev.{kind}/1", "boot_id": "b", "seq": self.number, "sent_at": moment(self.number / 1000),
            "items": items,
        }  # fmt: skip
        return kind, message

    def _item(self, kind: str) -> dict[str, Any]:
        rng = self.rng
        self.number += 1
        connector, at = f"c{rng.randrange(self.connectors)}", moment(self.number / 1000)
        if kind == "status":
            item = {"connector_id": connector, "at": at, "status": rng.choice(_STATUSES)}
            return item | rng.choice([{}, {}, {"detail": "温州", "fault_code": None}, {"vendor": {"x": [1]}}])
        if kind == "meter":
            item = {"connector_id": connector, "at": at, "energy_kwh": rng.randrange(10**6) / 100}
            return item | rng.choice([{}, {"power_kw": 7, "soc_pct": 55.5}, {"session_id": "s", "voltage_v": -0.0}])
        if kind == "heartbeat":
            others = [f"c{n}" for n in range(self.connectors)]
            return {"at": at} | rng.choice(
                [{"connector_id": connector}, {"connector_ids": rng.sample(others, rng.randint(1, len(others)))}]
            )
        start = moment(self.number / 1000 - 60)
        item = {
            "session_id": f"s{self.number}", "connector_id": connector, "start": start, "end": at, "energy_kwh": 12.5,
        }  # fmt: skip
        period = {"start": start, "end": at, "energy_kwh": 12.50, "electricity_price": 0.62}
        more: list[dict[str, Any]] = [
            {}, {"meter_start_kwh": 1, "meter_end_kwh": 13.5, "total_fee": 10}, {"periods": [period, period]},
            {"vehicle": "v-1", "stop_reason": 'a "full"\\\n', "revision": 2, "void": True},
        ]  # fmt: skip
        return item | rng.choice(more)


def written(rng: random.Random, message: dict[str, Any]) -> bytes:
    """A message as bytes, in one of the ways that libraries write JSON."""
    how: dict[str, Any] = rng.choice(
        [{}, {"separators": (",", ":")}, {"separators": (",", ":"), "ensure_ascii": False}, {"indent": 1}]
    )
    return json.dumps(message, **how).encode()


def mutated(rng: random.Random, payload: bytes, other: bytes = b"") -> bytes:
    """The payload with one to three things changed in it; `other` is another payload to take pieces of."""
    for _ in range(rng.choice([1, 1, 1, 1, 2, 3])):
        payload = rng.choice(_MUTATIONS)(rng, payload, other)
    return payload


def _place(rng: random.Random, payload: bytes) -> int:
    return rng.randrange(len(payload) + 1)


def _flip(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    changed = bytearray(payload)
    for _ in range(rng.choice([1, 1, 2, 8])):
        if changed:
            changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _byte(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    place = _place(rng, payload)
    piece = rng.choice(
        [b"\0", b"\xff", b"\xc3\x28", b"\xed\xa0\x80", b"\\", b'"', b"{", b"}", b"]", b",", b" ", b"\t", b"\x0c"]
    )
    return payload[:place] + piece + payload[place + rng.choice([0, 1]) :]


def _cut(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    return payload[: _place(rng, payload)]


def _drop(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    start = _place(rng, payload)
    return payload[:start] + payload[start + rng.randrange(1, 12) :]


def _double(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    start = _place(rng, payload)
    end = start + rng.randrange(1, 60)
    return payload[:end] + payload[start:end] + payload[end:]


def _splice(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    return payload[: _place(rng, payload)] + other[_place(rng, other) :]


def _around(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    text = payload.decode("utf-8", "replace")
    return rng.choice([
        b"\xef\xbb\xbf" + payload, payload + payload, payload + b"x", payload + b"\0", b"[" + payload + b"]",
        b" \r\n" + payload + b"\n", text.encode("utf-16"), text.encode("gb18030", "replace"), b"",
    ])  # fmt: skip


class _Text(str):
    """A value to be written as it is, whether it is JSON or not."""


def _json(rng: random.Random, payload: bytes, other: bytes) -> bytes:
    """Change one value, key or length anywhere in the document."""
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return _byte(rng, payload, other)
    spots: list[tuple[Any, Any]] = []
    waiting = [document]
    while waiting:
        value = waiting.pop()
        keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
        spots += [(value, key) for key in keys]
        waiting += [value[key] for key in keys]
    if not spots:
        return payload
    holder, key = rng.choice(spots)
    change = rng.randrange(8)
    if change == 0:
        del holder[key]
    elif change == 1 and isinstance(holder, dict):
        holder[_Text(rng.choice(KEYS))] = holder.pop(key)
    elif change == 2 and isinstance(holder, dict):
        holder[_Text(rng.choice(KEYS))] = _strange(rng)  # a _Text key is not the same as its equal str when written
    elif change == 3 and isinstance(holder, dict):
        doubled = [(name, value) for name, value in holder.items()] + [(key, rng.choice([holder[key], _strange(rng)]))]
        return _rendered(document, holder, doubled)
    elif change == 4 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * rng.choice([1, 2, 1000])
    else:
        holder[key] = _strange(rng)
    return _rendered(document)


def _strange(rng: random.Random) -> _Text:
    return _Text(rng.choice(rng.choice([STRANGE_NUMBERS, STRANGE_TEXTS, STRANGE_TIMES, STRANGE_VALUES])))


def _rendered(value: Any, instead: Any = None, pairs: list[tuple[str, Any]] | None = None) -> bytes:
    def render(value: Any) -> str:
        if isinstance(value, _Text):
            return value
        if isinstance(value, dict):
            items = pairs if value is instead and pairs is not None else list(value.items())
            keys = [f'"{key}"' if isinstance(key, _Text) else json.dumps(key) for key, _ in items]
            return "{" + ",".join(f"{key}:{render(one)}" for key, (_, one) in zip(keys, items, strict=True)) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(render, value)) + "]"
        return json.dumps(value)

    return render(value).encode("utf-8", "surrogatepass")


_MUTATIONS: list[Callable[[random.Random, bytes, bytes], bytes]] = [
    _json, _json, _json, _json, _json, _json, _json, _json, _json, _flip, _byte, _cut, _drop, _double, _splice, _around,
]  # fmt: skip
