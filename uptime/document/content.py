"""What the document states: one content, that the workbook, the printed page and the JSON all show."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from chargewatch.instants import day_start_us, iso, seconds
from uptime import page
from uptime.account import DOWN, EFFECTS, UNKNOWN, UP
from uptime.document.lines import added_up, whole
from uptime.evidence import Ints
from uptime.figures import figures, truncated
from uptime.life import NEVER
from uptime.profile import Profile
from uptime.settings import IntervalSettings

LEVELS = ("city", "district", "operator", "station", "charger", "connector")
BY_DAY = 62
"""A trend is by day in periods of at most so many days, else by calendar month."""
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A period of availability with all that its figures were made of."""

    first_day: date
    last_day: date
    """Exclusive."""
    as_of: datetime
    rehearsal: bool
    version: str
    profile: Profile
    settings: IntervalSettings
    levels: dict[str, list[Row]]
    """By level the rows of contract 4, with `name`: the registry's, or empty."""
    lines: pd.DataFrame
    """uptime.document.lines, of all units."""
    trend: list[Row]
    distribution: list[Row]
    quality: list[Row]
    doubted: list[Row] = field(default_factory=list)
    """Statuses that do not fit what connectors do (uptime.truth): beside the figures, none of which counts them."""

    @property
    def city(self) -> Row | None:
        """The row of the whole; None where nothing is bound."""
        return next(iter(self.levels["city"]), None)

    @property
    def failing(self) -> list[Row]:
        """Rows of units that do not pass, worst first."""
        open_ = [row for row in self.levels["connector"] if row["verdict"] in ("fail", "pending")]
        return sorted(open_, key=lambda row: (row["verdict"] != "fail", row["ratio"], row["operator_id"], row["id"]))

    @property
    def breaches(self) -> list[Row]:
        """Rows of every level that are a breach, those that the profile binds first."""
        rows = [row for level in LEVELS for row in self.levels[level] if row["breach"]]
        return sorted(rows, key=lambda row: row["level"] != self.profile.binds.level)

    @property
    def parameters(self) -> Row:
        """What was computed, under which rules, and the digests of these."""
        return {
            "from": self.first_day.isoformat(),
            "to": self.last_day.isoformat(),
            "time_zone": self.profile.time_zone,
            "as_of": iso(self.as_of),
            "rehearsal": self.rehearsal,
            "version": self.version,
            "profile": self.profile.id,
            "profile_sha256": digest(self.profile),
            "document": self.profile.source.document,
            "clause": self.profile.source.clause,
            "threshold": str(self.profile.threshold.value),
            "comparison": self.profile.threshold.comparison,
            "settings": self.settings.id,
            "settings_sha256": digest(self.settings),
        }


def sha256(content: bytes) -> str:
    """The digest by which the other forms name the JSON."""
    return hashlib.sha256(content).hexdigest()


def digest(rules: Profile | IntervalSettings) -> str:
    """SHA-256 of all that rules state, layout and comments of their file apart."""
    return sha256(msgspec.json.encode(rules, order="sorted"))


def encoded(report: Report) -> bytes:
    """The content as JSON: the same report gives the same bytes."""
    content = {
        "parameters": report.parameters,
        "rules": page.rows(report.profile),
        "settings": msgspec.to_builtins(report.settings),
        "levels": report.levels,
        "breaches": [{name: row[name] for name in ("level", "operator_id", "id")} for row in report.breaches],
        "trend": report.trend,
        "distribution": report.distribution,
        "quality": report.quality,
        "truth": report.doubted,
        "intervals": list(told(report.lines)),
    }
    return (json.dumps(content, ensure_ascii=False, indent=1, default=str) + "\n").encode()


def told(table: pd.DataFrame) -> Iterator[Row]:
    """Lines as rows: times RFC 3339, lengths as seconds with six decimals, None where a line has no time."""
    for line in table.itertuples(index=False):
        row = line._asdict()
        yield {
            **{name: row[name] for name in ("kind", "operator_id", "connector_id", "charger_id", "station_id")},
            "district": row["district"],
            "from": _instant(row["from_us"]),
            "to": _instant(row["to_us"]),
            "seconds": seconds(int(row["us"])),
            **{name: row[name] or None for name in ("effect", "cause", "state", "reason")},
            "outage_from": _instant(row["outage_us"]),
            "outage_to": _instant(row["outage_end_us"]),
        }


