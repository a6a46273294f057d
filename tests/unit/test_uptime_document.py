"""The document of a report: what it shows adds up from what it holds, and nothing in it commands its reader."""

import io
import itertools
import json
import random
import re
import zipfile
from collections import defaultdict
from datetime import date, datetime
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from typing import Any

import openpyxl
import pandas as pd
import pytest

from chargewatch.instants import day_start_us
from uptime import settings
from uptime.account import DEDUCTED, DOWN, UNKNOWN, UP
from uptime.document import content, printed, wording
from uptime.document.content import LEVELS, Report, slots, spread
from uptime.document.lines import COLUMNS, bound, lines
from uptime.document.workbook import MOST_ROWS
from uptime.document.workbook import xlsx as workbook
from uptime.figures import tally, truncated
from uptime.life import NEVER
from uptime.profile import FOLDER, Profile, load
from uptime.states import SERVING, STATES

FIRST, LAST = date(2023, 6, 1), date(2023, 7, 1)
NASTY = '=HYPERLINK("http://evil.example","x")'
SCRIPT = "<script>alert('x')</script>&"
_MEANS = {"up": UP, "down": DOWN, "unknown": UNKNOWN, "excluded": DEDUCTED}


def city(profile: Profile, first: date, last: date, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Segments and service life of a few connectors at changing places, with any state and cause."""
    chance = random.Random(seed)
    start, end = day_start_us(first, profile.zone), day_start_us(last, profile.zone)
    life, rows = [], []
    for number in range(8):
        operator = "AB"[number % 2]
        cuts = sorted({start, end, *(chance.randrange(start, end) for _ in range(number % 3))})
        for since, until in itertools.pairwise(cuts):
            life.append(
                {
                    "operator_id": operator, "connector_id": f"{operator}{number}",
                    "charger_id": f"{operator}C{number // 2}",
                    "station_id": f"{operator}S{len(life) % 2}", "district": "lucheng" if number < 5 else "ouhai",
                    "bound": number != 7, "connector_no": number,
                }
            )  # fmt: skip
            edges = sorted({since, until, *(chance.randrange(since, until) for _ in range(6))})
            for at, to in itertools.pairwise(edges):
                state = SERVING if number == 0 else chance.choice([SERVING] * (20 if number < 4 else 1) + [*range(5)])
                rules = [nth for nth, rule in enumerate(profile.causes) if rule.effect != "none"]
                rule = chance.choice([-1, -1, *rules])
                effect = _MEANS[profile.states[STATES[state]]]  # type: ignore[index]
                if rule >= 0:
                    effect = DEDUCTED if profile.causes[rule].effect == "deduct" else UP
                out = state != SERVING
                rows.append(
                    {
                        "connector": number, "from_us": at, "to_us": to, "state": state, "reason": 1, "rule": rule,
                        "effect": effect, "place": len(life) - 1, "outage_us": at if out else NEVER,
                        "outage_end_us": to if out else NEVER,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows), pd.DataFrame(life)


@cache
def report(
    profile: Profile | None = None,
    first: date = FIRST,
    last: date = LAST,
    *,
    seed: int = 1,
    rehearsal: bool = False,
    every_interval: bool = False,
) -> Report:
    """A report of that city; made once."""
    return fresh(profile or load(), first, last, seed, rehearsal=rehearsal, every_interval=every_interval)


def fresh(
    profile: Profile,
    first: date,
    last: date,
    seed: int = 1,
    *,
    rehearsal: bool = False,
    every_interval: bool = False,
    binds: bool = True,
) -> Report:
    """A report of that city."""
    segments, life = city(profile, first, last, seed)
    life["bound"] &= binds
    sums = tally(segments, life, profile, profile.twelve_months_us(first, last))
    table = lines(segments, life, sums, profile, every_interval=every_interval)
    said = {"from": first.isoformat(), "to": last.isoformat(), "rehearsal": rehearsal}
    names = {("station", "A", "AS0"): NASTY, ("station", "A", "AS1"): "-1+1", ("operator", "A", "A"): SCRIPT}
    levels = content.levels([sums], table, profile, said, names, ripe=True)
    days = slots(first, last)
    quality = [dict.fromkeys(_QUALITY, 0) | {f"{name}_s": "0.000000" for name in _TIMES} | {"operator_id": "@SUM(1)"}]
    return Report(
        first, last, datetime.fromisoformat("2023-08-02T00:00:00+08:00"), rehearsal, "0", profile, settings.load(),
        levels, table, content.trend(spread(bound(segments, life), days, profile), days),
        content.distribution(levels["connector"], profile), quality,
    )  # fmt: skip


_QUALITY = ["offered", "stored", "duplicate", "quarantined", "conflicts", "late_items"]
_TIMES = ["silence", "before_first_status", "announced_unknown", "offline", "proven_session", "late_good_news"]


def xlsx(made: Report, most_rows: int = MOST_ROWS) -> bytes:
    return workbook(made, content.sha256(content.encoded(made)), most_rows)


def html(made: Report) -> str:
    return printed.html(made, content.sha256(content.encoded(made)))


def sheet(book: Any, name: str) -> list[dict[str, Any]]:
    """A sheet's rows by the names that stand last in its header."""
    header, *rows = book[name].iter_rows(values_only=True)
    names = [str(title).rsplit(" ", 1)[-1] for title in header]
    return [dict(zip(names, row, strict=True)) for row in rows]


def us(cell: float) -> int:
    """A cell of seconds as whole microseconds."""
    return round(Fraction(cell) * 1_000_000)


@pytest.mark.parametrize("every_interval", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_every_figure_is_the_sum_of_the_sheet_of_intervals(seed: int, every_interval: bool) -> None:
    made = report(seed=seed, every_interval=every_interval)
    book = openpyxl.load_workbook(io.BytesIO(xlsx(made)))
    key = {
        "city": lambda line: "city", "district": lambda line: line["district"],
        **{
            name: (lambda line, name=name: (line["operator_id"], line[f"{name}_id"]))
            for name in ("operator", "station", "charger", "connector")
        },
    }  # fmt: skip
    seen = 0
    for level in LEVELS:
        sums: dict[Any, dict[str, int]] = defaultdict(lambda: defaultdict(int))
        for line in sheet(book, "区间"):
            sums[key[level](line)][line["effect"]] += us(line["seconds"])
        rows = sheet(book, wording.LEVELS[level])
        assert len(rows) == len(sums) > 0
        for row in rows:
            own = sums[row["id"] if level in ("city", "district") else (row["operator_id"], row["id"])]
            up, down, unknown = own["正常"], own["不正常"], own["无数据"]
            assert [us(row[name]) for name in ("up_s", "down_s", "unknown_s", "required_s")] == [
                up, down, unknown, up + down + unknown
            ]  # fmt: skip
            assert us(row["deducted_s"]) == own["扣除"] == sum(us(row[cause]) for cause in made.profile.deducting)
            told = next(
                one for one in made.levels[level] if (one["operator_id"], one["id"]) == (row["operator_id"], row["id"])
            )
            assert told["ratio"] == truncated(up, up + down + unknown)
            passes = Fraction(up, up + down + unknown) >= Fraction(9, 10)
            assert (row["verdict"] == "达标") == passes
            seen += passes
    assert seen, "nothing passes: no sum is ever tested"


def test_a_connector_that_fails_has_every_interval_and_one_that_passes_its_sums() -> None:
    made = report()
    verdicts = {row["id"]: row["verdict"] for row in made.levels["connector"]}
    assert {"pass", "fail"} <= set(verdicts.values())
    for line in made.lines.itertuples():
        assert (line.kind == "interval") == (verdicts[line.connector_id] != "pass")
    assert set(report(every_interval=True).lines["kind"]) == {"interval"}


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.yaml")))
def test_lines_add_up_under_every_profile(name: str) -> None:
    made = fresh(load(name), date(2023, 3, 1), date(2024, 3, 1))  # 366 days; else content.levels fails
    kinds = set(made.lines["kind"])
    assert ("denominator" in kinds) == (made.profile.denominator is not None)
    assert xlsx(made)
    assert html(made)


def test_a_state_that_is_left_out_is_deducted_under_its_own_name() -> None:
    profile = load()
    made = fresh(profile.under(next(one for one in profile.readings if one.id == "unknown_excluded")), FIRST, LAST)
    out = made.lines[(made.lines["effect"] == "deducted") & (made.lines["cause"] == "no_data")]
    row = made.levels["city"][0]
    assert Fraction(row["deducted_s"]["no_data"]) * 1_000_000 == int(out["us"].sum()) > 0
    (header, *_) = openpyxl.load_workbook(io.BytesIO(xlsx(made)))["全市"].iter_rows(values_only=True)
    assert "无数据 no_data" in header


def test_a_second_missing_from_the_lines_is_noticed() -> None:
    profile = load()
    segments, life = city(profile, date(2023, 6, 1), date(2023, 7, 1))
    sums = tally(segments, life, profile)
    table = lines(segments, life, sums, profile)
    table.loc[table.index[-1], "us"] -= 1_000_000
    with pytest.raises(AssertionError, match="do not add up"):
        content.levels([sums], table, profile, {}, {}, ripe=True)


def test_the_trend_adds_up_to_the_whole_and_follows_days_or_months() -> None:
    made = report()
    assert len(made.trend) == 30
    for name in ("up_s", "down_s", "unknown_s", "required_s"):
        assert sum(Fraction(row[name]) for row in made.trend) == Fraction(made.levels["city"][0][name])
    year = slots(date(2024, 2, 10), date(2025, 1, 1))
    assert year[:2] == [date(2024, 2, 10), date(2024, 3, 1)]
    assert year[-2:] == [date(2024, 12, 1), date(2025, 1, 1)]


def test_the_distribution_counts_each_connector_once_and_parts_at_the_threshold() -> None:
    rows = [{"ratio": ratio} for ratio in ("0.89999999", "0.90000000", "1.00000000", "0.00000000", None)]
    found = {(one["from"], one["to"]): one["connectors"] for one in content.distribution(rows, load())}
    assert {key: count for key, count in found.items() if count} == {
        ("0.85", "0.9"): 1, ("0.9", "0.95"): 1, ("0.95", "1"): 1, ("0", "0.05"): 1, (None, None): 1,
    }  # fmt: skip
    nevi = content.distribution([{"ratio": "0.96999999"}, {"ratio": "0.97000000"}], load("us-nevi"))
    assert [one["below"] for one in nevi if one["connectors"]] == [True, False]


def test_the_same_report_gives_the_same_bytes_dated_as_of_its_knowledge() -> None:
    first, second = report(), fresh(load(), FIRST, LAST)
    assert xlsx(first) == xlsx(second)
    assert html(first) == html(second)
    assert content.encoded(first) == content.encoded(second)
    with zipfile.ZipFile(io.BytesIO(xlsx(first))) as book:
        assert {one.date_time[0] for one in book.infolist()} == {1980}
        told = re.findall(r"\d{4}-\d\d-\d\dT[\d:]+Z", book.read("docProps/core.xml").decode())
    assert set(told) == {"2023-08-01T16:00:00Z"}


def test_no_text_becomes_a_formula() -> None:
    book = openpyxl.load_workbook(io.BytesIO(xlsx(report())))
    formulas, nasty = [], []
    for one in book:
        for row in one.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    formulas.append((one.title, str(cell.value)))
                elif isinstance(cell.value, str) and cell.value[0] in "=+-@\t":
                    nasty.append(cell.value)
                    assert cell.quotePrefix
    assert {NASTY, "-1+1", "@SUM(1)"} <= set(nasty)
    assert {name for name, _ in formulas} == {"核对"}
    assert all(re.fullmatch(r"=(ROUND|SUMIFS)\([区间$A-Z0-9:',!.-]+\)", text) for _, text in formulas), formulas[:4]


def test_lines_go_on_in_further_sheets_and_the_check_reads_them_all() -> None:
    made = report()
    book = openpyxl.load_workbook(io.BytesIO(xlsx(made, most_rows=30)))
    several = [name for name in book.sheetnames if name.startswith("区间")]
    assert len(several) > 1
    assert sum(len(sheet(book, name)) for name in several) == len(made.lines)
    formula = str(book["核对"]["D2"].value)
    assert all(f"'{name}'!" in formula for name in several)


def test_the_check_finds_no_difference() -> None:
    values = openpyxl.load_workbook(io.BytesIO(xlsx(report())), data_only=True)
    rows = sheet(values, "核对")
    assert len(rows) == 3 * 4  # the city and two operators, four effects
    assert all(row["difference"] == 0 for row in rows)
    assert any(row["stated"] for row in rows)


class Reader(HTMLParser):
    """Tags that are open, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not {"src", "href", "onload", "onclick"} & {name for name, _ in attrs}
        if tag != "meta" and tag not in ("rect", "path", "circle", "polyline"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("rect", "path", "circle", "polyline"):
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_escapes_what_others_wrote_and_loads_nothing() -> None:
    page = html(report())
    read = Reader(page)
    assert not read.open
    assert "script" not in read.tags
    assert SCRIPT in read.text
    assert "url(" not in page
    assert "@page{size:A4" in page
    assert 'lang="zh-CN"' in page


def test_the_page_says_the_figures_beside_their_charts() -> None:
    made = report()
    page = html(made)
    text = Reader(page).text
    for row in made.levels["operator"]:
        assert wording.percent(row["ratio"]) in text
    assert page.count("时间条") == 2 * len(made.failing) > 0
    for row in made.failing:
        assert f"{row['id']} {wording.VERDICTS[row['verdict']]}" in text
    assert all(row["from"] in text for row in made.trend)
    assert content.digest(made.profile) in text
    assert content.sha256(content.encoded(made)) in text


def test_a_rehearsal_says_so_in_each_form() -> None:
    for made, says in ((report(rehearsal=True), True), (report(), False)):
        assert ("演练 REHEARSAL" in html(made)) is says
        assert json.loads(content.encoded(made))["parameters"]["rehearsal"] is says
        with zipfile.ZipFile(io.BytesIO(xlsx(made))) as book:
            pages = [book.read(name).decode() for name in book.namelist() if "worksheets/sheet" in name]
        assert all(("REHEARSAL" in one) is says for one in pages)


def test_a_period_without_anything_is_a_document_too() -> None:
    empty = Report(
        date(2023, 6, 1), date(2023, 7, 1), datetime.fromisoformat("2023-08-02T00:00:00+08:00"), False, "0", load(),
        settings.load(), {level: [] for level in LEVELS}, pd.DataFrame(columns=COLUMNS), [],
        content.distribution([], load()), [],
    )  # fmt: skip
    assert "没有受本口径约束" in Reader(html(empty)).text
    assert sheet(openpyxl.load_workbook(io.BytesIO(xlsx(empty))), "区间") == []
    assert json.loads(content.encoded(empty))["intervals"] == []


def test_a_city_where_nothing_is_bound_is_a_document_too() -> None:
    made = fresh(load(), FIRST, LAST, binds=False)
    assert made.lines.empty
    assert all(row["ratio"] is None for row in made.trend)
    assert xlsx(made)
    assert "没有" in Reader(html(made)).text


def test_a_duration_reads_as_days_and_clock() -> None:
    assert wording.duration("90061.500000") == "1 天 01:01:01.5"
    assert wording.duration("-3600.000000") == "−01:00:00"
    assert wording.percent("0.89999999") == "89.99 %"
