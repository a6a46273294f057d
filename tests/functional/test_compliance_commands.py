"""An inspection as it is typed: draw, look, record what was found, publish; and orders for what was issued."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from tests.commands import Result
from tests.functional.worked import Capture, Registry, beijing

START = beijing("2023-06-01 00:00")


def test_from_a_month_to_a_published_share(
    embedded_rehearsal_dsn: str, chargewatch: Callable[..., Result], tmp_path: Path
) -> None:
    registry, capture = Registry(), Capture()
    registry.operator("A", reporting_interval_min=1440)
    registry.station("A")
    for charger in ("C1", "C2"):
        registry.charger("A", charger, "dc", 60)
        capture.status("A", f"{charger}-1", START, "available", START)
        capture.heartbeats("A", f"{charger}-1", [START + timedelta(days=nth) for nth in range(37)])
    capture.status("A", "C2-1", START + timedelta(days=9), "faulted", START + timedelta(days=9))
    assert chargewatch("registry", "import", registry.write(tmp_path / "registry")).returncode == 0
    assert chargewatch("ingest", capture.write(tmp_path / "capture.ndjson")).returncode == 0

    period = ("--from", "2023-06-01", "--to", "2023-07-01")
    sample = ("compliance", "sample")
    drawn = chargewatch(
        *sample, "draw", *period, "--count", "2", "--seed", "07 12 19 23", "--by", "Office", "--format", "json"
    )
    assert [(one["connector_id"], one["probability"]) for one in drawn.json()] == [("C1-1", "1"), ("C2-1", "1")]
    shown = chargewatch(*sample, "show", "1", "--verify")
    assert (shown.returncode, "drawn again" in shown.stderr) == (0, True)
    assert "seed 07 12 19 23" in shown.stdout
    assert "REHEARSAL" in shown.stdout
    (every,) = chargewatch(*sample, "show", "--format", "json").json()
    assert (every["seed_given"], every["connectors"], every["rehearsal"]) == (True, 2, True)

    visit = ("compliance", "inspect", "record")
    about = ("--operator", "A", "--sample", "1", "--by", "Chen", "--at", "2023-07-07T00:00:00+08:00")
    kwh = ("--energy-kwh", "1.8", "--photo", "IMG_7")
    assert chargewatch(*visit, "C1-1", *about, "--result", "charged", *kwh).returncode == 0
    assert chargewatch(*visit, "C2-1", *about, "--result", "failed").returncode == 0
    refused = chargewatch(*visit, "C2-1", *about, "--result", "failed", "--energy-kwh", "much")
    assert (refused.returncode, "--energy-kwh is 'much'" in refused.stderr) == (2, True)
    shares = {row["figure"]: row for row in chargewatch("compliance", "estimate", "1", "--format", "json").json()}
    assert (shares["works"]["share"], shares["platform wrong"]["share"]) == ("0.500000", "0.000000")
    table = chargewatch("compliance", "estimate", "1", "--show", "agreement", "--format", "csv")
    assert "up,charged,1,1.0\n" in table.stdout
    assert "IMG_7" in chargewatch("compliance", "estimate", "1", "--show", "visits").stdout

    assert chargewatch("schedule", "--once", "report").returncode == 0
    order = ("compliance", "order")
    (issued,) = chargewatch(*order, "issue", "2023-06", "--by", "Office", "--format", "json").json()
    assert (issued["operator_id"], issued["state"]) == ("A", "open")
    assert chargewatch(*order, "issue", "2023-06", "--by", "Office", "--format", "json").json() == []
    assert chargewatch(*order, "remeasure", "--by", "Office").returncode == 0
    decided = chargewatch(*order, "decide", "1", "withdrawn", "--reason", "a contest was granted", "--by", "Chen")
    assert decided.returncode == 0
    assert "a contest was granted" in chargewatch(*order, "show", "1").stdout
    refused = chargewatch(*order, "decide", "1", "settled", "--reason", "again", "--by", "Chen")
    assert (refused.returncode, "nothing: it is over" in refused.stderr) == (2, True)
