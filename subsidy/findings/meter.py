"""Orders against what the meter and the connector said at the time: samples, their absence, and bad states."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from chargewatch.instants import seconds
from subsidy.findings.found import Evidence, Findings, Group, Ints, Looked, Mask, Values, kwh, members


def found(looked: Looked) -> Iterator[Findings]:
    """Findings that need samples and statuses; none where only orders are given."""
    seen = looked.seen
    if seen is None:
        return
    yield _beyond_meter(looked, seen)
    yield from _signs(looked, seen)
    bad, risen = seen["bad_us"].to_numpy(), seen["risen_mwh"].to_numpy()
    in_bad = (bad > looked.limit_us("in_bad_state")) & (risen == 0) & (looked.energy > 0)
    yield looked.sessions_found("in_bad_state", in_bad, lambda row: {"seconds": seconds(int(bad[row]))})


def _beyond_meter(looked: Looked, seen: pd.DataFrame) -> Findings:
    before, after = seen["before_sum"].to_numpy(), seen["after_sum"].to_numpy()
    known, advance = (before >= 0) & (after >= 0), after - before
    beyond = known & (looked.energy - advance > tolerance(looked, "beyond_meter", looked.energy))

    def values(row: int) -> Values:
        return {"energy": kwh(looked.energy[row]), "advance": kwh(advance[row])}

    def rests_on(row: int) -> Evidence:
        return tuple(
            {"what": f"meter sample {side}", "at_us": int(seen[f"{side}_at"].iloc[row]),
             "energy_kwh": kwh(seen[f"{side}_mwh"].iloc[row])}
            for side in ("before", "after")
        )  # fmt: skip

    return looked.sessions_found("beyond_meter", beyond, values, rests_on=rests_on)


def _signs(looked: Looked, seen: pd.DataFrame) -> Iterator[Findings]:
    """An order without items: held where the connector has them during most of its orders of the month."""
    silent = (seen["items"].to_numpy() == 0) & (looked.energy > 0)
    by = pd.Series((~silent & looked.live).astype(np.int64)).groupby([looked.connector, looked.month])
    told = by.transform("sum").to_numpy()
    of = pd.Series(looked.live.astype(np.int64)).groupby([looked.connector, looked.month]).transform("sum").to_numpy()
    for code, wanted in (("no_sign_inside", True), ("unwatched", False)):
        part, whole = looked.parts(code, "share_of_orders")
        yield looked.sessions_found(code, silent & ((told * whole >= of * part) == wanted), lambda row: {})


def beyond_advance(looked: Looked, admitted: Mask) -> Findings:
    """Connector-months of which the orders that would be admitted exceed what the register gained around them.

    Of orders at one connector whose samples before and after are known; what else is admitted there is let pass here.
    What the register gained between these samples counts once, however many orders lie there; what it gained elsewhere
    belongs to orders that are not admitted and pays for none that is.
    """
    seen, code = looked.seen, "beyond_advance"
    if seen is None:
        return looked.groups_found(code, "connector-month", ())
    before, after = seen["before_sum"].to_numpy(), seen["after_sum"].to_numpy()
    row = np.flatnonzero(
        admitted & looked.among(code) & looked.single & (before >= 0) & (after >= 0) & (looked.energy > 0)
    )
    orders = pd.DataFrame(
        {
            "connector": looked.connector[row], "month": looked.month[row], "energy": looked.energy[row],
            "before": before[row], "after": after[row], "row": row,
        }
    )  # fmt: skip
    orders = orders.sort_values(["before", "after", "row"], kind="stable")
    reached = orders.groupby(["connector", "month"])["after"].cummax()
    reached = reached.groupby([orders["connector"], orders["month"]]).shift(fill_value=-1)
    orders["gained"] = (orders["after"] - np.maximum(orders["before"], reached)).clip(lower=0)
    by = orders.groupby(["connector", "month"], sort=True)
    sums = by.agg(energy=("energy", "sum"), gained=("gained", "sum"))
    energy, advance = sums["energy"].to_numpy(), sums["gained"].to_numpy()
    beyond = sums[energy - advance > tolerance(looked, code, energy)]
    of = members(orders, ["connector", "month"], beyond)
    groups = []
    for key, one in beyond.iterrows():
        rows = of[key]
        values = {"energy": kwh(one["energy"]), "advance": kwh(one["gained"])}
        place = looked.first_place.iloc[rows[0]]
        month = str(np.datetime64(int(key[1]), "M"))
        groups.append(
            Group(
                str(place["operator_id"]), f"{place['connector_id']}/{month}", int(looked.day[rows[0]]), rows, values,
                ({"what": "register", **values},),
            )
        )  # fmt: skip
    return looked.groups_found(code, "connector-month", tuple(groups))


def tolerance(looked: Looked, code: str, energy: Ints) -> Ints:
    """By how many mWh energy may exceed: a share of it, or the least, whichever is more."""
    part, whole = looked.parts(code, "share_of_energy")
    share = energy // whole * part + energy % whole * part // whole
    return np.asarray(np.maximum(share, looked.limit_mwh(code, "least")))
