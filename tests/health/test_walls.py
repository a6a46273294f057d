"""The walls stand, and each is seen to fall when somebody climbs it."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.health.house import PACKAGES, PYPROJECT, ROOT, code, module

BIN = Path(sys.executable).parent
CONTRACTS = {contract["id"]: contract for contract in PYPROJECT["tool"]["importlinter"]["contracts"]}
SHELLS = {"facts", "report", "statement", "explain", "job", "commands"} | {
    *(f"archive.{name}" for name in ("bucketing", "commands", "opening", "parquet", "reading", "rebuilding")),
    *(f"archive.{name}" for name in ("storage", "store", "verifying", "writing")),
    "acting",
    "auditing",
    "comparison",
    "contesting",
    "contests",
    "charging",
    "control_commands",
    "decisions",
    "declaration_report",
    "diff",
    "differing",
    "document_commands",
    "document_report",
    "finding_commands",
    "finding_report",
    "surroundings",
    "documenting",
    "doubting",
    "drawing",
    "identifying",
    "inputs",
    "inspecting",
    "inspection_commands",
    "order_commands",
    "ordering",
    "overseeing",
    "oversight_commands",
    "reconciling",
    "reading",
    "regimes",
    "register_readings",
    "running",
    "sample_commands",
    "tracing",
    "truth_report",
    "firsts",
    "keeping",
    "kept",
    "streaming",
    "worlds",
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / "lint-imports", "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_imports_keep_to_the_walls() -> None:
    done = lint(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(CONTRACTS)} kept, 0 broken" in done.stdout, "not every contract was checked"
    looked_at = re.search(r"Analyzed (\d+) files", done.stdout)
    assert looked_at, done.stdout
    assert int(looked_at[1]) >= len(code()) - 1, done.stdout


def test_each_wall_is_seen_to_fall(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for contract in CONTRACTS.values():
        path = tmp_path / Path(*contract["source_modules"][0].split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with path.open("a", encoding="utf-8") as file:
            file.write(f"\nimport {contract['forbidden_modules'][0]}\n")
    done = lint(tmp_path)
    assert done.returncode != 0
    for contract in CONTRACTS.values():
        assert f"{contract['name']} BROKEN" in " ".join(done.stdout.split()), f"nothing guards {contract['id']}"


def test_every_deciding_module_is_declared_pure() -> None:
    decides = {
        name
        for name in map(module, code())
        if (parts := name.split("."))[0] in ("uptime", "subsidy", "compliance", "payments")
        and len(parts) > 1
        and name != "uptime.archive"  # the package: to name it would name its shells, too
        and not {parts[1], ".".join(parts[1:])} & (SHELLS | {"migrations"})
    }
    assert decides
    missing = sorted(decides - set(CONTRACTS["pure"]["source_modules"]))
    assert not missing, f"add to source_modules of the contract `pure` in pyproject.toml: {missing}"


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import time\n\nnow = time.time()\n", "TID251"),
        ("import datetime\n\nnow = datetime.datetime.now(datetime.UTC)\n", "TID251"),
        ("import os\n\nhome = os.environ\n", "TID251"),
        ("def payable() -> int:\n    return 1\n", "D103"),
    ],
)
def test_ruff_sees_clock_environment_and_missing_docstrings(line: str, rule: str) -> None:
    done = subprocess.run(
        [BIN / "ruff", "check", "--no-cache", "--stdin-filename", "uptime/example.py", "-"],
        cwd=ROOT,
        input=line,
        capture_output=True,
        text=True,
        check=False,
    )
    assert rule in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    "command",
    [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=["style", "format", "types"],
)
def test_style_and_types(command: list[str]) -> None:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    if command[0] == "mypy":
        looked_at = re.search(r"in (\d+) source files", done.stdout)
        assert looked_at, done.stdout
        assert int(looked_at[1]) >= len(code()), done.stdout
