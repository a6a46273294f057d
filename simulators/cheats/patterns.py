"""The ways to cheat that can be asked for, and the honest oddities that are mixed with them."""

from collections.abc import Iterable
from dataclasses import dataclass

from chargewatch.errors import Refusal


@dataclass(frozen=True, slots=True)
class Pattern:
    """A way to cheat: of what its rate is a share (`unit`), and whether the energy that truly flowed is still owed.

    `no_trace` says why nothing in the data betrays it, where nothing does.
    """

    code: str
    unit: str
    owed: bool
    what: str
    no_trace: str = ""


_ORDER, _CONNECTOR, _CHARGER, _STATION = "order", "connector", "charger", "station"
PATTERNS = {
    one.code: one
    for one in (
        # claims: an order that claims more than was, or what it has no right to
        Pattern("beyond_rating", _ORDER, True, "energy beyond what the rated power can deliver, readings to match"),
        Pattern("register_mismatch", _ORDER, True, "energy beyond the order's own true readings"),
        Pattern("inflated_readings", _ORDER, True, "energy and end reading raised together, the meter's samples true"),
        Pattern("no_registers", _ORDER, True, "a fifth more energy, and no readings that could tell"),
        Pattern("late_order", _ORDER, False, "an order that is handed in 16 to 20 days after its end"),
        Pattern("above_tariff", _ORDER, True, "a service fee above the published tariff"),
        Pattern("over_advance", _CONNECTOR, True, "every order 0.8 % above its readings, each within the tolerance"),
        Pattern(
            "skimmed",
            _CONNECTOR,
            True,
            "every order 0.3 % above its readings",
            "within the tolerance of an order and of a month, which honest meters and clocks need",
        ),
        # fabricated: orders without a charge
        Pattern("impossible", _ORDER, False, "energy in no time at all"),
        Pattern("endless", _CONNECTOR, False, "an order of more than a week"),
        Pattern("overlap", _ORDER, False, "a second order within the time of a true one"),
        Pattern("repeat", _ORDER, False, "the same order again under another number"),
        Pattern("repeat_elsewhere", _ORDER, False, "another operator's order, as one's own"),
        Pattern("ghost", _ORDER, False, "an order while nobody was there, readings to match"),
        Pattern("while_faulted", "outage", False, "an order while the connector was faulted"),
        # registers: a meter that is not left alone
        Pattern("register_back", _CONNECTOR, True, "the register is set back between two sessions"),
        Pattern("register_jump", _CONNECTOR, True, "the register is set forward between two sessions"),
        # loads: real energy into no vehicle
        Pattern("flat_power", _ORDER, False, "a load bank: power without taper up to a full battery"),
        Pattern("idle_discharge", _ORDER, False, "a load bank: the state of charge never rises"),
        Pattern("micro_sessions", _ORDER, False, "a charge cut into a run of sessions of two minutes"),
        Pattern("too_regular", _CONNECTOR, False, "a session every three hours to the second, all alike"),
        # vehicles
        Pattern("one_vehicle", "station-day", False, "all of a station's DC sessions of a day by one vehicle"),
        Pattern("fleet_as_public", _STATION, False, "a few vehicles and nobody else at a station billed as public"),
        Pattern(
            "disguised_fleet",
            _STATION,
            False,
            "a dedicated fleet billed as public, under a new pseudonym each time",
            "the pseudonyms are the operator's; vehicles that never come twice look like the public",
        ),
        # hours
        Pattern("outside_hours", "connector-night", False, "a session while the station is closed"),
        Pattern("in_maintenance", _ORDER, True, "a session within time that was declared as maintenance"),
        Pattern("late_maintenance", "outage", True, "a fault declared as maintenance after it had ended"),
        # papers: what the registry says
        Pattern("never_near_rating", _CHARGER, True, "registered with twice the power that it has"),
        Pattern("duplicate_serial", _CHARGER, True, "registered under another operator's serial number"),
        Pattern("duplicate_meter", _CONNECTOR, True, "registered with another operator's meter"),
        Pattern("duplicate_location", _STATION, True, "registered where another operator's station stands"),
        Pattern("meter_expired", _CONNECTOR, False, "energy after the meter's verification has expired"),
    )
}

ODDITIES = {
    "taxi": 0.3,  # of DC connectors
    "shared_depot": 0.08,  # of stations
    "night_tariff": 0.3,  # of stations
    "power_limited": 0.1,  # of stations
    "meter_exchange": 0.08,  # of connectors
    "full_car": 0.01,  # of charges
    "cold_battery": 0.03,  # of DC charges
}
"""What is honest and looks odd: its share."""


def rates(asked: Iterable[str]) -> dict[str, float]:
    """The rates of `PATTERN=RATE` texts; `all=RATE` is every pattern. Refusal for what is neither."""
    found: dict[str, float] = {}
    for text in asked:
        code, _, number = text.partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = -1.0
        if code not in (*PATTERNS, "all") or not 0 <= rate <= 1:
            raise Refusal(
                f"--cheat is {text!r}", f"PATTERN=RATE, a rate from 0 to 1 and one of all, {', '.join(PATTERNS)}"
            )
        found.update(dict.fromkeys(PATTERNS, rate) if code == "all" else {code: rate})
    return found
