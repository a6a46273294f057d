"""The document as a workbook: a sheet a level, what breaches, the intervals to add up from, and what they do add up to.

The same report gives the same bytes: the file's date is its `as_of`, rows have a fixed order. Texts are written as
texts whatever they begin with; the only formulas are those of the sheet 核对, and nothing from outside stands in them.
"""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pandas as pd
from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from chargewatch import sheets
from chargewatch.instants import US_PER_S, from_us, seconds
from chargewatch.sheets import MOST_ROWS, Cells, Formula
from uptime import page
from uptime.account import EFFECTS
from uptime.document import wording
from uptime.document.content import LEVELS, Report, Row
from uptime.document.lines import added_up
from uptime.document.quality import FATES, TIMES
from uptime.life import NEVER

_LINE = [
    *("kind", "operator_id", "connector_id", "charger_id", "station_id", "district", "from", "to", "seconds"),
    *("effect", "cause", "state", "reason", "outage_from", "outage_to"),
]


def xlsx(report: Report, content_sha256: str, most_rows: int = MOST_ROWS) -> bytes:
    """The workbook's bytes; it names the JSON by its digest."""
    buffer = io.BytesIO()
    title = f"公用充电设施正常率报告 {report.first_day} – {report.last_day}"
    book = sheets.book(buffer, title, report.as_of)
    mark = wording.REHEARSAL if report.rehearsal else ""
    for name, rows in _sheets(report, content_sha256, most_rows):
        sheets.write(book, name, rows, heading=wording.heading, number_format=_number_format, mark=mark)
    book.close()
    return buffer.getvalue()


