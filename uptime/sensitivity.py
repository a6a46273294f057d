"""Which single reading of the law flips which verdict."""

from collections.abc import Sequence
from typing import Any

from uptime.profile import Profile, Reading

SHOWN = ["level", "id", "operator_id", "from", "to", "profile", "rehearsal", "as_of"]


def flips(
    profile: Profile, before: Sequence[dict[str, Any]], under: Sequence[Sequence[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """One row for each figure and reading that gives it another verdict, in the order of the figures.

    `before`: the rows of uptime.report under the profile; `under`: those under each of its readings. Columns: who and
    when, as in the report; reading, about, says; verdict, ratio and ratio_upper, and the three as they would be
    (`…_under`). What exists under one of the two only, because the reading takes another unit, is left out.
    """
    found = {reading.id: {_key(row): row for row in rows} for reading, rows in _both(profile, under)}
    return [
        {
            **{name: row[name] for name in SHOWN},
            "reading": reading.id,
            "about": reading.about,
            "says": reading.says,
            **{name: row[name] for name in ("verdict", "ratio", "ratio_upper")},
            **{f"{name}_under": other[name] for name in ("verdict", "ratio", "ratio_upper")},
        }
        for row in before
        for reading in profile.readings
        if (other := found[reading.id].get(_key(row))) is not None and other["verdict"] != row["verdict"]
    ]


def _both(
    profile: Profile, under: Sequence[Sequence[dict[str, Any]]]
) -> list[tuple[Reading, Sequence[dict[str, Any]]]]:
    return list(zip(profile.readings, under, strict=True))


def _key(row: dict[str, Any]) -> tuple[str, str]:
    return row["operator_id"] or "", row["id"]
