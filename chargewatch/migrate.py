"""The schema, brought up to date: Django's migrations of every package, in one process at a time."""

import contextlib
import io
from dataclasses import dataclass

import psycopg

from chargewatch import database
from chargewatch.errors import Refusal

_MIGRATION_LOCK = 0x63770003


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a migration did: the migrations applied, by 'app.name', and whether the store is a rehearsal."""

    applied: list[str]
    rehearsal: bool


def migrate(*, rehearsal: bool) -> Outcome:
    """Bring the schema up to date; with `rehearsal` an empty store becomes a rehearsal, for good (semantics 1)."""
    with database.connect() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        before = _applied(connection)
        if rehearsal and before and not database.is_rehearsal(connection) and not _empty(connection):
            raise Refusal(
                "this store already holds records",
                "an empty store for --rehearsal: another CHARGEWATCH_DSN or CHARGEWATCH_HOME",
            )
        _run(database.dsn())
        if rehearsal:
            connection.execute("UPDATE store SET rehearsal = true WHERE NOT rehearsal")
        return Outcome(sorted(_applied(connection) - before), database.is_rehearsal(connection))


def _run(dsn: str) -> None:
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    import portal.settings

    if not settings.configured:
        values = {name: value for name, value in vars(portal.settings).items() if name.isupper()}
        settings.configure(**{**values, "DATABASES": {"default": portal.settings.database(dsn)}})
        django.setup()
    else:
        connections["default"].settings_dict.update(portal.settings.database(dsn))
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(said):
            call_command("migrate", interactive=False, verbosity=0, stdout=said, stderr=said)
    finally:
        connections.close_all()


def _applied(connection: psycopg.Connection) -> set[str]:
    row = connection.execute("SELECT to_regclass('django_migrations')").fetchone()
    if row is None or row[0] is None:
        return set()
    return {f"{app}.{name}" for app, name in connection.execute("SELECT app, name FROM django_migrations")}


def _empty(connection: psycopg.Connection) -> bool:
    row = connection.execute(
        "SELECT NOT EXISTS (SELECT 1 FROM message) AND NOT EXISTS (SELECT 1 FROM registry_imports)"
    ).fetchone()
    return row is not None and bool(row[0])
