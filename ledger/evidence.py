"""What figures rest on, sealed with them: each closed day's messages as one hash in a record of kind `evidence`.

The store keeps of every message where it came from, when it was received and the SHA-256 of its bytes. A line of these
is a leaf of the day's tree (RFC 6962, as in ledger.chain). So a change to one message is found on an export alone, and
the bytes themselves can be held against their line wherever they are kept.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby

from ledger.canonical import dumps, loads
from ledger.chain import Tree, sha256
from ledger.verify import Problem

KIND = "evidence"


@dataclass(frozen=True, slots=True)
class Message:
    """A message as it was received; `day` is the policy day on which it was recorded."""

    day: date
    message_id: int
    operator_id: str | None
    kind: str
    topic: str
    boot_id: str | None
    seq: int | None
    received_at: datetime
    recorded_at: datetime
    sha256: str
    bytes: int


def line(message: Message) -> bytes:
    """One message as a line of the evidence: canonical JSON and a line feed."""
    return dumps({name: getattr(message, name) for name in Message.__slots__}) + b"\n"


def digest(lines: Iterable[bytes]) -> dict[str, object]:
    """What a day's record says of them: how many, and the head of the tree over them in the order of recording."""
    tree = Tree(sha256(one) for one in lines)
    return {"messages": tree.size, "tree_head": tree.head()}


def problems(lines: Iterable[bytes], days: Mapping[str, Mapping[str, object]]) -> Iterator[Problem]:
    """What differs between an evidence file and the days' records; `days` are their bodies by day."""
    seen: set[str] = set()
    for day, theirs in groupby(lines, _day):
        found = digest(theirs)
        if seen and day <= max(seen):
            yield Problem(f"the evidence of {day}", f"it stands after that of {max(seen)}", "days in their order")
        seen.add(day)
        ours = days.get(day, {})
        if any(found[name] != ours.get(name) for name in found):
            yield Problem(f"the evidence of {day}", _said(found), _said(ours))
    for day, body in sorted(days.items()):
        if day not in seen and body["messages"]:
            yield Problem(f"the evidence of {day}", "no line", _said(body))


def _day(text: bytes) -> str:
    try:
        return str(loads(text)["day"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return "a line that cannot be read"


def _said(body: Mapping[str, object]) -> str:
    return f"{body.get('messages')} messages with tree head {body.get('tree_head')}"
