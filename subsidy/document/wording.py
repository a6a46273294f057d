"""The documents' Chinese: the field's terms (GLOSSARY.md) for what statements call by their codes."""

from collections.abc import Iterable, Mapping

from subsidy.policy import Policy

DISPOSITIONS = {"admitted": "认可", "held": "暂缓", "rejected": "不予认可"}
KINDS = {"dc": "直流", "ac": "交流", "hybrid": "交直流"}
STAGES = {
    "gross": "应补总额", "conditions": "减：不符合条件", "caps": "减：功率上限", "earlier_awards": "减：已获补助",
    "held": "减：暂缓", "rounding": "分位取整", "adjustments": "以前期间调整", "payable": "应付",
}  # fmt: skip
REHEARSAL = "演练数据，不作结算依据"
COLUMNS = {
    "operator_id": "运营商编号", "operator": "运营商", "session_id": "订单号", "station_id": "充电站编号",
    "charger_id": "充电桩编号", "connector_id": "充电枪编号", "rated_kw": "额定功率（千瓦）", "start": "开始时间",
    "end": "结束时间", "duration_s": "时长（秒）", "meter_start_kwh": "起始读数（千瓦时）",
    "meter_end_kwh": "终止读数（千瓦时）", "energy_kwh": "计量电量（千瓦时）", "admitted_kwh": "认可电量（千瓦时）",
    "held_kwh": "暂缓电量（千瓦时）", "rejected_kwh": "不予认可电量（千瓦时）", "electricity_fee": "电费（元）",
    "service_fee": "服务费（元）", "total_fee": "合计（元）", "disposition": "认定", "reasons": "理由", "notes": "备注",
    "period": "期间", "policy": "政策", "as_of": "知悉时点", "rehearsal": "演练", "build_yuan": "建设补助（元）",
    "operating_yuan": "运营补贴（元）", "adjustments_yuan": "调整（元）", "total_yuan": "合计（元）",
    "in_words": "大写",
    "kind": "类型", "eligible": "符合条件", "awarded_on": "核定日", "subsidised_kw": "补助功率（千瓦）", "rate": "标准",
    "amount": "金额（元）", "month": "月份", "sessions": "订单数", "subject": "对象", "reason": "原因", "stage": "步骤",
    "yuan": "金额（元，未取整）", "clause": "依据", "inputs": "依据的数据", "rule": "规则",
    "effect": "效力", "count": "笔数",
    "says": "说明", "field": "参数", "value": "值",
}  # fmt: skip


def heading(name: str) -> str:
    """A column's title, with the name that it has in the JSON."""
    return f"{COLUMNS[name]} {name}" if name in COLUMNS else name


def reasons(codes: Iterable[str], policy: Policy) -> str:
    """Reasons in Chinese, each with its clause and code."""
    return "；".join(_reason(code, "", policy) for code in codes)


def stated(reasons: Iterable[Mapping[str, str]], policy: Policy) -> str:
    """A statement's reasons in Chinese, with what each of them adds to its words."""
    return "；".join(
        _reason(one["code"], one["text"].removeprefix(policy.reasons[one["code"]].text), policy) for one in reasons
    )


def _reason(code: str, detail: str, policy: Policy) -> str:
    said = policy.reasons[code]
    return f"{said.zh}{detail}（{said.clause}，{code}）"
