"""Whether a ledger is as it was written: hashes, the chain, what supersedes what, entries, and every day's head.

Within a chain nothing can be changed, left out, added or put elsewhere without being found here. Who rewrites the whole
chain and every head in it is found by a head that somebody outside has kept: `kept`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ledger.canonical import dumps, loads
from ledger.chain import Head, Record, Tree, head_hash, record_hash, sha256_of_text
from ledger.entries import KIND as PAYMENT
from ledger.entries import problems as of_entry


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not hold, and of which record or head."""

    where: str
    seen: str
    expected: str

    def __str__(self) -> str:
        return f"{self.where}: {self.seen}; expected {self.expected}"


def verify(records: Iterable[Record], heads: Sequence[Head], kept: Mapping[int, str] | None = None) -> list[Problem]:
    """Every problem of a ledger, in its order; none if it holds. `kept` are heads by their last seq, from outside.

    Reads one record at a time; of those before it keeps numbers and hashes only.
    """
    problems: list[Problem] = []
    tree, trees = Tree(), {0: Tree().head()}
    wanted = {head.last_seq for head in heads} | set(kept or ())
    latest: dict[tuple[str, str], int] = {}
    hashes: dict[int, str] = {}
    before: Record | None = None
    for record in records:
        where = f"record {record.seq}"
        problems += _record(where, record, before, latest.get((record.kind, record.subject)))
        problems += [Problem(where, seen, expected) for seen, expected in of_entry(record, hashes)]
        latest[record.kind, record.subject] = record.seq
        if record.kind != PAYMENT:
            hashes[record.seq] = record.hash
        before = record
        if _is_hash(record.hash):
            tree.append(record.hash)
            if tree.size in wanted:
                trees[tree.size] = tree.head()
    problems += _heads(heads, trees, tree.size)
    for size, tree_head in sorted((kept or {}).items()):
        if trees.get(size) != tree_head:
            problems.append(
                Problem(
                    f"the head kept of records 1 to {size}",
                    trees.get(size) or f"a ledger that ends at record {tree.size}",
                    tree_head,
                )
            )
    return problems


def _record(where: str, record: Record, before: Record | None, superseded: int | None) -> list[Problem]:
    problems: list[Problem] = []
    due = before.seq + 1 if before else 1
    if record.seq != due:
        problems.append(Problem(f"record {due}", f"record {record.seq} in its place", "no record missing or moved"))
    checks = [
        ("previous", record.previous, before.hash if before else None),
        ("body_sha256", record.body_sha256, sha256_of_text(record.body)),
        ("difference_sha256", record.difference_sha256, sha256_of_text(record.difference)),
        ("supersedes", record.supersedes, superseded),
        ("hash", record.hash, record_hash(record)),
    ]
    problems += [Problem(where, f"{name} {seen}", str(right)) for name, seen, right in checks if seen != right]
    if before and record.recorded_at < before.recorded_at:
        problems.append(Problem(where, f"recorded_at {record.recorded_at}", f"no time before record {before.seq}'s"))
    for name, text in (("body", record.body), ("difference", record.difference)):
        if text is not None and not _is_canonical(text):
            problems.append(Problem(where, f"a {name} that is not canonical JSON", "what the ledger wrote"))
    return problems


def _heads(heads: Sequence[Head], trees: Mapping[int, str], size: int) -> list[Problem]:
    problems: list[Problem] = []
    before: Head | None = None
    for head in heads:
        where = f"the head of {head.day}"
        if head.last_seq > size:
            problems.append(Problem(where, f"a ledger that ends at record {size}", f"one up to {head.last_seq}"))
        elif head.tree_head != trees.get(head.last_seq):
            seen = f"tree_head {head.tree_head}"
            problems.append(Problem(where, seen, f"{trees.get(head.last_seq)}, from records 1 to {head.last_seq}"))
        previous = before.hash if before else None
        if head.previous != previous:
            problems.append(Problem(where, f"previous {head.previous}", str(previous)))
        if head.hash != head_hash(head):
            problems.append(Problem(where, f"hash {head.hash}", head_hash(head)))
        if before and (head.day <= before.day or head.last_seq < before.last_seq):
            problems.append(Problem(where, "a day or seq that goes back", f"one after {before.day}'s"))
        before = head
    return problems


def _is_hash(text: str) -> bool:
    return len(text) == 64 and not set(text) - set("0123456789abcdef")


def _is_canonical(text: str) -> bool:
    try:
        return dumps(loads(text)).decode() == text
    except (ValueError, TypeError, RecursionError):
        return False
