"""The reference page of a profile: every rule with its clause and whose reading it is, and its cases, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chargewatch.instants import US_PER_H
from uptime.profile import Basis, Profile, Reading, Rule

Cases = Mapping[str, Sequence[Mapping[str, Any]]]
"""Case files of tests/spec by their name."""

_PERIODS = {
    "calendar_month": "calendar month",
    "calendar_year": "calendar year",
    "rolling_twelve_months": "twelve calendar months, rolling",
}
_UNITS = {
    "connector": "connector",
    "evse": "charger whose connectors cannot serve at once (`simultaneous = no`), else connector",
    "charger": "charger",
    "station": "station",
}
_EFFECTS = {
    "deduct": "leaves numerator and denominator",
    "credit": "is no outage; the denominator stays",
    "none": "changes nothing",
}
_LEVELS = {"connector": "each unit", "charger": "each charger", "station": "each station", "operator": "the operator"}


def rows(profile: Profile) -> list[dict[str, str]]:
    """Each rule of the profile: about, says, clause, reading (`law` or `ours`)."""
    return [
        {"about": about, "says": says, "clause": clause, "reading": reading}
        for about, says, clause, reading in _rules(profile)
    ]


def page(profile: Profile, cases: Cases) -> str:
    """The page as Markdown. It is generated: what it says is changed in the profile or in the cases."""
    source = profile.source
    linked = f"[{source.document}]({source.url})" if source.url else source.document
    parts = [
        f"# {profile.title}",
        f"Profile `{profile.id}`. {linked}, {source.issued_by}, {source.issued_on}; applied from {profile.valid_from}."
        f" Generated from `uptime/profiles/{profile.id}.yaml` and `tests/spec/{source.clause}`: edit those, then run"
        " `make profile-pages`.",
        "## Rules",
        _table(("about", "rule", "clause", "whose reading"), [tuple(row.values()) for row in rows(profile)]),
        "\n".join(f"- {_plain(note)}" for note in profile.notes),
        "## Other readings",
        "Each changes one point; `chargewatch uptime sensitivity` shows which verdicts it would flip.",
        _table(
            ("reading", "about", "says", "changes"),
            [(f"`{one.id}`", one.about, _plain(one.says), f"`{_change(one)}`") for one in profile.readings],
        ),
        "## Cases",
        f"Times are those of {profile.time_zone}; `tests/spec/137-七/README.md` says how a case is read. Engine and a"
        " slow reference are both held to each.",
        *(line for name, of_file in cases.items() for line in _cases(name, of_file)),
    ]
    return "\n\n".join(parts) + "\n"


def _rules(profile: Profile) -> Iterator[tuple[str, str, str, str]]:
    basis: Mapping[str, Basis] = profile.basis  # type: ignore[assignment]

    def plain(key: str, about: str, says: str) -> tuple[str, str, str, str]:
        return about, says, basis.get(key, Basis()).clause, basis.get(key, Basis()).reading

    yield plain("period", "period", _PERIODS[profile.period])
    yield plain("time_zone", "days", f"calendar days of {profile.time_zone}, of 23 and 25 hours where clocks turn")
    yield plain("unit", "unit", _UNITS[profile.unit])
    if profile.unit != "connector":
        says = f"in the {profile.combine} of the states of its connectors"
        yield plain("combine", "unit of several connectors", says)
    means = "mean of its units' ratios" if profile.aggregation == "mean_of_ratios" else "sums over sums"
    yield plain("aggregation", "above the unit", means)
    if profile.denominator:
        minutes = profile.denominator
        yield "denominator", f"{minutes.twelve_months_min:,} minutes for twelve months", minutes.clause, minutes.reading
    for state, effect in profile.states.items():
        yield plain(state, f"state `{state}`", effect)
    if profile.long_unknown:
        run = profile.long_unknown
        says = f"longer than {run.longer_than_h} h on end: {run.counts}, as a whole"
        yield f"state {_or(run.states)}", says, run.clause, run.reading
    for rule in profile.causes:
        yield f"cause `{rule.cause}`", _cause(rule), rule.clause, rule.reading
    threshold = profile.threshold
    least = f"{threshold.comparison.replace('_', ' ')} {(threshold.value * 100).normalize():f} %"
    yield "threshold", least, threshold.clause, threshold.reading
    yield "bound", _bound(profile), profile.binds.clause, profile.binds.reading
    ripens = f"a pending verdict is a breach {profile.unknown_ripens_after_days} days after the period"
    yield plain("unknown_ripens_after_days", "missing data", ripens)
    long = f"counted beside every figure from more than {profile.long_outage_days} days on end"
    yield plain("long_outage_days", "long outages", long)


def _cause(rule: Rule) -> str:
    if rule.effect == "none":
        return _EFFECTS["none"]
    said = [_EFFECTS[rule.effect]]
    if rule.approved:
        said.append("approved")
    if rule.filed == "before_start":
        ahead = f"at least {rule.notice_h} h before its start" if rule.notice_h else "no later than its start"
        said.append(f"filed {ahead}")
    if not rule.renews_outage:
        said.append("not for an outage that began before the filing")
    if rule.begins_outage:
        said.append("not for an outage that began before it")
    if rule.states:
        said.append(f"only {_or(rule.states)}")
    said += [f"at most {cap_us // US_PER_H} h of each {within}" for within, cap_us in rule.caps_us]
    return "; ".join(said)


def _bound(profile: Profile) -> str:
    binds = profile.binds
    others = ", and others that are open to the public" if binds.open_to_public else ""
    said = [f"{_or(binds.categories)} stations{others}"]
    if binds.kinds:
        said.append(f"{_or(binds.kinds)} connectors")
    if binds.least_rated_kw is not None:
        said.append(f"rated {binds.least_rated_kw} kW or more")
    if binds.commissioned_from:
        said.append(f"commissioned on {binds.commissioned_from} or later")
    if binds.for_years:
        said.append(f"for {binds.for_years} years from then")
    return f"{_LEVELS[binds.level]}: " + "; ".join(said)


def _or(names: Sequence[str]) -> str:
    return " or ".join(f"`{name}`" for name in names)


def _change(reading: Reading) -> str:
    def said(value: Any, path: str) -> Iterator[str]:
        if isinstance(value, Mapping):
            for key, inner in value.items():
                yield from said(inner, f"{path}.{key}" if path else str(key))
        else:
            yield f"{path}: {_shown(value)}"

    return "; ".join([*said(reading.profile, ""), *said(reading.settings, "settings")])


def _cases(name: str, cases: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"### {name.replace('_', ' ')}"
    for case in cases:
        more = {key: value for key, value in case.items() if key not in ("name", "clause", "given", "when", "expected")}
        lines = ["given", *(f"  {line}" for line in case["given"]), f"when {case['when']}"]
        if more:
            lines.append("with " + "; ".join(f"{key} {_shown(value)}" for key, value in more.items()))
        lines.append("then " + ", ".join(f"{key} {_shown(value)}" for key, value in case["expected"].items()))
        yield f"**{_plain(str(case['name']))}** ({case['clause']})"
        yield "\n".join(["```text", *lines, "```"])


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_shown(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return ", ".join(_shown(inner) for inner in value)
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    shown = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in line] for line in lines)]
    return "\n".join(f"| {' | '.join(line)} |" for line in shown)


def _plain(text: str) -> str:
    return " ".join(text.split())
