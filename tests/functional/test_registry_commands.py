"""`chargewatch registry import` and `export`, as typed."""

import json
from pathlib import Path

import openpyxl
import pytest

TABLES = {
    "operators": "operator_id,name,legal_form,business_scope,credit_good,management_system,maintenance_team,"
    "platform_commitment\nOP1,一号运营,limited,yes,yes,yes,yes,yes\n",
    "stations": "operator_id,station_id,name,district,category,open_to_public,valid_from\n"
    "OP1,S1,=1+1,lucheng,public,yes,\nOP1,S1,站,ouhai,public,yes,2023-06-15\n",
    "chargers": "operator_id,charger_id,station_id,serial_no,kind,commissioned_on\n"
    "OP1,C1,S1,SN 1,dc,2021-12-31T16:00:00Z\n",
    "connectors": "operator_id,connector_id,charger_id,kind,rated_kw\nOP1,C1-1,C1,dc,60.0\n",
    "declarations": "operator_id,declaration_id,scope,scope_id,cause,start,end,filed_at,approved\n"
    ",D1,platform,,platform_outage,2023-06-01T00:00:00Z,2023-06-01T01:00:00Z,2023-06-01T00:00:00Z,yes\n",
}


@pytest.fixture
def folder(tmp_path) -> Path:
    written = tmp_path / "in"
    written.mkdir()
    for name, text in TABLES.items():
        (written / f"{name}.csv").write_text("\ufeff" + text)
    return written


def counts(result):
    return {row["table"]: (row["added"], row["changed"], row["unchanged"]) for row in result.json()}


def take(typed, path):
    return counts(typed("registry", "import", path, "--format", "json"))


def contents(path):
    return {file.name: file.read_bytes() for file in path.iterdir()} if path.is_dir() else path.read_bytes()


def test_in_and_out_and_in_again_in_both_forms(dsn, typed, folder, tmp_path):
    assert take(typed, folder) == {
        "operators": (1, 0, 0),
        "stations": (2, 0, 0),
        "chargers": (1, 0, 0),
        "connectors": (1, 0, 0),
        "declarations": (1, 0, 0),
    }
    for name in ("out", "out.xlsx"):
        assert len(typed("registry", "export", tmp_path / name, "--format", "json").json()) == 10
        assert sum(added + changed for added, changed, _ in take(typed, tmp_path / name).values()) == 0
        typed("registry", "export", tmp_path / f"again-{name}").json  # noqa: B018
        assert contents(tmp_path / f"again-{name}") == contents(tmp_path / name)
    assert "OP1,C1,S1,,SN 1,,,,,dc,,,,,,2022-01-01,,,,\n" in (tmp_path / "out/chargers.csv").read_text()
    cell = openpyxl.load_workbook(tmp_path / "out.xlsx")["stations"]["C2"]
    assert (cell.value, cell.data_type) == ("=1+1", "s")


def test_a_workbook_exported_here_gives_the_same_store_there(embedded_dsn, typed, folder, tmp_path, empty_dsn):
    here, there = {"CHARGEWATCH_DSN": embedded_dsn}, {"CHARGEWATCH_DSN": empty_dsn}
    assert typed("migrate", env=there).returncode == 0
    assert typed("registry", "import", folder, env=here).returncode == 0
    assert typed("registry", "export", "here.xlsx", env=here).returncode == 0
    assert typed("registry", "import", "here.xlsx", env=there).returncode == 0
    for name, env in (("a", here), ("b", there)):
        assert typed("registry", "export", name, env=env).returncode == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert len(contents(tmp_path / "a")) == 10


def test_every_problem_is_listed_and_nothing_is_stored(embedded_dsn, typed, folder, tmp_path):
    (folder / "connectors.csv").write_text(
        "operator_id,connector_id,charger_id,kind,rated_kw\nOP1,C1-1,C9,dc,-60\nOP1,C1 2,C1,ac,7\n"
    )
    (folder / "operators.csv").write_bytes(TABLES["operators"].encode("gbk"))
    (folder / "charger.csv").write_text("x\ny\n")
    result = typed("registry", "import", folder, "--format", "json")
    assert result.returncode == 1
    assert {(row["table"], row["row"], row["column"], row["seen"]) for row in json.loads(result.stdout)} >= {
        ("connectors", 2, "charger_id", "C9"),
        ("connectors", 2, "rated_kw", "-60"),
        ("connectors", 3, "connector_id", "C1 2"),
        ("connectors", 3, "kind", "ac"),
        ("operators", 2, "", "bytes ba c5 d4 cb d3 aa 2c 6c"),
        ("charger", 1, "", "a table named charger"),
    }
    assert "nothing was imported" in result.stderr
    exported = typed("registry", "export", "out", "--format", "json").json()
    assert {row["rows"] for row in exported} == {0}
    as_csv = typed("registry", "import", folder, "--format", "csv")
    assert as_csv.stdout.startswith("table,row,column,seen,expected\n")


def test_export_as_of_gives_what_was_known_then(embedded_dsn, typed, folder, tmp_path):
    take(typed, folder)
    [moment] = {time for (time,) in _rows(embedded_dsn, "SELECT recorded_at FROM registry_imports")}
    (folder / "connectors.csv").write_text(TABLES["connectors"].replace("60.0", "120"))
    assert take(typed, folder)["connectors"] == (0, 1, 0)
    typed("registry", "export", "then", "--as-of", moment.isoformat())
    typed("registry", "export", "now")
    assert (tmp_path / "then/connectors.csv").read_text().endswith("dc,60.0,,\n")
    assert (tmp_path / "now/connectors.csv").read_text().endswith("dc,120,,\n")


def _rows(dsn, sql):
    import psycopg

    with psycopg.connect(dsn) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    "arguments",
    [
        ["import", "nowhere"],
        ["import", "."],
        ["import", "broken.xlsx"],
        ["import"],
        ["import", "in", "--time-zone", "Mars/Base"],
        ["import", "in", "--format", "xml"],
        ["export", "out", "--as-of", "yesterday"],
        ["export", "broken.xlsx/out"],
    ],
)
def test_a_wrong_call_is_one_sentence_and_exit_status_2(embedded_dsn, typed, folder, tmp_path, arguments):
    (tmp_path / "broken.xlsx").write_text("no workbook")
    result = typed("registry", *arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.strip()


def test_a_store_that_was_never_migrated_is_one_sentence(empty_dsn, typed, folder):
    for call in (["import", folder], ["export", "out"]):
        result = typed("registry", *call)
        assert (result.returncode, result.stderr.count("\n")) == (2, 1)
        assert "chargewatch migrate" in result.stderr


@pytest.mark.parametrize("command", [[], ["import"], ["export"]])
def test_help(home, typed, command):
    result = typed("registry", *command, "--help")
    assert result.returncode == 0
    assert not command or "Example: chargewatch registry" in result.stdout
