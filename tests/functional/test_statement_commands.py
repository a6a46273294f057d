"""`subsidy statement` and `subsidy explain` as typed: good calls, bad calls, the workbook."""

import csv
import io
from pathlib import Path

import openpyxl
import pytest

from tests.commands import Typed
from tests.subsidy_world import POLICY, World


@pytest.fixture
def told(typed: Typed, embedded_dsn: str, tmp_path: Path) -> World:
    """A store with two chargers, an admitted, a held and a repeated order."""
    world = World()
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60))
    world.charger(charger_id="C2", rated_kw_dc=60, accepted_on=None)
    world.session("=1+1", "C1-1", "2023-06-05 08:00", "2023-06-05 09:00", "30.5")
    world.session("s2", "C2-1", "2023-06-05 08:00", "2023-06-05 09:00", 70)
    world.session("s3", "C2-1", "2023-06-06 08:00", "2023-06-06 09:00", 20, registers=None)
    assert typed("registry", "import", world.write_registry(tmp_path / "registry")).returncode == 0
    assert typed("ingest", world.write_capture(tmp_path / "capture.ndjson")).returncode == 0
    return world


def test_statement_workbook_and_explanations(typed: Typed, told: World, tmp_path: Path) -> None:
    as_of = "2100-01-01T00:00:00Z"
    call = ("subsidy", "statement", "--period", "2023-06", "--as-of", as_of)
    (statement,) = typed(*call, "--format", "json", "--xlsx", "a.xlsx").json()
    assert (statement["build_yuan"], statement["operating_yuan"], statement["total_yuan"]) == (
        "12000.00", "3.15", "12003.15",
    )  # fmt: skip
    assert statement["operating"] == [
        {
            "station_id": "S1", "month": "2023-06", "sessions": 4, "energy_kwh": "121.5", "admitted_kwh": "31.5",
            "held_kwh": "90", "rejected_kwh": "0", "rate": "0.10", "amount": "3.15",
        }
    ]  # fmt: skip
    assert statement["policy_sha256"] == POLICY.sha256

    assert typed(*call, "--xlsx", "b.xlsx").returncode == 0
    first, second = ((tmp_path / name).read_bytes() for name in ("a.xlsx", "b.xlsx"))
    assert first == second, "the same statement must give the same bytes"
    book = openpyxl.load_workbook(io.BytesIO(first))
    assert book.sheetnames == ["摘要", "建设补助", "运营补贴", "计算步骤", "调整", "发现", "订单", "参数"]
    header, *orders = book["订单"].iter_rows(values_only=True)
    names = [str(title).rsplit(" ", 1)[-1] for title in header]
    shown = [dict(zip(names, row, strict=True)) for row in orders]
    assert [(one["session_id"], one["energy_kwh"], one["disposition"]) for one in shown] == [
        ("=1+1", 30.5, "认可"), ("proof-A-C1", 1, "认可"), ("s2", 70, "暂缓"), ("s3", 20, "暂缓"),
    ]  # fmt: skip
    assert [one["reasons"] and one["reasons"].rsplit("，", 1)[-1] for one in shown] == [
        None, None, "beyond_rating）", "no_registers）",
    ]  # fmt: skip
    assert all(cell.data_type != "f" for sheet in book for row in sheet.iter_rows() for cell in row)

    (line,) = csv.DictReader(io.StringIO(typed(*call, "--format", "csv").stdout))
    assert (line["operator_id"], line["awarded"], line["total_yuan"]) == ("A", "1", "12003.15")

    charger = {step["step"]: step for step in typed("subsidy", "explain", "C1", "--format", "json").json()}
    assert charger["amount"]["value"] == "12000.00 yuan"
    assert charger["dc output"]["clause"] == "137-六"
    gross, payable = charger["stage gross"], charger["stage payable"]
    assert (gross["value"], gross["zh_step"], gross["zh_value"]) == ("12000 yuan", "步骤：应补总额", "12000 元")
    assert payable["value"] == "12000 yuan"
    (row,) = gross["evidence"]
    assert (row["what"], row["import_id"], row["source"][-9:]) == ("registry chargers A/C1", 1, "/registry")
    chinese = typed("subsidy", "explain", "C1", "--language", "zh", "--format", "json").json()
    assert set(chinese[0]) == {"subject", "zh_step", "zh_value", "clause", "zh_why", "evidence"}
    (proof,) = charger["first proven session"]["evidence"]
    assert (proof["what"], proof["topic"], len(proof["sha256"])) == ("session proof-A-C1", "ev/1/A/session", 64)
    (heard,) = charger["first status or meter item of C1-1"]["evidence"]
    assert heard["topic"] == "ev/1/A/status"
    refused = typed("subsidy", "explain", "A/C2", "--format", "json").json()
    assert {step["value"] for step in refused if step["step"] == "not eligible"} == {"not_accepted"}
    held = typed("subsidy", "explain", "s2", "--operator", "A", "--format", "json").json()
    assert next(step for step in held if step["step"] == "finding beyond_rating")["why"].startswith(
        "70 kWh in 3600 s, at or beyond rated 60 kW"
    )
    stage = {step["step"]: step for step in held if step["step"].startswith("stage")}
    assert (stage["stage gross"]["value"], stage["stage held"]["value"], stage["stage payable"]["value"]) == (
        "7 yuan", "-7 yuan", "0 yuan",
    )  # fmt: skip
    assert stage["stage held"]["evidence"][0]["topic"] == "ev/1/A/session"
    assert "电量达到或超过额定功率所能输出" in stage["stage held"]["zh_why"]
    month = typed("subsidy", "explain", "S1/2023-06", "--format", "json").json()
    assert {one["message_id"] for step in month if step["step"] == "stage held" for one in step["evidence"]} == {
        one["message_id"] for step in month if step["step"] in ("session s2", "session s3") for one in step["evidence"]
    }
    assert next(step for step in month if step["step"] == "amount")["why"].startswith("31.5 kWh × 0.10 yuan/kWh")
    operator = {step["step"]: step for step in typed("subsidy", "explain", "A", "--format", "json").json()}
    assert operator["stage payable"]["value"] == "12003.15 yuan"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["statement", "--period", "2023-13"], "is no period"),
        (["statement", "--period", "2023-6"], "2023-Q2"),
        (["statement", "--period", "2023-06", "--as-of", "yesterday"], "a time with an offset"),
        (["statement", "--period", "2023-06", "--as-of", "2023-06-01T00:00:00"], "a time with an offset"),
        (["statement", "--period", "2023-06", "--operator", "nobody"], "knows no operator"),
        (["statement", "--period", "2023-06", "--policy", "nowhere"], "cn-wenzhou-2022-137"),
        (["statement", "--period", "2023-06", "--policy", "bad.yaml"], "2022-02-30"),
        (["statement", "--period", "2023-06", "--xlsx", "no/such/folder/a.xlsx"], "cannot be written"),
        (["explain", "nothing"], "nothing is known"),
    ],
)
def test_bad_calls_end_in_one_sentence(
    typed: Typed, embedded_dsn: str, tmp_path: Path, arguments: list[str], words: str
) -> None:
    from subsidy.policy import FOLDER

    text = (FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(
        text.replace("first_day: 2022-01-01", "first_day: 2022-02-30", 1), encoding="utf-8"
    )
    done = typed("subsidy", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
