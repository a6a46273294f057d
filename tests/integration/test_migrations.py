"""The schema in the migrations is the schema that the code means."""

import os
import subprocess
import sys

import psycopg


def test_no_migration_is_missing(embedded_dsn: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "django", "makemigrations", "--check", "--dry-run"],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No changes detected" in done.stdout


def test_every_package_has_its_tables(dsn: str) -> None:
    with psycopg.connect(dsn) as connection:
        applied = connection.execute("SELECT DISTINCT app FROM django_migrations").fetchall()
    assert {app for (app,) in applied} >= {"chargewatch", "registry", "collector", "uptime", "ledger", "scheduler"}
