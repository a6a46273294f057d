"""The month's result: what the scheduler issued, what the store holds, and the truth beside it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from chargewatch.demo import outcome, workbook
from chargewatch.demo.outcome import Row
from chargewatch.demo.stage import Stage
from chargewatch.errors import Refusal
from chargewatch.instants import to_us
from ledger.store import last
from simulators.truth import Measured, Truth, compare

JOBS = (("availability", "report"), ("statement",))


@dataclass(frozen=True, slots=True)
class Result:
    """Everything that the demo shows, ready to be printed."""

    fates: dict[str, int]
    operators: list[Row]
    stations: list[Row]
    compared: Sequence[Mapping[str, Any]]
    explained: list[Row]
    unexplained: int
    money: list[Row]
    not_awarded: list[Row]
    refused: list[Row]
    ledger: list[str]
    workbook: Path


def gather(here: Stage, truth: Truth, sent: int, first_day: date) -> Result:
    """Have the scheduler's jobs issue the month, then read what was issued; Refusal if an item has no fate."""
    fates = _fates(here)
    if sent != fates["offered"] or fates["offered"] != fates["stored"] + fates["duplicate"] + fates["quarantined"]:
        raise Refusal(
            f"{sent} items were sent, and the store says {fates}", "offered = stored + duplicate + quarantined"
        )
    with ThreadPoolExecutor() as both:  # two processes, for two cores
        for done in [both.submit(here.processes.run, "schedule", *_once(jobs)) for jobs in JOBS]:
            done.result()
    here.processes.run("schedule", *_once(("seal",)))
    month = f"{first_day:%Y-%m}"
    issued = {kind: _issued(here, kind, month) for kind in ("availability", "statement")}
    by_level: dict[str, list[Row]] = defaultdict(list)
    for row in issued["availability"]:
        by_level[row["level"]].append(row)
    bound = {(row["operator_id"], row["id"]) for row in by_level["connector"]}
    compared = compare(truth, _measured(here, truth))
    counted = [row for row in compared if (row["operator_id"], row["connector_id"]) in bound]
    names = _names(here)
    operators = outcome.availability(by_level["operator"], counted, names, "operator_id")
    stations = outcome.availability(by_level["station"], counted, names, "station_id")
    statements = issued["statement"]
    money, differences = outcome.money(statements, names), outcome.differences(compared)
    reasons = outcome.not_awarded(statements)
    refused = outcome.refused(_quarantined(here), truth)
    path = here.folder / f"{month}.xlsx"
    workbook.write(
        path,
        "REHEARSAL: a simulated city, no official figures",
        {
            "operators": operators,
            "stations": stations,
            "differences": differences,
            "subsidies": money,
            "operating": [line for one in statements for line in _lines(one, "operating")],
            "building": [line for one in statements for line in _lines(one, "build")],
            "not awarded": reasons,
            "quarantine": refused,
        },
    )
    return Result(
        fates,
        operators,
        stations,
        compared,
        outcome.explained(differences),
        sum(1 for row in differences if row["cause"] == "none"),
        money,
        outcome.why_not_awarded(reasons),
        refused,
        here.processes.run("ledger", "verify").strip().splitlines(),
        path,
    )


def _once(jobs: Iterable[str]) -> list[str]:
    return [word for job in jobs for word in ("--once", job)]


def _issued(here: Stage, kind: str, month: str) -> list[Row]:
    with here.connect() as connection:
        record = last(connection, kind, month)
    if record is None:
        raise Refusal(
            f"no {kind} of {month} was issued", "the scheduler to issue it", str(here.processes.log("scheduler"))
        )
    rows: list[Row] = json.loads(record.body)
    return rows


def _lines(statement: Mapping[str, Any], part: str) -> list[Row]:
    return [
        {"operator_id": statement["operator_id"], **{name: value for name, value in line.items() if name != "reasons"}}
        for line in statement[part]
    ]


def _fates(here: Stage) -> dict[str, int]:
    names = ("offered", "stored", "duplicate", "quarantined")
    with here.connect() as connection:
        row = connection.execute(
            f"SELECT {', '.join(f'sum({name})' for name in names)} FROM message".encode()
        ).fetchone()
    assert row is not None
    return {name: int(value or 0) for name, value in zip(names, row, strict=True)}


def _measured(here: Stage, truth: Truth) -> list[Measured]:
    with here.connect() as connection:
        rows = connection.execute(
            "SELECT operator_id, connector_id, state, started_at, ended_at FROM service_interval ORDER BY 1, 2, 4"
        ).fetchall()
    return [
        Measured(operator, connector, state, start, end)
        for operator, connector, state, *instants in rows
        for start, end in [[to_us(instant) for instant in instants]]
        if start < truth.to_us
    ]


def _names(here: Stage) -> dict[str, str]:
    with here.connect() as connection:
        return dict(
            connection.execute(
                "SELECT operator_id, name FROM registry_operators"
                " UNION ALL SELECT station_id, name FROM registry_stations"
            ).fetchall()
        )


def _quarantined(here: Stage) -> Counter[str]:
    with here.connect() as connection:
        return Counter(dict(connection.execute("SELECT reason, count(*) FROM quarantine GROUP BY 1").fetchall()))
