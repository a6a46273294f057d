"""What the health tests look at: the files of the house as they stand in the tree."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = PYPROJECT["tool"]["importlinter"]["root_packages"]
NOT_OURS = {"build", "dist", "__pycache__", "node_modules"}


def files(*patterns: str) -> list[Path]:
    """Files of the tree that match, without what is installed, cached or generated; never none."""
    found = [
        path
        for pattern in patterns
        for path in sorted(ROOT.rglob(pattern))
        if path.is_file() and not _elsewhere(path.relative_to(ROOT))
    ]
    assert found, f"no file matches {patterns}: this guard guards nothing"
    return found


def code() -> list[Path]:
    """Python files of the program, without its tests."""
    found = [path for path in files("*.py") if path.relative_to(ROOT).parts[0] in PACKAGES]
    assert len(found) >= len(PACKAGES), "the packages are not where this guard looks for them"
    return found


def module(path: Path) -> str:
    """Dotted name of a Python file."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _elsewhere(path: Path) -> bool:
    return any(part in NOT_OURS or (part.startswith(".") and part != ".ci") for part in path.parts)
