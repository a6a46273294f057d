"""What a vehicle draws, minute by minute: constant power then taper on DC, flat on AC.

Only sums and products of floats, whose result is the same on every machine; energies leave as whole watt-hours.
"""

from dataclasses import dataclass
from random import Random

from simulators.calendar import MINUTE_US

_TAPER_FROM = 0.8


@dataclass(frozen=True, slots=True)
class Curve:
    """Energy delivered by the end of each minute (Wh, from 0 on) and the state of charge then (%)."""

    wh: tuple[int, ...]
    soc_pct: tuple[int, ...]

    @property
    def minutes(self) -> int:
        """Length of the curve."""
        return len(self.wh) - 1

    def wh_at(self, elapsed_us: int) -> int:
        """Energy delivered this long after the start (Wh)."""
        minute, rest = divmod(min(elapsed_us, self.minutes * MINUTE_US), MINUTE_US)
        if not rest:
            return self.wh[minute]
        return self.wh[minute] + (self.wh[minute + 1] - self.wh[minute]) * rest // MINUTE_US

    def watt_at(self, elapsed_us: int) -> int:
        """Power of the minute around this instant (W)."""
        minute = min(elapsed_us // MINUTE_US, self.minutes - 1)
        return (self.wh[minute + 1] - self.wh[minute]) * 60

    def soc_at(self, elapsed_us: int) -> int:
        """State of charge (whole percent)."""
        return self.soc_pct[min(elapsed_us // MINUTE_US, self.minutes)]


def dc(rng: Random, rated_kw: int) -> Curve:
    """Fast charging: constant power up to 80 %, then tapering to a sixth at full."""
    battery_kwh = rng.choice((45.0, 60.0, 77.0, 100.0))
    soc = rng.uniform(0.08, 0.5)
    wanted = rng.uniform(max(0.7, soc + 0.2), 0.97)
    peak_kw = min(rated_kw * rng.uniform(0.75, 0.97), battery_kwh * 1.5)
    return _drawn(battery_kwh, soc, wanted, peak_kw, 150, taper=True)


def ac(rng: Random, rated_kw: int) -> Curve:
    """Slow charging: flat, until the battery is full or the driver leaves."""
    battery_kwh = rng.choice((40.0, 50.0, 60.0))
    soc = rng.uniform(0.2, 0.7)
    return _drawn(battery_kwh, soc, 1.0, rated_kw * 0.96, rng.randrange(90, 420), taper=False)


def _drawn(battery_kwh: float, soc: float, wanted: float, peak_kw: float, most_min: int, taper: bool) -> Curve:
    energy_kwh = 0.0
    wh, percent = [0], [int(soc * 100)]
    while soc < wanted and len(wh) <= most_min:
        power_kw = peak_kw
        if taper and soc > _TAPER_FROM:
            power_kw = peak_kw * (1 - (soc - _TAPER_FROM) / (1 - _TAPER_FROM) * 5 / 6)
        energy_kwh += power_kw / 60
        soc += power_kw / 60 / battery_kwh
        wh.append(int(energy_kwh * 1000))
        percent.append(min(100, int(soc * 100)))
    return Curve(tuple(wh), tuple(percent))
