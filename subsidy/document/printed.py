"""On paper, in Chinese: the 申报表 that an operator signs, the 结算单 that the commission signs; for A4."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from html import escape
from typing import Any

from chargewatch.pages import page, table
from subsidy.amounts import money, plain, to_fen
from subsidy.document import wording
from subsidy.numerals import capital
from subsidy.periods import Period
from subsidy.policy import Policy
from subsidy.stages import STAGES, Line, sums

Statement = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Party:
    """Whom a page is about, as the registry names it; `stations` by id."""

    name: str
    uscc: str
    stations: Mapping[str, str]


def application(statement: Statement, period: Period, party: Party, policy: Policy) -> str:
    """The 申报表: what the operator asks for, in figures and in words, and where who signs."""
    title = "公用充电设施建设和运营补助申报表"
    awarded = [row for row in statement["build"] if row["disposition"] == "admitted"]
    body = [
        f"<h1>{title}</h1>",
        *_head(statement, period, party, policy),
        "<h2>一、建设补助</h2>",
        _awarded(awarded, party) if awarded else "<p>本期无。</p>",
        "<h2>二、运营补贴</h2>",
        _energy(statement, party) if statement["operating"] else "<p>本期无。</p>",
        "<h2>三、以前期间调整</h2>",
        _adjusted(statement) if statement["adjustments"] else "<p>本期无。</p>",
        "<h2>四、申报金额</h2>",
        _amounts(statement),
        "<p class='vow'>本单位承诺：以上申报内容及所附订单明细真实、完整，未重复申报；如有虚报、冒领，"
        "愿按规定退回补助资金并承担相应责任。</p>",
        _signed("申报单位（盖章）", "法定代表人", "经办人", "单位负责人"),
        _signed("初审意见", "初审人", "复审意见", "复审人"),
    ]
    return page(f"{title} {period.name}", body, style=_STYLE, behind="演练" if statement["rehearsal"] else "")


def settlement(
    statement: Statement,
    lines: Sequence[Line],
    period: Period,
    party: Party,
    policy: Policy,
    digests: Mapping[str, str],
) -> str:
    """The 结算单: every stage, each charger and station-month with its reasons; `digests` of the files beside it."""
    title = "公用充电设施补助结算单"
    body = [
        f"<h1>{title}</h1>",
        *_head(statement, period, party, policy),
        "<h2>一、计算步骤</h2>",
        _steps(lines),
        _amounts(statement),
        "<h2>二、建设补助</h2>",
        _chargers(statement, party, policy) if statement["build"] else "<p>本期无。</p>",
        "<h2>三、运营补贴</h2>",
        _energy(statement, party) if statement["operating"] else "<p>本期无。</p>",
        *_withheld(lines, policy),
        "<h2>四、以前期间调整</h2>",
        _adjusted(statement) if statement["adjustments"] else "<p>本期无。</p>",
        "<h2>五、参数与校验</h2>",
        table(["项目", "值"], _parameters(statement, policy, digests), kind="wide"),
        _signed("制表", "复核", "批准", "主管部门（盖章）"),
    ]
    return page(f"{title} {period.name}", body, style=_STYLE, behind="演练" if statement["rehearsal"] else "")


def _head(statement: Statement, period: Period, party: Party, policy: Policy) -> Iterator[str]:
    if statement["rehearsal"]:
        yield f'<p class="rehearsal">{wording.REHEARSAL}</p>'
    said = [
        ("申报单位", f"{party.name}（{statement['operator_id']}）", "统一社会信用代码", party.uscc or "未登记"),
        ("期间", f"{_day(period.first_day)}至{_day(period.last_day)}", "依据", policy.document),
    ]
    cells = "".join(
        f"<tr><th>{escape(a)}</th><td>{escape(b)}</td><th>{escape(c)}</th><td>{escape(d)}</td></tr>"
        for a, b, c, d in said
    )
    yield f'<table class="head"><tbody>{cells}</tbody></table>'


def _day(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"


def _amounts(statement: Statement) -> str:
    """The amounts in figures and, the total, in capital numerals."""
    rows = [
        ("建设补助", "build_yuan"), ("运营补贴", "operating_yuan"), ("以前期间调整", "adjustments_yuan"),
        ("合计", "total_yuan"),
    ]  # fmt: skip
    return table(
        ["项目", "金额（元）", "大写（人民币）"],
        [[name, _yuan(statement[key]), capital(Decimal(statement[key]))] for name, key in rows],
        kind="amounts",
    )


def _kw(power: str) -> str:
    """Power as people read it; a share of a unit can have no last digit."""
    return power if len(power) <= 12 else f"{Decimal(power):.3f}…"


def _yuan(amount: str | Decimal) -> str:
    return f"{Decimal(amount):,.2f}"


def _awarded(rows: Iterable[Mapping[str, Any]], party: Party) -> str:
    told = []
    for row in rows:
        for part in row["parts"]:
            told.append(
                [
                    row["charger_id"],
                    _station(row["station_id"], party),
                    wording.KINDS[part["kind"]],
                    _kw(part["subsidised_kw"]),
                    f"{part['rate']} 元/千瓦",
                    row["awarded_on"],
                    _yuan(part["amount"]),
                ]
            )
    return table(["充电桩", "充电站", "类型", "补助功率（千瓦）", "标准", "核定日", "金额（元）"], told, kind="placed")


def _chargers(statement: Statement, party: Party, policy: Policy) -> str:
    return table(
        ["充电桩", "充电站", "类型", "认定", "补助功率（千瓦）", "金额（元）", "理由"],
        [
            [
                row["charger_id"], _station(row["station_id"], party), wording.KINDS[row["kind"]],
                wording.DISPOSITIONS[row["disposition"]], _kw(row["subsidised_kw"]), _yuan(row["amount"]),
                wording.stated(row["reasons"], policy),
            ]
            for row in statement["build"]
        ],
        kind="placed reasons",
    )  # fmt: skip


def _energy(statement: Statement, party: Party) -> str:
    quantities = ("energy_kwh", "admitted_kwh", "held_kwh", "rejected_kwh")
    rows = [
        [
            _station(row["station_id"], party), row["month"], row["sessions"], *(row[name] for name in quantities),
            f"{row['rate']} 元/千瓦时", _yuan(row["amount"]),
        ]
        for row in statement["operating"]
    ]  # fmt: skip
    whole = [plain(sum((Decimal(row[name]) for row in statement["operating"]), Decimal())) for name in quantities]
    orders = sum(row["sessions"] for row in statement["operating"])
    rows.append(["合计", "", orders, *whole, "", _yuan(statement["operating_yuan"])])
    head = ["充电站", "月份", "订单数", "计量电量", "认可电量", "暂缓电量", "不予认可电量", "标准", "金额（元）"]
    return table(head, rows, kind="summed") + "<p>电量单位：千瓦时。</p>"


def _station(station_id: str, party: Party) -> str:
    name = party.stations.get(station_id, "")
    return f"{station_id} {name}".strip()


def _adjusted(statement: Statement) -> str:
    return table(
        ["期间", "对象", "原因", "金额（元）"],
        [[row["period"], row["subject"], row["reason"], _yuan(row["amount"])] for row in statement["adjustments"]],
    )


def _steps(lines: Sequence[Line]) -> str:
    """Every stage over the building awards, over the energy, over earlier periods, and in all."""
    kinds = {kind: sums(one for one in lines if one.subject.startswith(f"{kind}/")) for kind in _KINDS}
    rows = [
        [wording.STAGES[name], *(_exact(kinds[kind][name]) for kind in _KINDS), _exact(sums(lines)[name])]
        for name in STAGES
    ]
    return table(["步骤（元）", *_KINDS.values(), "合计"], rows, kind="summed")


_KINDS = {"build": "建设补助", "operating": "运营补贴", "adjustments": "调整"}


def _exact(yuan: Decimal) -> str:
    """An amount before it is rounded keeps its decimals."""
    return f"{yuan:,.2f}" if to_fen(yuan) == yuan else f"{yuan.normalize():,f}"


def _withheld(lines: Sequence[Line], policy: Policy) -> Iterator[str]:
    """Why energy is held or rejected, by how many orders each reason applies to."""
    rows = []
    for line in lines:
        for stage in line.stages:
            if line.subject.startswith("operating/") and stage.name in ("conditions", "held"):
                for code, count in stage.inputs.items():
                    if code in policy.reasons:
                        subject, said = line.subject.removeprefix("operating/"), policy.reasons[code]
                        rows.append([subject, wording.STAGES[stage.name], said.zh, said.clause, code, count])
    if rows:
        yield "<p>暂缓与不予认可的理由（一笔订单可有多项）：</p>"
        yield table(["充电站/月份", "步骤", "理由", "依据", "代码", "订单数"], rows, kind="wide")


def _parameters(statement: Statement, policy: Policy, digests: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    yield "政策", f"{policy.title}（{policy.id}）"
    yield "政策 SHA-256", policy.sha256
    yield "知悉时点", statement["as_of"]
    yield (
        "建设补助标准",
        f"直流 {money(policy.build.rates.dc.value)}，交流 {money(policy.build.rates.ac.value)} 元/千瓦",
    )
    yield "运营补贴标准", f"{plain(policy.operating.rate.value)} 元/千瓦时"
    for name, digest in digests.items():
        yield f"{name} SHA-256", digest


def _signed(*places: str) -> str:
    cells = "".join(f"<td>{escape(place)}：<p>年　　月　　日</p></td>" for place in places)
    return f'<table class="signed"><tbody><tr>{cells}</tr></tbody></table>'


_STYLE = (
    "h1{text-align:center}.head th,.head td{text-align:left;font-size:11px}"
    ".head th{width:5em}.head th:nth-child(3){width:9em}"
    ".amounts td{font-size:11px}.amounts td:nth-child(3),.amounts th:nth-child(3){text-align:left}"
    ".placed td:nth-child(2),.placed th:nth-child(2){text-align:left}"
    ".amounts tr:last-child td,.summed tr:last-child td{font-weight:bold}"
    ".reasons th:last-child,.reasons td:last-child{text-align:left}.reasons td:last-child{width:38%}"
    ".signed{margin-top:14px;break-inside:avoid}.signed td{text-align:left;height:52px;vertical-align:top;width:25%;"
    "font-size:11px}.signed p{text-align:right;margin:26px 4px 0}.vow{margin-top:12px}"
)
