"""Commands about findings: list them, show one with its evidence, and decide it by name and reason."""

from typing import Annotated

import typer

from chargewatch.output import Format, emit
from subsidy.control_commands import moment

_AS_OF = typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now.")
_POLICY = typer.Option("--policy", help="Id of a policy, or the path of a policy's YAML file.")
_FORMAT = typer.Option("--format", help="How the rows are printed.")
_DEFAULT = "cn-wenzhou-2022-137"
_LISTED = ["finding", "rule", "effect", "state", "operator_id", "about", "subject", "sessions", "energy_kwh", "en"]

app = typer.Typer(no_args_is_help=True, help="What the rules found, with its evidence; a person decides.")


def mount(parent: typer.Typer) -> None:
    """Adds `findings` to the commands of `chargewatch subsidy`."""
    parent.add_typer(app, name="findings")


@app.command(name="list")
def list_findings(
    operator: Annotated[str | None, typer.Option("--operator", help="Only this operator_id.")] = None,
    rule: Annotated[str | None, typer.Option("--rule", help="Only this rule's code.")] = None,
    period: Annotated[str | None, typer.Option("--period", help="Only those about orders of 2023-06, 2023-Q2.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="Only these: open, accepted or rejected.")] = None,
    policy: Annotated[str, _POLICY] = _DEFAULT,
    as_of: Annotated[str | None, _AS_OF] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Findings, rule by rule, each with its number, its state and its reason.

    Example: chargewatch subsidy findings list --period 2023-06 --state open
    """
    from chargewatch import database
    from subsidy import finding_report, policy as on_file  # isort: skip

    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        rows = finding_report.listed(
            connection, policy=on_file.load(policy), as_of=known, operator=operator, rule=rule, period=period,
            state=state,
        )  # fmt: skip
    emit(rows, format, _LISTED if format is Format.table else None, "Findings", right=["sessions", "energy_kwh"])


@app.command()
def show(
    finding: Annotated[str, typer.Argument(help="The finding's number.")],
    policy: Annotated[str, _POLICY] = _DEFAULT,
    as_of: Annotated[str | None, _AS_OF] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """One finding: reason in Chinese and English, threshold, evidence rows, and the messages of its orders.

    Example: chargewatch subsidy findings show F0123456789abcdef
    """
    from chargewatch import database
    from subsidy import finding_report, policy as on_file  # isort: skip

    with database.connect() as connection:
        known = moment(as_of) if as_of else database.watermark(connection)
        found = finding_report.shown(connection, finding, policy=on_file.load(policy), as_of=known)
    if format is not Format.table:
        emit([found], format)
        return
    said = [{"field": name, "value": value} for name, value in found.items() if name not in ("evidence", "messages")]
    emit(said, format, None, f"Finding {finding}")
    rows = [{"evidence": one["what"], "says": _says(one)} for one in found["evidence"]]
    emit(rows, format, None, "What it rests on")
    emit(found["messages"], format, None, "Messages of its orders")


@app.command()
def decide(
    finding: Annotated[str, typer.Argument(help="The finding's number.")],
    who: Annotated[str, typer.Option("--who", help="Who decides; nobody who imported rows of the operator.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    accept: Annotated[
        bool,
        typer.Option("--accept/--reject", help="Accept what was found odd, or reject the orders.", show_default=False),
    ],
    policy: Annotated[str, _POLICY] = _DEFAULT,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Decide a finding, once for all: it stands in the store and in the ledger, and counts from now on.

    Example: chargewatch subsidy findings decide F0123456789abcdef --accept --who "Chen" --reason "meter replaced"
    """
    from chargewatch import database
    from chargewatch.instants import iso
    from ledger.store import issue
    from subsidy import finding_report, policy as on_file  # isort: skip

    with database.connect() as connection, connection.transaction():
        rules = on_file.load(policy)
        decision, found = finding_report.decide(
            connection, finding, accepted=accept, who=who, reason=reason, policy=rules
        )
        decided = {
            "finding": finding,
            "decision": "accepted" if accept else "rejected",
            "decided_by": decision.decided_by,
            "reason": decision.reason,
            "decided_at": iso(decision.recorded_at),
        }
        stood = {key: value for key, value in found.items() if not key.startswith("deci") and key != "state"}
        body = {**decided, "policy": rules.id, "policy_sha256": rules.sha256, "found": stood}
        record = issue(connection, kind="finding_decision", subject=finding, body=body, as_of=decision.recorded_at)
    emit([{**decided, "ledger_seq": record.seq}], format, None, "Decided")


def _says(row: dict[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in row.items() if name != "what" and value not in (None, ""))
