"""On the command line: samples of connectors for inspection."""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit, progress, say

app = typer.Typer(no_args_is_help=True)

FORMAT = typer.Option("--format", help="How the rows are printed.")
WHO = typer.Option("--by", help="Who does this: a name or an office; it is kept.")
RULES = typer.Option("--rules", help="Id of a set of compliance rules, or the path of its YAML file.")
DEFAULT_RULES = "cn-wenzhou-2022-137"


class Design(StrEnum):
    """How likely each connector is to be drawn."""

    risk = "risk"
    equal = "equal"


@app.command("draw")
def draw(
    from_: Annotated[str, typer.Option("--from", help="First policy day of the figures that tell the risk.")],
    to: Annotated[str, typer.Option("--to", help="Policy day after the last (exclusive).")],
    count: Annotated[int, typer.Option("--count", help="How many connectors.", min=1)],
    who: Annotated[str, WHO],
    design: Annotated[
        Design, typer.Option("--design", help="By risk (each with its own known probability), or all alike.")
    ] = Design.risk,
    seed: Annotated[
        str | None, typer.Option("--seed", help="Any text, such as numbers drawn in public. Default: a random one.")
    ] = None,
    rules: Annotated[str, RULES] = DEFAULT_RULES,
    as_of: Annotated[str | None, typer.Option("--as-of", help="Knowledge time (RFC 3339). Default: now.")] = None,
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """Draw connectors for inspection; seed, frame and probabilities are kept for good.

    Example: chargewatch compliance sample draw --from 2023-06-01 --to 2023-07-01 --count 60 --by "Inspection office"
    """
    from chargewatch import database
    from compliance import drawing
    from compliance.rules import load

    loaded = load(rules)
    first_day, last_day = day("--from", from_), day("--to", to)
    if first_day >= last_day:
        raise Refusal(f"--from {from_} is not before --to {to}", "a period of at least one day; --to is exclusive")
    if seed == "" or not who.strip():
        raise Refusal("--seed or --by is empty", "a text")
    with database.connect() as connection:
        known = instant("--as-of", as_of) if as_of else database.watermark(connection)
        with progress("connectors") as advance:
            number = drawing.draw_sample(
                connection,
                design=design.value,
                first_day=first_day,
                last_day=last_day,
                count=count,
                seed=seed,
                who=who,
                rules=loaded,
                as_of=known,
                advance=advance,
            )
    show(number, format=format)


@app.command("show")
def show(
    number: Annotated[int | None, typer.Argument(help="Number of a sample; all samples without it.")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="Draw it again first; exit 1 if it differs.")] = False,
    frame: Annotated[bool, typer.Option("--frame", help="Every connector that could have been drawn.")] = False,
    format: Annotated[Format, FORMAT] = Format.table,
) -> None:
    """The connectors of a sample with their probabilities, or every sample that was ever drawn.

    Example: chargewatch compliance sample show 1 --verify
    """
    from chargewatch import database
    from compliance import drawing

    with database.connect() as connection:
        every = drawing.samples(connection)
        if number is None:
            columns = ["sample", "recorded_at", "drawn_by", "design", "from", "to", "connectors", "drawn", "seed"]
            emit(every, format, [*columns, "frame_sha256"], "Samples", right=["sample", "connectors", "drawn"])
            return
        drawing.sample(connection, number)
        if verify:
            drawing.verify(connection, number)
            say(f"sample {number} was drawn again from its seed and from the store: the same connectors")
        rows = (drawing.whole_frame if frame else drawing.units)(connection, number)
    about = next(one for one in every if one["sample"] == number)
    place = ["drawn"] if frame else ["station_id", "district"]
    columns = ["operator_id", "connector_id", *place, "size", "probability_rounded"]
    title = (
        f"Sample {number}: {about['drawn']} of {about['connectors']} connectors by {about['design']}, seed"
        f" {about['seed']}, frame {about['frame_sha256'][:12]}…{'  REHEARSAL' if about['rehearsal'] else ''}"
    )
    emit(rows, format, columns, title, right=["size", "probability_rounded"])


def day(option: str, text: str) -> date:
    """A day as typed."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refusal(f"{option} is {text!r}", "a day that exists, as YYYY-MM-DD") from None


def instant(option: str, text: str) -> datetime:
    """A time as typed."""
    from chargewatch import instants

    try:
        return instants.parse(text)
    except (ValueError, OverflowError):
        raise Refusal(f"{option} is {text!r}", "a time with an offset such as 2023-07-01T00:00:00+08:00") from None
