"""Every problem of an import at once, each at its place."""

from zoneinfo import ZoneInfo

import pytest

from registry.check import check
from registry.contents import Registry
from registry.problems import Problem, Sheet
from registry.tables import TABLES

ZONE = ZoneInfo("Asia/Shanghai")
EMPTY = Registry.of({})

GOOD = {
    "operators": {
        "operator_id": "OP1",
        "name": "一号",
        "legal_form": "limited",
        "business_scope": "yes",
        "credit_good": "yes",
        "management_system": "yes",
        "maintenance_team": "yes",
        "platform_commitment": "yes",
    },
    "stations": {
        "operator_id": "OP1",
        "station_id": "S1",
        "name": "站",
        "district": "lucheng",
        "category": "public",
        "open_to_public": "yes",
    },
    "power_units": {"operator_id": "OP1", "power_unit_id": "U1", "station_id": "S1", "rated_kw": "480"},
    "chargers": {"operator_id": "OP1", "charger_id": "C1", "station_id": "S1", "serial_no": "SN1", "kind": "dc"},
    "connectors": {"operator_id": "OP1", "connector_id": "G1", "charger_id": "C1", "kind": "dc", "rated_kw": "60"},
    "meters": {"operator_id": "OP1", "meter_no": "M1", "connector_id": "G1"},
    "declarations": {
        "operator_id": "OP1",
        "declaration_id": "D1",
        "scope": "station",
        "scope_id": "S1",
        "cause": "routine_maintenance",
        "start": "2023-06-10T00:00:00+08:00",
        "end": "2023-06-11T00:00:00+08:00",
        "filed_at": "2023-06-09T00:00:00+08:00",
        "approved": "yes",
    },
    "tariffs": {
        "operator_id": "OP1",
        "station_id": "S1",
        "valid_from": "2023-01-01",
        "start_time": "08:00",
        "end_time": "24:00",
        "electricity_price": "0.9",
        "service_price": "0.6",
    },
    "grid_bills": {
        "operator_id": "OP1",
        "grid_account": "3303 0001",
        "from": "2023-06-01",
        "to": "2023-06-30",
        "energy_kwh": "1234.5",
    },
    "awards": {"serial_no": "SN0", "awarded_on": "2021-05-01", "programme": "2020", "amount_yuan": "12000.00"},
}


def sheets(**changes):
    """Good tables, one row each; `chargers={"kind": "ac"}` changes cells, a list of such gives several rows."""
    made = []
    for table, good in GOOD.items():
        given = changes.get(table, {})
        rows = [{**good, **cells} for cells in (given if isinstance(given, list) else [given])]
        header = tuple(dict.fromkeys(name for row in rows for name in row))
        cells = [tuple(row.get(name, "") for name in header) for row in rows]
        made.append(Sheet(table, header, cells, list(range(2, len(rows) + 2))))
    return made


def found(existing=EMPTY, only=None, **changes):
    made = [sheet for sheet in sheets(**changes) if only is None or sheet.table in only]
    return [(p.table, p.row, p.column, p.seen) for p in check(made, existing, ZONE).problems]


def test_good_tables_have_no_problem():
    assert set(GOOD) == {table.name for table in TABLES}
    assert found() == []


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        ("operators", "operator_id", "OP 1"),
        ("operators", "operator_id", "甲"),
        ("operators", "operator_id", "x" * 51),
        ("operators", "legal_form", "Limited"),
        ("operators", "credit_good", "true"),
        ("operators", "name", ""),
        ("operators", "name", "a\x00b"),
        ("operators", "reporting_interval_min", "0"),
        ("operators", "admitted_on", "2023-02-30"),
        ("operators", "admitted_on", "2023-6-1"),
        ("operators", "admitted_on", "2023-06-01T00:00:00"),
        ("operators", "admitted_on", "9999-12-31"),
        ("stations", "category", "private"),
        ("stations", "opening_hours", "8-22"),
        ("stations", "opening_hours", "Mo-Su 08:00-25:00"),
        ("stations", "longitude", "180.1"),
        ("stations", "latitude", "27,99"),
        ("power_units", "rated_kw", "-1"),
        ("chargers", "rated_kw_dc", "-60"),
        ("chargers", "rated_kw_dc", "1e2"),
        ("chargers", "rated_kw_dc", "NaN"),
        ("chargers", "rated_kw_dc", "６０"),
        ("connectors", "rated_kw", "-0.1"),
        ("connectors", "kind", "hybrid"),
        ("declarations", "cause", "rain"),
        ("declarations", "start", "2023-06-10T00:00:00"),
        ("declarations", "start", "2023-06-10T24:00:00+08:00"),
        ("declarations", "start", "2023-06-10"),
        ("tariffs", "start_time", "24:30"),
        ("tariffs", "service_price", "-0.01"),
        ("tariffs", "valid_from", ""),
    ],
)
def test_a_bad_cell_is_named_as_it_was_seen(table, column, cell):
    assert (table, 2, column, cell) in found(**{table: {column: cell}})


