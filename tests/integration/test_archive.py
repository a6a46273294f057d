"""The archive: all that the store has, readable by others, and the same intervals out of it, whoever computes them."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pytest
from distributed import Client, LocalCluster

from chargewatch import database
from registry import snapshot
from tests.commands import Typed
from tests.conftest import Databases
from tests.integration import archived
from tests.integration.archived import City, count
from tests.servers import dies_with_us, end
from tests.small_city import SmallCity, local
from uptime import profile as profiles
from uptime import report, settings
from uptime.archive import layout, manifests, parquet, planning, rebuilding, verifying
from uptime.archive.layout import SERIES
from uptime.archive.opening import Archive
from uptime.archive.storage import Storage
from uptime.states import REASONS, STATES

KILLS = int(os.environ.get("ARCHIVE_KILLS", "1"))


@pytest.fixture(scope="module")
def city(databases: Callable[[str], Databases], tmp_path_factory: pytest.TempPathFactory) -> Iterator[City]:
    server = databases("embedded")
    name = server.fresh(True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CHARGEWATCH_DSN", server.uri(name))
        with pytest.MonkeyPatch.context() as meanwhile:
            meanwhile.setattr(parquet, "_GROUP", 40)  # rows of a row group, so that files have several
            built = archived.build(tmp_path_factory.mktemp("city"))
        yield built
    server.drop(name)


def of_the_store(archive: Archive, profile: str) -> list[tuple[Any, ...]]:
    """Every interval as the store's own facts give it: operator, connector, from, to, state, reason."""
    regime, limits = profiles.load(profile), settings.load()
    found = []
    with database.connect() as connection:
        registry = snapshot.load(connection, archive.head.known.as_of)
        agreed = planning.until(archive.head, None, regime, limits, 0)
        ids = registry.tables["connectors"].drop_duplicates("connector_no").set_index("connector_no")
        as_of = archive.head.known.as_of
        for part in report.parts(connection, registry, agreed.last_day, [(regime, limits)], as_of):
            for one in part.timeline(limits).intervals.itertuples():
                who = ids.loc[one.connector]
                told = (one.from_us, one.to_us, STATES[one.state], REASONS[one.reason])
                found.append((who["operator_id"], who["connector_id"], *told))
    return sorted(found)


def of_files(folder: Path) -> list[tuple[Any, ...]]:
    """The same out of rebuilt files, as DuckDB reads them."""
    return duckdb.execute(
        f"""SELECT operator_id, connector_id, epoch_us("from"), epoch_us("to"), state, reason
        FROM read_parquet('{folder}/intervals/*/*.parquet') ORDER BY ALL"""
    ).fetchall()


def test_others_read_all_that_the_store_has(city: City) -> None:
    with database.connect() as connection:
        for series in SERIES:
            files = f"{city.folder}/archive/facts/{series.name}/*/*/*.parquet"
            found = duckdb.execute(
                f"""SELECT count(*), bool_and(day = CAST(timezone('UTC', "{series.day_by}") AS DATE)),
                  count(DISTINCT bucket) FROM read_parquet('{files}', hive_partitioning = true)"""
            ).fetchone()
            assert found is not None
            assert found[0] == count(connection, series, max(city.archive.head.days)) > 0
            assert found[1]
            assert found[2] > 2
        energy = connection.execute(
            "SELECT sum(energy_kwh) FROM session_fact WHERE started_at < %s",
            [max(city.archive.head.days) + timedelta(days=1)],
        ).fetchone()
    files = f"{city.folder}/archive/facts/session/*/*/*.parquet"
    told = duckdb.execute(
        f"""SELECT sum(coalesce(CAST(exact ->> 'energy_kwh' AS DECIMAL(38, 18)), energy_kwh))
        FROM read_parquet('{files}')"""
    ).fetchone()
    assert energy is not None
    assert told == energy


def test_it_is_complete_and_nothing_that_was_written_has_changed(city: City) -> None:
    seen = verifying.verify(city.archive)
    assert seen.problems == []
    assert seen.rows == sum(
        whole.rows for day in city.archive.head.days for whole in city.archive.day(day).series.values()
    )
    with database.connect() as connection:
        assert list(verifying.complete(city.archive, connection)) == []
        assert list(verifying.complete(city.earlier, connection)) == []
    assert city.archive.head.before == city.earlier.sha256
    generations = {day: named.generation for day, named in city.archive.head.days.items()}
    assert set(generations.values()) == {0, 1}, "only days of which something came in get a further generation"


