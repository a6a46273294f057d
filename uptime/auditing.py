"""On the command line: which input changed a figure, between two runs that an auditor has in hand."""

import json
import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit, say

if TYPE_CHECKING:
    import psycopg

_FORMAT = typer.Option("--format", help="How the rows are printed.")
_FROM = typer.Option("--from", help="First policy day, YYYY-MM-DD.")
_TO = typer.Option("--to", help="Policy day after the last, YYYY-MM-DD (exclusive).")
_RUN = "a time (RFC 3339), the number of a ledger record, or a file that `uptime report --format json` wrote"


def diff(
    before: Annotated[str, typer.Argument(help=f"A run: {_RUN}.")],
    after: Annotated[str, typer.Argument(help="A later run of the same report.")],
    from_: Annotated[str | None, _FROM] = None,
    to: Annotated[str | None, _TO] = None,
    by: Annotated[
        list[str] | None, typer.Option("--by", help="Level of the rows; repeatable. Default: what the runs hold.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", help="Profile of runs that are times, or of which rows of a file.")
    ] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Each figure that differs between two runs of one report, and each input that changed it.

    The period is that of the file or the record; where both runs are times, --from and --to say it. A run in hand is
    also computed again as of its own time; exit status 1 if it does not come out the same.

    Example: chargewatch uptime diff june.json 2023-08-01T00:00:00+08:00
    """
    from chargewatch import database
    from uptime import diff as differing

    with database.connect() as connection:
        asked = {"first_day": _day("--from", from_), "last_day": _day("--to", to), "levels": tuple(by or ())}
        given = [_read(connection, text) for text in (before, after)]
        runs = sorted(_runs(connection, given, asked, profile), key=lambda run: run.as_of)
        found = differing.compute(connection, *runs)
    _print(found, runs, format)
    if found.not_reproduced:
        named = sorted({row["run"] for row in found.not_reproduced})
        raise CheckFailed(
            f"{', '.join(named)}: {len(found.not_reproduced)} figures are not what this store and this version give as"
            " of its own time (the file was changed, or the program or its profile was)"
        )


def _read(connection: "psycopg.Connection", text: str) -> tuple[str, datetime | None, list[dict[str, Any]] | None]:
    """What a RUN names: its name, its knowledge time if it is one, and the rows in hand if there are."""
    if re.fullmatch(r"#?\d{1,9}", text) and not Path(text).exists():
        from ledger import store
        from ledger.canonical import loads

        record = store.record(connection, int(text.removeprefix("#")))
        if record is None or record.kind != "availability":
            seen = "the ledger has no" if record is None else f"a {record.kind} is in the ledger's"
            raise Refusal(f"{seen} record {text}", "the number of an availability report (`chargewatch ledger list`)")
        return f"record {record.seq}", None, _rows(text, loads(record.body))
    if Path(text).is_file():
        try:
            content = json.loads(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Refusal(f"{text} cannot be read: {error}", f"{_RUN}") from None
        return text, None, _rows(text, content["body"] if isinstance(content, dict) and "body" in content else content)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{text!r} is no run", _RUN) from None
    if moment.tzinfo is None:
        raise Refusal(f"{text!r} has no offset", "a time such as 2023-07-06T00:00:00+08:00")
    return text, moment, None


def _rows(name: str, content: Any) -> list[dict[str, Any]]:
    wanted = {"level", "id", "operator_id", "from", "to", "profile", "settings", "as_of", "ratio", "verdict"}
    if (
        not isinstance(content, list)
        or not content
        or not all(isinstance(row, dict) and wanted <= row.keys() for row in content)
    ):
        raise Refusal(f"{name} holds no rows of a report", "what `uptime report --format json` prints, with a row")
    return content


def _runs(
    connection: "psycopg.Connection",
    given: list[tuple[str, datetime | None, list[dict[str, Any]] | None]],
    asked: dict[str, Any],
    profile: str | None,
) -> list[Any]:
    """The runs, each with the period and levels of those in hand; Refusal if they are not runs of one report."""
    from uptime import profile as profiles
    from uptime import settings
    from uptime.diff import Run

    runs: list[Run] = []
    for name, _, content in given:
        if content is None:
            continue
        rows = [row for row in content if profile is None or row["profile"] == profile]
        said = {(row["from"], row["to"], row["profile"], row["settings"], row["as_of"]) for row in rows}
        if len(said) != 1:
            ids = sorted({row["profile"] for row in content})
            raise Refusal(f"{name} holds {len(said)} reports, of {', '.join(ids)}", "one, which --profile can choose")
        (first, last, regime, limits, as_of) = said.pop()
        levels = tuple(
            dict.fromkeys(row["level"] for row in rows if not asked["levels"] or row["level"] in asked["levels"])
        )
        rows = [row for row in rows if row["level"] in levels]
        known = datetime.fromisoformat(as_of)
        unbound = any(row["verdict"] is None for row in rows)
        period = (date.fromisoformat(first), date.fromisoformat(last))
        runs.append(Run(name, *period, levels, profiles.load(regime), settings.load(limits), known, unbound, rows))
    if len(runs) == 2 and len({(run.first_day, run.last_day, run.levels) for run in runs}) > 1:
        raise Refusal(f"{given[0][0]} and {given[1][0]} differ in period or levels", "two runs of one report")
    like = runs[0] if runs else None
    for name, moment, content in given:
        if content is None and moment is not None:
            if like is None:
                if asked["first_day"] is None or asked["last_day"] is None:
                    raise Refusal("neither run says a period", "--from and --to, where both runs are times")
                like = Run(
                    name, asked["first_day"], asked["last_day"], asked["levels"] or ("operator",),
                    profiles.load(profile or profiles.DEFAULT), settings.load(), moment, everything=False,
                )  # fmt: skip
            runs.append(replace(like, named=name, as_of=moment, stated=None))
    if runs[0].first_day >= runs[0].last_day:
        raise Refusal(f"--from {runs[0].first_day} is not before --to {runs[0].last_day}", "a period of a day or more")
    return runs


def _print(found: Any, runs: list[Any], format: Format) -> None:
    from chargewatch.instants import iso

    before, after = ({"run": run.named, "as_of": iso(run.as_of), "profile": run.profile.id} for run in runs)
    if format is Format.json:
        told = {
            "from": runs[0].first_day.isoformat(), "to": runs[0].last_day.isoformat(), "before": before, "after": after,
            "figures": found.figures, "inputs": found.inputs, "without_effect": found.without_effect,
            "not_reproduced": found.not_reproduced,
        }  # fmt: skip
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    figures = ["level", "operator_id", "id", "field", "before", "after", "inputs"]
    if format is Format.csv:
        by_number = {one["number"]: one for one in found.inputs}
        rows = [
            {**row, "input": number, **{name: by_number[number].get(name) for name in _SAID if number}}
            for row in found.figures
            for number in row["inputs"] or [None]
        ]
        emit(rows, format, [*figures[:-1], "number", *_SAID])
        return
    period = f"{runs[0].first_day} to {runs[0].last_day} (exclusive), as of {before['as_of']} and {after['as_of']}"
    emit(found.figures, format, figures, f"Figures that differ, {period}")
    rows = [{**one, "what": _what(one), "connectors": _few(one["connectors"])} for one in found.inputs]
    emit(rows, format, ["number", "input", "what", "connectors", "alone_s", "left_out_s"], "Inputs that changed them")
    if found.not_reproduced:
        emit(found.not_reproduced, format, ["run", *figures[:-1]], "In hand (before) and computed again (after)")
    say(f"{found.without_effect} other inputs between the two runs changed nothing.")


_SAID = ["input", "operator_id", "boot_id", "first_seq", "last_seq", "items", "session_id", "table", "key", "change",
         "cells", "recorded_at", "imported_by", "source"]  # fmt: skip


def _what(one: dict[str, Any]) -> str:
    """An input in words."""
    if "table" in one:
        cells = ", ".join(f"{name}: {old or 'empty'} → {new or 'empty'}" for name, (old, new) in one["cells"].items())
        key = " ".join(str(part) for part in one["key"].values() if part)
        return f"{one['table']} {key} {one['change']} ({cells}) by {one['imported_by']} at {one['recorded_at']}"
    if one["input"] == "contest":
        return f"contest {one['reference']} of {one['operator_id']} granted by {one['decided_by']}: {one['reason']}"
    if "cells" in one:
        return f"{one['change']} {one['cells'].get('id', '')}".strip()
    order = f"order {one['session_id']}, " if "session_id" in one else ""
    earlier = ", received earlier than was known" if one.get("earlier_receipts") else ""
    return (
        f"{order}{one['items']} items of {one['operator_id']}, boot {one['boot_id']}, seq {one['first_seq']} to"
        f" {one['last_seq']}, of {one['first_at']} to {one['last_at']}, received by {one['last_received_at']}{earlier}"
    )


def _few(names: list[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _day(option: str, text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} is {text!r}", "a day that exists, as YYYY-MM-DD") from None
