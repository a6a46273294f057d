"""The registry's schema: one model a contract table, made from its description so that the two cannot drift.

Rows are versions: a row that changes is a new row with the same key; what was in force at any time can be had again.
"""

from django.db import models

from registry.tables import TABLES, Column, Kind, Table


class ExactField(models.DecimalField):  # type: ignore[type-arg]  # generic for the checker only
    """A decimal kept digit by digit as it was given (`numeric` without a scale)."""

    def db_type(self, connection: object) -> str:
        """The column's type in PostgreSQL."""
        return "numeric"


class Import(models.Model):
    """One import that changed something: who, when, from where, and the content's SHA-256."""

    import_id = models.BigAutoField(primary_key=True)
    recorded_at = models.DateTimeField()
    imported_by = models.TextField()
    source = models.TextField()
    sha256 = models.TextField()
    rows = models.IntegerField()

    class Meta:
        db_table = "registry_imports"


class ConnectorKey(models.Model):
    """The small integer that stands for (operator_id, connector_id) in facts."""

    connector_no = models.AutoField(primary_key=True)
    operator_id = models.TextField()
    connector_id = models.TextField()

    class Meta:
        db_table = "connector_keys"
        constraints = (models.UniqueConstraint(fields=["operator_id", "connector_id"], name="connector_keys_once"),)


def _field(column: Column) -> "models.Field[object, object]":
    empty = not column.required
    match column.kind:
        case Kind.DATE:
            return models.DateField(null=empty)
        case Kind.TIME:
            return models.DateTimeField(null=empty)
        case Kind.DECIMAL:
            return ExactField(null=empty, max_digits=40, decimal_places=20)
        case Kind.YES_NO:
            return models.BooleanField(null=empty)
        case _:
            return models.TextField(null=empty)


def _model(table: Table) -> type[models.Model]:
    fields = {column.name: _field(column) for column in table.columns}
    meta = type("Meta", (), {"db_table": f"registry_{table.name}"})
    name = "".join(word.capitalize() for word in table.name.split("_")) + "Row"
    own = {
        "__module__": __name__,
        "__doc__": f"Versions of the rows of `{table.name}`: {table.means}.",
        "row_id": models.BigAutoField(primary_key=True),
        "of_import": models.ForeignKey(Import, models.PROTECT, db_column="import_id", db_index=False, related_name="+"),
        "recorded_at": models.DateTimeField(),
        "Meta": meta,
    }
    return type(name, (models.Model,), {**own, **fields})


ROWS = {table.name: _model(table) for table in TABLES}
