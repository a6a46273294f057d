"""Operating subsidy: one line a station and month, admitted kilowatt-hours × rate, rounded once (137-六)."""

from decimal import Decimal

import numpy as np
import pandas as pd

from subsidy.amounts import EXACT, ZERO, to_fen
from subsidy.dispositions import ADMITTED, HELD, REJECTED
from subsidy.policy import Policy

QUANTITIES = ("energy_kwh", "admitted_kwh", "held_kwh", "rejected_kwh")


def lines(sessions: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """By operator_id, station_id and month (`2023-06`): sessions, energy by disposition (kWh), amount (yuan).

    `sessions` as subsidy.dispositions gives them; every one of them is in one line, so that energy always adds up.
    """
    months = sessions["day"].to_numpy().astype("datetime64[D]").astype("datetime64[M]").astype(str)
    parts = pd.DataFrame({name: sessions[name].to_numpy() for name in ("operator_id", "station_id")}).assign(
        month=months, sessions=1
    )
    energy = sessions["energy_kwh"].to_numpy()
    parts["energy_kwh"] = pd.Series(energy, dtype=object)
    for disposition in (ADMITTED, HELD, REJECTED):
        of_this = (sessions["disposition"] == disposition).to_numpy()
        parts[f"{disposition}_kwh"] = pd.Series(np.where(of_this, energy, np.array(ZERO, dtype=object)), dtype=object)
    groups = parts.groupby(["operator_id", "station_id", "month"], sort=True)
    result = groups["sessions"].sum().to_frame()
    for name in QUANTITIES:
        result[name] = groups[name].sum().astype(object) if len(parts) else pd.Series(dtype=object)
    result["amount"] = pd.Series(
        [amount(admitted, policy) for admitted in result["admitted_kwh"]], index=result.index, dtype=object
    )
    return result.reset_index()


def amount(admitted_kwh: Decimal, policy: Policy) -> Decimal:
    """What a line pays: admitted kWh × rate, half-up to the fen."""
    return to_fen(EXACT.multiply(admitted_kwh, policy.operating.rate.value))
