"""The Python example of the page for operators, run as it stands against a real broker and collector."""

import re
import subprocess
import sys
import time
from pathlib import Path

from chargewatch import database
from tests.commands import Command
from tests.integration.collecting import totals
from tests.servers import Broker

PAGE = Path(__file__).parents[2] / "docs" / "operators" / "index.md"


def test_the_python_example_is_stored(embedded_dsn: str, broker: Broker, chargewatch: Command) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.S)
    assert "1883" in example
    with database.connect() as connection:
        connection.execute(
            "INSERT INTO connector_keys (operator_id, connector_id) VALUES ('OP1', 'OP1-01-1'), ('OP1', 'OP1-01-2')"
        )
        running = chargewatch.start("collect")
        running.wait_for("Collecting from")
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", example.replace("1883", str(broker.port))],
            capture_output=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        deadline = time.monotonic() + 30
        while len(totals(connection)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert totals(connection) == {("OP1", "status"): (1, 1, 0, 0), ("OP1", "heartbeat"): (2, 2, 0, 0)}
        assert connection.execute("SELECT state FROM link_event").fetchall() == [("ready",)]
        assert running.terminate() == 0