def computed(archive: Archive, profile: str, into: Path) -> list[planning.Task]:
    """Rebuild in this process, bucket by bucket."""
    regime, limits = profiles.load(profile), settings.load()
    known = archive.known()
    agreed = planning.reporting(known, regime, limits)
    until = planning.until(archive.head, None, regime, limits, int(agreed["interval_us"].max()))
    files = [rows for day in archive.head.days for rows in archive.files(day)]
    job = rebuilding.Job(archive.storage, Storage.at(str(into)), until, regime, limits)
    tasks = planning.tasks(known, agreed, regime, limits, until)
    for task in tasks:
        mine = tuple(one for one in files if task.reads(one))
        rebuilding.compute(job, task, mine, known.buckets[["operator_id", "connector_id"]])
    return tasks


@pytest.mark.parametrize(("profile", "at_once"), [("cn-wenzhou-2022-137", 10**9), ("us-nevi", 1000)])
def test_intervals_are_those_of_the_store(
    city: City, profile: str, at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rebuilding, "AT_ONCE", at_once)  # in one piece, and in many
    tasks = computed(city.archive, profile, tmp_path)
    assert any(len(task.buckets) > 1 for task in tasks), "a connector has moved to another bucket's charger"
    found = of_files(tmp_path)
    rules = {"before_first_status", "status", "silence", "proven_session", "late_good_news", "charger_in_use"}
    assert {row[-1] for row in found} >= rules, "every rule has spoken"
    assert found == of_the_store(city.archive, profile)


