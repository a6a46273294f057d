"""On the command line: rectification orders."""

from enum import StrEnum
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit
from compliance.sample_commands import DEFAULT_RULES, FORMAT, RULES, WHO

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ["order", "state", "subject", "level", "operator_id", "id", "breach_ratio", "threshold", "issued_at"]
_COLUMNS += ["due_on", "window_end", "measurable_on"]


class State(StrEnum):
    """What an order can be."""

    open = "open"
    closed = "closed"
    escalated = "escalated"
    withdrawn = "withdrawn"


class Decision(StrEnum):
    """What a person decides about an order."""

    withdrawn = "withdrawn"
    settled = "settled"


@app.command("issue")
def issue(
    period: Annotated[str, typer.Argument(help="Period whose availability was issued, such as 2023-06.")],
    who: Annotated[str, WHO],
    rules: Annotated[str, RULES] = DEFAULT_RULES,
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Make an order of every breach in an issued record; what was done is printed, nothing if it was done before.

    Example: chargewatch compliance order issue 2023-06 --by "Energy division"
    """
    from chargewatch import database
    from compliance import ordering
    from compliance.rules import load

    loaded = load(rules)
    with database.connect() as connection:
        rows = ordering.issue(connection, subject=period, who=named(who), rules=loaded)
    emit(rows, format, _COLUMNS, f"Orders for {period}")


@app.command("show")
def show(
    number: Annotated[int | None, typer.Argument(help="Number of an order: all that happened to it.")] = None,
    state: Annotated[State | None, typer.Option("--state", help="Only orders in this state.")] = None,
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Every order and the state it is in, or every step of one.

    Example: chargewatch compliance order show --state escalated
    """
    from chargewatch import database
    from compliance import ordering

    with database.connect() as connection:
        if number is None:
            rows = ordering.listed(connection, state and state.value)
            emit(rows, format, _COLUMNS, "Orders", right=["order", "breach_ratio", "threshold"])
            return
        rows = ordering.steps(connection, number)
    columns = ["step", "event", "state", "recorded_at", "recorded_by", "reason", "evidence"]
    emit(rows, format, columns, f"Order {number}")


@app.command("remeasure")
def remeasure(
    who: Annotated[str, WHO],
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Measure every open order again on its own window, once that is over: closed or escalated.

    Example: chargewatch compliance order remeasure --by "Energy division"
    """
    from chargewatch import database
    from compliance import ordering

    with database.connect() as connection:
        rows = ordering.remeasure(connection, who=named(who))
    emit(rows, format, ["ratio", "verdict", *_COLUMNS], "Open orders, measured again on [due_on, window_end)")


@app.command("decide")
def decide(
    number: Annotated[int, typer.Argument(help="Number of the order.")],
    decision: Annotated[Decision, typer.Argument(help="Withdrawn, or (if it was escalated) settled.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; it is kept.")],
    who: Annotated[str, WHO],
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Withdraw an order, or settle one that was escalated, with a reason.

    Example: chargewatch compliance order decide 1 settled --reason "chargers replaced, seen on 3 May" --by "L. Chen"
    """
    from chargewatch import database
    from compliance import ordering

    with database.connect() as connection:
        row = ordering.decide(connection, order=number, event=decision.value, who=named(who), reason=reason)
    emit([row], format, _COLUMNS, f"Order {number}")


def named(who: str) -> str:
    """Who does it, as typed; Refusal if it is empty."""
    if not who.strip():
        raise Refusal("--by is empty", "a name or an office")
    return who.strip()
