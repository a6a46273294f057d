"""A page to print on A4: one HTML file in Chinese that loads nothing, in which every text from outside is escaped."""

from collections.abc import Iterable, Sequence
from html import escape


def page(title: str, body: Iterable[str], *, style: str = "", behind: str = "") -> str:
    """The page; `body` is HTML already. `behind` stands across every printed page, such as 演练."""
    mark = f'<div class="behind">{escape(behind)}</div>' if behind else ""
    return (
        '<!DOCTYPE html>\n<html lang="zh-CN"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{STYLE}{style}</style></head>\n<body>{mark}\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def table(head: Sequence[str], rows: Iterable[Sequence[object]], kind: str = "") -> str:
    """A table; its header comes again on each printed page. `kind` is a class of the style, such as `wide`."""
    cells = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join("<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<table class="{kind}"><thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table>'


STYLE = (
    "@page{size:A4;margin:16mm 14mm}"
    "*{-webkit-print-color-adjust:exact;print-color-adjust:exact}"
    'body{font:11px/1.5 "Noto Sans CJK SC","Source Han Sans SC","Microsoft YaHei","PingFang SC",sans-serif;color:#111;'
    "max-width:182mm;margin:0 auto}"
    "h1{font-size:20px}h2{font-size:14px;border-bottom:1px solid #888;break-after:avoid}"
    "table{border-collapse:collapse;width:100%;margin:6px 0;font-size:9px}thead{display:table-header-group}"
    "th,td{border:1px solid #bbb;padding:2px 4px;text-align:right;overflow-wrap:anywhere}"
    "th{background:#eee}th:first-child,td:first-child,.wide td,.wide th{text-align:left}"
    "tr,.unit,svg{break-inside:avoid}.unit p{margin:6px 0 2px}"
    ".fail{color:#c0392b}.pending{color:#8a6d00}"
    ".rehearsal{border:2px solid #c0392b;color:#c0392b;padding:6px;font-weight:bold}"
    ".behind{position:fixed;top:40%;left:20%;font-size:120px;color:rgba(192,57,43,.12);transform:rotate(-30deg);"
    "pointer-events:none}"
)