def test_what_is_recorded_later_is_written_later_and_the_earlier_head_stays(
    dsn: str, typed: Typed, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    small, archive = SmallCity(tmp_path), str(tmp_path / "archive")
    noon = local(date(2023, 6, 2), 12)
    small.register(commissioned_on="2023-06-01")
    small.ingest(
        small.status(local(date(2023, 6, 1), 1), "available"),
        *small.heartbeats(local(date(2023, 6, 1), 1), local(date(2023, 6, 4), 12)),
    )
    write = ("archive", "write", "--to", archive, "--to-day", "2023-06-05", "--format", "json")
    assert typed(*write).json()[0]["head"] == 0
    first = Archive.at(Storage.at(archive), None)
    small.ingest(small.status(noon, "faulted", "C1-1"), small.session(noon, 2, "7.5", "S1", "100"))
    assert typed(*write).json()[0]["days"] == 5
    newest = Archive.at(Storage.at(archive), None)
    assert {day.day: named.generation for day, named in newest.head.days.items()} == {31: 0, 1: 0, 2: 1, 3: 0, 4: 0}
    assert typed("archive", "verify", archive, "--store", "--format", "json").json()[0]["complete"] == "as of then"
    assert Archive.at(Storage.at(archive), first.head.known.as_of).sha256 == first.sha256
    if "embedded" not in request.node.callspec.id:
        return  # both backends write the same; what follows needs one of them
    found = []
    for one in (first, newest):
        into = tmp_path / str(one.head.number)
        computed(one, profiles.DEFAULT, into)
        found.append(of_files(into))
        assert found[-1] == of_the_store(one, profiles.DEFAULT)
    assert "faulted" not in {row[4] for row in found[0]}
    assert "faulted" in {row[4] for row in found[1]}

    for words, said in (
        (("archive", "write", "--to", archive, "--buckets", "3"), "the archive has 16 buckets"),
        (("archive", "write", "--to", archive, "--to-day", "2099-01-01"), "has not ended in UTC"),
        (("archive", "verify", str(tmp_path / "nothing")), "holds no archive"),
        (("uptime", "rebuild", "--archive", archive), "either --scheduler or --workers"),
        (
            ("uptime", "rebuild", "--archive", archive, "--workers", "1", "--as-of", "2023-06-05"),
            "was not written as of",
        ),
    ):
        refused = typed(*words)
        assert (refused.returncode, said in refused.stderr) == (2, True), refused


def flipped(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def test_a_bit_flipped_and_a_file_missing_are_found(city: City, tmp_path: Path) -> None:
    copy = shutil.copytree(city.folder / "archive", tmp_path / "copy")
    harms = {
        "facts/heartbeat/day=2023-06-01/*/0.parquet": ("was changed", flipped),
        "days/2023-06-02/1.json": ("was changed", flipped),
        "registry/000001/stations.parquet": ("was changed", flipped),
        "facts/status/day=2023-06-01/*/1.parquet": ("is missing", Path.unlink),
        "days/2023-06-03/0.json": ("is missing", Path.unlink),
        "registry/000001/operators.parquet": ("is missing", Path.unlink),
        "heads/000000.json": ("is missing", Path.unlink),
    }
    expected = {}
    for pattern, (seen, harm) in harms.items():
        file = sorted(copy.glob(pattern))[0]
        harm(file)
        expected[str(file.relative_to(copy))] = seen
    (copy / "facts/status/day=2023-06-01/bucket=1/9.parquet").write_bytes(b"put in")
    expected["facts/status/day=2023-06-01/bucket=1/9.parquet"] = "no manifest names it"
    problems = {one.where: one.seen for one in verifying.verify(Archive.at(Storage.at(str(copy)), None)).problems}
    assert set(problems) == set(expected)
    assert {where: problems[where][: len(seen)] for where, seen in expected.items()} == expected


def test_what_is_left_out_with_its_manifests_made_to_fit_is_found_with_the_store(city: City, tmp_path: Path) -> None:
    storage = Storage.at(str(shutil.copytree(city.folder / "archive", tmp_path / "copy")))
    archive = Archive.at(storage, None)
    day = date(2023, 6, 2)
    found = archive.day(day)
    gone, kept = found.files[0], found.files[1:]
    before = archive.day(day, found.generation - 1).series
    sums = {series.name: manifests.whole(kept, before, series.name) for series in SERIES}
    text = manifests.encoded(msgspec.structs.replace(found, files=kept, series=sums))
    storage.write(layout.day_file(day, found.generation), text)
    named = msgspec.structs.replace(archive.head.days[day], sha256=manifests.sha256(text))
    head = msgspec.structs.replace(archive.head, days={**archive.head.days, day: named})
    storage.write(layout.head_file(head.number), manifests.encoded(head))
    (Path(storage.url) / gone.file.path).unlink()
    forged = Archive.at(storage, None)
    assert verifying.verify(forged).problems == [], "by itself it fits together"
    with database.connect() as connection:
        problems = list(verifying.complete(forged, connection))
    assert [one.where for one in problems] == [f"{day} {gone.series}"]


@pytest.fixture
def workers() -> Iterator[Callable[[str], int]]:
    """Starts one more worker process for a scheduler; gives its process id."""
    nursery = subprocess.Popen(
        [*dies_with_us("KILL"), sys.executable, "-m", "tests.integration.dask_workers"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    born: list[int] = []

    def start(address: str) -> int:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        print(address, file=nursery.stdin, flush=True)
        born.append(int(nursery.stdout.readline()))
        return born[-1]

    yield start
    for pid in born:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    for pipe in (nursery.stdin, nursery.stdout):
        assert pipe is not None
        pipe.close()
    end(nursery)


def test_any_number_of_workers_and_the_death_of_one_give_the_same_bytes(
    city: City, workers: Callable[[str], int], typed: Typed, tmp_path: Path
) -> None:
    regime, limits = profiles.load(), settings.load()
    found = {}
    killed = []
    with (
        LocalCluster(n_workers=0, dashboard_address=None, host="127.0.0.1") as cluster,
        Client(cluster) as client,
    ):

        def rebuilt(name: str, **more: Any) -> None:
            into = Storage.at(str(tmp_path / name))
            _, sha256 = rebuilding.rebuild(city.archive, into, client, profile=regime, settings=limits, **more)
            found[name] = {path: into.read(path) for path in sorted(into.listed())}
            assert sha256

        def kill_one(total: int) -> None:
            alive = [one for one in client.processing().items() if one[0] not in killed]
            busy = max(alive, key=lambda one: len(one[1]))
            if len(killed) < KILLS and busy[1]:
                os.kill(pids[busy[0]], signal.SIGKILL)
                killed.append(busy[0])

        for many in (1, 2, 4):
            for _ in range(many - len(client.run(os.getpid))):
                workers(cluster.scheduler_address)
            client.wait_for_workers(many, timeout=30)
            rebuilt(str(many))
        words = ("uptime", "rebuild", "--archive", f"{city.folder}/archive", "--scheduler", cluster.scheduler_address)
        told = typed(*words, "--into", tmp_path / "by command", "--format", "json").json()[0]
        pids = client.run(os.getpid)
        rebuilt("one killed", advance=kill_one)
        assert len(client.run(os.getpid)) == 4 - KILLS
    assert len(killed) == KILLS, "while it had work in hand"
    assert hashlib.sha256((tmp_path / "by command/manifest.json").read_bytes()).hexdigest() == told["sha256"]
    assert (tmp_path / "by command/manifest.json").read_bytes() == found["1"]["manifest.json"]
    assert found["1"] == found["2"] == found["4"] == found["one killed"]
    computed(city.archive, regime.id, tmp_path / "here")
    here = Storage.at(str(tmp_path / "here"))
    assert {path: here.read(path) for path in here.listed()} == {
        path: content for path, content in found["1"].items() if path != "manifest.json"
    }
