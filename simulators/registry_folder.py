"""Registry tables (contract 3) into a folder of CSV files."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from chargewatch.errors import Refusal

Row = Mapping[str, object]


def write(tables: Mapping[str, Sequence[Row]], folder: Path) -> None:
    """Write each table as `NAME.csv`, columns as in its first row; an empty table is not written.

    Raises Refusal where the folder cannot be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, rows in tables.items():
            if not rows:
                continue
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
                writer.writeheader()
                writer.writerows(rows)
    except OSError as error:
        raise Refusal(f"the registry folder {folder} cannot be written: {error.strerror}") from None
