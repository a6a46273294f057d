"""By connector-month what its meter saw, as the triangle reads it from the store's sums and steps."""

from collections.abc import Mapping

import pandas as pd

from subsidy.amounts import ZERO
from subsidy.triangle.registers import Connector, Meters, parsed, seen

SUMMED = ["samples", "first_us", "last_us", "inside_kwh", "steps"]
"""What the store says of a window: readings in it, the readings that enclose it, the sum of all plain forward steps
within it, and all other steps as text."""


def advances(windows: pd.DataFrame, meters: Mapping[Connector, Meters]) -> pd.DataFrame:
    """The windows with advance_kwh, and what may belong to them: entering_kwh, leaving_kwh; `back` counts steps back.

    `windows`: as of triangle.windows, with the columns SUMMED. `entering_kwh` rose between the last reading before the
    window and the first in it, `leaving_kwh` between the last in it and the first after it.
    """
    advance, entering, leaving, back = [], [], [], []
    columns = ("operator_id", "connector_id", "since_us", "until_us", "inside_kwh", "steps")
    for operator_id, connector_id, since, until, inside, text in zip(*(windows[name] for name in columns), strict=True):
        total, before, after, times = inside or ZERO, ZERO, ZERO, 0
        if text:
            mine = meters.get((operator_id, connector_id), Meters())
            steps = parsed(text)
            for step, kwh in zip(steps, seen(steps, mine), strict=True):
                times += step.rise < 0 and not kwh and not _exchanged(step.before_us, step.at_us, mine)
                if step.before_us < since:
                    before += kwh
                elif step.at_us > until:
                    after += kwh
                else:
                    total += kwh
        advance.append(total)
        entering.append(before)
        leaving.append(after)
        back.append(times)
    return windows.drop(columns=["inside_kwh", "steps"]).assign(
        advance_kwh=pd.Series(advance, dtype=object, index=windows.index),
        entering_kwh=pd.Series(entering, dtype=object, index=windows.index),
        leaving_kwh=pd.Series(leaving, dtype=object, index=windows.index),
        back=pd.Series(back, dtype="int64", index=windows.index),
    )


def _exchanged(before_us: int, at_us: int, meters: Meters) -> bool:
    return any(before_us < one.to_us and at_us >= one.from_us for one in meters.exchanges)
