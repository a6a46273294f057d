"""Django's name for this package: it owns the migrations of the facts."""

from django.apps import AppConfig


class CollectorConfig(AppConfig):
    """The facts' schema."""

    name = "collector"
    label = "collector"
