"""What the documents say exists: links, commands, targets."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.health.house import ROOT, files

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
TARGETS = re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)


def code_lines(path: Path) -> list[str]:
    """Lines of a document's fenced code."""
    blocks = re.findall(r"^```[a-z]*\n(.*?)^```", path.read_text(encoding="utf-8"), re.M | re.S)
    return [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]


def anchors(path: Path) -> set[str]:
    """Anchors of a document's headings, as forges make them."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_resolve() -> None:
    broken, seen = [], 0
    for path in files("*.md"):
        for link in LINK.findall(path.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", link):
                continue
            seen += 1
            name, _, anchor = link.partition("#")
            target = (path.parent / name).resolve() if name else path
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{path.relative_to(ROOT)}: {link}")
    assert seen, "no document links to another: this guard guards nothing"
    assert not broken, broken


def test_paths_that_documents_name_exist() -> None:
    """A path in backticks that begins with one of our folders names something that is there."""
    missing, seen = [], 0
    for path in files("*.md"):
        for name in re.findall(
            r"`((?:docs|deploy|tests|requirements|uptime|subsidy|simulators|registry)/[\w./-]+)`",
            path.read_text(encoding="utf-8"),
        ):
            seen += 1
            if not (ROOT / name).exists():
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    assert seen
    assert not missing, missing


def test_make_explains_itself() -> None:
    everything = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert everything == TARGETS, "each target has a `## sentence`"
    assert 5 <= len(TARGETS) <= 20
    done = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert all(f"make {target}" in done.stdout for target in TARGETS)


def test_targets_that_documents_name_exist() -> None:
    named = {
        target for path in files("*.md") for line in code_lines(path) for target in re.findall(r"^make ([a-z-]+)", line)
    }
    assert {"demo", "test"} <= named
    assert named <= set(TARGETS)


def test_both_readmes_name_the_same_commands() -> None:
    english, chinese = (
        {line for line in code_lines(ROOT / name) if re.match(r"(make|chargewatch|\.venv/bin/chargewatch) ", line)}
        for name in ("README.md", "README.zh-CN.md")
    )
    strip = re.compile(r"\s+#.*$")
    assert {strip.sub("", line) for line in english} == {strip.sub("", line) for line in chinese}


def named_commands() -> list[str]:
    """`chargewatch …` as documents show it in code: the words before the first option or argument."""
    found = set()
    for path in files("README*.md", "docs/**/*.md", "deploy/*.md", "CONTRIBUTING.md"):
        for line in code_lines(path):
            words = re.match(r"(?:\S*=\S+ )*(?:\S*/)?chargewatch((?: [a-z]+)+)", line)
            if words:
                found.add(words[1].strip())
    return sorted(found)


def test_some_document_shows_commands() -> None:
    assert "migrate" in named_commands()


@pytest.mark.parametrize("words", named_commands())
def test_commands_that_documents_show_exist(words: str) -> None:
    program = Path(sys.executable).parent / "chargewatch"
    done = subprocess.run([program, *words.split()[:2], "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_ci_runs_the_command_that_the_readme_names() -> None:
    assert "make test" in code_lines(ROOT / "README.md")
    assert "exec make test" in (ROOT / ".ci/run").read_text(encoding="utf-8")
