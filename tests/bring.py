"""Brings what the tests need beside Python: mosquitto, promtool, a Debian 13 root with PostgreSQL 17 and TimescaleDB.

Run by `make test` before pytest. Only root on Debian or Ubuntu may bring anything; elsewhere it says which tests will
be left out. With CI set nothing may be left out: what is missing then is a failure. Standard library only.
"""

import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

CACHE = Path(os.environ.get("CHARGEWATCH_TEST_CACHE") or "/var/cache/chargewatch-tests")
TRIXIE = CACHE / "trixie"
PROMETHEUS = CACHE / "prometheus"  # the package unpacked, not installed: only its promtool is wanted
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
POSTGRES = "/usr/lib/postgresql/17/bin"  # inside the root


def find_mosquitto() -> str | None:
    """The broker's program, also where /usr/sbin is not on the path."""
    return shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def why_no_broker() -> str:
    """Why tests with a real broker cannot run here; empty if they can."""
    return "" if find_mosquitto() else "mosquitto is not installed"


def why_no_timescale() -> str:
    """Why tests on TimescaleDB cannot run here; empty if they can."""
    if not (TRIXIE / "complete").exists():
        return "there is no Debian 13 root with TimescaleDB (made by `make test` as root on Debian or Ubuntu)"
    if os.geteuid() != 0:
        return f"only root may chroot into {TRIXIE}"
    return ""


def why_no_promtool() -> str:
    """Why the Prometheus configuration cannot be checked here; empty if it can."""
    return "" if shutil.which("promtool", path=tools_path()) else "promtool is not installed"


def tools_path() -> str:
    """The search path with the tools that were brought."""
    return f"{os.environ.get('PATH', '')}:{PROMETHEUS / 'usr/bin'}"


def ci() -> bool:
    """Whether this run may leave nothing out."""
    return os.environ.get("CI", "").lower() not in ("", "0", "false")


def main() -> int:
    """Bring what may be brought, then say what is missing."""
    may = os.geteuid() == 0 and shutil.which("apt-get") is not None
    if may:
        CACHE.mkdir(parents=True, exist_ok=True)
        with _alone():
            if why_no_broker():
                _bring_mosquitto()
            if why_no_promtool():
                _bring_promtool()
            if why_no_timescale():
                _bring_trixie()
    missing = [
        (why, tests)
        for why, tests in (
            (why_no_broker(), "tests with a real broker"),
            (why_no_promtool(), "the check of Prometheus's configuration"),
            (why_no_timescale(), "tests on TimescaleDB (they run on the embedded PostgreSQL only)"),
        )
        if why
    ]
    for why, tests in missing:
        print(f"left out: {tests}, because {why}.", file=sys.stderr)
    if missing and not may:
        print("`make test` brings them when it is run as root on Debian or Ubuntu.", file=sys.stderr)
    if missing and ci():
        print("CI is set: nothing may be left out.", file=sys.stderr)
        return 1
    return 0


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _apt(*packages: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    for command in (install, ["apt-get", "update", "-q"], install):
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if command is install and done.returncode == 0:
            return True
    print(f"apt-get could not install {' '.join(packages)}: {done.stderr.strip()[-500:]}", file=sys.stderr)
    return False


def _bring_mosquitto() -> None:
    print("installing mosquitto …", file=sys.stderr)
    # Debian starts it on port 1883 when it is installed. We did not come to run a service on this machine.
    if _apt("mosquitto") and shutil.which("systemctl"):
        for command in (["systemctl", "disable", "--now", "mosquitto"], ["service", "mosquitto", "stop"]):
            subprocess.run(command, capture_output=True, check=False)


def _bring_promtool() -> None:
    print("unpacking promtool …", file=sys.stderr)
    shutil.rmtree(PROMETHEUS, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as half:
        for command in (["apt-get", "update", "-q"], ["apt-get", "download", "-q", "prometheus"]):
            done = subprocess.run(command, cwd=half, capture_output=True, text=True, check=False)
        packages = list(Path(half).glob("prometheus_*.deb"))
        if not packages:
            print(f"apt-get could not download prometheus: {done.stderr.strip()[-500:]}", file=sys.stderr)
            return
        subprocess.run(["dpkg-deb", "-x", packages[0], f"{half}/unpacked"], check=True)
        Path(half, "unpacked").chmod(0o755)
        Path(half, "unpacked").rename(PROMETHEUS)


def _bring_trixie() -> None:
    print("making a Debian 13 root with PostgreSQL 17 and TimescaleDB (once; a minute, 700 MB) …", file=sys.stderr)
    if not (shutil.which("debootstrap") and KEYRING.exists()) and not _apt("debootstrap", "debian-archive-keyring"):
        return
    half = TRIXIE.with_suffix(".half")
    shutil.rmtree(half, ignore_errors=True)
    shutil.rmtree(TRIXIE, ignore_errors=True)
    packages = "postgresql-17,postgresql-17-timescaledb"
    log = CACHE / "debootstrap.log"
    with log.open("w") as output:
        made = subprocess.run(
            ["debootstrap", "--variant=minbase", f"--include={packages}", "trixie", str(half)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    if made.returncode != 0 or not (half / POSTGRES.lstrip("/") / "postgres").exists():
        print(f"debootstrap failed, see {log}: {log.read_text(errors='replace').strip()[-500:]}", file=sys.stderr)
        return
    shutil.rmtree(half / "var/cache/apt", ignore_errors=True)
    (half / "complete").touch()
    half.rename(TRIXIE)


if __name__ == "__main__":
    sys.exit(main())
