"""Contests on the command line: an operator contests time of its own, the commission decides."""

from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit, say

app = typer.Typer(no_args_is_help=True)
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_COLUMNS = [
    *("contest", "state", "operator_id", "reference", "connectors", "from", "to", "ground", "filed_by", "filed_at"),
    *("decided_by", "reason", "decided_at"),
]


@app.command("file")
def file(
    operator: Annotated[str, typer.Option("--operator", help="operator_id whose connectors it is about.")],
    connector: Annotated[list[str], typer.Option("--connector", help="connector_id; repeatable.")],
    from_: Annotated[str, typer.Option("--from", help="Start: a policy day or an RFC 3339 time.")],
    to: Annotated[str, typer.Option("--to", help="End (exclusive): a policy day or an RFC 3339 time.")],
    reference: Annotated[str, typer.Option("--reference", help="The operator's own number of the contest.")],
    ground: Annotated[str, typer.Option("--ground", help="What is wrong with the figure, and what shows it.")],
    by: Annotated[str, typer.Option("--by", help="Who files it, by name.")],
) -> None:
    """File a contest: until it is decided no figure of its months is issued.

    Example: chargewatch uptime contest file --operator OP1 --connector C1-1 --from 2023-06-10 --to 2023-06-12
    --reference 2023-17 --ground "the link was down, orders show it" --by "Li Wei"
    """
    from chargewatch import database
    from uptime import contests
    from uptime import profile as profiles
    from uptime.moments import moment

    zone = profiles.load().zone
    start, end = moment("--from", from_, zone), moment("--to", to, zone)
    contest = contests.Contest(operator, reference, connector, start, end, ground, by)
    with database.connect() as connection:
        number = contests.file(connection, contest)
    say(f"filed as contest {number}; the figures of its months wait for the commission's decision")


@app.command("decide")
def decide(
    contest: Annotated[int, typer.Argument(help="Number of the contest.")],
    by: Annotated[str, typer.Option("--by", help="Who decides, by name; not who filed.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    granted: Annotated[bool | None, typer.Option("--granted/--refused", help="The decision.")] = None,
) -> None:
    """Decide a contest, once: granted, what came late counts for the time and the connectors that it names.

    Example: chargewatch uptime contest decide 3 --granted --by "Chen Jing" --reason "orders seen"
    """
    from chargewatch import database
    from uptime import contests

    if granted is None:
        raise Refusal("the decision is missing", "--granted or --refused")
    with database.connect() as connection:
        contests.decide(connection, contest, granted=granted, decided_by=by, reason=reason)
    say(f"contest {contest} is {'granted' if granted else 'refused'}; the figures of its months can be issued")


@app.command("list")
def list_(
    operator: Annotated[str | None, typer.Option("--operator", help="Only this operator's.")] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Every contest with its state, who filed and who decided it, and why.

    Example: chargewatch uptime contest list --operator OP1
    """
    from chargewatch import database
    from uptime import contests

    with database.connect() as connection:
        rows = contests.listed(connection, operator)
    if format is not Format.json:
        rows = [{**row, "connectors": ", ".join(row["connectors"])} for row in rows]
    emit(rows, format, _COLUMNS, "Contests")
