"""What a collector subscribes to at the broker, alone or as one of a group, and what it must let go of.

A group shares the operators' messages and the pulses: each goes to one of its members. The state of the operators'
links is for everybody, as a group is owed no retained message (MQTT-4.8.2); at QoS 0, so that no link's old state waits
for a member that is away.
"""

from collections.abc import Iterable

Filter = tuple[str, int]
"""A topic filter and its greatest QoS."""

OPERATORS = "ev/1/+/+"
LINKS = "ev/1/+/link"
PULSES = "chargewatch/pulse/+"


def subscriptions(share: str | None, prefix: str = "") -> list[Filter]:
    """The filters of a collector, the operators' messages first; `share` is the name of its group.

    `prefix` is what the broker puts before the operators' topics (`mount_point` of mosquitto).
    """
    if share is None:
        return [(prefix + OPERATORS, 1), (PULSES, 1)]
    return [(f"$share/{share}/{prefix}{OPERATORS}", 1), (f"$share/{share}/{PULSES}", 1), (prefix + LINKS, 0)]


def others(filters: Iterable[Filter], held: Iterable[str]) -> list[str]:
    """What the broker may still hold for this client beside `filters`: what it `held`, and every plain form."""
    wanted = {one for one, _ in filters}
    plain = [name.split("/", 2)[2] if name.startswith("$share/") else name for name in wanted]
    return sorted({*held, *plain, OPERATORS, PULSES, LINKS} - wanted)


def pulse_topic(client_id: str) -> str:
    """Where a collector's pulse goes."""
    return PULSES.replace("+", client_id)
