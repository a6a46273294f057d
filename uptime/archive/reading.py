"""Reading: the facts about some connectors, out of an archive, as the tables that availability is computed from."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from uptime.archive.layout import HEARTBEAT, METER, SESSION, STATUS
from uptime.archive.manifests import Rows
from uptime.archive.storage import Storage
from uptime.evidence import Facts, Ints
from uptime.facts import SESSION_COLUMNS
from uptime.states import STATUSES

Number = Mapping[tuple[str, str], int]
"""The number of each connector that is asked for, by operator and id."""

_COLUMNS = {
    STATUS.name: ["at", "status", "boot_id", "seq", "place", "received_at"],
    METER.name: ["at", "received_at"],
    HEARTBEAT.name: ["at", "received_at"],
}


def facts(storage: Storage, files: Iterable[Rows], number: Number, reporting: pd.DataFrame, until_us: int) -> Facts:
    """All facts about these connectors with `at` before `until_us` (sessions: start).

    `reporting`: connector, from_us, interval_us.
    """
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in _COLUMNS}
    orders = []
    for one in files:
        if one.series == SESSION.name:
            orders.append(_read(storage, one, list(SESSION.columns)))
        else:
            found[one.series].append(_of_connectors(storage, one, number, until_us))
    tables = {name: pd.concat(frames, ignore_index=True) if frames else _empty(name) for name, frames in found.items()}
    mine = reporting[np.isin(reporting["connector"], list(number.values()))].reset_index(drop=True)
    return Facts(
        connectors=np.array(sorted(number.values()), dtype=np.int64),
        statuses=tables[STATUS.name],
        meters=tables[METER.name],
        heartbeats=tables[HEARTBEAT.name],
        sessions=_sessions(orders, number, until_us),
        reporting=mine,
    )


def _read(
    storage: Storage, one: Rows, columns: list[str], text: Iterable[str] = (), number: Number | None = None
) -> pa.Table:
    """A file's rows; with `number` only of row groups that may hold these connectors: the file is in their order."""
    with storage.open(one.file.path) as file:
        parquet = pq.ParquetFile(file, read_dictionary=list(text))
        groups = list(range(parquet.metadata.num_row_groups))
        if number is not None and len(groups) > 1:
            asked = sorted(number)
            groups = [group for group in groups if _may_hold(parquet.metadata.row_group(group), asked)]
        return parquet.read_row_groups(groups, columns=columns)


def _may_hold(group: Any, asked: list[tuple[str, str]]) -> bool:
    """Whether the range of a row group's ids holds one that is asked for; they are the first two columns."""
    operator, connector = (group.column(place).statistics for place in (0, 1))
    if operator is None or connector is None or not (operator.has_min_max and connector.has_min_max):
        return True
    at = bisect_left(asked, (operator.min, connector.min if operator.min == operator.max else ""))
    if at == len(asked):
        return False
    return asked[at] <= (operator.max, connector.max) if operator.min == operator.max else asked[at][0] <= operator.max


def _of_connectors(storage: Storage, one: Rows, number: Number, until_us: int) -> pd.DataFrame:
    """A file's rows about these connectors: connector, at_us, received_us, and of statuses what rule 2.1 asks for."""
    text = ["operator_id", "connector_id", *(["status", "boot_id"] if one.series == STATUS.name else [])]
    rows = _read(storage, one, ["operator_id", "connector_id", *_COLUMNS[one.series]], text, number)
    rows = rows.unify_dictionaries().combine_chunks()
    connector = _numbered(rows, number)
    at = _us(rows["at"])
    kept = (connector >= 0) & (at < until_us)
    columns = {"connector": connector, "at_us": at}
    if one.series == STATUS.name:
        codes = _single(rows["status"])
        known = np.array([STATUSES.index(status) for status in codes.dictionary.to_pylist()], dtype=np.int64)
        columns |= {"status": known[codes.indices.to_numpy()] if len(known) else np.zeros(0, dtype=np.int64)}
        columns |= {"boot_id": rows["boot_id"].cast(pa.string()).to_numpy()}
        columns |= {name: rows[name].to_numpy() for name in ("seq", "place")}
    columns |= {"received_us": _us(rows["received_at"])}
    return pd.DataFrame(columns if kept.all() else {name: cells[kept] for name, cells in columns.items()})


