"""What the registry said at one time: its tables as data frames."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

import pandas as pd

from registry.tables import TABLES

Value = str | date | datetime | Decimal | bool | None


@dataclass(frozen=True)
class Registry:
    """Every table of contract 3 in force at one time, with all `valid_from` versions, sorted by key.

    Columns are the contract's, as objects: text, `datetime.date`, aware `datetime`, `Decimal`, `bool`, or None where
    empty. `connectors` also has `connector_no` (int64).
    """

    tables: dict[str, pd.DataFrame]
    published_hours: pd.DataFrame | None = None
    """operator_id, station_id, valid_from, opening_hours, recorded_at: each time that a row's hours became others."""

    @classmethod
    def of(cls, rows: Mapping[str, Iterable[Mapping[str, Value]]]) -> "Registry":
        """A registry of rows given by table; columns left out are empty, connectors are numbered by their key."""
        tables = {}
        for table in TABLES:
            cells = [[row.get(name) for name in table.names] for row in rows.get(table.name, ())]
            frame = pd.DataFrame(cells, columns=list(table.names), dtype=object)
            order = frame[list(table.key)].astype(str).where(frame[list(table.key)].notna(), "")
            tables[table.name] = frame.loc[order.sort_values(list(table.key)).index].reset_index(drop=True)
        connectors = tables["connectors"]
        connectors["connector_no"] = connectors.groupby(["operator_id", "connector_id"]).ngroup().astype("int64") + 1
        return cls(tables)
