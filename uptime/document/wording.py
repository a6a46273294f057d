"""The document's Chinese: the field's terms (GLOSSARY.md) for what the figures call by their codes."""

from typing import Any

from uptime.profile import Profile

LEVELS = {
    "city": "全市",
    "district": "区划",
    "operator": "运营商",
    "station": "充电站",
    "charger": "充电桩",
    "connector": "充电枪",
}
VERDICTS = {"pass": "达标", "fail": "不达标", "pending": "待核", "not_measurable": "无法评定"}
EFFECTS = {"up": "正常", "down": "不正常", "unknown": "无数据", "deducted": "扣除", "excluded": "扣除"}
STATES = {
    "serving": "正常服务", "faulted": "故障", "out_of_service": "停用", "offline": "离线", "no_data": "无数据",
}  # fmt: skip
REASONS = {
    "before_first_status": "首次状态之前", "status": "状态上报", "silence": "超过静默时限",
    "proven_session": "已证实的充电", "late_good_news": "迟到的好消息不计", "charger_in_use": "同桩另一枪在用",
    "away": "拆除后同序列号重新投运",
}  # fmt: skip
CAUSES = {
    "routine_maintenance": "日常检修", "grid_outage": "电网停电", "force_majeure": "不可抗力", "vandalism": "人为损坏",
    "vehicle_fault": "车辆故障", "outside_hours": "营业时间以外", "platform_outage": "平台中断",
}  # fmt: skip
KINDS = {"interval": "区间", "sum": "合计", "denominator": "法定分母差额"}
DISTRICTS = {
    "lucheng": "鹿城", "longwan": "龙湾", "ouhai": "瓯海", "dongtou": "洞头", "marine_zone": "海经区",
    "economic_zone": "经开区", "yueqing": "乐清", "ruian": "瑞安", "longgang": "龙港", "yongjia": "永嘉",
    "pingyang": "平阳", "cangnan": "苍南", "wencheng": "文成", "taishun": "泰顺",
}  # fmt: skip
COLUMNS = {
    "operator_id": "运营商编号",
    "connector_id": "充电枪编号",
    "charger_id": "充电桩编号",
    "station_id": "充电站编号",
    "district": "区划",
    "id": "编号",
    "name": "名称",
    "level": "层级",
    "ratio": "正常率",
    "ratio_upper": "正常率上限",
    "verdict": "结论",
    "breach": "违约",
    "required_s": "应服务时间（秒）",
    "up_s": "正常（秒）",
    "down_s": "不正常（秒）",
    "unknown_s": "无数据（秒）",
    "deducted_s": "扣除（秒）",
    "threshold": "标准",
    "connectors": "充电枪数",
    "connectors_below": "不达标充电枪",
    "connectors_pending": "待核充电枪",
    "connectors_out_7d": "长期停运充电枪",
    "shown": "正常率（截尾）",
    "kind": "类别",
    "from": "起",
    "to": "止",
    "seconds": "秒",
    "effect": "计为",
    "cause": "原因",
    "state": "状态",
    "reason": "依据",
    "outage_from": "停运起",
    "outage_to": "停运止",
    "binding": "考核层级",
    "offered": "收到",
    "stored": "入库",
    "duplicate": "重复",
    "quarantined": "隔离",
    "conflicts": "冲突",
    "late_items": "迟到条目",
    "score": "可疑程度",
    "seen": "所见",
    "limit": "限值",
    "unit": "单位",
    "rule": "规则",
    "evidence_count": "证据条数",
    "silence_s": "静默（秒）",
    "before_first_status_s": "首次状态之前（秒）",
    "announced_unknown_s": "上报未知（秒）",
    "offline_s": "上报离线（秒）",
    "proven_session_s": "由充电证实（秒）",
    "late_good_news_s": "迟到不计（秒）",
    "about": "事项",
    "says": "规定",
    "clause": "条款",
    "reading": "法定 law / 本系统解读 ours",
    "field": "参数",
    "value": "值",
    "stated": "报告所列（秒）",
    "added_up": "由区间加总（秒）",
    "difference": "差",
}
"""A column's title by its name in contract 4 and in the JSON."""
REHEARSAL = "演练 REHEARSAL：本报告出自演练库，以发送方时钟为准，不是正式数据。"

RULES = {
    "failing_visits": "报空闲而充电不成", "passed_over": "报空闲而无人使用（相邻设施有订单）",
    "zombie": "长期报正常而无订单（相邻设施有订单）", "busy_without_energy": "报占用而无电量",
    "charging_without_order": "报充电而无订单", "order_while_available": "报空闲时有订单",
    "energy_while_available": "报空闲时电表走字", "frozen_samples": "采样值不变", "still_register": "电表示数不动",
}  # fmt: skip
DOUBT = ["operator_id", "connector_id", "rule", "score", "seen", "limit", "unit", "evidence_count"]
"""Columns of a status that does not fit."""


def doubt(row: dict[str, Any]) -> dict[str, Any]:
    """What was found of one, its rule in words with the code."""
    return {**{name: row[name] for name in DOUBT}, "rule": f"{RULES[row['rule']]} {row['rule']}"}


def heading(name: str) -> str:
    """A column's title, with the name that it has in the JSON."""
    return f"{COLUMNS[name]} {name}" if name in COLUMNS else f"{CAUSES.get(name, STATES.get(name, ''))} {name}".strip()


def called(row: dict[str, Any]) -> str:
    """A thing's id, with its name where the registry has one."""
    if row["level"] == "city":
        return "全市"
    name = DISTRICTS.get(row["id"], "") if row["level"] == "district" else row["name"]
    return f"{name}（{row['id']}）" if name else str(row["id"])


def percent(ratio: str | None) -> str:
    """A ratio for people, truncated like the ratio itself, so that a failing one never shows as the threshold."""
    if ratio is None:
        return "—"
    hundredths = int(ratio.replace(".", "")[:5])
    return f"{hundredths // 100}.{hundredths % 100:02d} %"


def required(profile: Profile) -> str:
    """The threshold in words."""
    least = f"{(profile.threshold.value * 100).normalize():f} %"
    return f"不低于 {least}" if profile.threshold.comparison == "at_least" else f"高于 {least}"


def duration(seconds: str | None) -> str:
    """Seconds as days, hours, minutes and seconds; fractions as they are."""
    if seconds is None:
        return "—"
    sign, text = ("−", seconds[1:]) if seconds.startswith("-") else ("", seconds)
    whole, _, fraction = text.partition(".")
    minutes, second = divmod(int(whole), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    rest = fraction.rstrip("0")
    clock = f"{hour:02d}:{minute:02d}:{second:02d}{'.' + rest if rest else ''}"
    return f"{sign}{days} 天 {clock}" if days else f"{sign}{clock}"
