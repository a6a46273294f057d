"""The demo, as a newcomer runs it: a smaller city, the same path."""

import fcntl
import os
import re
import signal
from pathlib import Path

import openpyxl
import psutil
import pytest

from tests.commands import Command

pytestmark = pytest.mark.slow


def serving(home: Path) -> list[str]:
    """Processes that were started for this home or name it."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(home) in words or str(home) in (process.info["environ"] or {}).get("CHARGEWATCH_DSN", ""):
            found.append(words)
    return found


@pytest.mark.timeout(600)
def test_a_month_from_message_to_yuan(chargewatch: Command, home: Path) -> None:
    done = chargewatch("demo", "--stations", "6", timeout=500)
    assert done.returncode == 0, done.stderr
    assert "REHEARSAL" in done.stdout
    assert "Differences without an explanation: 0." in done.stdout
    came = re.search(r"All messages of (\d+) of (\d+) connectors came.*?: (\d+) of them", done.stdout)
    assert came, done.stdout
    assert 0 < int(came[1]) == int(came[3])
    fates = re.search(r"(\d+) items offered = (\d+) stored \+ (\d+) duplicate \+ (\d+) quarantined", done.stdout)
    assert fates, done.stdout
    offered, stored, duplicate, quarantined = map(int, fates.groups())
    assert offered == stored + duplicate + quarantined
    assert min(stored, duplicate, quarantined) > 0
    assert re.search(r"YANDANG .* fail ", done.stdout), "the city has an operator that fails"
    assert re.search(r"OUJIANG .* pass ", done.stdout), "and one that does not"
    workbook = openpyxl.load_workbook(home / "demo" / "2023-06.xlsx", read_only=True)
    assert {"operators", "stations", "differences", "subsidies", "quarantine"} <= set(workbook.sheetnames)
    assert "REHEARSAL" in str(workbook["operators"]["A1"].value)
    workbook.close()
    assert serving(home) == []


def test_a_stopped_demo_leaves_nothing_running(chargewatch: Command, home: Path) -> None:
    demo = chargewatch.start("demo", "--stations", "4")
    demo.wait_for("collector and scheduler are running", 90)
    assert len(serving(home)) > 3
    os.kill(demo.process.pid, signal.SIGINT)
    assert demo.wait(60) == 130
    assert "Traceback" not in demo.said
    assert serving(home) == []


def test_a_demo_whose_collector_dies_says_so_and_ends(chargewatch: Command, home: Path) -> None:
    demo = chargewatch.start("demo", "--stations", "4")
    demo.wait_for("collector and scheduler are running", 90)
    collectors = [
        process
        for process in psutil.process_iter(["cmdline"])
        if (process.info["cmdline"] or [])[-1:] == ["collect"]
        and str(home) in process.environ().get("CHARGEWATCH_DSN", "")
    ]
    assert collectors
    for process in collectors:
        process.kill()
    assert demo.wait(120) == 2
    assert "collector ended with status" in demo.said
    assert serving(home) == []


def test_two_demos_in_one_home_are_refused(chargewatch: Command, home: Path) -> None:
    (home / "demo").mkdir()
    with (home / "demo" / "demo.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        done = chargewatch("demo")
    assert done.returncode == 2
    assert "a demo is running" in done.stderr
