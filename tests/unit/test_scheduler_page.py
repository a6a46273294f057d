"""The page for operations says what the table of jobs says."""

import re
from pathlib import Path

from scheduler.jobs import JOBS

PAGE = (Path(__file__).parents[2] / "docs/operations/scheduler.md").read_text()


def test_the_page_lists_every_job_with_its_pace() -> None:
    listed = re.findall(r"^\| `(\w+)` \| (\d+) (min|h) \|", PAGE, re.MULTILINE)
    paces = [(name, int(number) * {"min": 60, "h": 3600}[unit]) for name, number, unit in listed]
    assert paces == [(job.name, job.every_s) for job in JOBS]


def test_the_page_names_every_metric() -> None:
    from scheduler.metrics import REGISTRY

    names = {metric.name for metric in REGISTRY.collect()}
    assert len(names) > 10
    for name in names:
        assert f"`{name}" in PAGE or f"`{name}_total" in PAGE or f"`{name}_info" in PAGE, name
