"""The commission's page about the registry's tables, made from their description.

`python -m registry.page > docs/commission/registry.md` writes it; a test keeps it current.
"""

from collections.abc import Iterator

from registry.tables import TABLES, Column, Kind, Table

_ABOUT = """\
# The registry's tables

Made from `registry/tables.py` by `python -m registry.page`; change it there.

A folder of CSV files (UTF-8, one `NAME.csv` a table, names of the columns in the first row) or a workbook `.xlsx` \
with one sheet a table. Tables and optional columns that are empty may be left out; the order of columns is free.

```
chargewatch registry import ./registry-2023-06
chargewatch registry export registry.xlsx
chargewatch registry export ./before --as-of 2023-07-01T00:00:00+08:00
chargewatch registry history chargers --operator OP1 --id C1
```

- **All or nothing.** If anything is wrong, nothing is stored, every problem is listed (table, row, column, what was \
seen, what was expected; row 1 is the header) and the exit status is 1.
- **Nothing is removed.** A row whose key is new is added; a row whose key is there and whose other cells differ is \
changed; a row that is not in the file stays. Importing the same again changes nothing. To end something, give it its \
last day (`retired_on`, `closed_on`, `removed_on`, …).
- **Nothing is forgotten.** A change is kept as a new version, with who imported it, when, from where and the SHA-256 \
of what was read. `export --as-of` gives what was known at any time, `history` every change with who made it and when.
- **`valid_from`** lets a row hold from that day on, beside the earlier row of the same id; without it a row holds \
since ever. Before its first row an id does not exist.
- Days are days in the time zone of the policy (`--time-zone`, Asia/Shanghai without it). Where a day is asked for, a \
time with an offset is taken too and turned into its day there. `…_from` and `…_on` are the first day that counts, \
`…_until` is the last one; `retired_on`, `closed_on`, `removed_on` are the first day out.
- Ids are letters, digits, `_`, `-`, `.`, at most 50, and unique within their operator. What a row names (its station, \
its charger, …) must be in the file or in the store.
- A district that the policy does not list is outside every scope; it is not an error.
- In a workbook every cell is written as text, so that no digit changes and no cell that begins with `=`, `+`, `-` or \
`@` becomes a formula. CSV cannot say so: open exported CSV files of others as text, not by a double click.
"""


def page() -> str:
    """The whole page, Markdown."""
    return "\n".join([_ABOUT, *(line for table in TABLES for line in _section(table))])


def _section(table: Table) -> Iterator[str]:
    yield f"## `{table.name}`\n"
    yield f"{table.means}. Key: {', '.join(f'`{name}`' for name in table.key)}.\n"
    yield "| column | must be filled | holds | |"
    yield "|---|---|---|---|"
    targets = {reference.columns[1]: reference.table for reference in table.references}
    for column in table.columns:
        means = [column.means] if column.means else []
        if column.name in targets:
            means.append(f"in `{targets[column.name]}`")
        filled = "yes" if column.required else ""
        yield f"| `{column.name}` | {filled} | {_holds(column)} | {'; '.join(means)} |"
    for start, end in table.periods:
        yield f"\n`{end}` may not come before `{start}`."
    yield ""


def _holds(column: Column) -> str:
    if column.kind is Kind.CHOICE:
        return ", ".join(f"`{choice}`" for choice in column.choices)
    return column.expected


if __name__ == "__main__":
    print(page(), end="")
