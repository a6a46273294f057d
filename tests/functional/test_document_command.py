"""`uptime document` as typed: three files of one content, whose intervals add up to what `uptime report` says."""

import io
import json
from collections import defaultdict
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from chargewatch import database, instants
from tests.commands import Typed
from tests.small_city import SmallCity, local
from uptime import profile, report, settings

PERIOD = ("--from", "2022-06-01", "--to", "2022-07-01")
AS_OF = ("--as-of", "2100-01-01T00:00:00Z")
LEVELS = ("city", "district", "operator", "station", "charger", "connector")


def day(number: int, hour: float = 0) -> datetime:
    return local(date(2022, 6, number), hour)


@pytest.fixture
def city(embedded_dsn: str, tmp_path: Path) -> SmallCity:
    """June: a fault of five days at C1-2, two silent days (at C1-2 until the end), an order told two days late.

    While C1-1 charges on the 12th its samples are frozen.
    """
    city = SmallCity(tmp_path)
    city.register()
    frozen = {"connector_id": "C1-1", "energy_kwh": 120.25, "power_kw": 60, "soc_pct": 40.5}
    city.ingest(
        city.status(day(1, 1), "available"),
        *city.heartbeats(day(1, 2), day(18)),
        *city.heartbeats(day(21), day(30, 12)),
        city.status(day(21), "available", "C1-1"),
        city.status(day(5), "faulted", "C1-2"),
        city.status(day(10), "available", "C1-2"),
        city.session(day(3, 8), 2, "20", "late", "100", sent=day(5, 11)),
        city.status(day(12, 8), "charging", "C1-1"),
        *(
            city.message("meter", at, {**frozen, "at": at.isoformat()})
            for at in (day(12, 8 + nth / 5) for nth in range(6))
        ),
        city.status(day(12, 10), "available", "C1-1"),
    )
    return city


@pytest.mark.functional
def test_three_files_of_one_content_that_add_up(typed: Typed, city: SmallCity, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    call = ("uptime", "document", *PERIOD, *AS_OF, "--output")
    done = typed(*call, "out")
    assert done.returncode == 0, done.stderr
    written = {path.suffix: path for path in (tmp_path / "out").iterdir()}
    assert set(written) == {".xlsx", ".html", ".json"}
    told = json.loads(written[".json"].read_text(encoding="utf-8"))

    sums: dict[str, Decimal] = defaultdict(Decimal)
    for line in told["intervals"]:
        for level in ("city", "operator", "station", "charger", "connector"):
            sums[f"{line.get(f'{level}_id', 'city')} {line['effect']}"] += Decimal(line["seconds"])
    with database.connect() as connection:
        reported = report.compute(
            connection, first_day=date(2022, 6, 1), last_day=date(2022, 7, 1), by=LEVELS, profile=profile.load(),
            settings=settings.load(), as_of=instants.parse(AS_OF[1]),
        )  # fmt: skip
    for level in LEVELS:
        rows = [row for row in reported if row["level"] == level]
        assert [{name: row[name] for name in rows[0]} for row in told["levels"][level]] == rows
        if level != "district":
            for row in rows:
                for effect in ("up", "down", "unknown"):
                    assert Decimal(row[f"{effect}_s"]) == sums[f"{row['id']} {effect}"]
    failing = next(row for row in told["levels"]["connector"] if row["id"] == "C1-2")
    assert (failing["verdict"], failing["down_s"]) == ("fail", "432000.000000")
    assert {line["state"] for line in told["intervals"] if line["connector_id"] == "C1-2"} >= {"faulted", "no_data"}
    assert told["quality"][0]["late_items"] == 1
    assert told["quality"][0]["offered"] == told["quality"][0]["stored"] + told["quality"][0]["duplicate"]

    book = openpyxl.load_workbook(io.BytesIO(written[".xlsx"].read_bytes()), data_only=True)
    lines = list(book["区间"].iter_rows(min_row=2, values_only=True))
    assert sum(Decimal(str(line[8])) for line in lines if line[9] == "正常") == sums["city up"]
    assert all(row[4] == 0 for row in book["核对"].iter_rows(min_row=2, values_only=True))
    # The truth of status stands beside the figures.
    assert ("C1-1", "frozen_samples") in {(row["connector_id"], row["rule"]) for row in told["truth"]}
    doubted = list(book["状态存疑"].iter_rows(min_row=2, values_only=True))
    assert ("A", "C1-1", "采样值不变 frozen_samples") in {line[:3] for line in doubted}
    page = written[".html"].read_text(encoding="utf-8")
    assert "采样值不变 frozen_samples" in page
    assert "A C1-2" in page
    assert told["parameters"]["profile_sha256"] in page

    assert typed(*call, "again.xlsx").returncode == 0
    assert (tmp_path / "again.xlsx").read_bytes() == written[".xlsx"].read_bytes()  # it holds the digest of the JSON


@pytest.mark.functional
def test_what_cannot_be_written_is_refused_before_anything_is_computed(typed: Typed, home: Path) -> None:
    done = typed("uptime", "document", *PERIOD, "--output", "june.docx")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert ".xlsx, .html, .json or .pdf" in done.stderr
    assert not list(home.iterdir()), "no database was started"
