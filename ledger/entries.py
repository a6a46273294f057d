"""Double entry in the ledger: a payment record moves whole fen between accounts, and what it moves sums to nothing.

The body of a record of kind `payment` names the earlier record that it follows from, and holds `postings`: account and
fen. Its subject is the SHA-256 of its body, so that the same step submitted twice is one record.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ledger.canonical import loads
from ledger.chain import Record

KIND = "payment"

Posting = dict[str, Any]
"""`account` and `fen`, an integer: above 0 where money arrives, below 0 where it leaves."""


def posting(account: str, fen: int) -> Posting:
    """One side of an entry."""
    return {"account": account, "fen": fen}


def problems(record: Record, hashes: Mapping[int, str]) -> Iterator[tuple[str, str]]:
    """What does not hold of a payment record's body, as seen and expected; `hashes` of the records before it that
    are no payments."""
    if record.kind != KIND:
        return
    if record.subject != record.body_sha256:
        yield f"subject {record.subject}", f"the SHA-256 of its body, {record.body_sha256}"
    try:
        body = loads(record.body)
        follows, amounts = body["follows"], [(one["account"], one["fen"]) for one in body["postings"]]
        known = hashes.get(follows["record"])
        total = sum(fen for _, fen in amounts)
    except (ValueError, TypeError, KeyError, RecursionError):
        yield "a body that is no entry", "`follows` and `postings`"
        return
    if known is None or known != follows["hash"]:
        yield (
            f"it follows from record {follows['record']} with hash {follows['hash']}",
            f"the hash of an earlier record, {known}",
        )
    if not all(isinstance(account, str) and type(fen) is int and fen for account, fen in amounts):
        yield "postings that are not account and fen", "texts, and integers other than 0"
    elif total:
        yield f"postings that sum to {total} fen", "0"
