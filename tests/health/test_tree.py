"""The tree stays readable, free of machines' names and of law."""

import ast
import re
from pathlib import Path

import pytest

from tests.health.house import ROOT, code, files, module

# Written in two pieces, so that this file does not find itself.
NOT_HERE = {
    "a package registry": r"pypi\.o" r"rg|pythonhosted\.o" r"rg|deb\.debian\.o" r"rg|/simple" r"/",
    "a path of one machine": r"/wo" r"rk/|/ro" r"ot/|/home/[a-z]",
    "work left undone": r"\bTO" r"DO\b|\bFIX" r"ME\b|\bXX" r"X\b|\bHA" r"CK\b",
}
# Rates, thresholds and caps of the regulations that profiles/ and policies/ implement.
LEGAL = {"0.9", "0.90", "0.97", "0.99", "90", "97", "99", "200", "80", "0.10", "0.1", "1.1", "72"}


def text_files() -> list[Path]:
    return files(
        "*.py", "*.md", "*.toml", "*.yaml", "*.yml", "*.json", "*.txt", "*.in", "*.sql", "*.conf", "*.service",
        "Makefile", "run", "Dockerfile*",
    )  # fmt: skip


@pytest.mark.parametrize("what", NOT_HERE)
def test_no_file_names(what: str) -> None:
    pattern = re.compile(NOT_HERE[what])
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in text_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert not found, f"{what}:\n" + "\n".join(found)


def test_requirements_are_hashed_and_without_addresses() -> None:
    for path in files("requirements/*.txt"):
        lines = path.read_text(encoding="utf-8").splitlines()
        pins = [line for line in lines if re.match(r"[a-z]", line)]
        assert pins
        assert all(re.match(r"[a-z0-9._-]+==\S+( ; .+)? \\$", line) for line in pins), path
        assert sum("--hash=sha256:" in line for line in lines) >= len(pins), path
        assert not [line for line in lines if "://" in line or line.startswith("--")], path


def test_files_stay_short() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in files("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long, f"no file over 400 lines; split by thought: {long}"


def test_names_come_from_the_domain() -> None:
    nameless = [name for name in map(module, code()) if set(name.split(".")) & {"utils", "common", "helpers", "core"}]
    assert not nameless, f"name these after what they hold: {nameless}"


def legal_numbers(source: str) -> list[str]:
    """Constants of a source that look like a regulation's number."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and not isinstance(node.value, (bool, bytes)) and str(node.value) in LEGAL:
            found.append(f"line {node.lineno}: {node.value!r}")
    return found


def test_no_legal_number_stands_in_code() -> None:
    decides = [path for path in code() if module(path).split(".")[0] in ("uptime", "subsidy", "compliance", "payments")]
    assert decides
    found = {module(path): seen for path in decides if (seen := legal_numbers(path.read_text(encoding="utf-8")))}
    assert not found, f"law is data, in profiles/ and policies/: {found}"


def test_legal_numbers_are_seen() -> None:
    assert len(legal_numbers("rate = Decimal('0.10')\nif ratio >= 0.9 and kw * 200: pass")) == 3


def test_every_profile_loads() -> None:
    from uptime import profile

    for path in files("uptime/profiles/*.yaml"):
        assert profile.load(path.stem).id == path.stem


def test_every_policy_loads() -> None:
    from subsidy import policy

    for path in files("subsidy/policies/*.yaml"):
        assert policy.load(path.stem).id == path.stem


def test_every_set_of_compliance_rules_loads() -> None:
    from compliance import rules

    for path in files("compliance/rules/*.yaml"):
        assert rules.load(path.stem).id == path.stem
