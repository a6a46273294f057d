"""One operator floods: the others' lag stays within bounds, it is counted, it would alarm, and it can be ended."""

import contextlib
import re
import subprocess
import sys
from pathlib import Path

from benchmarks import flood
from chargewatch import database
from tests.commands import Command
from tests.integration.production_broker import ProductionBroker, operator, registered, secret
from tests.integration.publishing import collect, wait_until
from tests.integration.scraping import scraped
from tests.servers import free_port, started

ROOT = Path(__file__).resolve().parents[2]
BOUND_S = 15.0
"""Loose: a whole test run goes on beside it. The figure itself is in deploy/README.md, with its command."""


def alarming_items_per_s(connectors: int) -> float:
    """From how many items a second on ChargewatchOperatorFloods fires for an operator of so many connectors."""
    rules = (ROOT / "deploy/prometheus/rules.yml").read_text(encoding="utf-8")
    found = re.search(r"> (\S+) \+ (\S+) \* \(operator:chargewatch_connectors:max", rules)
    assert found
    return float(found[1]) + float(found[2]) * connectors


def test_a_flood_hurts_the_others_within_bounds_and_alarms(city: ProductionBroker, chargewatch: Command) -> None:
    port, limited = free_port(), not flood.why_no_limit()
    with database.connect() as connection:
        for name in ("C", flood.FLOODER):
            registered(connection, name)
        passwords = {name: secret("add", name) for name in (*flood.OTHERS, flood.FLOODER)}
        running = collect(chargewatch, COLLECTOR_METRICS_PORT=str(port))
        seconds = 2.0 if limited else 0.3
        one = flood.measure(city, connection, passwords, "items", seconds, limited=limited)
        assert one.sent_per_s > 1000, "this is a flood"
        assert one.before.messages > 15
        assert one.during.messages > 15, "and none of theirs is missing"
        assert one.during.p99_s < BOUND_S
        counted = scraped(port)[f'chargewatch_items_offered_total{{kind="heartbeat",operator="{flood.FLOODER}"}}']
        assert counted >= one.taken_per_s * seconds > 0
        assert counted / (one.caught_up_s + seconds) > alarming_items_per_s(connectors=10)
        with flood.limit(city.port) if limited else contextlib.nullcontext():
            words = (
                sys.executable, "-m", "benchmarks.flooder", str(city.port), str(city.keys / "ca.crt"), flood.FLOODER,
                passwords[flood.FLOODER], "30", "items", flood.FROM,
            )  # fmt: skip
            with started(*words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as flooder:
                name = f'chargewatch_messages_total{{operator="{flood.FLOODER}"}}'
                before = scraped(port)[name]
                wait_until(lambda: scraped(port)[name] > before, 20)
                operator("suspend", flood.FLOODER)
                said, _ = flooder.communicate(timeout=15)
        assert "cut off" in said
    assert running.terminate() == 0
