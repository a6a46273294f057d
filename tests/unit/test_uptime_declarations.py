"""Which declarations are valid, and what a unit of several connectors needs to be covered."""

import pandas as pd
import pytest
from msgspec.structs import replace

from chargewatch.instants import US_PER_H
from uptime.declarations import reach
from uptime.life import NEVER
from uptime.profile import load

LIFE = pd.DataFrame(
    {
        "connector_no": [1, 2],
        "operator_id": ["A", "A"],
        "connector_id": ["C1/*", "g2"],
        "only_connector_id": ["*", "g2"],
        "charger_id": ["C1", "C2"],
        "station_id": ["S", "S"],
        "from_us": [0, 0],
        "to_us": [1000 * US_PER_H] * 2,
    }
)


def declared(scope: str, scope_id: str, filed_us: int = 0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "operator_id": ["A"],
            "scope": [scope],
            "scope_id": [scope_id],
            "cause": ["routine_maintenance"],
            "approved": [True],
            "start_us": [500 * US_PER_H],
            "end_us": [501 * US_PER_H],
            "filed_us": [filed_us],
            "withdrawn_us": [NEVER],
        }
    )


@pytest.mark.parametrize(("filed_us", "valid"), [(452 * US_PER_H, True), (452 * US_PER_H + 1, False)])
def test_notice_is_kept_to_the_microsecond(filed_us: int, valid: bool) -> None:
    profile = load()
    noticed = tuple(replace(one, notice_h=48) if one.filed == "before_start" else one for one in profile.causes)
    found = reach(declared("station", "S", filed_us), LIFE, replace(profile, causes=noticed))
    assert found["connector"].tolist() == ([1, 2] if valid else [])


@pytest.mark.parametrize(
    ("scope", "scope_id", "reached"),
    [("connector", "g2", [2]), ("connector", "C1/*", []), ("connector", "", []), ("charger", "C1", [1])],
)
def test_one_connector_of_a_unit_of_several_is_not_that_unit(scope: str, scope_id: str, reached: list[int]) -> None:
    assert reach(declared(scope, scope_id), LIFE, load())["connector"].tolist() == reached
