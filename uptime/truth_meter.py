"""Truth of status against the meter: energy while free, samples that repeat, a register that never moves."""

import numpy as np
import pandas as pd

from chargewatch.instants import US_PER_MIN
from uptime.evidence import Ints, Stretches
from uptime.observed import MWH_PER_KWH, Observed
from uptime.truth_limits import Limits
from uptime.truth_use import EVIDENCE, Found


def energy_while_available(observed: Observed, limits: Limits) -> Found:
    """By how much the register rose between samples while the connector was announced free all along, in Wh."""
    rule, calendar, meters = limits.energy_while_available, observed.calendar, observed.meters
    free = observed.stretches(calendar, "available")
    slack = limits.slack_min * US_PER_MIN
    sure = Stretches.union(free.start + slack, np.maximum(free.end - slack, free.start))
    at = calendar.place(meters["connector"].to_numpy(), meters["at_us"].to_numpy())
    holder = sure.holding(at)
    rise = np.diff(meters["energy_mwh"].to_numpy(), prepend=0)
    inside = (holder >= 0) & (holder == np.append(-1, holder[:-1])) & (rise > 0)
    sums = meters.assign(rise=np.where(inside, rise, 0)).groupby("connector")["rise"].sum()
    sums = sums[sums > int(rule.more_than_kwh * MWH_PER_KWH)]
    wh = MWH_PER_KWH // 1000
    found = pd.DataFrame(
        {"connector": sums.index, "seen": sums.to_numpy() // wh, "limit": int(rule.more_than_kwh * 1000)}
    )
    shown = inside & np.isin(meters["connector"], sums.index)
    before = meters["at_us"].shift(1, fill_value=0)
    said = [f"register rises by {one / MWH_PER_KWH:.3f} kWh" for one in rise[shown]]
    evidence = meters[shown].assign(from_us=before[shown], to_us=meters["at_us"][shown], said=said)
    return Found("energy_while_available", "Wh", found, evidence[EVIDENCE])


def frozen_samples(observed: Observed, limits: Limits) -> Found:
    """The longest run of equal samples while charging, in minutes: register, power and state of charge all the same.

    Where a power is told it must be positive: a vehicle that takes nothing freezes honestly.
    """
    rule, calendar, meters = limits.frozen_samples, observed.calendar, observed.meters
    charging = observed.stretches(calendar, "charging")
    at = calendar.place(meters["connector"].to_numpy(), meters["at_us"].to_numpy())
    holder = charging.holding(at)
    same = (holder >= 0) & (meters["power_w"].to_numpy() != 0)
    same[1:] &= (holder[1:] == holder[:-1]) & np.logical_and.reduce(
        [meters[name].to_numpy()[1:] == meters[name].to_numpy()[:-1] for name in ("energy_mwh", "power_w", "soc_bp")]
    )
    same[:1] = False
    run = np.cumsum(~same)
    index = np.arange(len(at))
    runs = pd.DataFrame({"run": run, "index": index}).groupby("run")["index"].agg(["min", "max"])
    first, last = runs["min"].to_numpy(), runs["max"].to_numpy()
    moments = meters["at_us"].to_numpy()
    length = moments[last] - moments[first] if len(moments) else np.zeros(0, dtype=np.int64)
    reached = (last - first + 1 >= rule.least_samples) & (length > rule.longer_than_min * US_PER_MIN)
    rows = pd.DataFrame(
        {
            "connector": meters["connector"].to_numpy()[first[reached]],
            "from_us": moments[first[reached]],
            "to_us": moments[last[reached]],
            "said": [f"{count} equal samples" for count in (last - first + 1)[reached]],
            "boot_id": meters["boot_id"].to_numpy()[last[reached]],
            "seq": meters["seq"].to_numpy()[last[reached]],
        }
    )
    seen = ((rows["to_us"] - rows["from_us"]) // US_PER_MIN).groupby(rows["connector"]).max()
    found = pd.DataFrame({"connector": seen.index, "seen": seen.to_numpy(), "limit": rule.longer_than_min})
    return Found("frozen_samples", "min", found, rows)


def still_register(observed: Observed, limits: Limits) -> Found:
    """Energy that was billed while the register never moved in the whole period, in Wh."""
    rule, meters = limits.still_register, observed.meters
    samples = meters.groupby("connector").agg(
        least=("energy_mwh", "min"), most=("energy_mwh", "max"), samples=("energy_mwh", "size"),
        from_us=("at_us", "min"), to_us=("at_us", "max"),
    )  # fmt: skip
    billed = observed.orders.groupby("connector")["energy_mwh"].sum().reindex(samples.index, fill_value=0)
    limit = int(rule.billed_at_least_kwh * MWH_PER_KWH)
    reached = (samples["least"] == samples["most"]) & (samples["samples"] >= rule.least_samples) & (billed >= limit)
    shown = samples[reached].reset_index()
    wh: Ints = billed[reached].to_numpy() // (MWH_PER_KWH // 1000)
    found = pd.DataFrame({"connector": shown["connector"], "seen": wh, "limit": limit // (MWH_PER_KWH // 1000)})
    said = [
        f"{count} samples of {value / MWH_PER_KWH:.3f} kWh"
        for count, value in zip(shown["samples"], shown["least"], strict=True)
    ]
    return Found("still_register", "Wh", found, shown.assign(said=said, boot_id="", seq=-1)[EVIDENCE])
