"""How records hang together: each one's hash names the one before it, and each day has one head over all of them.

A record's hash is the SHA-256 of the canonical JSON of its header, which holds the SHA-256 of the body and of the
difference, so that the chain can be checked, and passed on, without showing a body. The head of a day is the Merkle
tree hash of RFC 6962 over the hashes of every record up to that day's end: leaves prefixed 0x00, nodes 0x01.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from ledger.canonical import dumps


@dataclass(frozen=True, slots=True)
class Record:
    """One issued document as the ledger holds it; `body` and `difference` are canonical JSON texts."""

    seq: int
    kind: str
    subject: str
    as_of: datetime
    recorded_at: datetime
    body: str
    body_sha256: str
    supersedes: int | None
    difference: str | None
    difference_sha256: str | None
    previous: str | None
    hash: str


@dataclass(frozen=True, slots=True)
class Head:
    """What the ledger held at the end of one policy day; `last_seq` is 0 while it held nothing."""

    day: date
    last_seq: int
    tree_head: str
    recorded_at: datetime
    previous: str | None
    hash: str


def sha256(data: bytes) -> str:
    """SHA-256 as 64 lower-case hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_of_text(text: str | None) -> str | None:
    """SHA-256 of a text's UTF-8, none of none."""
    return None if text is None else sha256(text.encode())


def header(record: Record) -> dict[str, object]:
    """What a record's hash is made of."""
    return {
        "seq": record.seq,
        "kind": record.kind,
        "subject": record.subject,
        "as_of": record.as_of,
        "recorded_at": record.recorded_at,
        "body_sha256": record.body_sha256,
        "supersedes": record.supersedes,
        "difference_sha256": record.difference_sha256,
        "previous": record.previous,
    }


def record_hash(record: Record) -> str:
    """The hash that a record should have, from its header."""
    return sha256(dumps(header(record)))


def head_hash(head: Head) -> str:
    """The hash that a day's head should have: it names the head before it as records do."""
    return sha256(
        dumps(
            {
                "day": head.day,
                "last_seq": head.last_seq,
                "tree_head": head.tree_head,
                "recorded_at": head.recorded_at,
                "previous": head.previous,
            }
        )
    )


class Tree:
    """The Merkle tree of RFC 6962, section 2.1, grown leaf by leaf; holds one hash a level."""

    def __init__(self, hashes: Iterable[str] = ()) -> None:
        self.size = 0
        self._peaks: list[tuple[int, bytes]] = []  # perfect subtrees, largest first: (leaves, hash)
        for leaf in hashes:
            self.append(leaf)

    def append(self, leaf: str) -> None:
        """Add one record's hash (hexadecimal) as the next leaf."""
        leaves, node = 1, hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).digest()
        while self._peaks and self._peaks[-1][0] == leaves:
            node = _join(self._peaks.pop()[1], node)
            leaves *= 2
        self._peaks.append((leaves, node))
        self.size += 1

    def head(self) -> str:
        """The tree's head (hexadecimal); of no leaves the hash of nothing."""
        if not self._peaks:
            return sha256(b"")
        node = self._peaks[-1][1]
        for _, left in reversed(self._peaks[:-1]):
            node = _join(left, node)
        return node.hex()


def _join(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()
