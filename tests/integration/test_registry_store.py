"""The registry on a real database: versions, history, and what it refuses."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import psycopg
import pytest

from chargewatch import database
from registry import snapshot
from registry.intake import Origin, take_in
from registry.placement import placements
from registry.problems import Row
from registry.tables import TABLES

ORIGIN = Origin("tester", "/somewhere", "0" * 64)
FILLED = {
    "operators": {
        "operator_id": "OP1",
        "name": "一号",
        "legal_form": "limited",
        "business_scope": True,
        "credit_good": True,
        "management_system": True,
        "maintenance_team": True,
        "platform_commitment": False,
        "reporting_interval_min": Decimal("60"),
    },
    "stations": {
        "operator_id": "OP1",
        "station_id": "S1",
        "name": "站",
        "district": "lucheng",
        "category": "public",
        "open_to_public": True,
        "longitude": Decimal("120.6540"),
    },
    "chargers": {
        "operator_id": "OP1",
        "charger_id": "C1",
        "station_id": "S1",
        "serial_no": "SN1",
        "kind": "dc",
        "commissioned_on": date(2022, 3, 1),
    },
    "connectors": {
        "operator_id": "OP1",
        "connector_id": "G1",
        "charger_id": "C1",
        "kind": "dc",
        "rated_kw": Decimal("60.0"),
    },
    "declarations": {
        "operator_id": None,
        "declaration_id": "D1",
        "scope": "platform",
        "cause": "platform_outage",
        "start": datetime(2023, 6, 1, tzinfo=UTC),
        "end": datetime(2023, 6, 2, 0, 0, 0, 1, tzinfo=UTC),
        "filed_at": datetime(2023, 5, 1, tzinfo=UTC),
        "approved": True,
    },
}


def rows(**changes):
    """The filled tables as rows; `stations={…}` changes cells, a list of such gives several rows."""
    given = {}
    for table in TABLES:
        if table.name not in FILLED:
            continue
        change = changes.get(table.name, {})
        several = change if isinstance(change, list) else [change]
        cells = [{**dict.fromkeys(table.names), **FILLED[table.name], **more} for more in several]
        given[table.name] = [Row(number, one) for number, one in enumerate(cells, 2)]
    return given


def take(conn, given, **more):
    with database.writing(conn) as recorded_at:
        counted = take_in(conn, given, Origin(**{**vars_of(ORIGIN), **more}), recorded_at)
    return {change.table: (change.added, change.changed, change.unchanged) for change in counted}, recorded_at


def vars_of(origin):
    return {"imported_by": origin.imported_by, "source": origin.source, "sha256": origin.sha256}


@pytest.fixture
def conn(dsn):
    with database.connect() as connection:
        yield connection


def everything(conn):
    names = [f"registry_{table.name}" for table in TABLES] + ["registry_imports", "connector_keys"]
    return {name: conn.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for name in names}


def test_values_come_back_as_they_went_in(conn):
    _, recorded_at = take(conn, rows())
    tables = snapshot.load(conn, recorded_at).tables
    for name, filled in FILLED.items():
        [row] = tables[name].to_dict("records")
        assert {column: row[column] for column in filled} == filled
        assert all(row[column] is None for column in row if column not in {*filled, "connector_no"})
    assert str(tables["stations"]["longitude"][0]) == "120.6540"
    assert tables["connectors"]["connector_no"].tolist() == [1]
    assert [len(tables[table.name]) for table in TABLES if table.name not in FILLED] == [0] * 5


def test_the_same_again_leaves_no_trace(conn):
    first, _ = take(conn, rows())
    assert set(first.values()) == {(1, 0, 0)}
    before = everything(conn)
    again, _ = take(conn, rows(stations={"longitude": Decimal("120.654")}), imported_by="another")
    assert set(again.values()) == {(0, 0, 1)}
    assert everything(conn) == before


def test_what_was_known_at_any_time_can_be_had_again(conn):
    _, first = take(conn, rows())
    changed, second = take(conn, rows(stations={"district": "ouhai"}), imported_by="another", sha256="1" * 64)
    assert changed["stations"] == (0, 1, 0)
    assert changed["operators"] == (0, 0, 1)
    assert first < second

    def district(as_of):
        return snapshot.load(conn, as_of).tables["stations"]["district"].tolist()

    just_before = timedelta(microseconds=1)
    assert district(first - just_before) == []
    assert district(first) == district(second - just_before) == ["lucheng"]
    assert district(second) == ["ouhai"]
    kept = conn.execute(
        "SELECT recorded_at, imported_by, source, sha256, rows FROM registry_imports ORDER BY import_id"
    ).fetchall()
    assert kept == [(first, "tester", "/somewhere", "0" * 64, 5), (second, "another", "/somewhere", "1" * 64, 1)]


def test_a_later_valid_from_stands_beside_the_earlier_row(conn):
    take(conn, rows())
    counted, recorded_at = take(conn, rows(stations={"valid_from": date(2023, 6, 15), "district": "ouhai"}))
    assert counted["stations"] == (1, 0, 0)
    frame = placements(snapshot.load(conn, recorded_at), ZoneInfo("Asia/Shanghai"), date(2023, 6, 1), date(2023, 7, 1))
    assert frame["district"].tolist() == ["lucheng", "ouhai"]
    assert frame["connector_no"].tolist() == [1, 1]


def test_empty_parts_of_a_key_are_equal(conn):
    take(conn, rows())
    counted, recorded_at = take(conn, rows(declarations={"approved": False}))
    assert counted["declarations"] == (0, 1, 0)
    assert snapshot.load(conn, recorded_at).tables["declarations"]["approved"].tolist() == [False]


def test_connector_numbers_stay_and_new_ones_follow(conn):
    take(conn, rows(connectors=[{"connector_id": "b"}, {"connector_id": "a"}]))
    _, recorded_at = take(conn, rows(connectors=[{"connector_id": "B"}, {"connector_id": "a", "rated_kw": Decimal(7)}]))
    connectors = snapshot.load(conn, recorded_at).tables["connectors"]
    # In the order of code points, whatever the database's language.
    assert list(zip(connectors["connector_id"], connectors["connector_no"], strict=True)) == [
        ("B", 3),
        ("a", 1),
        ("b", 2),
    ]


def test_an_import_that_breaks_leaves_nothing(conn):
    before = everything(conn)
    broken = rows(connectors={"rated_kw": None})
    with pytest.raises(psycopg.errors.NotNullViolation):
        take(conn, broken)
    assert everything(conn) == before


@pytest.mark.parametrize("statement", ["UPDATE {} SET import_id = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_the_store_refuses_to_change_what_was_recorded(conn, statement):
    take(conn, rows())
    before = everything(conn)
    names = [f"registry_{table.name}" for table in TABLES] + ["registry_imports", "connector_keys"]
    for name in names:
        if name == "connector_keys":
            statement = statement.replace("import_id", "connector_no")
        with pytest.raises(psycopg.errors.IntegrityConstraintViolation, match="never changed"):
            conn.execute(statement.format(name))
    assert everything(conn) == before


def test_a_clock_that_went_back_is_refused(conn):
    _, recorded_at = take(conn, rows())
    with pytest.raises(Exception, match="a clock that is right"), conn.transaction():
        take_in(conn, rows(stations={"district": "ouhai"}), ORIGIN, recorded_at - timedelta(seconds=1))


def test_a_rehearsals_registry_is_known_before_its_first_message(embedded_rehearsal_dsn):
    with database.connect() as connection:
        _, recorded_at = take(connection, rows())
        changed, again = take(connection, rows(stations={"district": "ouhai"}))
        assert recorded_at == again == datetime(1970, 1, 1, tzinfo=UTC)
        assert changed["stations"] == (0, 1, 0)
        assert snapshot.load(connection, again).tables["stations"]["district"].tolist() == ["ouhai"]


def test_the_schema_is_what_the_description_says(embedded_dsn):
    """The migrations, not only the models, have each column of each table, required where the contract says so."""
    with database.connect() as connection:
        for table in TABLES:
            found = connection.execute(
                "SELECT column_name, is_nullable = 'NO' FROM information_schema.columns WHERE table_name = %s",
                [f"registry_{table.name}"],
            ).fetchall()
            own = {"row_id": True, "import_id": True, "recorded_at": True}
            assert dict(found) == {**own, **{column.name: column.required for column in table.columns}}
