"""A call starts quickly: what only some commands need is loaded by them."""

import subprocess
import sys

HEAVY = ("pandas", "numpy", "pyarrow", "psycopg", "django", "paho", "msgspec", "apscheduler", "rich.table", "yaml")


def test_the_command_line_loads_nothing_that_only_some_commands_need() -> None:
    loaded = f"import sys, chargewatch.cli; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
