"""Manifests: what a day of the archive holds, and the head that names every day's; each names the one before it."""

import hashlib
from datetime import date, datetime
from typing import TypeVar

import msgspec

from uptime.archive import digests


class File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file, and how to know that it is whole."""

    path: str
    bytes: int
    sha256: str
    rows: int


class Rows(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file of facts: rows of one series, day and bucket."""

    file: File
    series: str
    bucket: int
    digest: str
    also: tuple[int, ...] = ()
    """Other buckets some of whose connectors its rows are about, too: sessions at several connectors."""


class Mark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far the store had been read: what was recorded by then."""

    as_of: datetime
    message_id: int | None = None
    """In a rehearsal by messages up to that one: there a message may be recorded, by its own clock, before another."""


class Whole(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All rows of a day's series, of this and the earlier generations."""

    rows: int
    digest: str


class Day(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The manifest of a day: its own files, and what they come to with those of the generations before."""

    day: date
    generation: int
    known: Mark
    before: str
    """SHA-256 of the manifest of the generation before; empty for the first."""
    files: tuple[Rows, ...]
    series: dict[str, Whole]


class Named(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A day as a head names it."""

    generation: int
    sha256: str
    known: Mark
    """As of when its rows are all the store had; not the manifest's own if nothing came in since."""


class Head(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one writing left: every day of the archive, the registry as known then, and so all there is to trust."""

    format: str
    number: int
    before: str
    """SHA-256 of the head before; empty for the first."""
    buckets: int
    rehearsal: bool
    known: Mark
    earliest: date | None
    """UTC day of the store's earliest fact: nothing is missing before the first day if that is no earlier."""
    days: dict[date, Named]
    registry: dict[str, File]


_Any = TypeVar("_Any", Day, Head)


def encoded(manifest: Day | Head) -> bytes:
    """One manifest, one text: JSON for people to read, fields and keys in a fixed order."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"


def decoded(text: bytes, kind: type[_Any]) -> _Any:
    """The manifest of a text; msgspec.DecodeError (or its ValidationError) if it is none."""
    return msgspec.json.decode(text, type=kind)


def sha256(text: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def whole(files: tuple[Rows, ...], before: dict[str, Whole], series: str) -> Whole:
    """A day's rows of a series: of these files and of the generations before."""
    mine = [one for one in files if one.series == series]
    earlier = before.get(series, Whole(0, digests.NOTHING))
    return Whole(
        earlier.rows + sum(one.file.rows for one in mine),
        digests.added([earlier.digest, *(one.digest for one in mine)]),
    )
