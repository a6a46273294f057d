"""Charging at hours at which nobody should charge, and maintenance that is declared to suit."""

from collections.abc import Iterator, Sequence

from chargewatch.instants import US_PER_S, iso
from simulators import power
from simulators.calendar import DAY_US, HOUR_US, MINUTE_US
from simulators.charging import Charge
from simulators.cheats.dealing import Deal
from simulators.city import Plug, Post, Site
from simulators.plan import Trouble
from simulators.registry_folder import Row
from simulators.truth import TrueInterval

OPENING_HOURS = "Mo-Su 05:30-02:45"
"""Of stations with DC connectors alone: nobody comes between midnight and six, and who came has left by then."""

_APPROVED_H = 48


def closes(site: Site) -> bool:
    """Whether a station has opening hours."""
    return all(plug.kind == "dc" for post in site.posts for plug in post.plugs)


def outside_hours(
    deal: Deal, plug: Plug, charges: Sequence[Charge], intervals: Sequence[TrueInterval], from_us: int
) -> Iterator[Charge]:
    """Charges between three and half past four in the morning."""
    for day_us in range(from_us, intervals[-1].to_us - DAY_US, DAY_US):
        unit = f"{plug.connector_id}/{day_us}"
        if not deal.hits("outside_hours", unit):
            continue
        rng = deal.rng("outside_hours", unit)
        curve = power.dc(rng, plug.rated_kw)
        start_us = day_us + 3 * HOUR_US + rng.randrange(40 * 60) * US_PER_S
        end_us = start_us + min(curve.minutes, 45) * MINUTE_US
        plugged_us, left_us = start_us - 20 * US_PER_S, end_us + 40 * US_PER_S
        serves = any(one.state == "serving" and one.from_us < plugged_us and left_us < one.to_us for one in intervals)
        if serves and not any(one.plugged_us < left_us and plugged_us < one.left_us for one in charges):
            name, vehicle = f"{plug.connector_id}-N{day_us // DAY_US}", f"v{rng.randrange(16**8):08x}"
            yield Charge(
                name, start_us, end_us, 0, curve, vehicle, "driver", plugged_us, left_us, cheat="outside_hours"
            )


def around(post: Post, charge: Charge) -> Row:
    """Maintenance of the connector, declared and approved in time, during which it goes on charging."""
    from_us, to_us = charge.plugged_us - 10 * MINUTE_US, charge.left_us + 10 * MINUTE_US
    return _declared(
        post,
        "connector",
        charge.session_id.rpartition("-")[0],
        f"DM-{charge.session_id}",
        from_us,
        to_us,
        from_us - _APPROVED_H * HOUR_US,
    )


def afterwards(deal: Deal, post: Post, trouble: Trouble, number: int) -> Row:
    """A fault that is called maintenance hours after it has ended."""
    filed_us = trouble.to_us + deal.rng("late_maintenance", f"{post.charger_id}/{number}").randrange(2, 30) * HOUR_US
    return _declared(
        post, "charger", post.charger_id, f"DL-{post.charger_id}-{number}", trouble.from_us, trouble.to_us, filed_us
    )


def _declared(post: Post, scope: str, scope_id: str, name: str, from_us: int, to_us: int, filed_us: int) -> Row:
    return {
        "operator_id": post.operator_id,
        "declaration_id": name,
        "scope": scope,
        "scope_id": scope_id,
        "cause": "routine_maintenance",
        "start": iso(from_us),
        "end": iso(to_us),
        "filed_at": iso(filed_us),
        "reference": "maintenance",
        "approved": "yes",
    }
