"""The registry's models and its migrations say the same."""

import django
import pytest
from django.conf import settings
from django.db.migrations.autodetector import MigrationAutodetector
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from registry.tables import TABLES


@pytest.fixture(scope="module")
def apps():
    import portal.settings

    if not settings.configured:
        settings.configure(**{name: value for name, value in vars(portal.settings).items() if name.isupper()})
        django.setup()
    from django.apps import apps

    return apps


def test_the_migrations_make_the_models(apps):
    loader = MigrationLoader(None)
    changes = MigrationAutodetector(loader.project_state(), ProjectState.from_apps(apps)).changes(loader.graph)
    assert any(app == "registry" for app, _ in loader.disk_migrations)
    assert "registry" not in changes, changes


def test_each_table_has_its_model(apps):
    made = {model._meta.db_table for model in apps.get_app_config("registry").get_models()}
    assert made == {f"registry_{table.name}" for table in TABLES} | {"registry_imports", "connector_keys"}
