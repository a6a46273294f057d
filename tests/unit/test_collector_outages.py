"""The platform's outages, from its pulses."""

import random
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from chargewatch.errors import Refusal
from chargewatch.instants import EPOCH, US_PER_S
from collector.pulse import rhythm as pulse
from collector.pulse.outages import Pulse, outages
from collector.pulse.rhythm import PulseSettings
from collector.topics import others, pulse_topic, subscriptions

SETTINGS = PulseSettings("test", "", Decimal(10), Decimal(60), Decimal(60), Decimal(300))


def beat(seq: int, sent_s: float, received_s: float | None = None, client: str = "c", boot: str = "b") -> Pulse:
    received_s = sent_s if received_s is None else received_s
    return Pulse(client, boot, seq, int(sent_s * US_PER_S), int(received_s * US_PER_S))


def steady(first_s: int, until_s: int, *, seq: int = 0, client: str = "c") -> list[Pulse]:
    return [beat(seq + nth, second, client=client) for nth, second in enumerate(range(first_s, until_s + 1, 10))]


def found(*parts: list[Pulse]) -> list[tuple[float, float, str, str]]:
    pulses = [one for part in parts for one in part]
    return [
        (one.from_us / US_PER_S, one.to_us / US_PER_S, one.first.name, one.last.name)
        for one in outages(pulses, SETTINGS)
    ]


def test_a_working_platform_has_no_outage() -> None:
    assert found(steady(0, 1000)) == []
    assert found([]) == []


@pytest.mark.parametrize(("silence_s", "out"), [(60, []), (61, [(100, 161, "c/b/10", "c/b/11")])])
def test_no_pulse_for_longer_than_the_tolerance(silence_s: int, out: object) -> None:
    assert found(steady(0, 100), steady(100 + silence_s, 1000, seq=11)) == out


@pytest.mark.parametrize(("late_s", "out"), [(60, []), (61, [(110, 171, "c/b/11", "c/b/11")])])
def test_a_pulse_that_came_late_from_its_sending_to_its_receipt(late_s: int, out: object) -> None:
    assert found(steady(0, 100), [beat(11, 110, 110 + late_s)], steady(120, 1000, seq=12)) == out


def test_another_collectors_pulse_proves_that_the_platform_worked() -> None:
    both = steady(0, 100), steady(500, 1000, seq=11)
    assert len(found(*both)) == 1
    assert found(*both, steady(100, 500, client="d")) == []


def test_one_lost_pulse_is_no_outage_and_many_are() -> None:
    every = steady(0, 2000)
    assert found([one for one in every if one.seq != 50]) == []
    assert found([one for one in every if not 50 <= one.seq < 56]) == [(490, 560, "c/b/49", "c/b/56")]
    # One in three on its way into the queue of a member that never came back: every third message of all was lost.
    other = steady(0, 2000, client="d")
    thinned = [one for one in every if one.seq % 3 or not 50 < one.seq < 100]
    assert found(thinned, other) == [(500, 1000, "c/b/50", "c/b/100")]


def test_a_moment_of_working_in_between_is_part_of_the_outage() -> None:
    parts = steady(0, 100), [beat(11, 300), beat(12, 310)], steady(500, 1000, seq=13)
    assert found(*parts) == [(100, 500, "c/b/10", "c/b/13")]
    longer = steady(300, 361, seq=11)
    assert found(steady(0, 100), longer, [beat(18, 365)], steady(500, 1000, seq=19)) == [
        (100, 300, "c/b/10", "c/b/11"), (365, 500, "c/b/18", "c/b/19"),
    ]  # fmt: skip


def test_a_restart_counts_anew_and_loses_nothing() -> None:
    assert found(steady(0, 100), [beat(0, 110, boot="b2"), beat(1, 120, boot="b2")]) == []


def test_order_and_repetition_are_of_no_matter() -> None:
    chance = random.Random(5)
    pulses = [one for one in steady(0, 5000) if chance.random() < 0.7]
    pulses += [one._replace(received_us=one.received_us + chance.randrange(200) * US_PER_S) for one in pulses[::7]]
    pulses = [one if chance.random() < 0.9 else one._replace(received_us=one.sent_us + 10**8) for one in pulses]
    wanted = outages(pulses, SETTINGS)
    assert len(wanted) > 1
    for _ in range(20):
        chance.shuffle(pulses)
        assert outages(pulses + pulses[:50], SETTINGS) == wanted
    assert all(one.to_us < after.from_us for one, after in pairwise(wanted))


def test_a_pulse_travels_and_what_is_none_is_none() -> None:
    topic = pulse_topic("collector-1")
    assert pulse.decode(topic, pulse.encode("b", 7, EPOCH)) == ("collector-1", "b", 7, EPOCH)
    for bad in (b"", b"{}", b"\xff", b"[" * 100_000, pulse.encode("b", -1, EPOCH), pulse.encode("", 0, EPOCH)):
        assert pulse.decode(topic, bad) is None
    assert pulse.decode(topic, pulse.encode("b", 0, EPOCH).replace(b"+00:00", b"")) is None


def test_settings_that_contradict_themselves_are_refused(tmp_path: Path) -> None:
    assert pulse.load().tolerance_us == 60 * US_PER_S
    path = tmp_path / "bad.yaml"
    path.write_text("id: bad\nnote: ''\ninterval_s: 10\ntolerance_s: 15\nsteady_s: 0\nsettled_s: 0\n")
    with pytest.raises(Refusal, match="two intervals"):
        pulse.load(str(path))


def test_what_is_subscribed_and_what_is_let_go() -> None:
    alone, group = subscriptions(None, "operators/"), subscriptions("city", "operators/")
    assert [name for name, _ in alone] == ["operators/ev/1/+/+", "chargewatch/pulse/+"]
    assert [name for name, _ in group] == [
        "$share/city/operators/ev/1/+/+", "$share/city/chargewatch/pulse/+", "operators/ev/1/+/link",
    ]  # fmt: skip
    assert {name for name, _ in alone} <= set(others(group, []))
    assert {name for name, _ in group} <= set(others(alone, [name for name, _ in group]))
    assert not set(others(group, [name for name, _ in group])) & {name for name, _ in group}
