"""What was received, sealed in the ledger: a message that is changed afterwards is found on the export alone."""

import gzip
from pathlib import Path

from chargewatch import database
from ledger import store
from tests.commands import Typed
from tests.outsider import checked
from tests.subsidy_world import World, local


def test_a_changed_message_is_found(typed: Typed, embedded_rehearsal_dsn: str, tmp_path: Path) -> None:
    world = World()
    world.prove(world.charger(charger_id="C1", rated_kw_dc=60))
    world.statuses.append(("A", "C1-1", local("2023-06-04"), local("2023-06-04")))
    assert typed("schedule", "--once", "evidence").returncode == 0
    assert typed("registry", "import", world.write_registry(tmp_path / "registry")).returncode == 0
    assert typed("ingest", world.write_capture(tmp_path / "capture.ndjson")).returncode == 0
    assert "3 days issued" in typed("schedule", "--once", "evidence").stderr
    assert "0 days issued; 3 in all" in typed("schedule", "--once", "evidence").stderr
    with database.connect() as conn:
        assert [one.subject for one in store.all_records(conn)] == ["2023-06-01", "2023-06-02", "2023-06-03"]

    export, evidence = tmp_path / "ledger.ndjson", tmp_path / "evidence.ndjson.gz"
    assert typed("ledger", "export", export, "--evidence", evidence).returncode == 0
    nowhere = {"CHARGEWATCH_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}
    call = ("ledger", "verify", export, "--evidence", evidence)
    assert typed(*call, env=nowhere).returncode == 0
    good = gzip.decompress(evidence.read_bytes())
    assert good.count(b"\n") == 2, "the third day had none, and the fourth is not over"
    plain = tmp_path / "evidence.ndjson"
    plain.write_bytes(good)
    assert checked(tmp_path, export, plain) == "3 records and 0 heads hold\n"
    plain.write_bytes(good.replace(b'"seq":0', b'"seq":1', 1))
    assert checked(tmp_path, export, plain).startswith("the evidence of 2023-06-01 does not hold")
    evidence.write_bytes(gzip.compress(good.replace(b'"boot_id":"b"', b'"boot_id":"c"', 1)))
    changed = typed(*call, env=nowhere)
    assert (changed.returncode, "the evidence of 2023-06-0" in changed.stderr) == (1, True)
    assert typed("ledger", "verify", "--evidence", evidence).returncode == 2

    with database.connect() as conn:
        conn.execute("ALTER TABLE message DISABLE TRIGGER ALL")
        conn.execute("UPDATE message SET sha256 = sha256('other') WHERE kind = 'session'")
    assert typed("ledger", "export", export, "--evidence", evidence).returncode == 0
    assert typed("ledger", "verify", export, env=nowhere).returncode == 0
    assert "2023-06-02" in typed(*call, env=nowhere).stderr
