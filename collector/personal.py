"""Plates, VINs and telephone numbers: recognised as whole values, and masked wherever bytes are kept (contract 1).

Operators send pseudonyms. A value that is a person's is refused, and its bytes never reach a disk: in quarantine and in
the capture archive stands `MASK`, which is refused again as `personal_data` when such an archive is read.
"""

import json
import re
import unicodedata

MASK = "[masked]"

# GA 36-2018: province, office letter, five characters, six for new energy; embassies; armed police.
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = (
    rf"[{_PROVINCES}][A-Z][A-Z0-9]{{4,5}}[A-Z0-9挂学警港澳试超领]|使\d{{6}}|\d{{6}}使|WJ[{_PROVINCES}]\d{{4}}[A-Z0-9]"
)
# ISO 3779, GB 16735: 17 characters without I, O and Q, the last four digits.
_VIN = re.compile(r"(?=\d*[A-Z])[A-HJ-NPR-Z0-9]{13}\d{4}", re.ASCII)
_MOBILE = r"(?:\+?86|0086)?1[3-9]\d{9}"
_INTERNATIONAL = r"\+[1-9]\d{6,14}|00[1-9]\d{10,13}"
_PERSONAL = re.compile(rf"{_PLATE}|{_MOBILE}|{_INTERNATIONAL}", re.ASCII)
_LANDLINE = re.compile(r"(?:\+?86[- ]?)?(?:\(0\d{2,3}\)[- ]?|0\d{2,3}[- ])\d{7,8}(?:-\d{1,5})?", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-()·•.・]+")
_LONGEST = 40

_OURS = frozenset((
    "schema", "msg_id", "boot_id", "seq", "sent_at", "items", "connector_id", "connector_ids", "session_id", "at",
    "start", "end", "status", "state", "revision", "void", "energy_kwh", "power_kw", "voltage_v", "current_a",
    "soc_pct", "meter_start_kwh", "meter_end_kwh", "periods", "electricity_price", "service_price",
    "electricity_fee", "service_fee", "other_fee", "discount", "total_fee",
))  # fmt: skip
"""Fields whose form the contract fixes: an id of 17 characters there is no VIN."""

_TOKEN = re.compile(r'"(?P<text>(?:[^"\\]|\\.)*)(?:"(?P<key>\s*:)?|\\?\Z)|(?<![\w.+-])\d{11}(?![\w.])', re.DOTALL)


def is_personal(value: str) -> bool:
    """Whether a whole value is a plate, a VIN, a telephone number, or a masked one."""
    value = value.strip()
    if not 7 <= len(value) <= _LONGEST:
        return False
    value = unicodedata.normalize("NFKC", value).upper()
    if value == MASK.upper() or _LANDLINE.fullmatch(value) or _VIN.fullmatch(value):
        return True
    return _PERSONAL.fullmatch(_SEPARATORS.sub("", value)) is not None


def mask(payload: bytes) -> bytes:
    """The same bytes with each personal value of a free field replaced; unreadable ones too (UTF-8, GB 18030)."""
    for encoding, errors in (("utf-8", "strict"), ("gb18030", "strict"), ("utf-8", "surrogateescape")):
        try:
            text = payload.decode(encoding, errors)
            if encoding != "utf-8" and text.encode(encoding) != payload:
                continue
        except UnicodeError:
            continue
        masked = _mask(text)
        return payload if masked == text else masked.encode(encoding, errors)
    raise AssertionError("surrogateescape decodes anything")


def _mask(text: str) -> str:
    key = ""

    def replaced(token: re.Match[str]) -> str:
        nonlocal key
        content = token["text"]
        if content is None:
            return f'"{MASK}"' if key not in _OURS and is_personal(token[0]) else token[0]
        if token["key"] is not None:
            key = _unescaped(content)
            return token[0]
        if key in _OURS or not is_personal(_unescaped(content)):
            return token[0]
        return f'"{MASK}"'

    return _TOKEN.sub(replaced, text)


def _unescaped(content: str) -> str:
    if "\\" not in content:
        return content
    try:
        return str(json.loads(f'"{content}"', strict=False))
    except ValueError:
        return content
