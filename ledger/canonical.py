"""One value, one text: the canonical JSON that the ledger keeps and hashes.

The rules, which `json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)` of any Python follows:

- UTF-8, no spaces, keys in the order of their code points;
- texts exactly as they are: nothing is normalised, for that would change evidence. Two keys of one object that a
  reader could not tell apart (equal after NFC) are refused instead;
- decimals are texts that keep their places (`"12560.00"`), without exponent, a zero without sign;
- times are RFC 3339 in UTC with `Z`, days `YYYY-MM-DD`;
- integers only up to ±(2⁵³ − 1), which every reader of JSON keeps (RFC 7493); floats never.
"""

import json
import unicodedata
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from chargewatch.instants import iso

_LARGEST = 2**53 - 1


def dumps(body: object) -> bytes:
    """Canonical JSON bytes of a body; ValueError or TypeError names what has no canonical form."""
    return _text(_plain(body)).encode()


def loads(text: bytes | str) -> Any:
    """The plain value of a JSON text; ValueError where it holds a float or one key twice."""
    return json.loads(text, parse_float=_refuse_float, parse_constant=_refuse_float, object_pairs_hook=_each_key_once)


def without_as_of(body: object) -> object:
    """A body apart from when it was computed: no `as_of` in the document or in its rows."""
    if isinstance(body, list | tuple):
        return [_drop_as_of(row) for row in body]
    return _drop_as_of(body)


def _drop_as_of(row: object) -> object:
    return {k: v for k, v in row.items() if k != "as_of"} if isinstance(row, Mapping) else row


def _text(plain: object) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _plain(value: object) -> object:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _whole(value)
    if isinstance(value, int):
        if abs(value) > _LARGEST:
            raise ValueError(f"the integer {value} is beyond 2^53 - 1: give it as text")
        return value
    if isinstance(value, Decimal):
        return _decimal(value)
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"the time {value} has no offset")
        return iso(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return _object(value)
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    raise TypeError(f"{type(value).__name__} {value!r} has no canonical form (amounts are Decimal, never float)")


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"the text {text!r} is not Unicode: it holds half a character") from None
    return text


def _decimal(value: Decimal) -> str:
    if not value.is_finite():
        raise ValueError(f"{value} is no amount")
    return format(abs(value) if value.is_zero() else value, "f")


def _object(value: Mapping[Any, object]) -> dict[str, object]:
    plain: dict[str, object] = {}
    seen: set[str] = set()
    for key, item in value.items():
        if type(key) is not str:
            raise TypeError(f"the key {key!r} is not text")
        same = unicodedata.normalize("NFC", _whole(key))
        if same in seen:
            raise ValueError(f"the key {key!r} stands twice (compared after NFC)")
        seen.add(same)
        plain[key] = _plain(item)
    return plain


def _refuse_float(text: str) -> object:
    raise ValueError(f"the number {text} is a float: amounts are texts here")


def _each_key_once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found
