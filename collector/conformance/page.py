"""The rehearsal's result as one page to hand over: Chinese and English, self-contained, to be printed."""

from html import escape

from chargewatch.instants import US_PER_MIN, iso
from collector.conformance.judgement import Report, Verdict

_WORDS = {"pass": ("通过", "pass"), "fail": ("不通过", "fail"), "not_seen": ("未见", "not seen")}

_STYLE = """
body { font: 11pt/1.45 "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", system-ui, sans-serif; color: #1b1b1b;
  margin: 2rem auto; max-width: 60rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } h1 small { display: block; font-size: 1rem; font-weight: normal }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0 } dd { margin: 0 }
table { border-collapse: collapse; width: 100% } td, th { border-top: 1px solid #bbb; padding: .45rem .5rem;
  text-align: left; vertical-align: top } td.n { text-align: right; white-space: nowrap }
code { font: .85em/1.3 ui-monospace, monospace; overflow-wrap: anywhere } ul { margin: .3rem 0 0; padding-left: 1.1rem }
.verdict { display: inline-block; border: 2px solid; padding: .2rem .8rem; font-weight: bold; margin-top: 1rem }
.pass { color: #0a6b2d } .fail { color: #a3001b } .not_seen { color: #5a5a5a } .en { color: #444 }
@media print { body { margin: 0; max-width: none } tr { break-inside: avoid } @page { size: A4; margin: 15mm } }
"""


def page(report: Report) -> str:
    """The whole page, HTML; whatever an operator sent is escaped."""
    overall = "pass" if report.passed else "fail"
    facts = (
        ("运营商 Operator", report.operator_id),
        ("时段 Watched", f"{iso(report.from_us)} – {iso(report.to_us)}"),
        ("约定上报周期 Reporting interval", f"{report.interval_us / US_PER_MIN:g} min"),
        ("报文 Messages", str(report.messages)),
        ("条目 Items", str(report.items)),
    )
    told = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return (
        '<!doctype html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(report.operator_id)} 接入测试</title><style>{_STYLE}</style></head>\n<body>"
        "<h1>接入测试报告<small>Rehearsal before going live</small></h1>"
        f'<p class="verdict {overall}">{_both(overall)}</p>\n<dl>{told}</dl>\n'
        "<table><thead><tr><th>规则 Rule</th><th>结果 Result</th><th>检查 Checked</th><th>不符 Wrong</th></tr></thead>"
        f"<tbody>\n{''.join(map(_row, report.verdicts))}</tbody></table>\n"
        "<p>“未见”表示该时段内没有可供检查的内容，不影响结论。"
        '<br><span class="en">“Not seen”: nothing to look at came in this time; it does not count.</span></p>'
        "</body></html>\n"
    )


def _both(outcome: str) -> str:
    return " ".join(_WORDS[outcome])


def _row(verdict: Verdict) -> str:
    rule = verdict.rule
    mend = ""
    if verdict.outcome == "fail":
        examples = "".join(f"<li><code>{escape(example)}</code></li>" for example in verdict.examples)
        mend = f'<br>{escape(rule.mend_zh)}<br><span class="en">{escape(rule.mend)}</span><ul>{examples}</ul>'
    return (
        f'<tr><td><code>{escape(rule.code)}</code><br>{escape(rule.asks_zh)}<br><span class="en">{escape(rule.asks)}'
        f'</span>{mend}</td><td class="{verdict.outcome}">{_both(verdict.outcome)}</td>'
        f'<td class="n">{verdict.checked}</td><td class="n">{verdict.failed}</td></tr>\n'
    )
