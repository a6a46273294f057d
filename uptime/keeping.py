"""Keeping service intervals: each closed day goes on from what stood at its beginning; nothing is read twice.

A connector about which something came late, or whose basis in the registry changed, is made again: from the last kept
standing before that time, or from its first item. Killed at any moment, nothing has happened.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import psycopg

from chargewatch import database
from chargewatch.instants import day_of_us, day_start_us, from_us, to_us
from registry import placement
from registry.contents import Registry
from uptime import facts, firsts, intervals, kept, standing, states, streaming
from uptime.contests import granted
from uptime.evidence import Facts, Ints, Standing
from uptime.intervals import Timeline
from uptime.life import service_life
from uptime.profile import Profile
from uptime.settings import IntervalSettings
from uptime.sharing import companies, one_at_a_time, shared
from uptime.units import neighbours

STANDINGS = 3
"""For how many days back standings are kept: what comes later than that is made again from the first item on."""
BLOCK, BLOCK_WHOLE = 4_000, 500
"""Connectors whose day, or whose whole time, is computed at a time: bounds memory, whatever the size of the city."""
FIRST_DAY = date(2010, 1, 1)


def keep(
    connection: psycopg.Connection,
    registry: Registry,
    profile: Profile,
    settings: IntervalSettings,
    as_of: datetime,
    until: datetime | None = None,
    advance: Callable[..., None] = lambda *_, **__: None,
) -> pd.DataFrame | None:
    """Bring what is kept up to the last closed day; connector, from_us: whose time was made anew, and from when on.

    The last closed day is the one before that of `until`, by default of `as_of`. None where nothing was due. Call it in
    a transaction: it is one step.
    """
    until_us = day_start_us(day_of_us(to_us(until or as_of), profile.zone), profile.zone)
    before = kept.state(connection)
    message, imported = kept.last_message(connection), kept.last_import(connection)
    if before is not None and database.is_rehearsal(connection) and (message, imported) != (
        before.last_message, before.last_import,
    ):  # fmt: skip
        # An operator's message may be recorded, by its own clock, before one that was here earlier.
        before = None
    if before is None or before.settings != settings.id or to_us(before.until) > until_us:
        before = None
        for table in ("state_change", "standing", "first_item", "kept"):
            connection.execute(f"DELETE FROM {table}".encode())
        _name_states(connection)
    city = City.of(registry, profile, settings, until_us)
    late = _late(connection, before, city, as_of)
    if before is not None and to_us(before.until) == until_us and late.empty:
        connection.execute(
            "UPDATE kept SET as_of = %s, last_message = %s, last_import = %s", [as_of, message, imported]
        )
        return None
    firsts.forget(connection, late["connector"].to_numpy(dtype=np.int64))
    changed = _go_on(connection, city, before, late, as_of, advance)
    connection.execute("DELETE FROM kept")
    connection.execute(
        "INSERT INTO kept (settings, until, as_of, last_message, last_import) VALUES (%s, %s, %s, %s, %s)",
        [settings.id, from_us(until_us), as_of, message, imported],
    )
    return changed


@dataclass(frozen=True, slots=True)
class City:
    """What the registry says of all connectors, up to the end of the last closed day."""

    profile: Profile
    settings: IntervalSettings
    until_us: int
    places: pd.DataFrame
    company: Ints
    """A label per place, equal for those whose connectors are told together."""
    reporting: pd.DataFrame
    bases: "pd.Series[str]"

    @classmethod
    def of(cls, registry: Registry, profile: Profile, settings: IntervalSettings, until_us: int) -> "City":
        """Out of the registry as known at some moment."""
        zone, last_day = profile.zone, day_of_us(until_us, profile.zone)
        places = placement.placements(registry, zone, FIRST_DAY, last_day + timedelta(days=1))
        apart = settings.sharing is None or not one_at_a_time(places).any()
        number = places["connector_no"].to_numpy(dtype=np.int64)
        company = number if apart else neighbours(places, companies(places))
        reporting = registry.tables["connectors"][["operator_id", "connector_no"]].drop_duplicates()
        reporting = reporting.merge(placement.reporting_intervals(registry, zone), on="operator_id")
        reporting["interval_us"] = reporting["interval_us"].fillna(settings.default_interval_us).astype(np.int64)
        return cls(profile, settings, until_us, places, company, reporting, _bases(places, company, reporting, apart))

    @property
    def connectors(self) -> Ints:
        """All that have a place, ascending."""
        return np.unique(self.places["connector_no"].to_numpy(dtype=np.int64))

    def groups(self, only: Ints, size: int) -> list[Ints]:
        """Some connectors in groups of about this size, ascending, none of a company in two."""
        number = self.places["connector_no"].to_numpy(dtype=np.int64)
        labels = pd.DataFrame({"company": self.company, "number": number})
        ends = labels.groupby("company")["number"].agg(["min", "max"])
        ends = ends[ends["min"] < ends["max"]]
        # Between two numbers a cut is possible where no company reaches across.
        position = np.searchsorted(only, ends.to_numpy())
        across = np.zeros(len(only) + 1, dtype=np.int64)
        np.add.at(across, np.minimum(position[:, 0] + 1, len(only)), 1)
        np.add.at(across, np.minimum(position[:, 1] + 1, len(only)), -1)
        possible = np.flatnonzero(np.cumsum(across)[: len(only)] == 0)
        cuts = [0]
        for wanted in range(size, len(only), size):
            nth = np.searchsorted(possible, wanted)
            if nth < len(possible) and possible[nth] > cuts[-1]:
                cuts.append(int(possible[nth]))
        return [group for group in np.split(only, cuts[1:]) if len(group)]

    def lives(self, connection: psycopg.Connection, as_of: datetime) -> pd.DataFrame:
        """Service life of the connectors on chargers that serve one at a time; that of others does not matter here."""
        told = np.isin(self.company, self.company[one_at_a_time(self.places)]) & (self.settings.sharing is not None)
        places = self.places[told].reset_index(drop=True)
        if places.empty:
            return places
        places["to_us"] = np.minimum(places["to_us"], self.until_us)
        places = places[places["from_us"] < places["to_us"]].reset_index(drop=True)
        until = from_us(self.until_us)
        first = firsts.first_items(connection, places, self.profile.zone, until, as_of, keep=True)
        return service_life(places, *first, self.profile.zone)


def _bases(places: pd.DataFrame, company: Ints, reporting: pd.DataFrame, apart: bool) -> "pd.Series[str]":
    """By connector, what its intervals stand on in the registry, as text that compares.

    What its operator agreed to report; where its charger serves one connector at a time also where it and those beside
    it stood, and since when.
    """
    agreed = reporting.sort_values(["connector_no", "from_us"]).astype(str)
    said = (agreed["from_us"] + "/" + agreed["interval_us"]).groupby(reporting["connector_no"]).agg(" ".join)
    own = pd.Series("", index=np.unique(places["connector_no"].to_numpy(dtype=np.int64)))
    said = said.reindex(own.index).fillna("")
    if apart:
        return said
    together = np.isin(company, company[one_at_a_time(places)])
    columns = ["connector_no", "from_us", "charger_id", "simultaneous", "commissioned_on", "retired_on"]
    rows = places.loc[together, columns].itertuples(index=False, name=None)
    text = pd.Series([" ".join(map(str, row)) for row in rows], dtype=object)
    text = text.groupby(company[together]).agg("; ".join)
    label = pd.Series(company, index=places["connector_no"]).groupby(level=0).first()
    return said + " | " + label.map(text).reindex(said.index).fillna("")


def _late(connection: psycopg.Connection, before: kept.Kept | None, city: City, as_of: datetime) -> pd.DataFrame:
    """connector, from_us: whose kept time before `before.until` no longer holds, from when on; companies together."""
    if before is None:
        nobody = pd.DataFrame({"connector": city.connectors, "from_us": kept.EVER_US})
        _rebase(connection, city.bases)
        return nobody
    found = [kept.touched(connection, before.as_of, before.until, as_of)]
    if kept.last_import(connection) != before.last_import:
        rebased = kept.rebased(connection, city.bases)
        found.append(pd.DataFrame({"connector": rebased, "from_us": kept.EVER_US}))
        _rebase(connection, city.bases)
    late = pd.concat(found, ignore_index=True)
    number = city.places["connector_no"].to_numpy(dtype=np.int64)
    of = pd.DataFrame({"connector": number, "company": city.company}).drop_duplicates("connector")
    late = late.merge(of, on="connector")
    reached = late.groupby("company", as_index=False)["from_us"].min().merge(of, on="company")
    return reached[["connector", "from_us"]].sort_values("connector", ignore_index=True)


def _rebase(connection: psycopg.Connection, bases: "pd.Series[str]") -> None:
    connection.execute("DELETE FROM kept_basis")
    with connection.cursor().copy(b"COPY kept_basis FROM STDIN") as copy:
        for row in bases.items():
            copy.write_row(row)


def _go_on(
    connection: psycopg.Connection,
    city: City,
    before: kept.Kept | None,
    late: pd.DataFrame,
    as_of: datetime,
    advance: Callable[..., None],
) -> pd.DataFrame:
    """Compute and write all that is due; connector, from_us: whose time was made anew, and from when on."""
    zone = city.profile.zone
    shares, lifted = shared(city.lives(connection, as_of)), granted(connection, as_of)
    stood = np.array(
        [to_us(row[0]) for row in connection.execute("SELECT DISTINCT at FROM standing ORDER BY at")], dtype=np.int64
    )
    known_us = kept.EVER_US if before is None else to_us(before.until)
    resume = np.searchsorted(stood, late["from_us"].to_numpy(), side="right") - 1
    start = np.where(resume >= 0, stood[resume] if len(stood) else 0, kept.EVER_US)
    numbers = late["connector"].to_numpy(dtype=np.int64)
    _forget(connection, numbers, start)
    instants = _days(city.until_us, STANDINGS, zone)
    write = _Writer(connection, city, shares, lifted, as_of)
    anew = numbers[start == kept.EVER_US]
    done, days = 0, []
    if before is not None:
        first = min([known_us, *(int(one) for one in start[start != kept.EVER_US])])
        days = list(_between(first, city.until_us, zone))
    of = [np.setdiff1d(city.connectors, anew) if day >= known_us else numbers[(start <= day) & (start != kept.EVER_US)]
          for day, _ in days]  # fmt: skip
    total = len(anew) + sum(map(len, of))
    for group in city.groups(anew, BLOCK_WHOLE):
        done += write.whole(group, instants)
        advance(done, total=total)
    for (day, following), connectors in zip(days, of, strict=True):
        for count in write.day(connectors, day, following):
            done += count
            advance(done, total=total)
    connection.execute("DELETE FROM standing WHERE at < %s", [from_us(instants[0])])
    rest = np.setdiff1d(city.connectors, numbers)
    new = pd.DataFrame({"connector": rest, "from_us": np.full(len(rest), known_us)})
    made = pd.DataFrame({"connector": numbers, "from_us": late["from_us"].to_numpy()})
    return made if before is None or known_us == city.until_us else pd.concat([made, new], ignore_index=True)


def _forget(connection: psycopg.Connection, connectors: Ints, start: Ints) -> None:
    """Take away what is kept of some connectors from `start` on; what stands at it stays."""
    for since in np.unique(start):
        mine = [int(one) for one in connectors[start == since]]
        moment = "-infinity" if since == kept.EVER_US else from_us(int(since))
        connection.execute("DELETE FROM state_change WHERE connector_no = ANY(%s) AND at >= %s", [mine, moment])
        connection.execute("DELETE FROM standing WHERE connector_no = ANY(%s) AND at > %s", [mine, moment])


def _days(until_us: int, count: int, zone: object) -> list[int]:
    """The starts of the last `count` days up to `until_us` as one, ascending."""
    last = day_of_us(until_us, zone)  # type: ignore[arg-type]
    return [day_start_us(last - timedelta(days=back), zone) for back in range(count - 1, -1, -1)]  # type: ignore[arg-type]


def _between(first_us: int, until_us: int, zone: object) -> Iterator[tuple[int, int]]:
    """Start and end of each policy day from `first_us` to `until_us`."""
    while first_us < until_us:
        following = day_start_us(day_of_us(first_us, zone) + timedelta(days=1), zone)  # type: ignore[arg-type]
        yield first_us, following
        first_us = following


@dataclass(slots=True)
class _Writer:
    """Computes connectors' time and writes it down."""

    connection: psycopg.Connection
    city: City
    shares: pd.DataFrame
    lifted: pd.DataFrame
    as_of: datetime

    def whole(self, group: Ints, instants: Sequence[int]) -> int:
        """All the time of some connectors, from their first item on; what stands at each of `instants`."""
        city, until = self.city, from_us(self.city.until_us)
        known = facts.load(self.connection, database.dsn(), group, city.reporting, until, self.as_of)
        first = [int(table["at_us"].min()) for table in (known.statuses, known.meters, known.heartbeats) if len(table)]
        first += [int(known.sessions["started_us"].min())] if len(known.sessions) else []
        if first:
            start = day_start_us(day_of_us(min(first), city.profile.zone), city.profile.zone)
            stands = [us for us in instants if us > start]
            timeline, stood = self._told(known, start, city.until_us, stands)
            blank = pd.DataFrame(columns=["state", "reason"], dtype=np.int64)
            _write_changes(self.connection, timeline, blank)
            for one in stood:
                _write_standing(self.connection, one, timeline)
        return len(group)

    def day(self, connectors: Ints, start_us: int, end_us: int) -> Iterator[int]:
        """One day of some connectors, from what stood at its beginning."""
        city, groups = self.city, self.city.groups(connectors, BLOCK)
        since, until = from_us(start_us), from_us(end_us)
        blocks = streaming.blocks(self.connection, database.dsn(), groups, city.reporting, since, until, self.as_of)
        for group, new in zip(groups, blocks, strict=True):
            stood, states_before = _stood(self.connection, group, start_us, self.as_of)
            timeline, stands = self._told(standing.resumed(stood, new), start_us, end_us, [end_us])
            _write_changes(self.connection, timeline, states_before)
            _write_standing(self.connection, stands[0], timeline)
            yield len(group)

    def _told(self, known: Facts, start_us: int, end_us: int, stands: list[int]) -> tuple[Timeline, list[Standing]]:
        spans = pd.DataFrame({"connector": known.connectors, "from_us": start_us, "to_us": end_us})
        use = self.shares[np.isin(self.shares["connector"], known.connectors)]
        lifted = self.lifted[np.isin(self.lifted["connector"], known.connectors)]
        return intervals.told(known, self.city.settings, spans, use, lifted, stands)


