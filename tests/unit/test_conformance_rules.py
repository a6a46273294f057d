"""The rehearsal's rules, one by one: traffic that just passes, and traffic that fails by the least there is."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from chargewatch.instants import US_PER_S, to_us
from collector.conformance.judgement import Delivery, Report, Traffic, judge
from collector.conformance.page import page
from collector.conformance.rules import RULES
from collector.contract import Directory, decode

START = datetime(2023, 6, 1, tzinfo=UTC)
CONNECTORS = {"c1": 1, "c2": 2}
INTERVAL_S = 300


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat()


def sent(
    kind: str, *items: Any, s: float = 0, seq: int = 0, boot: str = "b", sent_s: float | None = None,
    qos: int | None = 1, retained: bool = False, **changes: Any,
) -> Delivery:  # fmt: skip
    """A message received `s` seconds after START."""
    body = {
        "schema": f"ev.{kind}/1", "boot_id": boot, "seq": seq, "sent_at": at(s if sent_s is None else sent_s),
        "items": list(items), **changes,
    }  # fmt: skip
    received_at = START + timedelta(seconds=s)
    decoded = decode(f"ev/1/op/{kind}", json.dumps(body).encode(), received_at, Directory({"op": CONNECTORS}))
    return Delivery.of(decoded, qos, retained)


def link(state: str, **how: Any) -> Delivery:
    return sent("link", state=state, **how)


def beat(connector: str, seconds: float) -> dict[str, Any]:
    return {"connector_id": connector, "at": at(seconds)}


def meter(seconds: float, energy: float, connector: str = "c1") -> dict[str, Any]:
    return {**beat(connector, seconds), "energy_kwh": energy}


def session(energy: float, first: float | None, last: float | None, **more: Any) -> dict[str, Any]:
    readings = {"meter_start_kwh": first, "meter_end_kwh": last}
    return {
        "session_id": "s", "connector_id": "c1", "start": at(100), "end": at(200), "energy_kwh": energy, **readings,
        **more,
    }  # fmt: skip


def report(*deliveries: Delivery, minutes: float = 10, live: bool = True) -> Report:
    end = to_us(START) + int(minutes * 60) * US_PER_S
    traffic = Traffic(
        "op", INTERVAL_S * US_PER_S, CONNECTORS, frozenset(CONNECTORS), to_us(START), end, deliveries, live
    )
    return judge(traffic, RULES)


def verdict(code: str, *deliveries: Delivery, **how: Any) -> tuple[str, int, tuple[str, ...]]:
    (found,) = (one for one in report(*deliveries, **how).verdicts if one.rule.code == code)
    return found.outcome, found.failed, found.examples


STATUS = {**beat("c1", 0), "status": "available"}
OTHERS = [beat("c2", 300), beat("c2", 600)]
PASSES: list[tuple[str, list[Delivery]]] = [
    ("schema", [sent("status", STATUS)]),
    ("unknown_connector", [sent("status", STATUS)]),
    ("personal_data", [sent("session", session(1, 0, 1, vehicle="v-1"), s=300)]),
    ("clock", [sent("status", STATUS, sent_s=5), sent("status", STATUS, s=60, sent_s=0)]),
    ("clock", [sent("status", {**STATUS, "at": at(5)})]),
    ("delay", [sent("heartbeat", beat("c1", 0), s=330), sent("meter", meter(0, 1), s=330)]),
    ("delay", [sent("status", STATUS, s=9000), sent("session", session(1, 0, 1), s=9000), sent("meter", meter(0, 1))]),
    ("cadence", [sent("heartbeat", beat("c1", 270), beat("c1", 600), *OTHERS, s=600)]),
    ("silence", [sent("heartbeat", {"connector_ids": ["c1", "c2"], "at": at(0)})]),
    ("sequence", [sent("status", STATUS, seq=n) for n in (7, 8, 9)]),
    ("sequence", [sent("status", STATUS, seq=4), sent("status", STATUS, seq=4), sent("status", STATUS, boot="n")]),
    ("register", [sent("meter", meter(2, 5.0), meter(1, 4.99), meter(2, 1, "c2"), s=3), sent("meter", meter(3, 5.0))]),
    ("session", [sent("session", session(10, 100, 110.1), s=300), sent("session", session(1, 100, 101.05), s=300)]),
    ("session", [sent("meter", meter(100, 100.05), meter(200, 100.95), s=300),
                 sent("session", session(1, 100, 101), s=300)]),
    ("conflict", [sent("status", STATUS), sent("status", STATUS), sent("status", {**STATUS, "status": "faulted"})]),
    ("conflict", [sent("session", session(1, 0, 1), s=300), sent("session", session(1, 0, 1, revision=1, void=True))]),
    ("link", [link("lost"), link("ready")]),
    ("link", [link("ready", retained=True)]),
    ("retained", [link("ready", retained=True), sent("status", STATUS)]),
    ("qos", [sent("status", STATUS, qos=1)]),
]  # fmt: skip
FAILS: list[tuple[str, list[Delivery], str]] = [
    ("schema", [sent("status", {**STATUS, "status": "no"})], "invalid_item"),
    ("schema", [sent("status")], "the message has no items"),
    ("schema", [sent("meter", meter(0, -1))], "implausible"),
    ("unknown_connector", [sent("status", {**STATUS, "connector_id": "c9"})], "connector c9"),
    ("personal_data", [sent("status", {**STATUS, "detail": "13812345678"})], "telephone number"),
    ("clock", [sent("status", STATUS, sent_s=5.000001)], "5.000001 s ahead"),
    ("clock", [sent("status", STATUS, s=60, sent_s=-0.000001)], "60.000001 s after its sent_at"),
    ("clock", [sent("status", {**STATUS, "at": at(5.000001)})], "dated 5.000001 s ahead"),
    ("clock", [sent("status", {**STATUS, "at": at(301)})], "more than 5 min"),
    ("delay", [sent("heartbeat", beat("c1", 0), s=330.000001)], "330.000001 s after its at"),
    ("cadence", [sent("heartbeat", beat("c1", 269.999999), beat("c1", 600), *OTHERS, s=600)], "connector c1: nothing"),
    ("silence", [sent("heartbeat", beat("c1", 0))], "connector c2: nothing at all"),
    ("sequence", [sent("status", STATUS, seq=7), sent("status", STATUS, seq=9)], "seq 8 was expected"),
    ("sequence", [sent("status", STATUS, seq=4), sent("meter", meter(0, 1), seq=4)], "another message"),
    ("sequence", [sent("status", STATUS, seq=4), sent("status", STATUS, boot="new", seq=1)], "seq 0 was expected"),
    ("register", [sent("meter", meter(2, 4.99), meter(1, 5.0), s=3)], "4.99 kWh at"),
    ("session", [sent("session", session(10, 100, 110.100001), s=300)], "10.100001 kWh"),
    ("session", [sent("session", session(1, 100, 101.050001), s=300)], "its register readings"),
    ("session", [sent("session", session(1, 100, None), s=300)], "not both register readings"),
    ("session", [sent("meter", meter(100, 100.050001)), sent("session", session(1, 100, 101), s=300)], "begins at"),
    ("session", [sent("meter", meter(200, 100.949999)), sent("session", session(1, 100, 101), s=300)], "ends at"),
    ("conflict", [sent("status", STATUS), sent("status", {**STATUS, "detail": "x"})], "other content"),
    ("conflict", [sent("session", session(1, 0, 1), s=300), sent("session", session(2, 0, 2), s=300)], "other content"),
    ("conflict", [sent("meter", meter(0, 1)), sent("meter", {**meter(0, 1), "soc_pct": 5})], "other content"),
    ("link", [link("ready"), link("lost")], "lost"),
    ("link", [sent("status", STATUS)], "no message on the topic link"),
    ("retained", [sent("status", STATUS, retained=True)], "ev/1/op/status: the broker keeps"),
    ("qos", [sent("status", STATUS, qos=0)], "QoS 0"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "deliveries"), PASSES)
def test_what_is_just_right_passes(code: str, deliveries: list[Delivery]) -> None:
    outcome, failed, examples = verdict(code, *deliveries)
    assert (outcome, failed) == ("pass", 0), examples


@pytest.mark.parametrize(("code", "deliveries", "words"), FAILS)
def test_what_is_just_wrong_fails_with_an_example(code: str, deliveries: list[Delivery], words: str) -> None:
    outcome, failed, examples = verdict(code, *deliveries)
    assert (outcome, failed) == ("fail", 1), examples
    assert words in examples[0]


def test_every_rule_has_both_and_a_text_in_both_languages() -> None:
    codes = [rule.code for rule in RULES]
    assert len(set(codes)) == len(codes) == 14
    assert {row[0] for row in PASSES} == {row[0] for row in FAILS} == set(codes)
    for rule in RULES:
        assert rule.asks.isascii()
        assert rule.mend.isascii()
        assert not rule.asks_zh.isascii()
        assert not rule.mend_zh.isascii()


def test_what_was_not_there_is_not_judged() -> None:
    found = {one.rule.code: one.outcome for one in report(minutes=5, live=False).verdicts}
    assert {code for code, outcome in found.items() if outcome != "not_seen"} == {"silence"}
    short = [sent("heartbeat", {"connector_ids": ["c1", "c2"], "at": at(0)}, qos=None)]
    passed = report(*short, minutes=5, live=False)
    assert passed.passed
    assert {one.rule.code for one in passed.verdicts if one.outcome == "not_seen"} >= {
        "cadence", "session", "register", "retained", "qos", "link",
    }  # fmt: skip


def test_examples_are_few_however_much_is_wrong() -> None:
    found = next(
        one for one in report(sent("status", *[{**STATUS, "status": "no"}] * 900)).verdicts if one.rule.code == "schema"
    )
    assert (found.failed, len(found.examples)) == (900, 5)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.append(tag)


def test_the_page_is_one_file_in_two_languages_and_obeys_nobody() -> None:
    evil = "<script>alert(1)</script><img src=http://example.org/x>"
    made = page(report(sent("status", STATUS, seq=7, boot=evil), sent("status", STATUS, seq=9, boot=evil)))
    tags = _Tags()
    tags.feed(made)
    assert not {"script", "img", "link", "iframe"} & {*tags.tags}
    assert "&lt;script&gt;" in made
    assert "http" not in made.replace("http-equiv", "").replace("http://example.org", "")
    assert "不通过 fail" in made
    assert "通过 pass" in made
    assert "Rehearsal before going live" in made
    assert "请" in made
    assert page(report()) == page(report())


DOCUMENT = (Path(__file__).parents[2] / "docs/operators/conformance.md").read_text(encoding="utf-8")


def test_the_operators_page_tells_every_rule_in_both_languages() -> None:
    for rule in RULES:
        assert f"| `{rule.code}` | {rule.asks} | {rule.mend} |\n" in DOCUMENT
        assert f"| `{rule.code}` | {rule.asks_zh} | {rule.mend_zh} |\n" in DOCUMENT


def test_the_example_on_the_operators_page_fails_what_the_page_says() -> None:
    example = re.search(r"-q 0 -t (ev/1/OP1/\S+) -m '(.*)'", DOCUMENT)
    assert example
    known = {"OP1-01-1": 1}
    decoded = decode(example[1], example[2].encode(), START + timedelta(days=400), Directory({"OP1": known}))
    traffic = Traffic(
        "OP1", INTERVAL_S * US_PER_S, known, frozenset(known), to_us(START) + 400 * 86_400 * US_PER_S,
        to_us(START) + (400 * 86_400 + 60) * US_PER_S, (Delivery.of(decoded, 0),), True,
    )  # fmt: skip
    failed = {one.rule.code for one in judge(traffic, RULES).verdicts if one.outcome == "fail"}
    assert "It fails `clock` and `delay` (that time is long past), `qos`" in DOCUMENT
    assert failed == {"clock", "delay", "qos", "link"}
