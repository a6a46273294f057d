"""`chargewatch ledger`: read, export and verify what was issued. Only the scheduler's jobs issue."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit, say

if TYPE_CHECKING:
    from ledger.chain import Record
    from ledger.verify import Problem

app = typer.Typer(no_args_is_help=True, help="The record of issued figures: append-only, chained, verifiable.")

SHOWN = 20


@app.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="NDJSON to write; compressed where it ends in .gz.")],
    evidence: Annotated[
        Path | None, typer.Option(help="Also write what was received: one line a message, with its SHA-256.")
    ] = None,
) -> None:
    """Write every record and every day's head to a file that can be verified without this system."""
    from chargewatch.database import connect
    from ledger import messages, store
    from ledger.evidence import KIND
    from ledger.export import lines
    from ledger.files import written

    with connect() as conn, store.contents(conn) as (count, records, heads):
        with written(file) as out:
            out.writelines(lines(records, heads, count))
        if evidence is not None:
            with written(evidence) as out:
                out.writelines(messages.lines(conn, store.all_records(conn, KIND)))
    say(f"{count} records and {len(heads)} heads written to {file}")


@app.command("verify")
def verify_ledger(
    file: Annotated[Path | None, typer.Argument(help="An export; without it the store.")] = None,
    evidence: Annotated[
        Path | None, typer.Option(help="The evidence that was exported with it: is it what the records were made of?")
    ] = None,
    head: Annotated[
        list[str] | None,
        typer.Option(help="A head kept outside, as LAST_SEQ:TREE_HEAD; it must be the ledger's own. Repeatable."),
    ] = None,
) -> None:
    """Say whether the ledger is as it was written; exit status 1 names the record that is not."""
    from chargewatch.database import connect
    from ledger import store
    from ledger.export import Reading
    from ledger.files import lines_of
    from ledger.verify import verify

    kept = dict(_kept(text) for text in head or ())
    if evidence is not None and file is None:
        raise Refusal("evidence is held against an export", "`ledger verify FILE --evidence FILE`")
    if file is not None:
        reading = Reading(lambda: lines_of(file))
        problems = reading.verify(kept)
        count, heads = reading.count, reading.heads
        if evidence is not None and not problems:
            problems = _against(evidence, file)
    else:
        with connect() as conn, store.contents(conn) as (count, records, heads):
            problems = verify(records, heads, kept)
    if problems:
        raise CheckFailed(_said(problems))
    end = f"; the head of {heads[-1].day} is {heads[-1].last_seq}:{heads[-1].tree_head}" if heads else ""
    typer.echo(f"{count} records and {len(heads)} heads hold{end}")


@app.command("list")
def list_records(
    kind: Annotated[str | None, typer.Option(help="Only records of this kind.")] = None,
    format: Annotated[Format, typer.Option(help="How to print.")] = Format.table,
) -> None:
    """List what was issued: one line a record."""
    from chargewatch.database import connect
    from ledger import store

    with connect() as conn:
        rows = [_line(record) for record in store.all_records(conn, kind)]
    emit(rows, format, ("seq", "kind", "subject", "as_of", "recorded_at", "supersedes", "hash"))


@app.command("show")
def show(seq: Annotated[int, typer.Argument(help="Number of the record.")]) -> None:
    """Print one record as JSON, with its body and what changed against the one it supersedes."""
    from chargewatch.database import connect
    from ledger import store
    from ledger.canonical import loads

    with connect() as conn:
        record = store.record(conn, seq)
    if record is None:
        raise Refusal(f"the ledger has no record {seq}", "a number from `chargewatch ledger list`")
    texts = {"body": loads(record.body), "difference": loads(record.difference or "null")}
    print(json.dumps({**_line(record), **texts}, ensure_ascii=False, indent=1))


def _against(evidence: Path, file: Path) -> "list[Problem]":
    from ledger.canonical import loads
    from ledger.evidence import KIND, problems
    from ledger.export import records
    from ledger.files import lines_of

    days = {one.subject: loads(one.body) for one in records(lambda: lines_of(file)) if one.kind == KIND}
    return list(problems(lines_of(evidence), days))


def _line(record: "Record") -> dict[str, object]:
    from ledger.canonical import dumps, loads
    from ledger.chain import header

    plain: dict[str, object] = loads(dumps({**header(record), "hash": record.hash}))
    return plain


def _kept(text: str) -> tuple[int, str]:
    seq, _, tree_head = text.partition(":")
    if not seq.isdigit() or len(tree_head) != 64:
        raise Refusal(f"the head {text!r} cannot be read", "LAST_SEQ:TREE_HEAD, as `ledger verify` prints it")
    return int(seq), tree_head.lower()


def _said(problems: list["Problem"]) -> str:
    shown = [f"The ledger does not hold, {len(problems)} problem(s):", *map(str, problems[:SHOWN])]
    if len(problems) > SHOWN:
        shown.append(f"and {len(problems) - SHOWN} more")
    return "\n".join(shown)
