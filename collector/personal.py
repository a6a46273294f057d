"""Plates, VINs and telephone numbers: recognised as whole values, and masked wherever bytes are kept (contract 1).

Operators send pseudonyms. A value that is a person's is refused, and its bytes never reach a disk: in quarantine and in
the capture archive stands `MASK`, which is refused again as `personal_data` when such an archive is read.
"""

import json
import re
import unicodedata
from collections.abc import Iterator

MASK = "[masked]"

# GA 36-2018: province, office letter, five characters, six for new energy; embassies; armed police.
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
_PLATE = (
    rf"[{_PROVINCES}][A-Z][A-Z0-9]{{4,5}}[A-Z0-9挂学警港澳试超领]|使\d{{6}}|\d{{6}}使|WJ[{_PROVINCES}]\d{{4}}[A-Z0-9]"
)
# ISO 3779, GB 16735: 17 characters without I, O and Q, the last four digits.
_VIN = r"(?=\d*[A-Z])[A-HJ-NPR-Z0-9]{13}\d{4}"
_MOBILE = r"(?:\+?86|0086)?1[3-9]\d{9}"
_INTERNATIONAL = r"\+[1-9]\d{6,14}|00[1-9]\d{10,13}"
_LANDLINE = r"(?:\+?86[- ]?)?(?:\(0\d{2,3}\)[- ]?|0\d{2,3}[- ])\d{7,8}(?:-\d{1,5})?"
_AS_IT_IS = re.compile(rf"{_LANDLINE}|{_VIN}", re.ASCII)
_WITHOUT_SEPARATORS = re.compile(rf"{_PLATE}|{_MOBILE}|{_INTERNATIONAL}", re.ASCII)
_SEPARATORS = re.compile(r"[\s\-()·•.・]+")
_LONGEST = 40

_NAMES = frozenset(("boot_id", "msg_id", "session_id"))
_IDS = frozenset(("connector_id", "connector_ids"))
_NUMBERS = frozenset((
    "seq", "revision", "energy_kwh", "power_kw", "voltage_v", "current_a", "soc_pct", "meter_start_kwh",
    "meter_end_kwh", "electricity_price", "service_price", "electricity_fee", "service_fee", "other_fee", "discount",
    "total_fee",
))  # fmt: skip
"""Fields whose form the contract fixes: a name or an id of 17 characters there is no VIN, a number no telephone's."""

_ID = re.compile(r"[A-Za-z0-9_.-]{1,50}")
_NUMBER = re.compile(r"-?\d+(?:[eE][+-]?\d+)?", re.ASCII)
_GROUPED = r"(?:\+?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}"
# Outside of strings, which is everywhere in what is no JSON.
_PARTED = rf"[{_PROVINCES}][A-Z][ \-·•.・]?[A-Z0-9]{{4,5}}[A-Z0-9挂学警港澳试超领]"
_BARE = rf"(?<![A-Za-z0-9.+-])(?i:{_PARTED}|{_PLATE}|{_VIN}|{_GROUPED}|{_INTERNATIONAL}|{_LANDLINE})(?![A-Za-z0-9.])"
_TOKEN = re.compile(rf'"(?P<text>(?:[^"\\]|\\.)*)(?:"(?P<key>\s*:)?|\\?\Z)|{_BARE}', re.DOTALL | re.ASCII)

# In plain ASCII only 17 letters and digits, or what begins as a telephone number does, can be personal: most payloads
# hold neither and need not be taken apart.
_GAP = rb"[\s\x1c-\x1f\-().]"
_SUSPECTS = (
    re.compile(rb"(?<![A-Za-z0-9])[A-Za-z0-9]{17}(?![A-Za-z0-9])"),
    re.compile(rb'"%b*(?:\+|(?:8%b*6%b*)?(?:0|1%b*[3-9]))(?:%b|\d){5,}(?:"|\Z)' % ((_GAP,) * 5)),
    re.compile(rb"(?<![A-Za-z0-9.+-])(?:\+|\(?0|86|1[3-9])[\d\- ()]{7,}"),
)


def is_personal(value: str) -> bool:
    """Whether a whole value is a plate, a VIN, a telephone number, or a masked one."""
    value = value.strip()
    if not 7 <= len(value) <= _LONGEST:
        return False
    if not value.isascii():
        value = unicodedata.normalize("NFKC", value)
        value = "".join(one for one in value if unicodedata.category(one) != "Cf")  # characters of no width
    value = value.upper()
    if value == MASK.upper() or _AS_IT_IS.fullmatch(value):
        return True
    return _WITHOUT_SEPARATORS.fullmatch(_SEPARATORS.sub("", value)) is not None


def mask(payload: bytes) -> bytes:
    """The same bytes with each personal value of a free field replaced; in UTF-8, GB 18030, UTF-16, readable or not."""
    plain = payload.isascii() and b"\\" not in payload and b"\0" not in payload
    if plain and not any(suspect.search(payload) for suspect in _SUSPECTS):
        return payload
    for encoding, errors in _encodings(payload):
        try:
            text = payload.decode(encoding, errors)
            if encoding != "utf-8" and text.encode(encoding, errors) != payload:
                continue
        except UnicodeError:
            continue
        masked = _mask(text)
        if masked != text:
            masked = _mask(masked)  # what was glued to a value may itself be one, now that that is masked
        return payload if masked == text else masked.encode(encoding, errors)
    raise AssertionError("surrogateescape decodes anything")


def _encodings(payload: bytes) -> Iterator[tuple[str, str]]:
    """What the bytes may be, the likeliest first."""
    if b"\0" in payload:
        for encoding, zeros in (("utf-16-le", payload[1::2]), ("utf-16-be", payload[::2])):
            if 4 * zeros.count(0) > len(zeros):
                yield encoding, "surrogatepass"
    yield "utf-8", "strict"
    yield "gb18030", "strict"
    yield "utf-8", "surrogateescape"


def _mask(text: str) -> str:
    key = ""

    def replaced(token: re.Match[str]) -> str:
        nonlocal key
        content = token["text"]
        if content is None:
            number = (
                key in _NUMBERS
                and text[max(0, token.start() - 9) : token.start()].rstrip().endswith(":")
                and _NUMBER.fullmatch(token[0])
            )
            return token[0] if number or not is_personal(token[0]) else f'"{MASK}"'
        value = _unescaped(content)
        if token["key"] is not None:
            key = value
            return f'"{MASK}"{token["key"]}' if is_personal(value) else token[0]
        if not is_personal(value) or key in _NAMES or (key in _IDS and _ID.fullmatch(value)):
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
