"""The document on paper: one HTML file in Chinese that loads nothing, with a print style for A4.

Every text from outside is escaped; the page allows no script and fetches nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from html import escape

import pandas as pd

from chargewatch import pages
from chargewatch.instants import day_start_us, iso, seconds
from uptime import page
from uptime.document import charts, wording
from uptime.document.content import Report, Row
from uptime.document.quality import FATES, TIMES
from uptime.document.wording import COLUMNS, duration, percent

BARS = 60
"""Units whose time is drawn; the others stand in the workbook."""
_TIMES = ["required_s", "up_s", "down_s", "unknown_s"]


def html(report: Report, content_sha256: str) -> str:
    """The page, which names the JSON by its digest. The same report gives the same text."""
    profile, last = report.profile, report.last_day - timedelta(days=1)
    title = f"公用充电设施正常率报告（{report.first_day} 至 {last}）"
    mark = f'<p class="rehearsal">{wording.REHEARSAL}</p>' if report.rehearsal else ""
    intro = (
        f"周期：{report.first_day} 零时至 {report.last_day} 零时（{profile.time_zone}）。口径：{profile.id}，"
        f"{profile.source.document}，{profile.source.clause}。标准：{wording.required(profile)}，"
        f"受约束的是{wording.LEVELS[profile.binds.level]}，其他层级一并列出。知悉时点：{iso(report.as_of)}。"
    )
    body = [
        f"<h1>{escape(title)}</h1>",
        mark,
        f"<p>{escape(intro)}</p>",
        *_summary(report),
        *_trend(report),
        *_distribution(report),
        *_failing(report),
        *_places(report),
        *_deducted(report),
        *_quality(report),
        *_doubted(report),
        *_parameters(report, content_sha256),
    ]
    return pages.page(title, body, style=charts.style(), behind="演练" if report.rehearsal else "")


def _summary(report: Report) -> Iterable[str]:
    yield "<h2>一、结论</h2>"
    city = report.city
    if city is None:
        yield "<p>本周期内没有受本口径约束的充电设施。</p>"
        return
    units = report.levels["connector"]
    counted = {said: sum(row["verdict"] == code for row in units) for code, said in wording.VERDICTS.items()}
    yield (
        f"<p>全市正常率 <b>{percent(city['ratio'])}</b>，上限（无数据均计为正常）{percent(city['ratio_upper'])}，"
        f"{_verdict(city)}。计量单元 {len(units)} 个："
        + "，".join(f"{said} {count}" for said, count in counted.items())
        + f"；连续停运超过 {report.profile.long_outage_days} 天 {city['connectors_out_7d']} 个。"
        f"{COLUMNS['breach']} {len(report.breaches)} 项（各层级合计）。</p>"
    )
    yield _levels([city, *report.levels["district"]])
    yield _levels(report.levels["operator"])


def _trend(report: Report) -> Iterable[str]:
    if not report.trend:
        return
    daily = len(report.trend) < 2 or report.trend[0]["to"] == _after(report.trend[0]["from"])
    yield f"<h2>二、{'逐日' if daily else '逐月'}趋势</h2>"
    yield "<p>全市时间之和的比；实线为正常率，虚线为上限，红线为标准。</p>"
    points = [(row["from"][5:] if daily else row["from"][:7], row["ratio"], row["ratio_upper"]) for row in report.trend]
    yield charts.trend(points, report.profile.threshold.value)
    shown = ["from", *_TIMES, "ratio", "ratio_upper"]
    yield pages.table(
        [COLUMNS[name].removesuffix("（秒）") for name in shown],
        [
            [row["from"], *(duration(row[name]) for name in _TIMES), percent(row["ratio"]), percent(row["ratio_upper"])]
            for row in report.trend
        ],
    )


def _after(day: str) -> str:
    return (date.fromisoformat(day) + timedelta(days=1)).isoformat()


def _distribution(report: Report) -> Iterable[str]:
    *bars, without = report.distribution
    yield "<h2>三、正常率分布</h2><p>各区间内的计量单元数；红色低于标准。</p>"

    def edge(ratio: str) -> str:
        return f"{(Decimal(ratio) * 100).normalize():f}"

    yield charts.distribution(
        [(f"{edge(one['from'])}–{edge(one['to'])}", one["connectors"], one["below"]) for one in bars]
    )
    rows = [[f"{edge(one['from'])} % 至 {edge(one['to'])} %", one["connectors"]] for one in bars if one["connectors"]]
    yield pages.table(["正常率", "计量单元"], [*rows, ["无法评定", without["connectors"]]])


def _failing(report: Report) -> Iterable[str]:
    rows = report.failing
    yield f"<h2>四、不达标与待核的计量单元（{len(rows)} 个）</h2>"
    if not rows:
        yield "<p>没有。</p>"
        return
    if len(rows) > BARS:
        yield f"<p>按正常率由低到高列出前 {BARS} 个；其余 {len(rows) - BARS} 个见工作簿。</p>"
    yield charts.legend()
    start, end = (day_start_us(day, report.profile.zone) for day in (report.first_day, report.last_day))
    marks = _marks(report, start, end)
    table = report.lines[report.lines["kind"] == "interval"]
    of = dict(iter(table.groupby(["operator_id", "connector_id"], sort=False)))
    for row in rows[:BARS]:
        mine = of.get((row["operator_id"], row["id"]), table.iloc[:0])
        drawn = [
            (int(one.from_us), int(one.to_us), str(one.effect))
            for one in mine[["from_us", "to_us", "effect"]].itertuples()
        ]
        yield (
            f'<div class="unit"><p><b>{escape(row["operator_id"])} {escape(row["id"])}</b> {_verdict(row)}'
            f" 正常率 {percent(row['ratio'])}，上限 {percent(row['ratio_upper'])}；"
            + "；".join(f"{COLUMNS[name].removesuffix('（秒）')} {duration(row[name])}" for name in _TIMES)
            + f"{_causes(row)}。{_states(mine)}</p>{charts.timeline(drawn, start, end, marks)}</div>"
        )


def _states(lines: pd.DataFrame) -> str:
    """How long a unit was in each state that is no service, in how many stretches."""
    out = lines[lines["state"] != "serving"]
    said = [
        f"{wording.STATES.get(str(state), state)} {len(mine)} 段 {duration(seconds(int(mine['us'].sum())))}"
        for state, mine in out.groupby("state", sort=True)
    ]
    return escape("，".join(said) + "。") if said else ""


def _causes(row: Row) -> str:
    said = [f"{_cause(name)} {duration(length)}" for name, length in row["deducted_s"].items()]
    return escape(f"；扣除：{'，'.join(said)}") if said else ""


def _cause(name: str) -> str:
    return wording.CAUSES.get(name, wording.STATES.get(name, name))


def _marks(report: Report, start: int, end: int) -> list[tuple[int, str]]:
    """Where the axis of a timeline names a day."""
    days = (report.last_day - report.first_day).days
    every = max(1, -(-days // 10))
    return [
        (day_start_us(day, report.profile.zone), day.isoformat()[5:])
        for day in (report.first_day + timedelta(days=nth) for nth in range(0, days, every))
    ]


def _places(report: Report) -> Iterable[str]:
    rows = [row for row in report.levels["station"] if row["verdict"] != "pass"]
    yield f"<h2>五、不达标、待核与无法评定的充电站（{len(rows)} / {len(report.levels['station'])}）</h2>"
    yield _levels(rows) if rows else "<p>没有。</p>"


def _deducted(report: Report) -> Iterable[str]:
    yield "<h2>六、检修等扣除</h2>"
    rows = [
        [wording.called(row), _cause(name), duration(length)]
        for row in report.levels["operator"]
        for name, length in row["deducted_s"].items()
    ]
    yield pages.table(["运营商", "原因", "扣除"], rows) if rows else "<p>本周期没有扣除。</p>"


def _quality(report: Report) -> Iterable[str]:
    yield "<h2>七、数据质量</h2><p>收到 = 入库 + 重复 + 隔离，按周期内收到的报文计；迟到条目按发生时间计。</p>"
    counts = ["operator_id", *FATES, "late_items"]
    yield pages.table([COLUMNS[name] for name in counts], [[row[name] for name in counts] for row in report.quality])
    lengths = [f"{name}_s" for name in (*TIMES, "late_good_news")]
    yield pages.table(
        ["运营商编号", *(COLUMNS[name].removesuffix("（秒）") for name in lengths)],
        [[row["operator_id"], *(duration(row[name]) for name in lengths)] for row in report.quality],
    )


def _doubted(report: Report) -> Iterable[str]:
    yield "<h2>八、状态真实性</h2><p>上报的状态与订单、电表及相邻设施不相符之处，仅供核查：以上任何数字均未计入。</p>"
    rows = [[str(value) for value in wording.doubt(row).values()] for row in report.doubted]
    titles = [COLUMNS[name] for name in wording.DOUBT]
    yield pages.table(titles, rows) if rows else "<p>本周期没有存疑的状态。</p>"


def _parameters(report: Report, content_sha256: str) -> Iterable[str]:
    yield "<h2>九、参数与校验</h2>"
    told = {**report.parameters, "content_sha256": content_sha256}
    yield pages.table(["参数", "值"], [[name, _said(value)] for name, value in told.items()], kind="wide")
    yield "<p>content_sha256 为同一内容 JSON 文件的 SHA-256。任何一个数都可由工作簿“区间”表加总得出。</p>"
    yield pages.table(
        [COLUMNS[name] for name in ("about", "says", "clause", "reading")],
        [list(row.values()) for row in page.rows(report.profile)],
        kind="wide",
    )


def _said(value: object) -> str:
    return ("是" if value else "否") if isinstance(value, bool) else str(value)


def _levels(rows: Sequence[Row]) -> str:
    """Figures of things of one or several levels."""
    counts = ["connectors", "connectors_below", "connectors_pending", "connectors_out_7d"]
    times = [COLUMNS[name].removesuffix("（秒）") for name in _TIMES]
    return pages.table(
        ["对象", "正常率", "上限", "结论", *times, *(COLUMNS[name] for name in counts)],
        [
            [
                wording.called(row), percent(row["ratio"]), percent(row["ratio_upper"]),
                wording.VERDICTS.get(row["verdict"], "") + ("（违约）" if row["breach"] else ""),
                *(duration(row[name]) for name in _TIMES), *(row[name] for name in counts),
            ]
            for row in rows
        ],
    )  # fmt: skip


def _verdict(row: Row) -> str:
    said = wording.VERDICTS.get(row["verdict"], "")
    return f'<b class="{escape(str(row["verdict"]))}">{said}{"（违约）" if row["breach"] else ""}</b>'