def _write_changes(connection: psycopg.Connection, timeline: Timeline, before: pd.DataFrame) -> None:
    """Where the state changes; `before` (by connector: state, reason) is what it was when the timeline begins."""
    told = timeline.intervals
    connector, state, reason = (told[name].to_numpy() for name in ("connector", "state", "reason"))
    first = np.ones(len(told), dtype=np.bool_)
    first[1:] = connector[1:] != connector[:-1]
    was_state = before["state"].reindex(connector[first]).fillna(states.NO_DATA).to_numpy()
    was_reason = before["reason"].reindex(connector[first]).fillna(states.BEFORE_FIRST_STATUS).to_numpy()
    changed = np.ones(len(told), dtype=np.bool_)
    changed[first] = (state[first] != was_state) | (reason[first] != was_reason)
    rows = told.loc[changed, ["connector", "from_us", "state", "reason"]]
    with connection.cursor().copy(b"COPY state_change FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["int4", "timestamptz", "int2", "int2"])
        for number, at, one, why in rows.itertuples(index=False, name=None):
            copy.write_row((number, from_us(at), one, why))


def _write_standing(connection: psycopg.Connection, stood: Standing, timeline: Timeline) -> None:
    told = timeline.intervals
    moment = from_us(stood.at_us)
    now = told[(told["from_us"] < stood.at_us) & (told["to_us"] >= stood.at_us)].set_index("connector")
    spoke: dict[int, list[int]] = {}
    for number, at in stood.statuses[["connector", "at_us"]].drop_duplicates().itertuples(index=False, name=None):
        spoke.setdefault(number, []).append(at)
    heard, heard_late = _by_connector(stood.heard, "at_us")
    used, used_late = _by_connector(stood.used, "from_us")
    with connection.cursor().copy(b"COPY standing FROM STDIN (FORMAT binary)") as copy:
        copy.set_types(["timestamptz", "int4", "int2", "int2", "timestamptz[]", *["timestamptz"] * 4])
        for number, state, reason in now[["state", "reason"]].itertuples(name=None):
            instants = [from_us(us) for us in sorted(spoke.get(number, ()))]
            marks = [one.get(number) for one in (heard, heard_late, used, used_late)]
            copy.write_row(
                (moment, number, state, reason, instants, *(None if us is None else from_us(us) for us in marks))
            )


def _by_connector(table: pd.DataFrame, column: str) -> tuple[dict[int, int], dict[int, int]]:
    """What all items say and what those in time say, by connector."""
    every, in_time = table[~table["late"].astype(bool)], table[table["late"].astype(bool)]
    return (
        dict(zip(every["connector"].tolist(), every[column].tolist(), strict=True)),
        dict(zip(in_time["connector"].tolist(), in_time[column].tolist(), strict=True)),
    )


_STANDING = """
SELECT connector_no, state, reason, heard_at, heard_in_time_at, used_from, used_in_time_from
FROM standing WHERE at = %s AND connector_no = ANY(%s)
"""
_SPOKE = """
SELECT f.connector_no::bigint AS connector, f.at AS at_us, f.status, f.boot_id, f.seq, f.place::bigint AS place,
  f.received_at AS received_us
FROM standing AS s CROSS JOIN LATERAL unnest(s.status_at) AS spoke (at)
JOIN status_fact AS f ON f.connector_no = s.connector_no AND f.at = spoke.at AND f.recorded_at <= %s
WHERE s.at = %s AND s.connector_no = ANY(%s)
"""


def _stood(connection: psycopg.Connection, group: Ints, at_us: int, as_of: datetime) -> tuple[Standing, pd.DataFrame]:
    """What stood at a day's beginning, and the state and reason of each connector just before."""
    numbers = [int(one) for one in group]
    rows = connection.execute(_STANDING.encode(), [from_us(at_us), numbers]).fetchall()
    names = ["connector", "state", "reason"]
    before = pd.DataFrame([row[:3] for row in rows], columns=names, dtype=np.int64).set_index("connector")
    marks = {
        name: [(row[0], to_us(row[place]), place == late) for row in rows for place in (at, late) if row[place]]
        for name, at, late in (("heard", 3, 4), ("used", 5, 6))
    }
    spoke = connection.execute(_SPOKE.encode(), [as_of, from_us(at_us), numbers]).fetchall()
    columns = ["connector", "at_us", "status", "boot_id", "seq", "place", "received_us"]
    statuses = pd.DataFrame(
        [(no, to_us(at), states.STATUSES.index(status), boot, seq, place, to_us(received))
         for no, at, status, boot, seq, place, received in spoke],
        columns=columns,
    ).astype(dict.fromkeys(["connector", "at_us", "status", "seq", "place", "received_us"], np.int64))  # fmt: skip
    kinds = {"connector": np.int64, "late": np.bool_}
    return (
        Standing(
            at_us,
            statuses,
            pd.DataFrame(marks["heard"], columns=["connector", "at_us", "late"]).astype({**kinds, "at_us": np.int64}),
            pd.DataFrame(marks["used"], columns=["connector", "from_us", "late"]).astype(
                {**kinds, "from_us": np.int64}
            ),
        ),
        before,
    )


def _name_states(connection: psycopg.Connection) -> None:
    connection.execute("DELETE FROM state_name")
    connection.execute("DELETE FROM reason_name")
    for table, names in (("state_name", states.STATES), ("reason_name", states.REASONS)):
        for number, name in enumerate(names):
            connection.execute(f"INSERT INTO {table} VALUES (%s, %s)".encode(), [number, name])