def _sheets(report: Report, content_sha256: str, most_rows: int) -> Iterator[tuple[str, Iterable[Cells]]]:
    intervals = [f"区间{nth + 1 if nth else ''}" for nth in range(max(1, -(-len(report.lines) // most_rows)))]
    yield "摘要", _summary(report)
    for level in LEVELS:
        yield wording.LEVELS[level], _level(report.levels[level], report)
    yield "违约", _breaches(report)
    for nth, name in enumerate(intervals):
        yield name, _lines(report.lines.iloc[nth * most_rows : (nth + 1) * most_rows], report.profile.zone)
    yield "核对", _checked(report, intervals)
    yield "趋势", _plain(["from", "to", "required_s", *(f"{one}_s" for one in EFFECTS), *_RATIOS], report.trend)
    yield "分布", _plain(["from", "to", "connectors"], report.distribution)
    lengths = [f"{name}_s" for name in (*TIMES, "late_good_news")]
    yield "数据质量", _plain(["operator_id", *FATES, "late_items", *lengths], report.quality)
    yield "状态存疑", _plain(wording.DOUBT, [wording.doubt(row) for row in report.doubted])
    yield "参数", _parameters(report, content_sha256)
    yield "规则", _plain(["about", "says", "clause", "reading"], page.rows(report.profile))


_RATIOS = ["ratio", "ratio_upper"]


def _summary(report: Report) -> Iterator[Cells]:
    yield ["field", "value"]
    city = report.city or {}
    units = report.levels["connector"]
    yield ["周期", f"{report.first_day} 至 {report.last_day}（不含）"]
    yield ["标准", wording.required(report.profile)]
    yield ["全市正常率（截尾）", wording.percent(city.get("ratio"))]
    yield ["全市正常率上限（截尾）", wording.percent(city.get("ratio_upper"))]
    for code, said in wording.VERDICTS.items():
        yield [f"计量单元：{said}", sum(row["verdict"] == code for row in units)]
    yield ["长期停运的计量单元", city.get("connectors_out_7d", 0)]
    for level in LEVELS:
        yield [f"违约：{wording.LEVELS[level]}", sum(row["breach"] for row in report.levels[level])]
    yield ["演练", "是" if report.rehearsal else "否"]


def _level(rows: Sequence[Row], report: Report) -> Iterator[Cells]:
    counts = ["connectors", "connectors_below", "connectors_pending", "connectors_out_7d"]
    times = ["required_s", "up_s", "down_s", "unknown_s", "deducted_s"]
    causes = report.profile.deducting
    yield ["operator_id", "id", "name", "shown", *_RATIOS, "verdict", "breach", *times, *causes, *counts]
    for row in rows:
        deducted = {cause: Decimal(row["deducted_s"].get(cause, 0)) for cause in causes}
        ratios = [None if row[name] is None else Decimal(row[name]) for name in _RATIOS]
        name = wording.DISTRICTS.get(row["id"], "") if row["level"] == "district" else row["name"]
        yield [
            row["operator_id"], row["id"], name, wording.percent(row["ratio"]), *ratios,
            wording.VERDICTS[row["verdict"]], row["breach"], *(Decimal(row[name]) for name in times[:-1]),
            sum(deducted.values(), Decimal()), *deducted.values(), *(row[name] for name in counts),
        ]  # fmt: skip


def _breaches(report: Report) -> Iterator[Cells]:
    yield ["level", "binding", "operator_id", "id", "name", "shown", *_RATIOS, "threshold", "verdict"]
    for row in report.breaches:
        yield [
            wording.LEVELS[row["level"]], row["level"] == report.profile.binds.level, row["operator_id"], row["id"],
            row["name"], wording.percent(row["ratio"]), *(Decimal(row[name]) for name in _RATIOS),
            Decimal(row["threshold"]), wording.VERDICTS[row["verdict"]],
        ]  # fmt: skip


def _lines(table: pd.DataFrame, zone: ZoneInfo) -> Iterator[Cells]:
    yield _LINE

    def local(us: int) -> str | None:
        return None if us == NEVER else from_us(us).astimezone(zone).isoformat()

    for one in table.itertuples(index=False):
        yield [
            wording.KINDS[one.kind], one.operator_id, one.connector_id, one.charger_id, one.station_id, one.district,
            local(one.from_us), local(one.to_us), _seconds(int(one.us)), wording.EFFECTS[one.effect], _cause(one.cause),
            wording.STATES.get(one.state, one.state), wording.REASONS.get(one.reason, one.reason),
            local(one.outage_us), local(one.outage_end_us),
        ]  # fmt: skip


def _seconds(us: int) -> Decimal:
    return Decimal(us) / US_PER_S


def _cause(name: str) -> str:
    return wording.CAUSES.get(name, wording.STATES.get(name, name))


def _checked(report: Report, sheets: Sequence[str]) -> Iterator[Cells]:
    """The whole and each operator once more, by formulas over the intervals: what is stated, what adds up."""
    yield ["operator_id", "effect", "stated", "added_up", "difference"]
    again = added_up(report.lines, report.profile)
    column = {name: f"${xl_col_to_name(_LINE.index(name))}" for name in ("seconds", "operator_id", "effect")}
    line = 0
    for row in [*report.levels["city"], *report.levels["operator"]]:
        mine = again if row["level"] == "city" else again[again["operator_id"] == row["id"]]
        for effect in EFFECTS:
            line += 1
            deducting = list(report.profile.deducting)
            us = int(mine[deducting].to_numpy().sum() if effect == "deducted" else mine[effect].sum())
            told = row["deducted_s"].values() if effect == "deducted" else [row[f"{effect}_s"]]
            stated = sum(map(Decimal, told), Decimal())
            terms = []
            for sheet in sheets:
                of = {name: f"'{sheet}'!{letter}:{letter}" for name, letter in column.items()}
                same = [f"{of['effect']},$B{line + 1}"]
                same += [f"{of['operator_id']},$A{line + 1}"] if row["level"] == "operator" else []
                terms.append(f"SUMIFS({of['seconds']},{','.join(same)})")
            left, right = xl_rowcol_to_cell(line, 2), xl_rowcol_to_cell(line, 3)
            yield [
                row["operator_id"], wording.EFFECTS[effect], stated,
                Formula(f"={'+'.join(terms)}", Decimal(seconds(us))),
                Formula(f"=ROUND({left}-{right},6)", stated - Decimal(seconds(us))),
            ]  # fmt: skip


def _parameters(report: Report, content_sha256: str) -> Iterator[Cells]:
    yield ["field", "value"]
    yield from report.parameters.items()
    yield ["content_sha256", content_sha256]
    for name, value in _fields("settings", msgspec.to_builtins(report.settings)):
        yield [name, value]
    yield ["seconds", "秒数以数字列出；数字格最多 15 位有效数字，更精确的值见同一内容的 JSON"]


def _fields(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _fields(f"{name}.{key}", inner)
    else:
        yield name, value


def _plain(names: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Iterator[Cells]:
    yield names
    numbers = [name.endswith("_s") or name in _RATIOS for name in names]
    for row in rows:
        yield [
            Decimal(row[name]) if number and row[name] is not None else row[name]
            for name, number in zip(names, numbers, strict=True)
        ]


def _number_format(column: str) -> str:
    return "0.00000000" if column in (*_RATIOS, "threshold") else "#,##0.######"
