"""Django's settings. Django owns the schema (migrations) and later users and pages; nothing else uses its ORM."""

import secrets
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from chargewatch.settings import load


def database(dsn: str | None) -> dict[str, Any]:
    """Django's description of the database that a libpq DSN or URI names; of the server's defaults without one."""
    parts = dict(conninfo_to_dict(dsn or "")) if dsn else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", None) or "postgres",
        "USER": parts.pop("user", None) or "",
        "PASSWORD": parts.pop("password", None) or "",
        "HOST": parts.pop("host", None) or "",
        "PORT": parts.pop("port", None) or "",
        "OPTIONS": {key: value for key, value in parts.items() if value is not None},
    }


# Each owns its migrations; one that has no tables has no such folder.
PACKAGES = ["registry", "collector", "uptime", "subsidy", "ledger", "compliance", "scheduler"]

DATABASES = {"default": database(load().dsn)}
INSTALLED_APPS = ["chargewatch", *PACKAGES]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = secrets.token_urlsafe(50)  # no session outlives the process yet: the portal has no pages
