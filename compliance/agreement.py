"""What inspectors found against what the platform believed: the table of both, and what it says of all connectors."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from compliance.estimating import Observed, Share, estimate


@dataclass(frozen=True, slots=True)
class Visited:
    """One drawn connector."""

    probability: Fraction
    worked: bool | None
    """None: it was not, or could not be, tried."""
    believed: str
    """What the platform took it for at that instant: `up`, `down` or `unknown`."""


def believed(state: str | None, meaning: Mapping[str, str]) -> str:
    """What a profile takes a state for: `up`, `down`, or `unknown`, which includes what it leaves out."""
    told = meaning.get(state or "", "unknown")
    return told if told in ("up", "down") else "unknown"


def table(visited: Sequence[Visited]) -> list[dict[str, Any]]:
    """How many were found working and not, for each belief, and how many untested; `weighted`: of how many in all."""
    cells = {
        (belief, found): list[Visited]() for belief in ("up", "down", "unknown") for found in ("charged", "failed")
    }
    cells["", "untested"] = []
    for one in visited:
        found = "charged" if one.worked else "failed"
        cells[(one.believed, found) if one.worked is not None else ("", "untested")].append(one)
    return [
        {
            "believed": belief,
            "found": found,
            "connectors": len(mine),
            "weighted": f"{float(sum(1 / one.probability for one in mine)):.1f}",
        }
        for (belief, found), mine in cells.items()
    ]


def figures(visited: Sequence[Visited], confidence: Decimal) -> list[dict[str, Any]]:
    """What the sample says of all connectors, each share with its interval, and what it stands on.

    Only what was tried says whether it works; the row `works, untested counted as failing` shows what the rest could
    make of it, for missing evidence never does better than bad evidence.
    """
    tried = [one for one in visited if one.worked is not None]
    wrong = [(one.believed == "up") != one.worked for one in tried]
    up, down = ([one.believed == belief for one in tried] for belief in ("up", "down"))
    everyone = [True] * len(tried)
    asked = {
        "works": (everyone, [bool(one.worked) for one in tried]),
        "believed to work": (everyone, up),
        "nothing known": (everyone, [one.believed == "unknown" for one in tried]),
        "platform wrong": ([a or b for a, b in zip(up, down, strict=True)], wrong),
        "believed to work, fails": (up, wrong),
        "believed not to work, charges": (down, wrong),
    }
    rows = []
    for figure, (among, yes) in asked.items():
        answers = zip(tried, among, yes, strict=True)
        found = estimate([Observed(one.probability, a, b) for one, a, b in answers], confidence)
        rows.append(_row(figure, found, confidence))
    worst = estimate([Observed(one.probability, True, one.worked is True) for one in visited], confidence)
    return [*rows, _row("works, untested counted as failing", worst, confidence)]


def _row(figure: str, found: Share, confidence: Decimal) -> dict[str, Any]:
    numbers = {"share": found.share, "low": found.low, "high": found.high, "standard_error": found.standard_error}
    shown = {name: None if value is None else f"{value:.6f}" for name, value in numbers.items()}
    return {"figure": figure, **shown, "confidence": str(confidence), "connectors": found.observed}
