"""The operators' accounts at the broker: one an operator, its user name the operator_id.

What was done to an account is kept as an append-only history, with the hash of its secret as mosquitto stores it. The
broker's files are made from it (`collector.operators.broker_files`), on as many hosts as there are brokers.
"""

import hashlib
import re
import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime

import msgspec
import psycopg

from chargewatch.errors import Refusal

_SECRET_BYTES = 24
_SALT_BYTES = 12
# mosquitto's own count. It verifies on its only thread, at every login and for every client at every reload; stretching
# protects guessable secrets, and ours are 192 random bits.
_ITERATIONS = 101
# Client ids at the broker are of one space: an operator's is its operator_id, the platform's begin with this.
RESERVED = "chargewatch"
_USER_NAME = re.compile(r"[A-Za-z0-9_.-]+")


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """One operator's account as its history has made it."""

    operator_id: str
    state: str
    """`open` or `suspended`."""
    state_since: datetime
    state_by: str
    opened_at: datetime
    opened_by: str
    secret_since: datetime
    secret_by: str
    password_hash: str


class Entry(msgspec.Struct, frozen=True):
    """One line of the history."""

    operator_id: str
    action: str
    password_hash: str | None
    recorded_at: datetime
    recorded_by: str


def new_secret() -> str:
    """A secret for a new account: letters and digits, so that no shell and no URL changes it."""
    return secrets.token_hex(_SECRET_BYTES)


def hashed(secret: str, salt: bytes | None = None) -> str:
    """The secret as mosquitto's password file has it: `$7$`, PBKDF2 with SHA-512 (mosquitto_passwd(1))."""
    salt = secrets.token_bytes(_SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", secret.encode(), salt, _ITERATIONS)
    return f"$7${_ITERATIONS}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def fold(entries: Iterable[Entry]) -> list[Account]:
    """The accounts that a history leaves, by operator_id."""
    accounts: dict[str, Account] = {}
    for entry in entries:
        operator_id, when, who = entry.operator_id, entry.recorded_at, entry.recorded_by
        if entry.action == "add":
            accounts[operator_id] = Account(
                operator_id=operator_id, state="open", state_since=when, state_by=who, opened_at=when, opened_by=who,
                secret_since=when, secret_by=who, password_hash=entry.password_hash or "",
            )  # fmt: skip
        elif entry.action == "rotate":
            accounts[operator_id] = msgspec.structs.replace(
                accounts[operator_id], secret_since=when, secret_by=who, password_hash=entry.password_hash or ""
            )
        else:
            state = "suspended" if entry.action == "suspend" else "open"
            accounts[operator_id] = msgspec.structs.replace(
                accounts[operator_id], state=state, state_since=when, state_by=who
            )
    return sorted(accounts.values(), key=lambda account: account.operator_id)


def load(connection: psycopg.Connection) -> list[Account]:
    """All accounts as they are now."""
    try:
        rows = connection.execute(
            "SELECT operator_id, action, password_hash, recorded_at, recorded_by FROM operator_account"
            " ORDER BY entry_no"
        ).fetchall()
    except psycopg.errors.UndefinedTable:
        raise Refusal("the database has no table of accounts yet", "`chargewatch migrate` first") from None
    return fold(Entry(*row) for row in rows)


def change(connection: psycopg.Connection, operator_id: str, action: str, by: str) -> str | None:
    """Record `add`, `rotate`, `suspend` or `resume`, inside the caller's transaction; gives the new secret, if any.

    Refusal where the account is not such that this can be done to it.
    """
    connection.execute("LOCK TABLE operator_account IN SHARE ROW EXCLUSIVE MODE")
    account = next((one for one in load(connection) if one.operator_id == operator_id), None)
    if action == "add":
        _may_open(connection, operator_id, account)
    elif account is None:
        raise Refusal(
            f"{operator_id} has no account", "one of those that `chargewatch operator list` shows, or `operator add`"
        )
    elif action == "suspend" and account.state == "suspended":
        raise Refusal(f"{operator_id} is suspended already, since {account.state_since:%Y-%m-%d %H:%M} UTC")
    elif action == "resume" and account.state == "open":
        raise Refusal(f"{operator_id} is not suspended")
    secret = new_secret() if action in ("add", "rotate") else None
    connection.execute(
        "INSERT INTO operator_account (operator_id, action, password_hash, recorded_by) VALUES (%s, %s, %s, %s)",
        [operator_id, action, hashed(secret) if secret else None, by],
    )
    return secret


def _may_open(connection: psycopg.Connection, operator_id: str, account: Account | None) -> None:
    if account is not None:
        raise Refusal(
            f"{operator_id} has an account since {account.opened_at:%Y-%m-%d %H:%M} UTC",
            "`operator rotate` for a new secret, `operator resume` to open it again",
        )
    if not connection.execute("SELECT 1 FROM registry_operators WHERE operator_id = %s", [operator_id]).fetchone():
        raise Refusal(
            f"the registry knows no operator {operator_id!r}",
            "an operator_id of its table operators (`chargewatch registry import` first)",
        )
    # Contract 3 allows nothing else; looked at again, because it becomes a line of the broker's access list.
    if not _USER_NAME.fullmatch(operator_id) or operator_id.lower().startswith(RESERVED):
        raise Refusal(
            f"{operator_id} cannot be a user name at the broker",
            f"letters, digits, _ - and ., not beginning with {RESERVED} (the platform's own clients)",
        )
