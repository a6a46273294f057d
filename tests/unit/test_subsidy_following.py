"""Policies that follow another one: what they state, what they take over, and how a wrong one is refused."""

from pathlib import Path

import pytest

from chargewatch.errors import Refusal
from subsidy.policy import FOLDER, Policy, load

HEAD = """id: {id}
follows: {follows}
programme: {programme}
validity: {{first_day: {first}, last_day: {last}, clause: example}}
title: a test
document: none
issuer: nobody
issued_on: 2023-12-01
"""


def write(folder: Path, own: str = "", /, **head: str) -> Path:
    told = {"follows": "cn-wenzhou-2022-137", "programme": "p", "first": "2022-01-01", "last": "2023-12-31", **head}
    path = folder / f"{told.setdefault('id', 'one')}.yaml"
    path.write_text(HEAD.format(**told) + own, encoding="utf-8")
    return path


def test_a_county_takes_over_all_but_its_districts() -> None:
    city, county = load(), load("cn-wenzhou-yueqing-example")
    assert county.districts.values == ("yueqing",)
    assert (county.build, county.operating, county.findings) == (city.build, city.operating, city.findings)
    assert (county.follows, county.programme) == ("cn-wenzhou-2022-137", "cn-wenzhou-yueqing")
    assert county.sha256 != city.sha256


def test_a_later_year_follows_the_version_before_it_day_by_day() -> None:
    before, later = load(), load("cn-wenzhou-2024-example")
    assert later.programme == before.programme
    assert (later.validity.first_day - before.validity.last_day).days == 1
    assert (later.build.rates.dc.value, before.build.rates.dc.value) == (150, 200)
    assert later.build.hybrid == before.build.hybrid


def test_a_statement_is_replaced_with_its_clause_and_its_note(tmp_path: Path) -> None:
    path = write(tmp_path, "districts: {values: [yueqing], clause: another}\nbuild: {ours: another}\n")
    policy = load(str(path))
    assert (policy.districts.clause, policy.districts.ours) == ("another", ""), "a note made for other districts stayed"
    assert policy.build.ours == "another"
    assert policy.build.rates == load().build.rates


def test_the_digest_is_that_of_the_whole(tmp_path: Path) -> None:
    policy = load(str(write(tmp_path)))
    before = (FOLDER / "cn-wenzhou-2022-137.yaml").read_text(encoding="utf-8")
    (tmp_path / "cn-wenzhou-2022-137.yaml").write_text(before.replace("value: 60,", "value: 61,"), encoding="utf-8")
    other = load(str(tmp_path / "one.yaml"))
    assert other.findings.overlap.longer_than.value == 61, "the file beside it is the one that it follows"
    assert other.sha256 != policy.sha256


def test_a_file_may_follow_one_that_follows(tmp_path: Path) -> None:
    write(tmp_path, "districts: {values: [yueqing], clause: x}\n", id="county")
    rates = "operating: {rate: {value: '0.05', unit: yuan/kWh, clause: x}}\n"
    path = write(tmp_path, rates, id="later", follows="county", programme="q")
    policy: Policy = load(str(path))
    assert (policy.districts.values, str(policy.operating.rate.value)) == (("yueqing",), "0.05")
    assert policy.build == load().build


@pytest.mark.parametrize(
    ("own", "head", "words"),
    [
        ("operating: {rates: {value: 1, unit: yuan/kWh, clause: x}}\n", {}, ["rates", "unknown field"]),
        ("operating: {rate: {value: 1, unit: yuan, clause: x}}\n", {}, ["operating.rate", "yuan/kWh"]),
        ("operating: {rate: {value: 1, clause: x}}\n", {}, ["operating.rate", "unit"]),
        ("", {"first": "2022-02-30"}, ["validity.first_day", "2022-02-30"]),
        ("", {"first": "2022-02-01"}, ["build.window", "not within the validity"]),
        ("", {"last": "2023-12-30"}, ["build.window", "not within the validity"]),
        ("", {"last": "9999-12-31"}, ["9999-12-31", "a year from"]),
        ("", {"follows": "nobody"}, ["nobody"]),
        ("", {"follows": "one"}, ["follows one"]),
        ("categories: {values: [publik], clause: x}\n", {}, ["publik", "dedicated"]),
        ("districts: {values: [Yueqing], clause: x}\n", {}, ["districts.values", "Yueqing"]),
        ("districts: {values: [yueqing, yueqing], clause: x}\n", {}, ["yueqing", "twice"]),
    ],
)
def test_a_wrong_one_is_refused(tmp_path: Path, own: str, head: dict[str, str], words: list[str]) -> None:
    with pytest.raises(Refusal) as refused:
        load(str(write(tmp_path, own, **head)))
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize("name", ["id", "programme", "validity", "title", "document", "issuer", "issued_on"])
def test_it_borrows_nobodys_number(tmp_path: Path, name: str) -> None:
    path = write(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith(name)), encoding="utf-8")
    with pytest.raises(Refusal, match=f"no {name} of its own"):
        load(str(path))


@pytest.mark.parametrize(
    ("first", "programme", "refused"),
    [
        ("2024-01-01", "p", False),
        ("2023-12-31", "p", True),
        ("2023-12-31", "q", False),  # another programme beside it
    ],
)
def test_versions_of_one_programme_have_no_day_in_common(
    tmp_path: Path, first: str, programme: str, refused: bool
) -> None:
    write(tmp_path, id="before")
    days = f"{{first_day: {first}, last_day: 2024-12-31, clause: x}}"
    own = f"build: {{window: {days}}}\noperating: {{window: {days}}}\n"
    path = write(tmp_path, own, id="later", first=first, last="2024-12-31", programme=programme)
    if not refused:
        assert load(str(path)).validity.first_day.isoformat() == first
        return
    for each in (path, tmp_path / "before.yaml"):
        with pytest.raises(Refusal, match="its validity meets that of"):
            load(str(each))
