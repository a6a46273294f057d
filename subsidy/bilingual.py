"""The steps of an explanation in Chinese, beside the English that `subsidy explain` has always used."""

import re
from collections.abc import Mapping

STEPS = {
    "registered": "登记", "operator": "运营商", "station": "充电站", "district": "区划", "completed on": "竣工日期",
    "commissioned on": "投运日期", "serial number": "出厂编号", "accepted on": "验收日期",
    "first status or meter item of": "首条状态或电表数据：", "first proven session": "首笔经印证的订单",
    "not eligible": "不符合条件", "amount": "金额", "last condition met on": "最后一项条件满足日", "note": "备注",
    "dc output": "直流输出", "ac output": "交流输出", "energy": "电量", "policy day": "政策日", "connector": "充电枪",
    "finding": "发现", "reason": "理由", "disposition": "认定", "admitted": "认可", "held": "暂缓",
    "rejected": "不予认可",
    "session": "订单", "award of": "建设补助：", "power unit": "功率柜", "earlier award": "已获补助",
    "stage gross": "步骤：应补总额", "stage conditions": "步骤：减不符合条件", "stage caps": "步骤：减功率上限",
    "stage earlier_awards": "步骤：减已获补助", "stage held": "步骤：减暂缓", "stage rounding": "步骤：分位取整",
    "stage adjustments": "步骤：以前期间调整", "stage payable": "步骤：应付",
}  # fmt: skip
WHY = {
    "the earliest that any operator's row of any year gives for its serial number": "该出厂编号历次登记中最早的日期",
    "as it is compared": "按比对形式",
    "the award belongs to the period of that day": "补助归属该日所在期间",
    "of its last instant before its end": "结束前最后一刻所在日",
    "as of that day": "以该日登记为准",
    "meets 137-四": "满足 137-四",
}
_VALUES = {
    "admitted": "认可", "held": "暂缓", "rejected": "不予认可", "hold": "暂缓", "note": "提示", "no": "否",
    "public": "公用",
}  # fmt: skip
_UNITS = (("yuan/kWh", "元/千瓦时"), ("yuan", "元"), ("kWh", "千瓦时"), ("kW", "千瓦"), ("charger ", "充电桩 "),
          ("station ", "充电站 "))  # fmt: skip


INPUTS = {
    "orders": "订单数", "energy_kwh": "计量电量千瓦时", "admitted_kwh": "认可电量千瓦时", "held_kwh": "暂缓电量千瓦时",
    "rejected_kwh": "不予认可电量千瓦时", "yuan_per_kwh": "元/千瓦时", "rule": "取整规则", "rounded": "取整规则",
    "kind": "类型", "dc_kw": "直流千瓦", "ac_kw": "交流千瓦", "dc_yuan_per_kw": "直流元/千瓦",
    "ac_yuan_per_kw": "交流元/千瓦", "met_on": "条件满足日", "power_unit": "功率柜", "share_yuan": "本桩份额元",
    "cap_yuan": "功率柜剩余额元", "replaces": "替换的出厂编号", "paid_yuan": "已获补助元", "awarded_on": "核定日",
    "reasons": "理由", "by": "截至", "already_subsidised": "已获补助", "lines": "行数",
}  # fmt: skip


def inputs(told: Mapping[str, str], words: Mapping[str, str]) -> str:
    """A stage's inputs in Chinese; `words` are those of the reasons' codes."""
    codes = {code: words.get(code, code) for code in told.get("reasons", "").split(", ")}
    said = {**told, **({"reasons": "、".join(codes.values())} if "reasons" in told else {})}
    return "；".join(f"{INPUTS.get(name) or words.get(name, name)} {value}" for name, value in said.items())


def step(english: str) -> str:
    """A step's name in Chinese; what it names stays."""
    if english in STEPS:
        return STEPS[english]
    for name in sorted(STEPS, key=len, reverse=True):
        if english.startswith(f"{name} "):
            return f"{STEPS[name]} {english.removeprefix(name).strip()}".replace("： ", "：")
    found = re.fullmatch(r"station (\S+), (\S+)", english)
    return f"充电站 {found[1]}，{found[2]}" if found else english


def value(english: str) -> str:
    """A step's value in Chinese."""
    if english in _VALUES:
        return _VALUES[english]
    for unit, said in _UNITS:
        english = re.sub(rf"(?<![A-Za-z_/]){re.escape(unit)}(?![A-Za-z_])", said, english)
    return english


def why(english: str) -> str:
    """What a step says of its reason, where it has fixed words; else its quantities with their units in Chinese."""
    return WHY.get(english) or value(english)
