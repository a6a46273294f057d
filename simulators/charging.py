"""When vehicles charge at a connector, and what its register and power show meanwhile."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from chargewatch.instants import US_PER_S, from_us
from simulators import power
from simulators.calendar import HOUR_US, MINUTE_US, ZONE
from simulators.city import Plug, Post
from simulators.power import Curve
from simulators.truth import TrueInterval

_MS_US = 1_000
_SHORTEST_US = 4 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Charge:
    """A session as it truly was; `start_wh` is the register at its start. `cheat`, `oddity`: simulators.cheats."""

    session_id: str
    start_us: int
    end_us: int
    start_wh: int
    curve: Curve
    vehicle: str
    stop_reason: str
    plugged_us: int
    left_us: int
    cheat: str = ""
    oddity: str = ""

    @property
    def energy_wh(self) -> int:
        """Energy that was delivered."""
        return self.curve.wh_at(self.end_us - self.start_us)


def charges(seed: int, post: Post, plug: Plug, intervals: Sequence[TrueInterval], to_us: int) -> list[Charge]:
    """Sessions at one connector within its serving time, in order; the last may end after the window.

    A trouble cuts a session short at its start. What is plugged before and left after lies in serving time as well.
    """
    rng = Random(f"{seed}/charges/{plug.connector_id}")
    made: list[Charge] = []
    register = plug.base_wh
    for interval in intervals:
        if interval.state != "serving":
            continue
        open_ended = interval.to_us >= to_us
        close_us = to_us + 2 * HOUR_US if open_ended else interval.to_us
        now_us = interval.from_us + _draw_ms(rng, 10 * MINUTE_US, 90 * MINUTE_US)
        while True:
            now_us = _next_arrival(rng, post, plug, now_us)
            plugged = now_us
            start = plugged + _draw_ms(rng, 8 * US_PER_S, 80 * US_PER_S)
            if start >= to_us or start + _SHORTEST_US > close_us:
                break
            curve = power.dc(rng, plug.rated_kw) if plug.kind == "dc" else power.ac(rng, plug.rated_kw)
            wanted = (curve.minutes - 1) * MINUTE_US + _draw_ms(rng, US_PER_S, MINUTE_US)
            end = min(start + wanted, close_us)
            cut = end < start + wanted and not open_ended
            left = end if cut else end + _draw_ms(rng, 20 * US_PER_S, 300 * US_PER_S)
            if left > close_us and not open_ended:
                left = end
            session_id = f"{plug.connector_id}-{len(made) + 1:04d}"
            vehicle = f"v{rng.randrange(16**8):08x}"
            reason = "fault" if cut else rng.choice(("ev", "driver", "target_reached"))
            charge = Charge(session_id, start, end, register, curve, vehicle, reason, plugged, left)
            if charge.energy_wh:
                made.append(charge)
                register += charge.energy_wh
            now_us = left
    return made


def over_midnight(seed: int, plug: Plug, before: Sequence[Charge], to_us: int, later_us: int = 0) -> Charge:
    """A session that begins in the window's last hour (`later_us` later than most) and ends in the next day."""
    rng = Random(f"{seed}/midnight/{plug.connector_id}")
    curve = power.ac(rng, plug.rated_kw)
    start = to_us - 50 * MINUTE_US + later_us
    end = start + min(curve.minutes, 100) * MINUTE_US
    register = before[-1].start_wh + before[-1].energy_wh if before else plug.base_wh
    session_id = f"{plug.connector_id}-{len(before) + 1:04d}"
    left = end + 90 * US_PER_S
    return Charge(session_id, start, end, register, curve, "v0ddba115", "driver", start - 20 * US_PER_S, left)


def _next_arrival(rng: Random, post: Post, plug: Plug, now_us: int) -> int:
    """Fewer come at night; where a hybrid serves one at a time, AC has the night and DC the day."""
    shortest, longest = (60, 330) if plug.kind == "dc" else (150, 700)
    at_us = now_us + _draw_ms(rng, shortest * MINUTE_US, longest * MINUTE_US)
    local = from_us(at_us).astimezone(ZONE)
    exclusive = post.kind == "hybrid" and not post.simultaneous
    if exclusive and plug.kind == "ac" and not 0 <= local.hour < 1:
        return at_us + _until(local.hour, 24, local.minute) + _draw_ms(rng, MINUTE_US, 50 * MINUTE_US)
    if plug.kind == "dc" and (local.hour < 6 or (exclusive and local.hour < 9)):
        return at_us + _until(local.hour, 9, local.minute) + _draw_ms(rng, MINUTE_US, 90 * MINUTE_US)
    if exclusive and plug.kind == "dc" and local.hour >= 20:
        return at_us + _until(local.hour, 33, local.minute) + _draw_ms(rng, MINUTE_US, 90 * MINUTE_US)
    return at_us


def _until(hour: int, wanted: int, minute: int) -> int:
    return int(timedelta(hours=wanted - hour, minutes=-minute).total_seconds()) * US_PER_S


def _draw_ms(rng: Random, least_us: int, most_us: int) -> int:
    return rng.randrange(least_us // _MS_US, most_us // _MS_US) * _MS_US


def instants(charge: Charge, every_us: int) -> Iterator[int]:
    """When the meter is read: start, every so often, end."""
    yield from range(charge.start_us, charge.end_us, every_us)
    yield charge.end_us
