"""Availability on the command line."""

from datetime import date, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chargewatch.errors import Refusal
from chargewatch.output import Format, emit, progress, say
from uptime import auditing, contesting, documenting, doubting, regimes, running
from uptime.archive import commands as archiving
from uptime.moments import moment, period

if TYPE_CHECKING:
    from uptime.profile import Profile

app = typer.Typer(no_args_is_help=True)
app.add_typer(regimes.app, name="profile", help="The regimes: what each profile says, and with which clause.")
app.add_typer(contesting.app, name="contest", help="Contests: filed by an operator, decided by the commission.")
app.command("running")(running.running)
app.command("diff")(auditing.diff)
app.command("truth")(doubting.truth)
app.command("declarations")(doubting.declarations)
app.command("document")(documenting.document)
app.command("rebuild")(archiving.rebuild)


class Level(StrEnum):
    """What a row of a report stands for."""

    connector = "connector"
    charger = "charger"
    station = "station"
    operator = "operator"
    district = "district"
    city = "city"


_FORMAT = typer.Option("--format", help="How the rows are printed.")
_PROFILE = typer.Option("--profile", help="Id of a profile, or the path of a profile's YAML file.")
_AS_OF = typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then. Default: everything committed by now.")
_DEFAULT_PROFILE = "cn-wenzhou-2022-137"


@app.command()
def report(
    from_: Annotated[str, typer.Option("--from", help="First policy day, YYYY-MM-DD.")],
    to: Annotated[str, typer.Option("--to", help="Policy day after the last, YYYY-MM-DD (exclusive).")],
    by: Annotated[Level, typer.Option("--by", help="What a row stands for.")] = Level.operator,
    profile: Annotated[
        list[str] | None,
        typer.Option("--profile", help="Id of a profile, or the path of its YAML file; repeatable, side by side."),
    ] = None,
    as_of: Annotated[str | None, _AS_OF] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Also what the profile does not bind, without a verdict.")
    ] = False,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Availability of a period, at one level, with verdicts.

    Example: chargewatch uptime report --from 2023-06-01 --to 2023-07-01 --by station
    """
    from chargewatch import database
    from uptime import profile as profiles
    from uptime import settings
    from uptime.report import compute

    asked = [profiles.load(name) for name in profile or [profiles.DEFAULT]]
    first_day, last_day = period(from_, to)
    rows: list[dict[str, Any]] = []
    with database.connect() as connection:
        known = moment("--as-of", as_of, asked[0].zone) if as_of else database.watermark(connection)
        for regime in asked:
            warn(regime, first_day, last_day)
            with progress("connectors") as advance:
                rows += compute(
                    connection,
                    first_day=first_day,
                    last_day=last_day,
                    by=by.value,
                    profile=regime,
                    settings=settings.load(),
                    as_of=known,
                    everything=all_,
                    advance=advance,
                )
    if len(asked) > 1:  # side by side, in the order asked for
        rows.sort(key=lambda row: (row["operator_id"] or "", row["id"]))
    shown = rows if format is not Format.table else [{**row, **percent(row)} for row in rows]
    named = [] if by in (Level.city, Level.district, Level.operator) else ["operator_id"]
    what = [*named, "id", *(["profile", "threshold"] if len(asked) > 1 else [])]
    what += ["ratio", "ratio_upper", "verdict", "breach", "required_s", "up_s", "down_s", "unknown_s"]
    counts = ["deducted_s", "connectors", "connectors_below", "connectors_pending", "connectors_out_7d"]
    rehearsal = "  REHEARSAL" if rows and rows[0]["rehearsal"] else ""
    under = ", ".join(regime.id for regime in asked)
    title = f"Availability by {by.value}, {first_day} to {last_day} (exclusive), {under}, as of {known}{rehearsal}"
    emit(shown, format, [*what, *counts], title, right=[name for name in what if name.endswith(("_s", "ratio"))])


@app.command()
def sensitivity(
    from_: Annotated[str, typer.Option("--from", help="First policy day, YYYY-MM-DD.")],
    to: Annotated[str, typer.Option("--to", help="Policy day after the last, YYYY-MM-DD (exclusive).")],
    by: Annotated[Level, typer.Option("--by", help="What a row stands for.")] = Level.connector,
    profile: Annotated[str, _PROFILE] = _DEFAULT_PROFILE,
    as_of: Annotated[str | None, _AS_OF] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Which single reading of the law would flip which verdict: the readings stand in the profile.

    Example: chargewatch uptime sensitivity --from 2023-06-01 --to 2023-07-01 --by operator
    """
    from chargewatch import database
    from uptime import profile as profiles
    from uptime import settings
    from uptime.report import views_of
    from uptime.sensitivity import flips

    regime, own = profiles.load(profile), settings.load()
    first_day, last_day = period(from_, to)
    views = [(regime, own)]
    views += [(regime.under(reading), profiles.settings_under(own, reading)) for reading in regime.readings]
    with database.connect() as connection:
        known = moment("--as-of", as_of, regime.zone) if as_of else database.watermark(connection)
        warn(regime, first_day, last_day)
        with progress("connectors") as advance:
            before, *under = views_of(
                connection,
                first_day=first_day,
                last_day=last_day,
                by=by.value,
                views=views,
                as_of=known,
                advance=advance,
            )
    rows = flips(regime, before, under)
    flipped = len({(row["operator_id"], row["id"]) for row in rows})
    say(f"{flipped} of {len(before)} verdicts would be another one under one of {len(regime.readings)} readings")
    shown = rows if format is not Format.table else [{**row, **percent(row)} for row in rows]
    named = [] if by in (Level.city, Level.district, Level.operator) else ["operator_id"]
    both = [f"{name}{under}" for name in ("verdict", "ratio", "ratio_upper") for under in ("", "_under")]
    rehearsal = "  REHEARSAL" if rows and rows[0]["rehearsal"] else ""
    title = f"Verdicts by {by.value} that one reading flips, {first_day} to {last_day} (exclusive), {regime.id}"
    emit(shown, format, [*named, "id", "reading", *both, "says"], title + rehearsal)


