"""Serial numbers, compared as semantics 6 says, whoever wrote them down."""

import unicodedata
from functools import lru_cache

_DASHES = {"Pd", "Zs"}
_PLAIN = str.maketrans("", "", " -\t\n\r\x0b\x0c\x1c\x1d\x1e\x1f")


@lru_cache(maxsize=100_000)
def normal(serial_no: str | None) -> str:
    """A serial number for comparison: NFKC, upper case, without spaces and hyphens; empty where there is none."""
    text = serial_no or ""
    if text.isascii():
        return text.upper().translate(_PLAIN)
    text = unicodedata.normalize("NFKC", text).upper()
    return "".join(c for c in text if unicodedata.category(c) not in _DASHES and not c.isspace() and c != "−")
