"""Law and settings as typed values, also when several threads ask for the first time at once."""

import subprocess
import sys

import pytest

# The program's own types are built once a process: here each turn has a type that nobody has converted to yet.
AT_ONCE = """
import sys, threading
from pathlib import Path
import msgspec
from chargewatch import yamlfile

sys.setswitchinterval(1e-6)
said = {"least": {"value": "5", "note": "n"}, "rules": [{"value": "1", "note": "n"}, {"value": "2", "note": "n"}]}
for turn in range(200):
    part = msgspec.defstruct("Part", [("value", int), ("note", str)], forbid_unknown_fields=True)
    whole = msgspec.defstruct("Whole", [("least", part), ("rules", list[part])], forbid_unknown_fields=True)
    together, found = threading.Barrier(4), []

    def ask():
        together.wait()
        found.append(yamlfile.typed(said, Path("x.yaml"), Path("."), whole, "whole"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.rules[1].value for one in found] == [2] * 4, found
"""


@pytest.mark.timeout(60)
def test_threads_that_load_the_same_kind_first_do_not_crash() -> None:
    done = subprocess.run([sys.executable, "-c", AT_ONCE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