def _instant(us: int) -> str | None:
    return None if us == NEVER else iso(int(us))


def levels(
    tallies: Sequence[pd.DataFrame],
    table: pd.DataFrame,
    profile: Profile,
    said: Row,
    names: Mapping[tuple[str, str | None, str], str],
    *,
    ripe: bool,
) -> dict[str, list[Row]]:
    """The rows of every level with what the caller knows (`said`) and `name`; they come from what the lines add up to.

    `tallies` are those of uptime.figures.tally, `names` by level, operator and id.
    """
    if not tallies:
        return {level: [] for level in LEVELS}
    sums = pd.concat(tallies, ignore_index=True)
    assert added_up(table, profile).equals(whole(sums, profile)), "the lines do not add up to the figures"
    found = {level: figures(sums, profile, level, ripe=ripe, everything=False) for level in LEVELS}
    return {
        level: [{**row, **said, "name": names.get((level, row["operator_id"], row["id"]), "")} for row in rows]
        for level, rows in found.items()
    }


def slots(first_day: date, last_day: date) -> list[date]:
    """The days at which a trend's slots begin, and the end."""
    days = [first_day + timedelta(days=nth) for nth in range((last_day - first_day).days)]
    if len(days) > BY_DAY:
        days = [day for day in days if day == first_day or day.day == 1]
    return [*days, last_day]


def spread(segments: pd.DataFrame, days: Sequence[date], profile: Profile) -> Ints:
    """µs of each effect (columns) in each slot (rows) between the days, of segments that a figure sums."""
    edges = [day_start_us(day, profile.zone) for day in days]
    start, end = segments["from_us"].to_numpy(), segments["to_us"].to_numpy()
    effect = segments["effect"].to_numpy()
    found = np.zeros((len(edges) - 1, len(EFFECTS)), dtype=np.int64)
    for slot, (first, last) in enumerate(pairwise(edges)):
        length = np.minimum(end, last) - np.maximum(start, first)
        inside = length > 0
        np.add.at(found[slot], effect[inside], length[inside])
    return found


def trend(sums: Ints, days: Sequence[date]) -> list[Row]:
    """A row a slot: its days, seconds by effect, both ratios (of sums, whatever the profile's aggregation)."""
    rows = []
    for (first, last), one in zip(pairwise(days), sums, strict=True):
        up, unknown = int(one[UP]), int(one[UNKNOWN])
        required = up + int(one[DOWN]) + unknown
        rows.append(
            {
                "from": first.isoformat(),
                "to": last.isoformat(),
                "required_s": seconds(required),
                **{f"{name}_s": seconds(int(us)) for name, us in zip(EFFECTS, one, strict=True)},
                "ratio": truncated(up, required),
                "ratio_upper": truncated(up + unknown, required),
            }
        )
    return rows


def distribution(rows: Sequence[Row], profile: Profile) -> list[Row]:
    """How many units have a ratio from … to (exclusive; the last one inclusive), in steps of a twentieth.

    The threshold is an edge, so that no bar holds both sides of it. Last the units that have no ratio.
    """
    edges = sorted({*(Decimal(n) / 20 for n in range(21)), profile.threshold.value})
    counts = [0] * len(edges)
    for row in rows:
        if row["ratio"] is None:
            counts[-1] += 1
        else:
            at = sum(Decimal(row["ratio"]) >= edge for edge in edges) - 1
            counts[min(at, len(edges) - 2)] += 1
    bars = [
        {"from": str(low), "to": str(high), "below": high <= profile.threshold.value, "connectors": count}
        for (low, high), count in zip(pairwise(edges), counts, strict=False)
    ]
    return [*bars, {"from": None, "to": None, "below": False, "connectors": counts[-1]}]
