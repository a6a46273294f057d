"""Commands that look at the rules and at what they rest on: policies, their changes, identities, the triangle."""

from datetime import datetime
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit

_AS_OF = typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now.")
_POLICY = typer.Option("--policy", help="Id of a policy, or the path of a policy's YAML file.")
_PERIOD = typer.Option("--period", help="A month 2023-06, a quarter 2023-Q2 or a year 2023.")
_OPERATOR = typer.Option("--operator", help="Only this operator_id.")
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_DEFAULT = "cn-wenzhou-2022-137"


def mount(app: typer.Typer) -> None:
    """Adds these commands to those of `chargewatch subsidy`."""
    for command in (policies, difference, identity, reconcile):
        app.command()(command)


def moment(text: str) -> datetime:
    """A knowledge time as it was typed; Refusal for any other text."""
    from chargewatch.instants import parse

    try:
        return parse(text)
    except ValueError:
        expected = "a time with an offset, such as 2023-07-06T00:00:00+08:00"
        raise Refusal(f"--as-of is “{text}”", expected, "contract 4") from None


def policies(format: Annotated[Format, _FORMAT] = Format.table) -> None:
    """The programmes that are on file: each version's days, what it follows, and its digest.

    Example: chargewatch subsidy policies
    """
    from subsidy.policy import FOLDER, load

    rows = [
        {
            "policy": one.id,
            "programme": one.programme,
            "first_day": one.validity.first_day.isoformat(),
            "last_day": one.validity.last_day.isoformat(),
            "follows": one.follows,
            "title": one.title,
            "sha256": one.sha256,
        }
        for one in (load(path.stem) for path in sorted(FOLDER.glob("*.yaml")))
    ]
    emit(rows, format, None, "Subsidy policies")


def difference(
    before: Annotated[str, typer.Option("--before", help="The policy that held: its id, or a YAML file.")],
    after: Annotated[str, typer.Option("--after", help="The policy that is to hold: its id, or a YAML file.")],
    period: Annotated[
        str | None, typer.Option("--period", help="A month, quarter or year. Default: each that was issued.")
    ] = None,
    operator: Annotated[str | None, _OPERATOR] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """What a change of the rules touches: the statements that differ, and by line the yuan that move.

    Example: chargewatch subsidy difference --before cn-wenzhou-2022-137 --after new-rates.yaml --period 2023-06
    """
    from chargewatch import database
    from ledger.canonical import loads
    from ledger.store import all_records
    from subsidy import policy as on_file
    from subsidy.differing import compute

    one, other = on_file.load(before), on_file.load(after)
    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        records = [record for record in all_records(connection, "statement") if record.recorded_at <= known]
        found = compute(
            connection, before=one, after=other, period=period, operator=operator, as_of=known,
            issued=[loads(record.body) for record in records],
        )  # fmt: skip
    if format is Format.json:
        emit([found], format)
        return
    if format is Format.table:
        emit(found["rules"], format, ["path", "before", "after", "clause"], f"Rules: {one.id} → {other.id}")
        emit(found["periods"], format, None, "Periods touched", right=["before", "after", "difference"])
    rehearsal = "  REHEARSAL" if found["rehearsal"] else ""
    rows = [{**row, "rules": ", ".join(row["rules"])} for row in found["lines"]]
    emit(rows, format, LINE, f"Lines, as of {known}{rehearsal}", right=["issued", "before", "after", "difference"])


LINE = [
    *("operator_id", "period", "subject", "issued", "before", "after", "difference"),
    *("why_before", "why_after", "rules"),
]


def identity(
    operator: Annotated[str | None, _OPERATOR] = None,
    code: Annotated[str | None, typer.Option("--code", help="Only this judgement, such as duplicate_serial.")] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """What is registered twice, and what became of equipment: resold, relocated, replaced, registered again.

    Example: chargewatch subsidy identity --operator OP1
    """
    from chargewatch import database
    from subsidy import policy as on_file
    from subsidy.identifying import compute

    rules = on_file.load(policy)
    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        rows = compute(connection, operator=operator, code=code, policy=rules, as_of=known)
    names = ["code", "effect", "operator_id", "id", "from_day", "until_day", "clause", "zh", "en"]
    emit(rows, format, names, f"Identities under {rules.id}, as of {known}")


def reconcile(
    period: Annotated[str, _PERIOD],
    operator: Annotated[str | None, _OPERATOR] = None,
    differing: Annotated[bool, typer.Option("--differing", help="Only what does not agree.")] = False,
    as_of: Annotated[str | None, _AS_OF] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Orders, meter registers and the grid's bill side by side, station by station and month by month.

    Example: chargewatch subsidy reconcile --period 2023-06
    """
    from chargewatch import database
    from subsidy import policy as on_file
    from subsidy.reconciling import compute

    rules = on_file.load(policy)
    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        found = compute(connection, period=period, operator=operator, policy=rules, as_of=known)
    shown = [row for row in found if row["findings"]] if differing else found
    lists = ("operators", "stations", "documents", "findings", "differences")
    rows = (
        shown if format is Format.json else [{**row, **{name: "; ".join(row[name]) for name in lists}} for row in shown]
    )
    rehearsal = "  REHEARSAL" if found and found[0]["rehearsal"] else ""
    title = f"Orders, meters and grid, {period}, {rules.id}, as of {known}{rehearsal}"
    emit(rows, format, SIDES, title, right=[name for name in SIDES if name.endswith("_kwh")])


SIDES = [
    *("operators", "stations", "month", "grid_account", "orders", "orders_kwh", "meters_kwh", "grid_kwh", "bill"),
    *("meters_less_orders_kwh", "grid_less_meters_kwh", "grid_less_orders_kwh", "findings", "differences"),
]
