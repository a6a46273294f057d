"""Units of several connectors: who may share one, and what each is while its connectors come and go."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from uptime.intervals import Timeline
from uptime.profile import Profile, load
from uptime.states import FAULTED, NO_DATA, OFFLINE, OUT_OF_SERVICE, SERVING
from uptime.units import neighbours, units


def lives(*rows: tuple[int, str, str, int, int, Any]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["connector_no", "charger_id", "station_id", "from_us", "to_us", "simultaneous"])
    return table.assign(operator_id="A", connector_id=[f"g{one}" for one in table["connector_no"]], bound=True)


def timeline(*rows: tuple[int, int, int, int]) -> Timeline:
    intervals = pd.DataFrame(rows, columns=["connector", "from_us", "to_us", "state"]).astype({"state": "int8"})
    none = pd.DataFrame({name: np.zeros(0, dtype=np.int64) for name in ("connector", "from_us", "to_us")})
    return Timeline(intervals.assign(reason=1, status_row=-1), none)


def states(measured: pd.DataFrame) -> list[tuple[int, int, int]]:
    return [tuple(row) for row in measured[["from_us", "to_us", "state"]].itertuples(index=False)]


def port(**changes: Any) -> Profile:
    return replace(load("us-nevi"), **changes)


def test_connectors_that_ever_share_a_station_are_computed_together() -> None:
    moved = lives(
        (1, "c1", "s1", 0, 9, None), (2, "c2", "s2", 0, 4, None), (2, "c2", "s3", 4, 9, None),
        (3, "c3", "s3", 0, 9, None), (4, "c4", "s4", 0, 9, None), (5, "c5", "s2", 0, 9, None),
    )  # fmt: skip
    assert neighbours(moved).tolist() == [1, 2, 2, 2, 4, 2]


@pytest.mark.parametrize(
    ("combine", "found"),
    [
        ("best", [(0, 2, SERVING), (2, 4, NO_DATA), (4, 6, OFFLINE), (6, 9, OUT_OF_SERVICE)]),
        ("worst", [(0, 2, FAULTED), (2, 4, OUT_OF_SERVICE), (4, 6, OUT_OF_SERVICE), (6, 9, FAULTED)]),
    ],
)
def test_a_unit_is_in_the_best_or_the_worst_of_its_connectors_states(combine: str, found: list[Any]) -> None:
    one = timeline(
        (1, 0, 2, SERVING), (1, 2, 4, NO_DATA), (1, 4, 6, OFFLINE), (1, 6, 9, OUT_OF_SERVICE),
        (2, 0, 2, FAULTED), (2, 2, 6, OUT_OF_SERVICE), (2, 6, 9, FAULTED),
    )  # fmt: skip
    both = lives((1, "c1", "s1", 0, 9, False), (2, "c1", "s1", 0, 9, False))
    measured = units(one, both, port(combine=combine))
    assert states(measured.timeline.intervals) == found
    assert measured.life["connector_id"].tolist() == ["c1/*"]


def test_a_connector_counts_for_its_unit_while_it_belongs_to_it() -> None:
    one = timeline((1, 0, 9, FAULTED), (2, 0, 9, SERVING))
    moving = lives((1, "c1", "s1", 0, 9, False), (2, "c2", "s1", 0, 3, False), (2, "c1", "s1", 3, 9, False))
    measured = units(one, moving, port())
    ids = measured.life.drop_duplicates("connector_no").set_index("connector_no")["connector_id"]
    by_unit = {ids[unit]: states(rows) for unit, rows in measured.timeline.intervals.groupby("connector")}
    assert by_unit == {"c1/*": [(0, 3, FAULTED), (3, 9, SERVING)], "c2/*": [(0, 3, SERVING)]}
    whole = measured.life[measured.life["connector_id"] == "c1/*"]
    assert whole["only_connector_id"].tolist() == ["g1", "*"]


@pytest.mark.parametrize("simultaneous", [True, None])
def test_connectors_that_can_serve_at_once_stay_by_themselves(simultaneous: Any) -> None:
    one = timeline((1, 0, 9, FAULTED), (2, 0, 9, SERVING))
    both = lives((1, "c1", "s1", 0, 9, simultaneous), (2, "c1", "s1", 0, 9, simultaneous))
    measured = units(one, both, port())
    assert measured.timeline is one
    assert measured.life["connector_id"].tolist() == ["g1", "g2"]
