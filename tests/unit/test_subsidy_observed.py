"""What the facts say around an order is what its own connector said."""

import pandas as pd

from subsidy.findings.observed import observe

NOTHING = pd.DataFrame({"connector": [], "at_us": [], "bad": []}).astype("int64")


def samples(*told: tuple[int, int, int]) -> pd.DataFrame:
    return pd.DataFrame([(*one, -1) for one in told], columns=["connector", "at_us", "energy_mwh", "soc_bp"])


def test_a_connector_without_orders_says_nothing_about_the_orders_of_others() -> None:
    orders = pd.DataFrame({"connector": [2], "start": [900], "end": [1800]})
    own = samples((2, 100, 7))
    alone = observe(orders, own, NOTHING, 0)
    beside = observe(orders, samples((1, 100, 5), (1, 900, 5), (1, 2000, 5), (2, 100, 7)), NOTHING, 0)
    assert alone["earlier_mwh"].tolist() == [7]
    pd.testing.assert_frame_equal(alone, beside)