@pytest.mark.parametrize(
    ("table", "column", "cell"),
    [
        ("operators", "operator_id", "OP1"),
        ("stations", "district", "nowhere"),
        ("stations", "district", "鹿城区"),
        ("stations", "opening_hours", "Mo-Su 08:00-22:00"),
        ("stations", "opening_hours", "Mo-Fr 00:00-24:00; Sa,Su 22:00-06:00"),
        ("stations", "longitude", "-180"),
        ("chargers", "rated_kw_dc", "0"),
        ("chargers", "commissioned_on", "2022-12-31T16:00:00Z"),
        ("declarations", "start", "2023-06-09T16:00:00.000001Z"),
        ("tariffs", "end_time", "07:00"),
    ],
)
def test_a_possible_cell_is_taken(table, column, cell):
    assert found(**{table: {column: cell}}) == []


def test_the_sentence_says_what_was_expected():
    [problem] = check(sheets(connectors={"rated_kw": "-1"}), EMPTY, ZONE).problems
    assert problem == Problem("connectors", 2, "rated_kw", "-1", "a number such as 12.5, at least 0")


@pytest.mark.parametrize(
    ("told", "day"),
    [("2022-12-31T15:59:59Z", "2022-12-31"), ("2022-12-31T16:00:00Z", "2023-01-01"), ("2023-01-01", "2023-01-01")],
)
def test_a_time_becomes_its_day_in_the_policys_zone(told, day):
    [row] = check(sheets(chargers={"commissioned_on": told}), EMPTY, ZONE).rows["chargers"]
    assert str(row.cells["commissioned_on"]) == day


@pytest.mark.parametrize(
    ("table", "cells", "column"),
    [
        ("operators", {"suspended_on": "2023-06-02", "suspended_until": "2023-06-01"}, "suspended_until"),
        ("stations", {"opened_on": "2023-06-02", "closed_on": "2023-06-01"}, "closed_on"),
        ("chargers", {"commissioned_on": "2023-06-02", "retired_on": "2023-06-01"}, "retired_on"),
        ("meters", {"installed_on": "2023-06-02", "removed_on": "2023-06-01"}, "removed_on"),
        ("declarations", {"end": "2023-06-10T00:00:00+08:00"}, "end"),
        ("declarations", {"withdrawn_at": "2023-06-08T00:00:00+08:00"}, "withdrawn_at"),
        ("grid_bills", {"to": "2023-05-31"}, "to"),
        ("awards", {"revoked_on": "2021-04-30"}, "revoked_on"),
    ],
)
def test_an_end_before_its_start(table, cells, column):
    assert [problem[:3] for problem in found(**{table: cells})] == [(table, 2, column)]


def test_a_period_of_one_day_is_possible():
    assert found(operators={"suspended_on": "2023-06-01", "suspended_until": "2023-06-01"}) == []


def test_the_same_key_twice_is_named_with_its_first_row():
    twice = [{}, {"valid_from": "2023-06-15"}, {"name": "other"}]
    assert found(stations=twice) == [("stations", 4, "operator_id, station_id, valid_from", "OP1 S1 (as in row 2)")]


@pytest.mark.parametrize(
    ("table", "column"),
    [
        ("stations", "operator_id"),
        ("power_units", "station_id"),
        ("chargers", "station_id"),
        ("chargers", "power_unit_id"),
        ("connectors", "charger_id"),
        ("meters", "connector_id"),
        ("declarations", "scope_id"),
        ("tariffs", "station_id"),
        ("grid_bills", "operator_id"),
    ],
)
def test_what_a_row_names_must_exist(table, column):
    assert (table, 2, column, "NONE") in found(**{table: {column: "NONE"}})


