"""The command line: one program, each package's commands mounted where contract 4 says.

Exit status 0 done, 1 the answer is a failure, 2 the call was wrong or could not be carried out as given.
"""

import sys
from typing import Annotated

import typer

import collector.commands as collecting
import collector.conformance.commands
import collector.group.commands
import collector.operators.commands
import collector.quarantine.commands
import compliance.commands
import ledger.commands
import payments.commands
import registry.commands
import scheduler.commands
import simulators.commands as simulating
import subsidy.commands
import uptime.archive.commands
import uptime.commands
from chargewatch import __version__
from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import say

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Watch public EV chargers, prove how available they were, pay what the law promises.",
    epilog="Settings come from the environment: CHARGEWATCH_HOME, CHARGEWATCH_DSN, CHARGEWATCH_MQTT_URL. "
    "Without a DSN an embedded database is used, in CHARGEWATCH_HOME (.chargewatch).",
)
app.add_typer(registry.commands.app, name="registry", help="What exists: import and export of contract 3's tables.")
app.add_typer(uptime.commands.app, name="uptime", help="Availability: report it, explain it.")
app.add_typer(uptime.archive.commands.app, name="archive", help="Facts as Parquet files: write and verify them.")
app.add_typer(subsidy.commands.app, name="subsidy", help="Subsidies: state them, explain them.")
app.add_typer(ledger.commands.app, name="ledger", help="The record of issued figures: export and verify it.")
app.add_typer(payments.commands.app, name="payment", help="What becomes of a statement: shown, approved, paid.")
app.command()(payments.commands.budget)
app.add_typer(compliance.commands.app, name="compliance", help="After a figure: orders, samples, inspections.")
app.add_typer(collector.operators.commands.app, name="operator", help="The operators' accounts at the broker.")
app.add_typer(
    collector.quarantine.commands.app,
    name="quarantine",
    help="What was refused at the door: list, show, retry, export.",
)
app.add_typer(collector.group.commands.app, name="collectors", help="Who collects: list them, retire one.")
for command in (
    collecting.ingest,
    collecting.collect,
    collecting.record,
    collector.conformance.commands.conformance,
    scheduler.commands.schedule,
    scheduler.commands.late,
    simulating.replay,
    simulating.simulate,
):
    app.command()(command)


@app.command()
def migrate(
    rehearsal: Annotated[
        bool,
        typer.Option(
            "--rehearsal",
            help="Make an empty store a rehearsal, for good: its clock is the sender's, and every figure says so.",
        ),
    ] = False,
) -> None:
    """Bring the database's schema up to date.

    Example: chargewatch migrate
    """
    from chargewatch.migrate import migrate as bring_up_to_date

    outcome = bring_up_to_date(rehearsal=rehearsal)
    kind = "a rehearsal store" if outcome.rehearsal else "a store of record"
    done = f"{len(outcome.applied)} migrations applied" if outcome.applied else "nothing to do"
    print(f"{done}; this is {kind}.")


@app.command()
def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Keep everything serving until ctrl-C.")] = False,
    stations: Annotated[int, typer.Option(help="Stations in the simulated city.", min=4)] = 24,
    seed: Annotated[int, typer.Option(help="Seed of the simulated city.")] = 137,
) -> None:
    """Play one month of a simulated city through broker, collector, database and scheduler, and show the figures.

    Example: chargewatch demo --keep
    """
    from chargewatch.demo import run

    run(keep=keep, stations=stations, seed=seed)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True)] = False,
) -> None:
    if version:
        print(f"chargewatch {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point: runs the command and turns what went wrong into a sentence and an exit status."""
    try:
        app()
    except CheckFailed as failure:
        say(f"chargewatch: {failure}")
        sys.exit(1)
    except Refusal as refusal:
        say(f"chargewatch: {refusal}")
        sys.exit(2)
    except KeyboardInterrupt:
        say("chargewatch: stopped.")
        sys.exit(130)
    except Exception as error:
        if not _from_the_database(error):
            raise
        say(f"chargewatch: the database went away: {' '.join(str(error).split())}")
        sys.exit(2)


def _from_the_database(error: Exception) -> bool:
    """Whether the server or the way to it failed; the driver is loaded only by who talks to a database."""
    psycopg = sys.modules.get("psycopg")
    return psycopg is not None and isinstance(error, psycopg.OperationalError)


if __name__ == "__main__":
    main()