def warn(regime: "Profile", first_day: date, last_day: date) -> None:
    """Say what a reader of the figure might overlook."""
    if first_day < regime.valid_from:
        say(f"{regime.id} applies from {regime.valid_from}: before that day its figures are a what-if")
    if regime.denominator and regime.twelve_months_us(first_day, last_day) is None:
        minutes = f"{regime.denominator.twelve_months_min:,} minutes"
        say(f"{regime.id} counts {minutes} for twelve calendar months; this period is none and has its true length")


def percent(row: dict[str, Any]) -> dict[str, str]:
    """Its ratios for people; truncated like the ratio itself, so that a failing one never shows as the threshold."""
    both = {name: row[name] for name in row if name.startswith("ratio")}
    return {
        name: "" if text is None else f"{int(text.replace('.', '')[:5]) / 100:.2f} %" for name, text in both.items()
    }


@app.command()
def explain(
    connector: Annotated[str, typer.Argument(help="connector_id, as in the registry.")],
    operator: Annotated[str, typer.Option("--operator", help="operator_id the connector belongs to.")],
    from_: Annotated[str, typer.Option("--from", help="Start: a policy day or an RFC 3339 time.")],
    to: Annotated[str, typer.Option("--to", help="End (exclusive): a policy day or an RFC 3339 time.")],
    profile: Annotated[str, _PROFILE] = _DEFAULT_PROFILE,
    as_of: Annotated[str | None, _AS_OF] = None,
    format: Annotated[Format, _FORMAT] = Format.table,
) -> None:
    """Every service interval of a connector, with the evidence at its ends and what the profile made of it.

    Example: chargewatch uptime explain 330302001-01-1 --operator OP1 --from 2023-06-01 --to 2023-06-08
    """
    from chargewatch import database
    from uptime import profile as profiles
    from uptime import settings
    from uptime.explain import compute

    regime = profiles.load(profile)
    start, end = moment("--from", from_, regime.zone), moment("--to", to, regime.zone)
    if start >= end:
        raise Refusal(f"--from {from_} is not before --to {to}", "a time that comes before; --to is exclusive")
    with database.connect() as connection:
        rows = compute(
            connection,
            operator_id=operator,
            connector_id=connector,
            start=start,
            end=end,
            last_day=end.astimezone(regime.zone).date() + timedelta(days=1),
            profile=regime,
            settings=settings.load(),
            as_of=moment("--as-of", as_of, regime.zone) if as_of else database.watermark(connection),
        )
    if format is not Format.json:
        rows = [
            {**row, "begins": _said(row["begins"]), "ends": _said(row["ends"]), "because": _reasons(row["because"])}
            for row in rows
        ]
    names = ["from", "to", "seconds", "state", "reason", "effect", "cause", "declaration_id", "begins", "ends"]
    names += ["because"] if any(row["because"] for row in rows) else []
    emit(rows, format, names, f"{operator} {connector} under {regime.id}")


def _said(items: list[dict[str, str]]) -> str:
    return "; ".join(
        f"{one['kind']} {one['said']} at {one['at']} (message {one['boot_id']}/{one['seq']}/{one['place']},"
        f" sha256 {one['sha256'][:12]}…)"
        for one in items
    )


def _reasons(because: list[dict[str, Any]]) -> str:
    """Why a connector's state is not its own: the other connector in use, or the ids of one serial number."""
    return "; ".join(
        f"{one['connector_id']}: {_said(one['begins'])}"
        if "connector_id" in one
        else f"{one['charger_id']} ({one['serial_no']}) {one['commissioned_on'] or ''} to {one['retired_on'] or ''}"
        for one in because
    )