def _numbered(rows: pa.Table, number: Number) -> Ints:
    """The number of each row's connector, -1 where it is not asked for. Rows of a connector stand together."""
    operator, connector = (_single(rows[name]) for name in ("operator_id", "connector_id"))
    codes = [column.indices.to_numpy() for column in (operator, connector)]
    begins = np.ones(len(rows), dtype=np.bool_)
    begins[1:] = (codes[0][1:] != codes[0][:-1]) | (codes[1][1:] != codes[1][:-1])
    starts = np.flatnonzero(begins)
    words = [column.dictionary.to_pylist() for column in (operator, connector)]
    runs = [number.get((words[0][codes[0][at]], words[1][codes[1][at]]), -1) for at in starts]
    return np.repeat(np.array(runs, dtype=np.int64), np.diff(np.append(starts, len(rows))))


def _single(column: Any) -> Any:
    """A combined column as one array."""
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)


def _us(column: Any) -> Ints:
    return np.asarray(column.cast(pa.int64()).to_numpy(), dtype=np.int64)


def _empty(series: str) -> pd.DataFrame:
    more = ["status", "boot_id", "seq", "place"] if series == STATUS.name else []
    types = {"boot_id": object}
    return pd.DataFrame(
        {name: np.zeros(0, dtype=types.get(name, np.int64)) for name in ("connector", "at_us", *more, "received_us")}
    )


def _sessions(orders: list[pa.Table], number: Number, until_us: int) -> pd.DataFrame:
    """Every version of every session at some of these connectors; of equal versions the one received first."""
    found = pa.concat_tables(orders) if orders else SESSION.schema.empty_table()
    found = found.filter(pc.less(found["started_at"].cast(pa.int64()), until_us))
    found = found.sort_by([(name, "ascending") for name in (*_VERSION, "received_at", "boot_id", "seq", "place")])
    columns: dict[str, Any] = {name: found[name].to_pylist() for name in SESSION_COLUMNS if name in SESSION.columns}
    columns |= {"received_us": _us(found["received_at"]), "started_us": _us(found["started_at"])}
    columns |= {"ended_us": _us(found["at"])}
    # Connectors that are not asked for get numbers, too: an id that was used at two of them is two orders.
    told = zip(columns["operator_id"], found["connector_ids"].to_pylist(), strict=True)
    named = [[(operator, one) for one in connectors] for operator, connectors in told]
    strange = sorted({one for ids in named for one in ids} - number.keys())
    numbers = {**number, **{one: -1 - nth for nth, one in enumerate(strange)}}
    places = [tuple(numbers[one] for one in ids) for ids in named]
    _put_exact(columns, found["exact"].to_pylist())
    table = pd.DataFrame({name: columns[name] for name in SESSION_COLUMNS if name != "connector_nos"})
    table.insert(SESSION_COLUMNS.index("connector_nos"), "connector_nos", pd.Series(places, dtype=object))
    mine = np.array([any(one >= 0 for one in place) for place in places], dtype=np.bool_)
    first = ~table.duplicated(list(_VERSION)).to_numpy(dtype=np.bool_)
    kinds = dict.fromkeys(("revision", "received_us", "started_us", "ended_us", "seq", "place", "message_id"), np.int64)
    objects = dict.fromkeys(("energy_kwh", "meter_start_kwh", "meter_end_kwh"), object)
    return table[mine & first].reset_index(drop=True).astype({**kinds, **objects, "void": np.bool_})


_VERSION = ("operator_id", "session_id", "revision", "content_sha256")


def _put_exact(columns: dict[str, Any], exact: list[str | None]) -> None:
    """Numbers that the decimals do not hold, as they came."""
    for row, text in enumerate(exact):
        if text is not None:
            for name, value in msgspec.json.decode(text).items():
                if name in columns:
                    columns[name][row] = Decimal(value)
