"""Charts as inline SVG: bars of connectors' time, a distribution, a trend. Each stands beside its numbers as text."""

from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import groupby

WIDTH = 720
Stretch = tuple[int, int, str]
"""from, to (µs) and a class of CLASSES."""
CLASSES = {
    "up": ("正常", "#7fbf9b"),
    "down": ("不正常", "#c0392b"),
    "unknown": ("无数据", "#b8b8b8"),
    "deducted": ("扣除", "#5b8fc9"),
}
"""By effect: what it is called, and its colour; each keeps apart from the others in grey, too."""


def timeline(stretches: Sequence[Stretch], from_us: int, to_us: int, marks: Sequence[tuple[int, str]]) -> str:
    """One unit's time as a bar; time without a stretch (before or after its service life) stays empty.

    Neighbours of one class that no print could tell apart are drawn as one.
    """
    per_us = WIDTH / (to_us - from_us)
    drawn: list[tuple[int, int, str]] = []  # tenths of a pixel
    for start, end, effect in sorted(stretches):
        left, right = int((start - from_us) * per_us * 10), int((end - from_us) * per_us * 10)
        right = max(right, left + (effect != "up"))  # what is no service is never too short to be seen
        if drawn and drawn[-1][2] == effect and left <= drawn[-1][1] + 1:
            drawn[-1] = (drawn[-1][0], max(right, drawn[-1][1]), effect)
        else:
            drawn.append((left, right, effect))
    # Service first, so that a short outage is not covered by what follows it.
    bars = [
        f'<rect class="{effect}" x="{left / 10:.1f}" y="0" width="{max(right - left, 1) / 10:.1f}" height="12"/>'
        for left, right, effect in sorted(drawn, key=lambda one: (one[2] != "up", one[0]))
        if right > left
    ]
    ticks = [
        f'<path d="M{(at - from_us) * per_us:.1f} 12v3" class="tick"/>'
        f'<text x="{(at - from_us) * per_us:.1f}" y="23">{escape(text)}</text>'
        for at, text in marks
    ]
    return _svg(26, "时间条", [f'<rect class="none" x="0" y="0" width="{WIDTH}" height="12"/>', *bars, *ticks])


def distribution(bars: Sequence[tuple[str, int, bool]]) -> str:
    """Bars (label, count, whether below the threshold), each with its count."""
    highest = max((count for _, count, _ in bars), default=0) or 1
    step = WIDTH / max(len(bars), 1)
    parts = []
    for nth, (label, count, below) in enumerate(bars):
        height, x = 120 * count / highest, nth * step
        parts += [
            f'<rect class="{"down" if below else "up"}" x="{x + 1:.1f}" y="{134 - height:.1f}"'
            f' width="{step - 2:.1f}" height="{height:.1f}"/>',
            f'<text x="{x + step / 2:.1f}" y="{131 - height:.1f}" class="middle">{count or ""}</text>',
            f'<text x="{x + step / 2:.1f}" y="146" class="middle">{escape(label)}</text>',
        ]
    return _svg(150, "分布", [*parts, f'<path d="M0 134h{WIDTH}" class="tick"/>'])


def trend(points: Sequence[tuple[str, str | None, str | None]], threshold: Decimal) -> str:
    """Both ratios (label, ratio, upper ratio) over time, and the threshold as a line."""
    told = [Decimal(one) for _, *both in points for one in both if one is not None]
    least = min([*told, threshold])
    least = max(Decimal(0), (least - (1 - least) / 10) if least < 1 else Decimal("0.5"))
    step = (WIDTH - 60) / max(len(points), 1)

    def y(ratio: Decimal) -> str:
        return f"{10 + float((1 - ratio) / (1 - least)) * 110:.1f}"

    parts = [
        f'<path d="M50 {y(threshold)}H{WIDTH}" class="limit"/>',
        f'<text x="46" y="{y(threshold)}" class="end">{(threshold * 100).normalize():f} %</text>',
        f'<text x="46" y="{y(Decimal(1))}" class="end">100 %</text>',
        f'<path d="M50 10V120H{WIDTH}" class="tick"/>',
    ]
    for index, kind in ((2, "upper"), (1, "line")):
        for there, run in groupby(enumerate(points), key=lambda one: one[1][index] is not None):
            if there:
                spots = [(f"{50 + (nth + 0.5) * step:.1f}", y(Decimal(str(point[index])))) for nth, point in run]
                parts.append(f'<polyline class="{kind}" points="{" ".join(f"{x},{at}" for x, at in spots)}"/>')
                parts += [f'<circle class="{kind}" cx="{x}" cy="{at}" r="2"/>' for x, at in spots]
    every = max(1, -(-len(points) // 12))
    parts += [
        f'<text x="{50 + (nth + 0.5) * step:.1f}" y="134" class="middle">{escape(label)}</text>'
        for nth, (label, *_) in enumerate(points)
        if nth % every == 0
    ]
    return _svg(140, "趋势", parts)


def legend() -> str:
    """What the colours of a timeline mean."""
    parts = [
        f'<rect class="{name}" x="{nth * 96}" y="1" width="14" height="10"/>'
        f'<text x="{nth * 96 + 18}" y="10">{said}</text>'
        for nth, (name, (said, _)) in enumerate(CLASSES.items())
    ]
    return _svg(14, "图例", parts)


def style() -> str:
    """The charts' style sheet."""
    fills = "".join(f"svg .{name}{{fill:{colour}}}" for name, (_, colour) in CLASSES.items())
    return fills + (
        "svg{display:block;width:100%;height:auto}svg text{font-size:9px;fill:#333}svg .none{fill:#f2f2f2}"
        "svg .middle{text-anchor:middle}svg .end{text-anchor:end;dominant-baseline:middle}"
        "svg .tick{stroke:#666;stroke-width:.6;fill:none}svg .limit{stroke:#c0392b;stroke-width:1;stroke-dasharray:4 3}"
        "svg polyline{fill:none;stroke-width:1.5}svg polyline.line{stroke:#1b5e88}svg circle.line{fill:#1b5e88}"
        "svg polyline.upper{stroke:#999;stroke-dasharray:2 2}svg circle.upper{fill:#999}"
    )


def _svg(height: int, title: str, parts: Sequence[str]) -> str:
    box = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{title}">'
    return f"{box}<title>{title}</title>{''.join(parts)}</svg>"
