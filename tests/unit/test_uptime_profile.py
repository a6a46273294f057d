"""Profiles as they are loaded, what is refused, and what a reading changes."""

import re
from datetime import date

import msgspec
import pandas as pd
import pytest

from chargewatch.errors import Refusal
from uptime import profile
from uptime import settings as interval_settings
from uptime.profile import load, settings_under


@pytest.mark.parametrize(
    ("category", "open_to_public", "bound"),
    [("public", False, True), ("dedicated", True, True), ("self_use", True, True), ("self_use", False, False)],
)
def test_137_9_binds_public_stations_and_those_open_to_the_public(category, open_to_public, bound):
    places = pd.DataFrame({"category": [category], "open_to_public": [open_to_public]})
    assert load().binds.places(places).tolist() == [bound]


def _edited(tmp_path, seen, wanted, name="cn-wenzhou-2022-137"):
    text = (profile.FOLDER / f"{name}.yaml").read_text(encoding="utf-8")
    assert seen in text
    file = tmp_path / "edited.yaml"
    file.write_text(text.replace(seen, wanted), encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("seen", "wanted", "says"),
    [
        ("2022-09-22", "2022-09-31", "2022-09-31"),
        ("value: 0.9", "value: 90", "no ratio between 0 and 1"),
        ("Asia/Shanghai", "Asia/Wenzhou", "Asia/Wenzhou"),
        ("  no_data: unknown ", "  nodata: unknown ", "nodata"),
        ("effect: deduct", "effect: forgive", "forgive"),
        ("long_outage_days: 7", "long_outage_days: a week", "a week"),
        ("unit: connector", "unit: connector\nunit: connector", "stands twice"),
        ("valid_from:", "valid_since:", "valid_since"),
        ("cause: platform_outage", "cause: routine_maintenance", "twice"),
    ],
)
def test_a_profile_that_cannot_be_is_refused_by_name(tmp_path, seen, wanted, says):
    file = _edited(tmp_path, seen, wanted)
    with pytest.raises(Refusal, match=says) as refused:
        load(file)
    assert file in str(refused.value)


def test_an_unknown_profile_is_answered_with_those_there_are():
    with pytest.raises(Refusal, match="cn-wenzhou-2022-137"):
        load("cn-wenzhou-2021")


NEVI, CEC, FRANCE = "us-nevi", "us-ca-cec", "fr-afirev"


@pytest.mark.parametrize(
    ("name", "seen", "wanted", "says"),
    [
        (CEC, "cap_per_year_h: 72", "cap_per_year_h: 0", "caps are hours above 0"),
        (CEC, "cap_per_year_h: 72", "cap_per_year_h: 72 h", "72 h"),
        (CEC, "cap_per_year_h: 72", "cap_per_year_h: 72\n    cap_per_month_h: 73", "no less than that of a month"),
        (CEC, "cap_per_year_h: 72", "cap_per_week_h: 72", "cap_per_week_h"),
        (CEC, "for_years: 6", "for_years: 0", "for_years 0 is no length of time"),
        (CEC, "commissioned_from: 2024-01-01", "commissioned_from: 2023-02-29", "2023-02-29"),
        (CEC, "filed: before_start ", "notice_h: 24 ", "needs `filed: before_start`"),
        (CEC, "profile: {threshold: {comparison: more_than}}", "profile: {}", "more_than changes nothing"),
        (CEC, "profile: {threshold: {comparison: more_than}}", "profile: {threshold: {value: 97}}", "no ratio"),
        (CEC, "profile: {threshold: {comparison: more_than}}", "profile: {binds: {level: operator}}", "binds"),
        (CEC, "- id: more_than", "- id: deduct", "readings names deduct twice"),
        (NEVI, "twelve_months_min: 525600", "twelve_months_min: 8760", "no year of minutes"),
        (NEVI, "valid_from: 2023-03-30", "valid_from: 2023-02-27", "is before issued_on 2023-02-28"),
        (NEVI, "settings: {silence_from_last_sign: true}", "settings: {silence: 5}", "silence"),
        (NEVI, "serving: {clause: 680.116(b)(1), reading: law}", "serving: {reading: law}", "what is law has a clause"),
        (FRANCE, "states: [offline, no_data]\n", "states: [offline, serving]\n", "states other than serving"),
        (FRANCE, "longer_than_h: 24", "longer_than_h: -24", "hours above 0"),
        (FRANCE, "no_data: up ", "no_data: left_out ", "left_out"),
        (FRANCE, "long_outage_days: 7", "long_outage_days: -7", "negative"),
    ],
)
def test_what_no_regime_can_mean_is_refused_in_one_sentence(tmp_path, name, seen, wanted, says):
    with pytest.raises(Refusal, match=re.escape(says)) as refused:
        load(_edited(tmp_path, seen, wanted, name))
    assert "\n" not in str(refused.value)


def test_a_cap_for_each_outage_is_of_time_that_can_be_an_outage(tmp_path):
    text = "cause: vandalism            # up to 10 days per incident\n    clause: CEC-uptime\n    effect: credit"
    with pytest.raises(Refusal, match="a cap per outage needs states without serving"):
        load(_edited(tmp_path, text, text.replace("credit", "deduct"), CEC))


def test_a_reading_changes_its_one_point_and_nothing_else():
    profile = load(NEVI)
    (reading,) = [one for one in profile.readings if one.id == "notice_none"]
    read = profile.under(reading)
    (rule, *others) = read.causes
    assert (rule.filed, rule.renews_outage, rule.effect) == ("any_time", True, "credit")
    assert tuple(others) == profile.causes[1:]
    assert msgspec.structs.replace(read, causes=profile.causes) == profile


def test_a_reading_of_the_silence_changes_the_interval_settings_alone():
    profile, settings = load(NEVI), interval_settings.load()
    (reading,) = [one for one in profile.readings if one.settings]
    assert profile.under(reading) == profile
    changed = settings_under(settings, reading)
    assert changed.silence_from_last_sign
    assert msgspec.structs.replace(changed, silence_from_last_sign=False) == settings


@pytest.mark.parametrize(
    ("first", "last", "counts"),
    [("2024-02-29", "2025-02-28", False), ("2023-07-01", "2024-07-01", True), ("2023-07-02", "2024-07-01", False)],
)
def test_the_statutory_year_is_that_of_twelve_calendar_months(first, last, counts):
    us = load(NEVI).twelve_months_us(date.fromisoformat(first), date.fromisoformat(last))
    assert us == (525_600 * 60 * 10**6 if counts else None)
    assert load().twelve_months_us(date.fromisoformat(first), date.fromisoformat(last)) is None
