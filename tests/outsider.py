"""The script of the commission's page, as an outsider runs it: Python and nothing of ours."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs/commission/ledger.md"


def checked(folder: Path, *files: Path) -> str:
    """What the script says of an export, and of its evidence."""
    [script] = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (folder / "check.py").write_text(script)
    program = [sys.executable, "-I", "check.py", *files]  # -I: nothing but the standard library
    done = subprocess.run(program, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout or done.stderr
