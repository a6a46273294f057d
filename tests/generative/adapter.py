"""The tests' small facts as the engine's tables, and the engine's intervals back as the reference's."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from tests.generative.reference_availability import (
    DAY,
    HOUR,
    SECOND,
    Heartbeat,
    Interval,
    Item,
    Meter,
    Session,
    Settings,
    Status,
    first_received,
)
from uptime import settings as interval_settings
from uptime.evidence import Facts
from uptime.intervals import Timeline, service_intervals
from uptime.settings import IntervalSettings
from uptime.states import STATES, STATUSES

WIDE = {"connector": "int64", "at_us": "int64", "received_us": "int64"}


def table(rows: Sequence[Sequence[Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    """Rows as a frame whose columns have these types, also when there are none."""
    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict(columns))


def engine_settings(settings: Settings) -> IntervalSettings:
    """The engine's set of interval settings with these limits."""
    known = interval_settings.load()
    sharing = known.sharing if settings.sharing else None
    return msgspec.structs.replace(
        known,
        sharing=None if sharing is None else msgspec.structs.replace(sharing, ahead_s=settings.ahead_us // SECOND),
        silence_factor=settings.silence_factor,
        silence_from_last_sign=settings.silence_from_last_sign,
        stale_limit_h=settings.stale_limit_us // HOUR,
        late_limit_h=settings.late_limit_us // HOUR,
    )


def _decimal(value: Fraction | None) -> Decimal | None:
    return None if value is None else Decimal(value.numerator) / Decimal(value.denominator)


def engine_facts(
    histories: Mapping[int, Sequence[Item]], settings: Settings, *, copies_of_sessions: bool = False
) -> Facts:
    """The facts of connectors by number; an order on several of them is one row.

    Of equal versions of an order only the one received first, as uptime.facts reads them, unless asked for all.
    """
    statuses, meters, heartbeats, sessions = [], [], [], []
    for connector, history in histories.items():
        first = {id(item) for item in first_received(history)}
        for item in history:
            receipt = item.receipt
            match item:
                case Session() if id(item) not in first and not copies_of_sessions:
                    continue
                case Status():
                    statuses.append(
                        (connector, item.at_us, STATUSES.index(item.status), receipt.boot_id, receipt.seq,
                         receipt.place, receipt.received_us)
                    )  # fmt: skip
                case Meter():
                    meters.append((connector, item.at_us, receipt.received_us))
                case Heartbeat():
                    heartbeats.append((connector, item.at_us, receipt.received_us))
                case Session() if connector == min(set(item.connectors) & set(histories)):
                    sessions.append(
                        ("op", item.session_id, item.revision, item.content, receipt.received_us, item.start_us,
                         item.end_us, item.connectors, _decimal(item.energy_kwh), _decimal(item.meter_start_kwh),
                         _decimal(item.meter_end_kwh), item.void, receipt.boot_id, receipt.seq, receipt.place)
                    )  # fmt: skip
    return Facts(
        connectors=np.array(sorted(histories), dtype=np.int64),
        statuses=table(
            statuses,
            {"connector": "int64", "at_us": "int64", "status": "int64", "boot_id": "object", "seq": "int64",
             "place": "int64", "received_us": "int64"},
        ),
        meters=table(meters, WIDE),
        heartbeats=table(heartbeats, WIDE),
        sessions=table(
            sessions,
            {"operator_id": "object", "session_id": "object", "revision": "int64", "content_sha256": "object",
             "received_us": "int64", "started_us": "int64", "ended_us": "int64", "connector_nos": "object",
             "energy_kwh": "object", "meter_start_kwh": "object", "meter_end_kwh": "object", "void": "bool",
             "boot_id": "object", "seq": "int64", "place": "int64"},
        ),
        reporting=table(
            [(connector, since, every) for connector in sorted(histories) for since, every in settings.reporting],
            {"connector": "int64", "from_us": "int64", "interval_us": "int64"},
        ),
    )  # fmt: skip


def engine_timeline(
    histories: Mapping[int, Sequence[Item]],
    settings: Settings,
    spans: Mapping[int, tuple[int, int]],
    *,
    copies_of_sessions: bool = False,
    shared: Sequence[tuple[int, int, int, int]] = (),
    lifted: Sequence[tuple[int, int, int]] = (),
) -> Timeline:
    """What the engine makes of these histories in each connector's span.

    `shared`: (connector, charger, from, to) where its charger serves one connector at a time. `lifted`: (connector,
    from, to) of granted contests.
    """
    rows = [(connector, *span) for connector, span in spans.items()]
    return service_intervals(
        engine_facts(histories, settings, copies_of_sessions=copies_of_sessions),
        engine_settings(settings),
        table(rows, {"connector": "int64", "from_us": "int64", "to_us": "int64"}),
        table(shared, dict.fromkeys(("connector", "charger", "from_us", "to_us"), "int64")),
        table(lifted, dict.fromkeys(("connector", "from_us", "to_us"), "int64")),
    )


def maximal_runs(timeline: Timeline, connector: int) -> list[Interval]:
    """One connector's intervals by state alone. Fails where they overlap, leave a gap or are empty."""
    runs: list[Interval] = []
    of_connector = timeline.intervals[timeline.intervals["connector"] == connector]
    for from_us, to_us, state in of_connector[["from_us", "to_us", "state"]].itertuples(index=False):
        assert from_us < to_us, "an empty interval"
        assert not runs or runs[-1].to_us == from_us, "a gap or an overlap"
        name = STATES[state]
        if runs and runs[-1].state == name:
            runs[-1] = Interval(runs[-1].from_us, int(to_us), name)
        else:
            runs.append(Interval(int(from_us), int(to_us), name))
    return runs


def engine_intervals(
    histories: Mapping[int, Sequence[Item]],
    settings: Settings,
    from_us: int,
    to_us: int,
    *,
    one_at_a_time: bool = False,
    lifted: Sequence[tuple[int, int]] = (),
) -> list[Interval]:
    """The engine's answer to what the reference's `intervals` is asked, of connector 1.

    `one_at_a_time`: they all stand on one charger, which serves one of them at a time.
    """
    spans = dict.fromkeys(histories, (from_us, to_us))
    shared = [(number, 1, from_us - 100 * DAY, to_us) for number in histories] if one_at_a_time else []
    named = [(1, *span) for span in lifted]
    return maximal_runs(engine_timeline(histories, settings, spans, shared=shared, lifted=named), 1)
