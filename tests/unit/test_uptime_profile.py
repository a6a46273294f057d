"""The default profile as it is loaded, and what it refuses."""

import pandas as pd
import pytest

from chargewatch.errors import Refusal
from uptime import profile
from uptime.profile import load


@pytest.mark.parametrize(
    ("category", "open_to_public", "bound"),
    [("public", False, True), ("dedicated", True, True), ("self_use", True, True), ("self_use", False, False)],
)
def test_137_9_binds_public_stations_and_those_open_to_the_public(category, open_to_public, bound):
    places = pd.DataFrame({"category": [category], "open_to_public": [open_to_public]})
    assert load().binds.places(places).tolist() == [bound]


def _edited(tmp_path, seen, wanted):
    text = (profile.FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")
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
