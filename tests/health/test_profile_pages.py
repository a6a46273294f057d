"""The reference page of each profile says what the profile and its cases say."""

import pytest
import yaml

from tests.health.house import ROOT
from uptime import page, profile

PAGES = ROOT / "docs" / "commission" / "profiles"
PROFILES = sorted(path.stem for path in profile.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", PROFILES)
def test_the_page_is_the_one_that_is_generated(name: str) -> None:
    loaded = profile.load(name)
    files = sorted((ROOT / "tests" / "spec" / loaded.source.clause).glob("*.yaml"))
    assert files, "no cases"
    cases = {file.stem: yaml.safe_load(file.read_text(encoding="utf-8")) for file in files}
    written = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    assert written == page.page(loaded, cases), "run `make profile-pages`"


def test_no_page_is_without_a_profile() -> None:
    assert sorted(path.stem for path in PAGES.glob("*.md")) == PROFILES
