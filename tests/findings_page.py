"""Renews the table of rules in docs/commission/findings.md: `python -m tests.findings_page`."""

from pathlib import Path

from subsidy.findings.page import renewed
from subsidy.policy import load

PAGE = Path(__file__).parent.parent / "docs" / "commission" / "findings.md"

if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text(encoding="utf-8"), load()), encoding="utf-8")
