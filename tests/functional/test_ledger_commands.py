"""The ledger's commands as typed, and the script with which an outsider checks an export without us."""

import gzip
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chargewatch.database import connect
from ledger import store
from tests.commands import Typed

PAGE = Path(__file__).parents[2] / "docs/commission/ledger.md"


@pytest.fixture
def filled(embedded_dsn: str) -> str:
    with connect() as conn:
        for subject, ratio in (("2023-05", "0.93"), ("2023-06", "0.95"), ("2023-06", "0.89")):
            body = [{"level": "operator", "id": "温州", "operator_id": "温州", "ratio": ratio}]
            as_of = datetime(2023, 7, 16, tzinfo=UTC)
            store.issue(conn, kind="availability", subject=subject, body=body, as_of=as_of)
        until = datetime.now(UTC)
        store.seal(conn, until.date(), until)
    return embedded_dsn


def test_list_and_show(filled: str, typed: Typed) -> None:
    listed = typed("ledger", "list", "--format", "json").json()
    assert [(row["seq"], row["subject"], row["supersedes"]) for row in listed] == [
        (1, "2023-05", None),
        (2, "2023-06", None),
        (3, "2023-06", 2),
    ]
    assert typed("ledger", "list", "--kind", "statement", "--format", "json").json() == []
    shown = typed("ledger", "show", "3").json()
    assert shown["body"][0]["ratio"] == "0.89"
    assert shown["difference"]["changes"][0]["before"] == "0.95"
    missing = typed("ledger", "show", "4")
    assert missing.returncode == 2
    assert "no record 4" in missing.stderr


@pytest.mark.parametrize("name", ["ledger.ndjson", "ledger.ndjson.gz"])
def test_an_export_verifies_alone_and_a_changed_one_names_the_record(
    filled: str, typed: Typed, tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    assert typed("ledger", "export", file).returncode == 0
    first = file.read_bytes()
    assert typed("ledger", "export", file).returncode == 0
    assert file.read_bytes() == first  # the same ledger, the same bytes
    nowhere = {"CHARGEWATCH_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}
    held = typed("ledger", "verify", file, env=nowhere)
    assert (held.returncode, held.stdout.startswith("3 records and 1 heads hold")) == (0, True)

    lines = gzip.decompress(first) if name.endswith(".gz") else first
    bad = lines.replace(b'\\"ratio\\":\\"0.95\\"', b'\\"ratio\\":\\"0.96\\"', 1)
    assert bad != lines
    file.write_bytes(gzip.compress(bad) if name.endswith(".gz") else bad)
    failed = typed("ledger", "verify", file, env=nowhere)
    assert failed.returncode == 1
    assert "record 2: body_sha256" in failed.stderr


def test_the_store_verifies_and_a_head_kept_outside_is_held_against_it(filled: str, typed: Typed) -> None:
    held = typed("ledger", "verify")
    assert held.returncode == 0
    head = held.stdout.split(" is ")[1].strip()
    assert re.fullmatch(r"3:[0-9a-f]{64}", head)
    assert typed("ledger", "verify", "--head", head).returncode == 0
    wrong = typed("ledger", "verify", "--head", "3:" + "0" * 64)
    assert (wrong.returncode, "records 1 to 3" in wrong.stderr) == (1, True)
    assert typed("ledger", "verify", "--head", "three").returncode == 2

    with connect() as conn:
        conn.execute("ALTER TABLE ledger_record DISABLE TRIGGER ALL")
        conn.execute("UPDATE ledger_record SET as_of = as_of + interval '1 day' WHERE seq = 2")
    failed = typed("ledger", "verify")
    assert failed.returncode == 1
    assert "record 2: hash" in failed.stderr


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 1), (b"\x1f\x8b cut", 1), (b"not json\n", 1), (b"[]\n", 1), (b"[[[[" * 50_000, 1), (None, 2)],
)
def test_a_file_that_is_no_export_ends_in_a_sentence(
    typed: Typed, tmp_path: Path, content: bytes | None, status: int
) -> None:
    file = tmp_path / "ledger.ndjson"
    if content is not None:
        file.write_bytes(content)
    result = typed("ledger", "verify", file)
    assert (result.returncode, result.stdout) == (status, "")
    assert result.stderr.startswith("chargewatch: ")


def test_an_unreachable_folder_or_database_ends_in_a_sentence(filled: str, typed: Typed, tmp_path: Path) -> None:
    assert typed("ledger", "export", tmp_path / "no" / "where").returncode == 2
    nowhere = {"CHARGEWATCH_DSN": "postgresql://nobody@127.0.0.1:1/nothing"}
    assert typed("ledger", "list", env=nowhere).returncode == 2


def test_the_script_in_the_commissions_page_checks_an_export(filled: str, typed: Typed, tmp_path: Path) -> None:
    [script] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "check.py").write_text(script)
    file = tmp_path / "ledger.ndjson"
    typed("ledger", "export", file)

    def check(data: bytes) -> "subprocess.CompletedProcess[str]":
        file.write_bytes(data)
        program = [sys.executable, "-I", "check.py", file]  # -I: nothing but the standard library
        return subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)

    good = file.read_bytes()
    assert check(good).stdout == "3 records and 1 heads hold\n"
    for old, new in (
        (b"0.95", b"0.96"),
        (b'"supersedes":2', b'"supersedes":1'),
        (b'"seq":2', b'"seq":4'),
        (b'"records":3', b'"records":2'),
        (b'"last_seq":3', b'"last_seq":2'),
        (b'"tree_head":"', b'"tree_head":"0'),
    ):
        assert old in good
        assert check(good.replace(old, new, 1)).returncode != 0, old
    lines = good.splitlines(keepends=True)
    assert check(b"".join([lines[0], lines[2], lines[1], *lines[3:]])).returncode != 0
    assert json.loads(lines[0])["records"] == 3
