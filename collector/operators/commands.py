"""`chargewatch operator`: the operators' accounts at the broker."""

from typing import Annotated

import typer

from chargewatch.output import Format, emit, say

app = typer.Typer(no_args_is_help=True)

_Operator = Annotated[str, typer.Argument(metavar="OPERATOR_ID", help="As in the registry; it is the user name.")]
_FormatOption = Annotated[Format, typer.Option("--format", help="How it is printed.")]


@app.command("add")
def add(operator_id: _Operator, format: _FormatOption = Format.table) -> None:
    """Open an account for a registered operator; prints its secret, this once.

    Example: chargewatch operator add OP1
    """
    _print_secret(operator_id, _change(operator_id, "add"), format)


@app.command("rotate")
def rotate(operator_id: _Operator, format: _FormatOption = Format.table) -> None:
    """Give an account a new secret, printed this once. The old one ends now, and with it the operator's connection.

    The operator loses nothing by it: what it could not send it keeps, and sends with the new secret.

    Example: chargewatch operator rotate OP1
    """
    _print_secret(operator_id, _change(operator_id, "rotate"), format)


@app.command("suspend")
def suspend(operator_id: _Operator) -> None:
    """Close an account and its connection; what was taken in stays.

    Example: chargewatch operator suspend OP1
    """
    _change(operator_id, "suspend")
    _reload()
    say(f"{operator_id} is suspended.")


@app.command("resume")
def resume(operator_id: _Operator) -> None:
    """Open a suspended account again, with the secret that it has.

    Example: chargewatch operator resume OP1
    """
    _change(operator_id, "resume")
    _reload()
    say(f"{operator_id} may connect again.")


@app.command("write")
def write() -> None:
    """Write the broker's files again from the database, on a further or a restored broker's host.

    Example: CHARGEWATCH_BROKER_DIR=/etc/mosquitto/chargewatch chargewatch operator write
    """
    from chargewatch import database, settings
    from collector.operators import accounts, broker_files

    with database.connect() as connection:
        all_of_them = accounts.load(connection)
    folder = broker_files.write(settings.load().broker_dir, all_of_them)
    _reload()
    say(f"{len(all_of_them)} accounts are in {folder}.")


@app.command("list")
def list_(format: _FormatOption = Format.table) -> None:
    """All accounts: since when, by whom, how old their secret is, whether suspended.

    Example: chargewatch operator list --format json
    """
    from chargewatch import database, instants
    from collector.operators import accounts

    columns = (
        "operator_id", "state", "state_since", "state_by", "opened_at", "opened_by", "secret_since", "secret_by",
    )  # fmt: skip
    with database.connect() as connection:
        rows = [{name: getattr(one, name) for name in columns} for one in accounts.load(connection)]
    for row in rows:
        row |= {name: instants.iso(row[name]) for name in ("state_since", "opened_at", "secret_since")}
    emit(rows, format, columns, "Accounts at the broker")


def _change(operator_id: str, action: str) -> str:
    """Record it and write the broker's files, both or neither; gives the secret that came of it."""
    from chargewatch import database, settings
    from collector.operators import accounts, broker_files

    folder = settings.load().broker_dir
    with database.connect() as connection, connection.transaction():
        secret = accounts.change(connection, operator_id, action, settings.who())
        broker_files.write(folder, accounts.load(connection))
    return secret or ""


def _print_secret(operator_id: str, secret: str, format: Format) -> None:
    # Printed before the broker is told: what is recorded cannot be had again.
    emit([{"user": operator_id, "password": secret}], format, title="Shown this once, and kept nowhere")
    _reload()


def _reload() -> None:
    from chargewatch import settings
    from collector.operators import broker_files

    broker_files.reload(settings.load().broker_pid_file)
