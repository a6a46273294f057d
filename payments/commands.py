"""`chargewatch payment` and `chargewatch budget`: from a computed statement to money, and back."""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit

if TYPE_CHECKING:
    from subsidy.policy import Policy

app = typer.Typer(no_args_is_help=True)

_ABOUT = typer.Argument(metavar="STATEMENT", help="2023-06/OPERATOR; or 2023-06: all of them for which it is possible.")
_WHO = typer.Option("--who", help="Who does it: a name. It is kept.")
_REASON = typer.Option("--reason", help="Why, or how it became known. It is kept.")
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_ON = typer.Option("--on", metavar="DAY", help="The day on which it happened, if it was not today.")
_POLICY = typer.Option("--policy", help="Rules to go by, id or file, if not those of the statement.")
_REFERENCE = typer.Option("--reference", help="Number of the bank's document.")
_LIST = [
    "about",
    "state",
    "total_yuan",
    "known_now_yuan",
    "granted_yuan",
    "cut_yuan",
    "paid_yuan",
    "to_pay_yuan",
    "overpaid_yuan",
    "on",
]

Days = Annotated[str | None, _ON]


@app.command("list")
def list_statements(
    state: Annotated[str | None, typer.Option("--state", help="Only what is in this state.")] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Every statement and every order to pay back: where it stands, what it says, what was paid.

    Example: chargewatch payment list --state confirmed
    """
    from chargewatch import database
    from payments import report

    with database.connect() as conn:
        rows = report.listed(conn, state)
    emit(rows, format, _LIST, "Statements and orders to pay back" + _rehearsal(rows), right=_LIST[2:9])


@app.command("show")
def show(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="2023-06/OPERATOR.")],
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Every step of one statement, with who, when, why and the entry that followed.

    Example: chargewatch payment show 2023-06/OP1
    """
    from chargewatch import database
    from payments import report

    with database.connect() as conn:
        rows = report.history(conn, statement)
    if rows is None:
        raise Refusal(f"no statement {statement} has been issued to the ledger", "one of `chargewatch payment list`")
    columns = ["about", "event", "state", "on", "who", "reason", "entry"]
    emit(rows, format, columns, f"{statement}{_rehearsal(rows)}")


@app.command("accounts")
def accounts(format: Annotated[Format, _FORMAT] = Format.table) -> None:
    """What is on every account; each programme and year sums to nothing.

    Example: chargewatch payment accounts --format csv
    """
    from chargewatch import database
    from payments import report

    with database.connect() as conn:
        rows = report.accounts(conn)
    emit(rows, format, ["programme", "year", "account", "yuan"], "Accounts", right=["yuan"])


@app.command("check")
def check(
    file: Annotated[Path | None, typer.Argument(help="An export of the ledger; without it the store.")] = None,
    policy: Annotated[
        list[str] | None, typer.Option("--policy", help="Also a policy that steps were taken under: id or file.")
    ] = None,
) -> None:
    """Take every step again, from the statements and the policies alone, and hold it against its record.

    Verify an export first (`chargewatch ledger verify FILE`): that says whether it is what was written, this whether
    what was written had to be.

    Example: chargewatch payment check ledger.ndjson.gz
    """
    from chargewatch import database
    from ledger import store
    from ledger.export import Reading, records
    from ledger.files import lines_of
    from payments.audit import Audit
    from payments.reading import stated
    from subsidy import policy as policies

    at_hand = {one.sha256: one for one in map(policies.load, policy or ())}

    @cache
    def policy_of(name: str, sha256: str) -> "Policy | None":
        found = at_hand.get(sha256) or policies.load(name)
        return found if found.sha256 == sha256 else None

    audit = Audit(lambda record: stated([record]), policy_of)
    if file is None:
        with database.connect() as conn:
            wrong = list(audit.wrong(store.all_records(conn)))
    elif Reading(lambda: lines_of(file)).verify():
        raise CheckFailed(f"{file} does not hold: see `chargewatch ledger verify {file}`")
    else:
        wrong = list(audit.wrong(records(lambda: lines_of(file))))
    if wrong:
        raise CheckFailed("\n".join([f"{len(wrong)} steps do not follow:", *map(str, wrong[:20])]))
    typer.echo(f"{audit.steps} steps follow from {audit.statements} statements: {len(audit.books.balances)} accounts")


@app.command("table")
def table(format: Annotated[Format, _FORMAT] = Format.table) -> None:
    """All that can happen to a statement, who may do it, and which entry follows.

    Example: chargewatch payment table
    """
    from payments import report

    emit(report.table(), format, title="What can happen")


def _plain(name: str, event: str, help: str) -> None:
    def command(
        statement: Annotated[str, _ABOUT],
        who: Annotated[str, _WHO],
        reason: Annotated[str, _REASON],
        on: Days = None,
        policy: Annotated[str | None, _POLICY] = None,
        format: Annotated[Format, _FORMAT] = Format.table,
    ) -> None:
        _act(statement, event, who, reason, on, format, policy=policy)

    command.__doc__ = f'{help}\n\nExample: chargewatch payment {name} 2023-06/OP1 --who "L. Chen" --reason "…"'
    app.command(name)(command)


for _name, _help in {
    "notify": "The statement was shown to the operator: from now on it can be confirmed or contested.",
    "confirm": "The operator has confirmed the statement.",
    "contest": "The operator has contested the statement; the reason says what.",
    "answer": "Answer a contest; what is right in it comes as an adjustment of the next statement.",
    "presume": "Take the operator's silence for a confirmation, once the time to answer has passed.",
    "approve": "Approve, as a second person, and commit the money as far as the budget has it.",
    "revoke": "Take an approval back before anything was issued.",
    "issue": "Issue the statement: from now on the money is owed.",
}.items():
    _plain(_name, _name, _help)


@app.command("pay")
def pay(
    statement: Annotated[str, _ABOUT],
    who: Annotated[str, _WHO],
    reference: Annotated[str, _REFERENCE],
    reason: Annotated[str, _REASON] = "paid",
    on: Days = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """What an issued statement grants has been paid, less what the operator owed; `list` shows how much that is.

    Example: chargewatch payment pay 2023-06/OP1 --who "X. Wu" --reference 2023-0815-0042 --on 2023-08-15
    """
    _act(statement, "pay", who, reason, on, format, reference=reference)


@app.command("recover")
def recover(
    statement: Annotated[str, _ABOUT],
    who: Annotated[str, _WHO],
    reason: Annotated[str, _REASON],
    on: Days = None,
    policy: Annotated[str | None, _POLICY] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Order an operator to pay back what this statement takes back and nothing sets off, with interest and penalty.

    Example: chargewatch payment recover 2023-08/OP1 --who "L. Chen" --reason "137-十: orders that never charged"
    """
    _act(statement, "order", who, reason, on, format, recovery=True, policy=policy)


@app.command("receive")
def receive(
    statement: Annotated[str, _ABOUT],
    yuan: Annotated[str, typer.Option("--yuan", help="How much has come, such as 120.50.")],
    who: Annotated[str, _WHO],
    reference: Annotated[str, _REFERENCE],
    reason: Annotated[str, _REASON] = "received",
    on: Days = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Money has come back on an order: the over-payment first, then interest, then penalty.

    Example: chargewatch payment receive 2023-08/OP1 --yuan 120.50 --who "X. Wu" --reference 2023-1002-0007
    """
    _act(statement, "receive", who, reason, on, format, recovery=True, reference=reference, fen=_fen(yuan))


@app.command("withdraw")
def withdraw(
    statement: Annotated[str, _ABOUT],
    who: Annotated[str, _WHO],
    reason: Annotated[str, _REASON],
    on: Days = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Withdraw an order to pay back, as a second person; what it still asked for is open again.

    Example: chargewatch payment withdraw 2023-08/OP1 --who "Y. Lin" --reason "the wrong operator"
    """
    _act(statement, "withdraw", who, reason, on, format, recovery=True)


def budget(
    policy: Annotated[
        list[str] | None,
        typer.Option("--policy", help="Policy whose budget holds, by id or file, if not that of the statements."),
    ] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """The money of each programme and year: budget, committed, payable, paid, come back, cut and left.

    Example: chargewatch budget --format csv
    """
    from chargewatch import database
    from payments import report
    from subsidy import policy as policies

    rules = [policies.load(name) for name in policy or ()]
    with database.connect() as conn:
        rows = report.budgets(conn, rules)
    columns = ["programme", "year", "budget_yuan", "asked_yuan", "committed_yuan", "payable_yuan", "paid_yuan"]
    columns += ["recovered_yuan", "owed_back_yuan", "cut_yuan", "remaining_yuan", "when_exhausted"]
    emit(rows, format, columns, "Budget" + _rehearsal(rows), right=columns[1:-1])


def _act(
    about: str,
    event: Any,
    who: str,
    reason: str,
    on: str | None,
    format: Format,
    recovery: bool = False,
    policy: str | None = None,
    **given: Any,
) -> None:
    from chargewatch import database
    from payments.acting import act

    with database.connect() as conn:
        rows = act(
            conn, about=about, event=event, who=who, reason=reason, given=given, on=_day(on), recovery=recovery,
            policy=policy,
        )  # fmt: skip
    emit(rows, format, ["statement", "state", "records", "refused"], event)
    refused = [row for row in rows if row["refused"]]
    if refused:
        raise CheckFailed(f"{len(refused)} of {len(rows)} were refused")


def _day(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()  # noqa: DTZ007 (a day has no zone)
    except ValueError:
        raise Refusal(f"--on is “{text}”", "a day such as 2023-08-15") from None


def _fen(text: str) -> int:
    from decimal import Decimal, InvalidOperation

    try:
        fen = Decimal(text) * 100
    except InvalidOperation:
        fen = Decimal("0.5")
    if not fen.is_finite() or fen % 1:
        raise Refusal(f"--yuan is “{text}”", "an amount in whole fen, such as 120.50")
    return int(fen)


def _rehearsal(rows: list[dict[str, Any]]) -> str:
    return "  REHEARSAL" if any(row["rehearsal"] for row in rows) else ""
