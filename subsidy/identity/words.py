"""Judgements in Chinese and English: findings as the policy words them, the lives of equipment as told here."""

from subsidy.identity.judgements import FOUND, Judgement
from subsidy.policy import Policy

LIVES = {
    "relocated": (
        "该桩自 {from} 起由场站 {before} 迁至 {station}；补助只发一次",
        "moved from station {before} to {station} on {from}; its award stays the one it had",
    ),
    "resold": (
        "序列号 {serial} 曾为 {operator} 的充电桩 {other} 所有，至 {until} 止；不再补助",
        "serial number {serial} was charger {other} of {operator} until {until}; one award for both",
    ),
    "re_registered": (
        "序列号 {serial} 曾以编号 {other} 登记，至 {until} 止；不再补助",
        "serial number {serial} was registered as charger {other} until {until}; one award for both",
    ),
    "renumbered": (
        "自 {from} 起序列号由 {before} 改为 {serial}；新设备应有新编号",
        "its serial number became {serial} on {from}, it was {before}; a new device gets a new id",
    ),
    "overwritten": (
        "登记的序列号曾为 {before}，后被改写为 {serial}",
        "its row said {before} until an import wrote {serial} over it",
    ),
    "replaced": (
        "替换序列号 {serial} 的设备（其已获补助 {yuan} 元），仅补差额",
        "replaces serial number {serial}, for which {yuan} yuan are on record; it earns the increment",
    ),
    "replaced_unknown": (
        "所称替换的序列号 {serial} 未见登记，亦无补助记录",
        "names serial number {serial} as replaced, which no charger and no award bears",
    ),
    "replaced_in_service": (
        "所称替换的设备 {serial}（{operator} 的 {other}）仍在运行",
        "names serial number {serial} as replaced, but charger {other} of {operator} is still in service",
    ),
    "award_twice": (
        "同一补助以不同写法登记两次：{written}；按较大者计一次",
        "one award stands on record twice, written as {written}; the larger one counts, once",
    ),
}
"""By code the words in Chinese and in English; what stands in braces is what was seen."""


def effect(one: Judgement, policy: Policy) -> str:
    """What a judgement does: as the policy says for its findings, else nothing."""
    return policy.findings.rule(one.code).effect if one.code in FOUND else ""


def clause(one: Judgement, policy: Policy) -> str:
    """The clause that a judgement stands on."""
    return policy.findings.rule(one.code).clause if one.code in FOUND else policy.build.window.clause


def worded(one: Judgement, policy: Policy) -> tuple[str, str]:
    """A judgement in Chinese and in English."""
    if one.code not in FOUND:
        zh, en = LIVES[one.code]
        return zh.format_map(one.seen), en.format_map(one.seen)
    rule = policy.findings.rule(one.code)
    limits = {name: f"{limit.value} {limit.unit}" for name, limit in rule.limits.items()}
    named = {**limits, **one.seen}
    return rule.says.zh.format_map(named), rule.says.en.format_map(named)
