"""On the command line: which status to doubt, and which declaration to look at."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from chargewatch.output import Format, emit
from uptime.moments import moment, period

_From = Annotated[str, typer.Option("--from", help="First policy day, YYYY-MM-DD.")]
_To = Annotated[str, typer.Option("--to", help="Policy day after the last, YYYY-MM-DD (exclusive).")]
_Operator = Annotated[str | None, typer.Option("--operator", help="Only what is this operator's.")]
_AsOf = Annotated[str | None, typer.Option("--as-of", help="Knowledge time (RFC 3339): as known then.")]
_Format = Annotated[Format, typer.Option("--format", help="How the rows are printed.")]


class Sight(StrEnum):
    """What a row about the truth of status stands for."""

    finding = "finding"
    connector = "connector"
    operator = "operator"


class Listing(StrEnum):
    """What a row about declarations stands for."""

    declaration = "declaration"
    operator = "operator"


def truth(
    from_: _From,
    to: _To,
    operator: _Operator = None,
    by: Annotated[Sight, typer.Option("--by", help="What a row stands for.")] = Sight.finding,
    limits: Annotated[
        str, typer.Option("--limits", help="Id of a set of thresholds, or the path of its YAML file.")
    ] = "truth-1",
    as_of: _AsOf = None,
    format: _Format = Format.table,
) -> None:
    """Where what connectors announce does not fit what they do. Beside availability: no figure is changed by it.

    Example: chargewatch uptime truth --from 2023-06-01 --to 2023-07-01 --by operator
    """
    from chargewatch import database
    from chargewatch.output import progress
    from uptime import profile as profiles
    from uptime import settings, truth_limits
    from uptime.truth import RULES
    from uptime.truth_report import compute

    regime, (first_day, last_day) = profiles.load(), period(from_, to)
    with database.connect() as connection, progress("connectors") as advance:
        rows = compute(
            connection,
            first_day=first_day,
            last_day=last_day,
            by=by.value,
            operator=operator,
            profile=regime,
            settings=settings.load(),
            limits=truth_limits.load(limits),
            as_of=moment("--as-of", as_of, regime.zone) if as_of else database.watermark(connection),
            advance=advance,
        )
    columns = {
        Sight.finding: ["operator_id", "connector_id", "rule", "score", "seen", "limit", "unit", "evidence_count"],
        Sight.connector: ["operator_id", "connector_id", "score", "rules"],
        Sight.operator: ["operator_id", "connectors", "doubted", *RULES],
    }[by]
    emit(rows, format, columns, f"Truth of status, {first_day} to {last_day} (exclusive), by {by.value}")


def declarations(
    from_: _From,
    to: _To,
    operator: _Operator = None,
    by: Annotated[Listing, typer.Option("--by", help="What a row stands for.")] = Listing.declaration,
    profile: Annotated[str, typer.Option("--profile", help="Whose days, and which causes need an approval.")] = "",
    as_of: _AsOf = None,
    format: _Format = Format.table,
) -> None:
    """Declarations that the commission should look at: filed late, overlapping, charged in, not approved, changed.

    By operator also the share of fault time that was later called maintenance.

    Example: chargewatch uptime declarations --from 2023-06-01 --to 2023-07-01 --by operator
    """
    from chargewatch import database
    from chargewatch.output import progress
    from uptime import profile as profiles
    from uptime import settings
    from uptime.declaration_control import FINDINGS
    from uptime.declaration_report import compute

    regime, (first_day, last_day) = profiles.load(profile or profiles.DEFAULT), period(from_, to)
    with database.connect() as connection, progress("connectors") as advance:
        rows = compute(
            connection,
            first_day=first_day,
            last_day=last_day,
            by=by.value,
            operator=operator,
            profile=regime,
            settings=settings.load(),
            as_of=moment("--as-of", as_of, regime.zone) if as_of else database.watermark(connection),
            advance=advance,
        )
    columns = ["operator_id", "declaration_id", "cause", "scope", "scope_id", "start", "end", "filed_at", "findings"]
    if by is Listing.operator:
        times = ["faulted_s", "later_called_maintenance_s", "share"]
        columns = ["operator_id", "declarations", *FINDINGS, *times]
    elif format is not Format.json:
        rows = [{**row, "findings": "; ".join(map(_finding, row["findings"]))} for row in rows]
    emit(rows, format, columns, f"Declarations, {first_day} to {last_day} (exclusive)")


def _finding(one: dict[str, Any]) -> str:
    """A finding in words."""
    parts = [one["finding"].replace("_", " ")]
    if "after_s" in one:
        parts.append(f"{one['after_s']} s after the start")
    if "seconds" in one:
        parts.append(f"{one['seconds']} s at {one['connectors']} connectors")
    parts += [f"with {', '.join(one['with'])}"] if "with" in one else []
    parts += one.get("what", [])
    return ", ".join(parts)
