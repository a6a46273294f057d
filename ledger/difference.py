"""What changed between an issued body and the one that supersedes it, row by row and field by field.

Rows of one list are told apart by what names them (an operator, a charger, a station and month), never by their place,
so that a row that came first does not make every other one look changed.
"""

from collections.abc import Mapping
from typing import Any

NAMING_FIELDS = (
    "level", "operator_id", "id", "charger_id", "station_id", "kind", "month", "period", "subject", "code"
)  # fmt: skip
"""Fields that name a row of contract 4; a row is known by those it has."""

Change = dict[str, object]
"""`row` (where it stands), `field` (none: the whole row), `before` and `after` (none: not there then, or no longer)."""


def changes(before: Any, after: Any) -> list[Change]:
    """Each changed row or field between two plain bodies, in the order of the new one; `as_of` is no change."""
    return _between("", before, after)


def _between(row: str, before: Any, after: Any) -> list[Change]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        found: list[Change] = []
        for field in sorted(set(before) | set(after)):
            if field == "as_of":
                continue
            old, new = before.get(field), after.get(field)
            if _nested(old) and _nested(new):
                found += _between(f"{row} / {field}".removeprefix(" / "), old, new)
            elif not _equal(old, new) or (field in before) != (field in after):
                found.append({"row": row, "field": field, "before": old, "after": new})
        return found
    if isinstance(before, list) and isinstance(after, list):
        return _between_lists(row, before, after)
    return [] if _equal(before, after) else [{"row": row, "field": None, "before": before, "after": after}]


def _between_lists(place: str, before: list[Any], after: list[Any]) -> list[Change]:
    old, new = _named(before), _named(after)
    found: list[Change] = []
    for name, row in new.items():
        where = f"{place} / {name}".removeprefix(" / ")
        if name in old:
            found += _between(where, old[name], row)
        else:
            found.append({"row": where, "field": None, "before": None, "after": row})
    for name, row in old.items():
        if name not in new:
            where = f"{place} / {name}".removeprefix(" / ")
            found.append({"row": where, "field": None, "before": row, "after": None})
    if not found and list(old) != list(new):  # the same rows in another order
        found.append({"row": place, "field": None, "before": before, "after": after})
    return found


def _named(rows: list[Any]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for row in rows:
        name = _name(row)
        copies = 1
        while (name if copies == 1 else f"{name} #{copies}") in named:
            copies += 1
        named[name if copies == 1 else f"{name} #{copies}"] = row
    return named


def _name(row: Any) -> str:
    if not isinstance(row, Mapping):
        return str(row)
    return " ".join(f"{field}={row[field]}" for field in NAMING_FIELDS if row.get(field) is not None)


def _equal(before: object, after: object) -> bool:
    # To Python 1 is True; to who reads a body they are not the same.
    return before == after and isinstance(before, bool) == isinstance(after, bool)


def _nested(value: object) -> bool:
    return isinstance(value, (Mapping, list))
