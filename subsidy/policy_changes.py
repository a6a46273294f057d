"""What one policy states otherwise than another, statement by statement, named by its path in the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from subsidy.policy import Policy

WORDS = frozenset(("clause", "ours", "text", "zh", "en"))
OF_THE_DOCUMENT = frozenset(
    ("id", "programme", "follows", "title", "document", "issuer", "issued_on", "validity", "ours", "reasons")
)
"""Entries that say where the rules come from, and move no yuan by themselves."""


@dataclass(frozen=True, slots=True)
class Change:
    """One statement that differs: path, what stood there and what stands there now, and the clause it names now."""

    path: str
    before: str
    after: str
    clause: str
    words_only: bool


def changes(before: Policy, after: Policy) -> list[Change]:
    """Every statement that differs, in the order of the file; one that is new or gone is empty on that side."""
    return list(_between((), msgspec.to_builtins(before), msgspec.to_builtins(after)))


def with_change(before: Policy, after: Policy, path: str) -> Policy | None:
    """`before` with that one statement of `after`; None if the two do not fit together by themselves."""
    *above, name = path.split(".")
    content: dict[str, Any] = msgspec.to_builtins(before)
    old, new = content, msgspec.to_builtins(after)
    for step in above:
        old, new = old[step], new[step]
    old[name] = new[name]
    try:
        return msgspec.convert(content, Policy, strict=False)
    except msgspec.ValidationError:
        return None


def _between(path: tuple[str, ...], before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict) and "clause" not in before:
        for name in {**before, **after}:
            yield from _between((*path, name), before.get(name), after.get(name))
        return
    clause = after.get("clause", "") if isinstance(after, dict) else ""
    said = path[0] in OF_THE_DOCUMENT or path[-1] in WORDS
    same = isinstance(before, dict) and isinstance(after, dict) and _rule(before) == _rule(after)
    yield Change(".".join(path), shown(before), shown(after), clause, said or same)


def _rule(statement: Any) -> Any:
    """A statement without its words."""
    if isinstance(statement, dict):
        return {name: _rule(value) for name, value in statement.items() if name not in WORDS}
    return statement


def shown(statement: Any) -> str:
    """A statement in one line: `200 yuan/kW`, `2022-01-01 … 2023-12-31`, `lucheng, longwan`."""
    match statement:
        case None:
            return ""
        case {"value": value, "unit": unit}:
            return f"{value} {unit}"
        case {"first_day": first, "last_day": last}:
            return f"{first} … {last}"
        case {"values": values}:
            return shown(values)
        case dict():
            rest = _rule(statement) or statement
            return ", ".join(f"{name} {shown(value)}" for name, value in rest.items())
        case list() | tuple():
            return ", ".join(shown(one) for one in statement)
        case _:
            return str(statement)
