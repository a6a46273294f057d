"""Service life of one connector: semantics.md 2.6, said again as plainly as it can be."""

from collections.abc import Iterable

from tests.generative.reference_availability import Item, Session, every_session, first_received


def item_instants(items: Iterable[Item]) -> list[int]:
    """When the connector was heard of, a session at its start and its end, in order."""
    everything = first_received(items)
    heard = {item.at_us for item in everything if not isinstance(item, Session)}
    for session in every_session(everything):
        heard |= {session.start_us, session.end_us}
    return sorted(heard)


def service_life(
    items: Iterable[Item], commissioned: tuple[int, int] | None, retired_us: int | None
) -> tuple[int, int | None] | None:
    """[start, end) of the time that counts; `commissioned` is [start, end) of that policy day; end None is open."""
    heard = item_instants(items)
    if commissioned is not None:
        on_the_day = [at for at in heard if commissioned[0] <= at < commissioned[1]]
        start = on_the_day[0] if on_the_day else commissioned[1]
    elif heard:
        start = heard[0]
    else:
        return None
    return None if retired_us is not None and retired_us <= start else (start, retired_us)
