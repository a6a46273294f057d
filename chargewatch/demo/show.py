"""What people came for, on the terminal."""

from collections.abc import Sequence

from chargewatch.demo.outcome import Row
from chargewatch.demo.result import Result
from chargewatch.output import Format, emit

RIGHT = (
    *("measured", "true", "at most", "connectors", "below", "pending", "out > 7 days"),
    *("intervals", "hours", "items", "spoilt on purpose", "chargers", "awards", "building yuan", "kWh admitted"),
    *("held", "rejected", "operating yuan", "total yuan"),
)


def show(result: Result, seconds: float) -> None:
    """Print the month: availability, what explains it, money, quarantine, the record, and where the rest is."""
    print("\nREHEARSAL: a simulated city. No figure below is official.\n")
    _table("Availability of public chargers in June 2023 (137-七: at least 90 %), by operator", result.operators)
    _table("The same, by station", result.stations)
    print(
        '"true" is what only the simulator knows, of the same connectors; "at most" takes missing data for service.\n'
        'Verdict "pending": missing data alone decides. Below them, connectors that fail, are pending, or were out of\n'
        "service for more than 7 days on end, so that no mean hides a dead site.\n"
    )
    undisturbed = [row for row in result.compared if not row["disturbed"]]
    exact = sum(1 for row in undisturbed if not row["differences"])
    print(
        f"All messages of {len(undisturbed)} of {len(result.compared)} connectors came, in time and by a right clock: "
        f"{exact} of them were measured\nexactly as they truly were, to the microsecond. The others:\n"
    )
    _table("Where measured and true differ, and why", result.explained)
    print(f"Differences without an explanation: {result.unexplained}.\n")
    _table("Subsidies of June 2023 (137-六)", result.money)
    print(
        "A building subsidy is due in the month in which its last condition was met: here, that first data came in.\n"
        '"held" energy waits for somebody to look at a finding; nothing is paid for it until then.\n'
    )
    _table("Chargers without a building subsidy, and why", result.not_awarded)
    _table("Quarantined: refused at the door, original bytes kept", result.refused)
    fates = result.fates
    print(
        f"{fates['offered']} items offered = {fates['stored']} stored + {fates['duplicate']} duplicate "
        f"+ {fates['quarantined']} quarantined.\n"
    )
    print("Ledger: " + " ".join(result.ledger))
    print(f"XLSX with every row and each differing interval: {result.workbook}")
    print(f"From message to yuan in {seconds:.0f} s. It was a rehearsal.\n", flush=True)


def _table(title: str, rows: Sequence[Row]) -> None:
    emit(rows, Format.table, title=title, right=RIGHT)
    print()
