"""What a month has in store: true troubles of chargers, and what goes wrong on the way of their messages."""

from dataclasses import dataclass, field

from simulators.registry_folder import Row


@dataclass(frozen=True, slots=True)
class Trouble:
    """A charger's connectors are truly `faulted` or `out_of_service` in [from, to) (µs)."""

    from_us: int
    to_us: int
    state: str
    why: str


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing is heard of a charger in [from, to).

    `kept` items come after it, else they never come (finished orders always do). `greets`: it reports its status
    when it is back. `reported_offline`: the operator's platform says that it does not reach the charger.
    """

    charger_id: str
    from_us: int
    to_us: int
    kept: bool = False
    greets: bool = True
    reported_offline: bool = False


@dataclass(frozen=True, slots=True)
class Clock:
    """A charger's clock is wrong by `shift_us` in [from, to)."""

    charger_id: str
    from_us: int
    to_us: int
    shift_us: int


@dataclass(frozen=True, slots=True)
class Break:
    """An operator's link to the platform is down in [from, to): it keeps its messages and sends them after."""

    operator_id: str
    from_us: int
    to_us: int


@dataclass(slots=True)
class Plan:
    """All of it; troubles by charger, in order and never overlapping."""

    from_us: int
    to_us: int
    troubles: dict[str, list[Trouble]] = field(default_factory=dict)
    silences: list[Silence] = field(default_factory=list)
    clocks: list[Clock] = field(default_factory=list)
    breaks: list[Break] = field(default_factory=list)
    lost_recoveries: set[tuple[str, int]] = field(default_factory=set)
    """Charger and the end of a trouble whose message never arrives."""
    declarations: list[Row] = field(default_factory=list)
    deducted: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    """By charger: maintenance that was approved and filed before it began (137-七 takes it out)."""
    eventful: set[str] = field(default_factory=set)
    """Chargers that have a part already; the fabricated orders go to others."""

    def is_free(self, charger_id: str, from_us: int, to_us: int, apart_us: int) -> bool:
        """Whether a charger has no trouble within `apart_us` of [from, to)."""
        return all(
            trouble.to_us + apart_us <= from_us or to_us + apart_us <= trouble.from_us
            for trouble in self.troubles.get(charger_id, ())
        )

    def disturbed(self, charger_id: str) -> list[tuple[int, int]]:
        """When a charger is silent or its clock wrong."""
        spans = [(one.from_us, one.to_us) for one in self.silences if one.charger_id == charger_id]
        return spans + [(one.from_us, one.to_us) for one in self.clocks if one.charger_id == charger_id]

    def add(self, charger_id: str, trouble: Trouble) -> None:
        """Put a trouble in its place."""
        own = self.troubles.setdefault(charger_id, [])
        own.append(trouble)
        own.sort(key=lambda one: one.from_us)
