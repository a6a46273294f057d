"""Registry rows by id and day: of one id the row whose `valid_from` is the latest not after the day holds."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd

Row = dict[str, Any]
Key = tuple[str, ...]


def rows(table: pd.DataFrame) -> list[Row]:
    """The rows of a registry table as mappings; what is empty is None."""
    cells = table.astype(object).where(table.notna(), None)
    return [dict(zip(cells.columns, row, strict=True)) for row in cells.itertuples(index=False, name=None)]


class Versions:
    """All versions of the rows of one table, by the columns that name a row."""

    def __init__(self, table: pd.DataFrame, *key: str) -> None:
        self._rows: dict[Key, list[Row]] = {}
        for row in rows(table):
            self._rows.setdefault(tuple(row[name] for name in key), []).append(row)
        for versions in self._rows.values():
            versions.sort(key=_since)

    def all_keys(self) -> list[Key]:
        """All keys, sorted."""
        return sorted(self._rows)

    def of(self, *key: str) -> list[Row]:
        """All versions of one row, in the order of their days."""
        return self._rows.get(key, [])

    def on(self, day: date, *key: str) -> Row | None:
        """The version that holds on a day; None before the first."""
        found = None
        for row in self._rows.get(key, []):
            if _since(row) <= day:
                found = row
        return found

    def every(self) -> Iterator[Row]:
        """Every version of every row."""
        for key in self.all_keys():
            yield from self._rows[key]

    def days(self, *key: str) -> list[date]:
        """Days from which another version holds."""
        return [row["valid_from"] for row in self.of(*key) if row["valid_from"] is not None]


def _since(row: Row) -> date:
    return row["valid_from"] or date.min