def in_store(*tables):
    rows = check(sheets(), EMPTY, ZONE).rows
    return Registry.of({table: [row.cells for row in rows[table]] for table in tables})


def test_what_a_row_names_may_be_in_the_store():
    assert found(in_store("operators", "stations"), only={"power_units", "tariffs"}) == []
    assert found(in_store("operators"), only={"tariffs"}) == [("tariffs", 2, "station_id", "S1")]


def test_another_operators_id_is_not_ones_own():
    operators = [{}, {"operator_id": "OP2"}]
    assert found(operators=operators, connectors={"operator_id": "OP2"})[0] == ("connectors", 2, "charger_id", "C1")


@pytest.mark.parametrize(
    ("charger", "connector", "possible"),
    [
        ("dc", "dc", True),
        ("ac", "ac", True),
        ("hybrid", "dc", True),
        ("hybrid", "ac", True),
        ("dc", "ac", False),
        ("ac", "dc", False),
    ],
)
def test_a_connector_is_of_a_kind_its_charger_can_feed(charger, connector, possible):
    problems = found(chargers={"kind": charger}, connectors={"kind": connector})
    assert problems == ([] if possible else [("connectors", 2, "kind", connector)])


def test_a_charger_may_not_turn_away_its_stored_connectors():
    everything = in_store("operators", "stations", "chargers", "connectors")
    assert found(everything, only={"chargers"}, chargers={"kind": "ac"}) == [("chargers", 2, "kind", "ac")]
    both = found(everything, only={"chargers", "connectors"}, chargers={"kind": "ac"}, connectors={"kind": "ac"})
    assert both == []


@pytest.mark.parametrize(
    ("cells", "columns"),
    [
        ({"scope": "platform", "operator_id": "", "scope_id": ""}, []),
        ({"scope": "platform"}, ["operator_id", "scope_id"]),
        ({"scope": "platform", "operator_id": ""}, ["scope_id"]),
        ({"operator_id": ""}, ["operator_id"]),
        ({"scope_id": ""}, ["scope_id"]),
        ({"scope": "operator", "scope_id": "OP1"}, []),
        ({"scope": "operator", "scope_id": ""}, []),
        ({"scope": "operator", "scope_id": "S1"}, ["scope_id"]),
        ({"scope": "charger", "scope_id": "C1"}, []),
        ({"scope": "connector", "scope_id": "C1"}, ["scope_id"]),
    ],
)
def test_a_declarations_scope(cells, columns):
    assert [problem[2] for problem in found(declarations=cells)] == columns


def test_columns_that_are_missing_unknown_twice_or_nameless():
    sheet = Sheet("awards", ("serial_no", "programme", "amount_yuan", "colour", "programme", ""), [("a",) * 6], [2])
    problems = check([sheet], EMPTY, ZONE).problems
    assert [(p.row, p.column) for p in problems] == [
        (1, "colour"),
        (1, "programme"),
        (1, ""),
        (1, "awarded_on"),
        (2, "amount_yuan"),
    ]


def test_a_row_longer_than_its_header_and_one_shorter():
    sheet = Sheet("awards", ("serial_no", "awarded_on", "programme", "amount_yuan"), [], [])
    long, short = ("a", "2020-01-01", "p", "1", "?"), ("b", "2020-01-01", "p")
    problems = check([Sheet(sheet.table, sheet.header, [long, short], [2, 9])], EMPTY, ZONE).problems
    assert [(p.row, p.column, p.seen) for p in problems] == [(2, "", "5 cells"), (9, "amount_yuan", "")]


def test_every_problem_is_listed_in_the_order_of_the_file():
    problems = found(operators={"name": ""}, chargers=[{"kind": "x"}, {"charger_id": "C 2", "station_id": "S9"}])
    assert problems == [
        ("operators", 2, "name", ""),
        ("chargers", 2, "kind", "x"),
        ("chargers", 3, "charger_id", "C 2"),
        ("chargers", 3, "station_id", "S9"),
    ]
