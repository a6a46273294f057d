"""`chargewatch collectors`: who collects, and how one is taken out."""

import threading
from typing import Annotated

import typer

from chargewatch.output import Format, emit, say

app = typer.Typer(no_args_is_help=True)

_COLUMNS = ("client_id", "share", "host", "state", "started_at", "last_seen_at", "kept_until")


@app.command("list")
def list_(
    everyone: Annotated[bool, typer.Option("--all", help="Also those that were retired.")] = False,
    format: Annotated[Format, typer.Option(help="How the report is printed.")] = Format.table,
) -> None:
    """Every collector: its group, when it was last there, and until when the broker keeps its part for it.

    State `away`: its part of the messages waits for it at the broker and is not shared out; it is lost at kept_until.

    Example: chargewatch collectors list
    """
    from chargewatch import database
    from chargewatch.instants import iso
    from collector.group import members

    with database.connect() as connection:
        [(now,)] = connection.execute("SELECT clock_timestamp()").fetchall()
        found = members.members(connection)
    rows = [
        {
            "client_id": one.client_id,
            "share": one.share,
            "host": one.host,
            "state": one.state(now),
            "started_at": iso(one.started_at),
            "last_seen_at": iso(one.last_seen_at),
            "kept_until": None if one.retired_at else iso(one.kept_until),
        }
        for one in found
        if everyone or one.retired_at is None
    ]
    emit(rows, format, _COLUMNS, "Collectors")


@app.command("retire")
def retire(
    client_id: Annotated[str, typer.Argument(help="The client id of a collector that has been stopped.")],
    last: Annotated[bool, typer.Option("--last", help="Also if no other collector is left.")] = False,
) -> None:
    """Take a stopped collector out for good: store what the broker has queued for it, then have it forgotten.

    Example: chargewatch collectors retire collector-2
    """
    from chargewatch import settings
    from collector.commands import stopped_by
    from collector.group.retiring import retire as take_out

    stopping = threading.Event()
    with stopped_by(stopping.set):
        brought = take_out(settings.load(), client_id, last=last, stopping=stopping, tell=say)
    say(f"{client_id} is retired; it still brought {brought} items.")
