"""Whether the rows of an import fit each other and what is stored: references, kinds, scopes of declarations."""

from collections.abc import Iterator, Mapping

from registry.contents import Registry, Value
from registry.problems import Problem, Row
from registry.tables import BY_NAME, TABLES

Rows = Mapping[str, list[Row]]
Ids = dict[str, set[tuple[Value, Value]]]

_ID_OF = {
    "operators": "operator_id",
    "stations": "station_id",
    "power_units": "power_unit_id",
    "chargers": "charger_id",
    "connectors": "connector_id",
}
_SCOPES = {"operator": "operators", "station": "stations", "charger": "chargers", "connector": "connectors"}


def problems(rows: Rows, existing: Registry) -> Iterator[Problem]:
    """Every row that refers to nothing, that another row makes impossible, or whose scope cannot be."""
    ids = _ids(rows, existing)
    yield from _dangling(rows, ids)
    yield from _impossible_kinds(rows, existing)
    yield from _impossible_scopes(rows.get("declarations", []), ids)


def _ids(rows: Rows, existing: Registry) -> Ids:
    """(operator_id, id) of everything that the file or the store names, by table."""
    ids: Ids = {}
    for table, column in _ID_OF.items():
        stored = existing.tables[table]
        ids[table] = set(zip(stored["operator_id"], stored[column], strict=True))
        ids[table] |= {(row.cells["operator_id"], row.cells[column]) for row in rows.get(table, [])}
    return ids


def _dangling(rows: Rows, ids: Ids) -> Iterator[Problem]:
    for table in TABLES:
        for reference in table.references:
            operator_column, column = reference.columns
            known = ids[reference.table]
            for row in rows.get(table.name, []):
                operator_id, target = row.cells[operator_column], row.cells[column]
                if operator_id is None or target is None or (operator_id, target) in known:
                    continue
                yield Problem(table.name, row.number, column, str(target), _expected(reference.table, operator_id))


def _expected(table: str, operator_id: Value) -> str:
    if table == "operators":
        return "an operator in operators, here or in the store"
    return f"a row of {operator_id} in {table}, here or in the store"


def _impossible_kinds(rows: Rows, existing: Registry) -> Iterator[Problem]:
    """Connectors of a kind that no row of their charger can feed: dc at an ac charger, ac at a dc charger."""
    chargers, connectors = _merged("chargers", rows, existing), _merged("connectors", rows, existing)
    kinds: dict[tuple[Value, Value], set[Value]] = {}
    last_row: dict[tuple[Value, Value], int] = {}
    for number, cells in chargers:
        charger = (cells["operator_id"], cells["charger_id"])
        kinds.setdefault(charger, set()).add(cells["kind"])
        if number:
            last_row[charger] = number
    for number, cells in connectors:
        charger, kind = (cells["operator_id"], cells["charger_id"]), cells["kind"]
        possible = kinds.get(charger, set())
        if kind is None or not possible or possible & {kind, "hybrid", None}:
            continue
        charger_kind = " or ".join(sorted(str(one) for one in possible))
        if number:
            expected = f"a kind that charger {charger[1]} has, which is {charger_kind}"
            yield Problem("connectors", number, "kind", str(kind), expected)
        elif charger in last_row:
            expected = f"a kind for its connector {cells['connector_id']}, which is {kind}"
            yield Problem("chargers", last_row[charger], "kind", charger_kind, expected)


def _merged(table: str, rows: Rows, existing: Registry) -> list[tuple[int, dict[str, Value]]]:
    """What the table would hold after the import: cells with their row in the file, 0 for rows of the store alone."""
    key = BY_NAME[table].key
    given = {tuple(row.cells[name] for name in key): row for row in rows.get(table, [])}
    stored = existing.tables[table]
    names = ["operator_id", "charger_id", "kind", *(["connector_id"] if table == "connectors" else [])]
    kept = [
        (0, dict(zip(names, cells, strict=True)))
        for of, cells in zip(
            zip(*(stored[name] for name in key), strict=True),
            zip(*(stored[name] for name in names), strict=True),
            strict=True,
        )
        if of not in given
    ]
    return kept + [(row.number, row.cells) for row in rows.get(table, [])]


def _impossible_scopes(declarations: list[Row], ids: Ids) -> Iterator[Problem]:
    """A platform's declaration names no operator, every other names what it is about."""
    for row in declarations:
        scope, operator_id, scope_id = (row.cells[name] for name in ("scope", "operator_id", "scope_id"))
        if scope is None:
            continue
        if scope == "platform":
            for column, seen in (("operator_id", operator_id), ("scope_id", scope_id)):
                if seen is not None:
                    yield Problem("declarations", row.number, column, str(seen), "nothing, where the scope is platform")
            continue
        if operator_id is None:
            yield Problem("declarations", row.number, "operator_id", "", f"the operator, where the scope is {scope}")
        elif scope_id is None:
            if scope != "operator":
                yield Problem("declarations", row.number, "scope_id", "", f"the id of the {scope}")
        elif (operator_id, scope_id) not in ids[_SCOPES[str(scope)]]:
            expected = _expected(_SCOPES[str(scope)], operator_id)
            yield Problem("declarations", row.number, "scope_id", str(scope_id), expected)
