"""The registry's tables: versions of rows that never change; who imported them; connector numbers."""

import django.db.models.deletion
from django.db import migrations, models

import registry.models

VERSIONS = "operators stations power_units chargers connectors meters declarations tariffs grid_bills awards imports"
APPEND_ONLY = "\n".join(
    f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
    " FOR EACH STATEMENT EXECUTE FUNCTION chargewatch_refuse();"
    for table in ["connector_keys", *(f"registry_{name}" for name in VERSIONS.split())]
)


class Migration(migrations.Migration):
    initial = True

    dependencies = [("chargewatch", "0001_store")]

    operations = [
        migrations.CreateModel(
            name="Import",
            fields=[
                ("import_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                ("imported_by", models.TextField()),
                ("source", models.TextField()),
                ("sha256", models.TextField()),
                ("rows", models.IntegerField()),
            ],
            options={
                "db_table": "registry_imports",
            },
        ),
        migrations.CreateModel(
            name="ConnectorKey",
            fields=[
                ("connector_no", models.AutoField(primary_key=True, serialize=False)),
                ("operator_id", models.TextField()),
                ("connector_id", models.TextField()),
            ],
            options={
                "db_table": "connector_keys",
                "constraints": [
                    models.UniqueConstraint(fields=("operator_id", "connector_id"), name="connector_keys_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="GridBillsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("grid_account", models.TextField()),
                ("from", models.DateField()),
                ("to", models.DateField()),
                ("energy_kwh", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("document", models.TextField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_grid_bills",
            },
        ),
        migrations.CreateModel(
            name="DeclarationsRow",
            fields=[
                ("operator_id", models.TextField(null=True)),
                ("declaration_id", models.TextField()),
                ("scope", models.TextField()),
                ("scope_id", models.TextField(null=True)),
                ("cause", models.TextField()),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField()),
                ("filed_at", models.DateTimeField()),
                ("reference", models.TextField(null=True)),
                ("approved", models.BooleanField()),
                ("withdrawn_at", models.DateTimeField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_declarations",
            },
        ),
        migrations.CreateModel(
            name="ConnectorsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("connector_id", models.TextField()),
                ("charger_id", models.TextField()),
                ("kind", models.TextField()),
                ("rated_kw", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("qr_code", models.TextField(null=True)),
                ("valid_from", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_connectors",
            },
        ),
        migrations.CreateModel(
            name="ChargersRow",
            fields=[
                ("operator_id", models.TextField()),
                ("charger_id", models.TextField()),
                ("station_id", models.TextField()),
                ("power_unit_id", models.TextField(null=True)),
                ("serial_no", models.TextField()),
                ("replaces_serial_no", models.TextField(null=True)),
                ("manufacturer", models.TextField(null=True)),
                ("model", models.TextField(null=True)),
                ("form", models.TextField(null=True)),
                ("kind", models.TextField()),
                ("rated_kw_dc", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("rated_kw_ac", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("simultaneous", models.BooleanField(null=True)),
                ("completed_on", models.DateField(null=True)),
                ("accepted_on", models.DateField(null=True)),
                ("commissioned_on", models.DateField(null=True)),
                ("retired_on", models.DateField(null=True)),
                ("longitude", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("latitude", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("valid_from", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_chargers",
            },
        ),
        migrations.CreateModel(
            name="AwardsRow",
            fields=[
                ("serial_no", models.TextField()),
                ("awarded_on", models.DateField()),
                ("programme", models.TextField()),
                ("amount_yuan", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("kind", models.TextField(null=True)),
                ("subsidised_kw", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("revoked_on", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_awards",
            },
        ),
        migrations.CreateModel(
            name="MetersRow",
            fields=[
                ("operator_id", models.TextField()),
                ("meter_no", models.TextField()),
                ("connector_id", models.TextField()),
                ("installed_on", models.DateField(null=True)),
                ("removed_on", models.DateField(null=True)),
                ("first_kwh", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("last_kwh", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("rollover_at_kwh", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("verified_from", models.DateField(null=True)),
                ("verified_until", models.DateField(null=True)),
                ("certificate", models.TextField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_meters",
            },
        ),
        migrations.CreateModel(
            name="OperatorsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("name", models.TextField()),
                ("uscc", models.TextField(null=True)),
                ("legal_form", models.TextField()),
                ("business_scope", models.BooleanField()),
                ("credit_good", models.BooleanField()),
                ("management_system", models.BooleanField()),
                ("maintenance_team", models.BooleanField()),
                ("platform_commitment", models.BooleanField()),
                ("reporting_interval_min", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("admitted_on", models.DateField(null=True)),
                ("suspended_on", models.DateField(null=True)),
                ("suspended_until", models.DateField(null=True)),
                ("barred_from", models.DateField(null=True)),
                ("barred_until", models.DateField(null=True)),
                ("valid_from", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_operators",
            },
        ),
        migrations.CreateModel(
            name="PowerUnitsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("power_unit_id", models.TextField()),
                ("station_id", models.TextField()),
                ("rated_kw", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("valid_from", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_power_units",
            },
        ),
        migrations.CreateModel(
            name="StationsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("station_id", models.TextField()),
                ("name", models.TextField()),
                ("district", models.TextField()),
                ("address", models.TextField(null=True)),
                ("category", models.TextField()),
                ("open_to_public", models.BooleanField()),
                ("platform_managed_from", models.DateField(null=True)),
                ("longitude", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("latitude", registry.models.ExactField(decimal_places=20, max_digits=40, null=True)),
                ("opening_hours", models.TextField(null=True)),
                ("opened_on", models.DateField(null=True)),
                ("closed_on", models.DateField(null=True)),
                ("grid_account", models.TextField(null=True)),
                ("valid_from", models.DateField(null=True)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_stations",
            },
        ),
        migrations.CreateModel(
            name="TariffsRow",
            fields=[
                ("operator_id", models.TextField()),
                ("station_id", models.TextField()),
                ("valid_from", models.DateField()),
                ("start_time", models.TextField()),
                ("end_time", models.TextField()),
                ("electricity_price", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("service_price", registry.models.ExactField(decimal_places=20, max_digits=40)),
                ("row_id", models.BigAutoField(primary_key=True, serialize=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "of_import",
                    models.ForeignKey(
                        db_column="import_id",
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="registry.import",
                    ),
                ),
            ],
            options={
                "db_table": "registry_tariffs",
            },
        ),
        migrations.RunSQL(APPEND_ONLY, migrations.RunSQL.noop),
    ]
