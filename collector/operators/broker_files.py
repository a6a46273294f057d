"""What mosquitto reads of the operators' accounts: a password file and an access list, in one folder.

Both are written whole from the accounts, each replaced in one step, readable by their owner and the folder's group
(mosquitto's) only. On SIGHUP mosquitto reads them again and closes every connection whose password no longer holds.
"""

import os
import signal
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from chargewatch.errors import CheckFailed, Refusal
from collector.operators.accounts import Account

PASSWORDS, ACCESS = "operators.passwd", "operators.acl"
PREFIX = "operators/"
"""Where the operators' listener puts all topics of its clients (`mount_point` in deploy/mosquitto/production.conf)."""

_MODE = 0o640
_KINDS = ("status", "meter", "session", "heartbeat", "link")


def password_file(accounts: Iterable[Account]) -> str:
    """One line an open account; a suspended one has none and cannot log in."""
    return "".join(f"{one.operator_id}:{one.password_hash}\n" for one in accounts if one.state == "open")


def access_list(accounts: Iterable[Account]) -> str:
    """An operator writes its own five topics and reads nothing.

    A suspended one may not even do that: whom a client certificate lets in needs no password.
    """
    lines = [
        "# Written by `chargewatch operator`; changes made here are lost.",
        *(f"pattern write {PREFIX}ev/1/%u/{kind}" for kind in _KINDS),
    ]
    for one in accounts:
        if one.state != "open":
            lines += ["", f"user {one.operator_id}", "topic deny #"]
    return "\n".join(lines) + "\n"


def write(folder: Path | None, accounts: Iterable[Account]) -> Path:
    """Write both files; gives the folder. Refusal if that cannot be done; then none has changed, or the first alone."""
    if folder is None:
        raise Refusal(
            "CHARGEWATCH_BROKER_DIR is not set", "the folder that the broker reads accounts from", "deploy/README.md"
        )
    accounts = list(accounts)
    # Access first: an account that can log in is never without its list.
    for name, text in ((ACCESS, access_list(accounts)), (PASSWORDS, password_file(accounts))):
        try:
            _replace(folder / name, text)
        except OSError as error:
            raise Refusal(
                f"{folder / name} cannot be written: {error.strerror}", "a folder that this user may write to"
            ) from None
    return folder


def reload(pid_file: Path) -> None:
    """Have mosquitto read its files again; CheckFailed, with what to run, if it cannot be told."""
    try:
        pid = int(pid_file.read_text())
        # A broker that was killed leaves its file behind, and its number may be another's by now.
        if Path(f"/proc/{pid}/comm").read_text().strip() != "mosquitto":
            raise ProcessLookupError(None, "it names another process")
        os.kill(pid, signal.SIGHUP)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise CheckFailed(
            f"The files are written, but the broker has not been told ({pid_file}: {why}), so nothing has changed for "
            "its clients yet. On its host run `systemctl reload mosquitto`, or send mosquitto SIGHUP"
        ) from None


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), _MODE)
            with suppress(PermissionError):
                os.fchown(file.fileno(), -1, path.parent.stat().st_gid)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
