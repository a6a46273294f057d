"""`chargewatch conformance`: an operator's rehearsal before going live."""

import threading
from pathlib import Path
from typing import Annotated

import typer

from chargewatch.errors import CheckFailed, Refusal
from chargewatch.output import Format, emit, progress, say

_COLUMNS = ("code", "outcome", "checked", "failed", "asks", "examples")


def conformance(
    operator: Annotated[str, typer.Option(help="The operator_id whose traffic is watched.")],
    minutes: Annotated[float, typer.Option(help="How long; a few reporting intervals say more.", min=0.01)] = 30.0,
    capture: Annotated[
        list[Path] | None, typer.Option(help="A capture file instead of the broker (may be given several times).")
    ] = None,
    page: Annotated[Path | None, typer.Option(help="Write the result as a page to hand over (HTML) as well.")] = None,
    format: Annotated[Format, typer.Option(help="How the result is printed.")] = Format.table,
) -> None:
    """Watch an operator's real traffic and tell, rule by rule, whether it may go live; exit status 1 if it may not.

    The collector misses nothing by it. ctrl-C ends the watch early, with a result on what was seen.

    Example: chargewatch conformance --operator OP1 --minutes 30 --page op1.html
    """
    from chargewatch import database, settings
    from collector.commands import stopped_by
    from collector.conformance.judgement import judge
    from collector.conformance.page import page as page_of
    from collector.conformance.rules import RULES
    from collector.conformance.watch import Agreed, captured, watch

    if page is not None and not page.parent.is_dir():
        raise Refusal(f"{page} cannot be written", "a file in a folder that exists")
    with database.connect() as connection:
        agreed = Agreed(connection, operator)
    if capture:
        traffic = captured(agreed, capture)
    else:
        stopping, seconds = threading.Event(), minutes * 60
        with stopped_by(stopping.set), progress(f"watching {operator}", int(seconds), "s") as advance:
            traffic = watch(
                settings.load(), agreed, seconds=seconds, stopping=stopping, tell=say,
                advance=lambda passed, count: advance(passed, f"{count} messages"),
            )  # fmt: skip
    report = judge(traffic, RULES)
    rows = [
        {
            "code": one.rule.code, "outcome": one.outcome, "checked": one.checked, "failed": one.failed,
            "asks": one.rule.asks, "mend": one.rule.mend, "asks_zh": one.rule.asks_zh, "mend_zh": one.rule.mend_zh,
            "examples": "\n".join(one.examples) if format is Format.table else list(one.examples),
        }
        for one in report.verdicts
    ]  # fmt: skip
    emit(rows, format, _COLUMNS, f"{operator}: {report.messages} messages", right=("checked", "failed"))
    if page is not None:
        try:
            page.write_text(page_of(report), encoding="utf-8")
        except OSError as error:
            raise Refusal(f"{page} cannot be written: {error.strerror}", "a file in a folder that exists") from None
        say(f"The page is {page}.")
    failed = [one.rule.code for one in report.verdicts if one.outcome == "fail"]
    if failed:
        raise CheckFailed(f"{operator} does not pass yet: {', '.join(failed)}")
    say(f"{operator} passes: {report.messages} messages with {report.items} items.")
