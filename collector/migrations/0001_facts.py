"""Messages, facts, quarantine: written once, never edited (semantics 1)."""

from typing import Any

from django.db import migrations

from chargewatch import timeseries

EVIDENCE = """
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  message_id bigint NOT NULL,
  boot_id text COLLATE "C" NOT NULL,
  seq bigint NOT NULL,
  place integer NOT NULL,
  copy smallint NOT NULL DEFAULT 0
"""

SERIES = {
    "message": (
        "received_at",
        """
  message_id bigint NOT NULL,
  operator_id text,
  kind text NOT NULL,
  topic text NOT NULL,
  boot_id text COLLATE "C",
  seq bigint,
  sent_at timestamptz,
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  sha256 bytea NOT NULL,
  bytes integer NOT NULL,
  offered integer NOT NULL,
  stored integer NOT NULL,
  duplicate integer NOT NULL,
  quarantined integer NOT NULL,
  conflicts integer NOT NULL,
  CHECK (offered = stored + duplicate + quarantined),
  UNIQUE (message_id, received_at)
""",
    ),
    "status_fact": (
        "at",
        f"""
  connector_no integer NOT NULL,
  at timestamptz NOT NULL,
  status text NOT NULL,
  fault_code text,
  detail text,
  {EVIDENCE},
  UNIQUE (connector_no, at, status, copy)
""",
    ),
    "meter_fact": (
        "at",
        f"""
  connector_no integer NOT NULL,
  at timestamptz NOT NULL,
  energy_kwh numeric NOT NULL,
  power_kw numeric,
  voltage_v numeric,
  current_a numeric,
  soc_pct numeric,
  session_id text,
  {EVIDENCE},
  UNIQUE (connector_no, at, copy)
""",
    ),
    "heartbeat_fact": (
        "at",
        f"""
  connector_no integer NOT NULL,
  at timestamptz NOT NULL,
  {EVIDENCE},
  UNIQUE (connector_no, at, copy)
""",
    ),
    "session_fact": (
        "at",
        f"""
  operator_id text NOT NULL,
  session_id text NOT NULL,
  revision integer NOT NULL,
  content_sha256 bytea NOT NULL,
  at timestamptz NOT NULL,
  started_at timestamptz NOT NULL,
  connector_nos integer[] NOT NULL,
  energy_kwh numeric NOT NULL,
  meter_start_kwh numeric,
  meter_end_kwh numeric,
  void boolean NOT NULL,
  vehicle text,
  stop_reason text,
  total_fee numeric,
  body jsonb NOT NULL,
  {EVIDENCE},
  UNIQUE (operator_id, session_id, revision, content_sha256, at, copy)
""",
    ),
}

PLAIN = """
CREATE TABLE quarantine (
  quarantine_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  operator_id text,
  kind text NOT NULL,
  topic text NOT NULL,
  reason text NOT NULL,
  detail text NOT NULL,
  payload bytea NOT NULL,
  place integer NOT NULL,
  message_id bigint NOT NULL,
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX quarantine_reason ON quarantine (reason, quarantine_id);
CREATE TABLE quarantine_retry (
  quarantine_id bigint PRIMARY KEY REFERENCES quarantine,
  recorded_at timestamptz NOT NULL,
  outcome text NOT NULL CHECK (outcome IN ('stored', 'duplicate', 'conflict'))
);
CREATE TABLE link_event (
  operator_id text NOT NULL,
  boot_id text,
  state text NOT NULL CHECK (state IN ('ready', 'lost')),
  received_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX link_event_latest ON link_event (operator_id, received_at DESC);
CREATE SEQUENCE message_id_seq AS bigint CACHE 1;
CREATE VIEW fates AS
SELECT operator_id, kind, sum(offered)::bigint AS offered, sum(stored)::bigint AS stored,
       sum(duplicate)::bigint AS duplicate, sum(quarantined)::bigint AS quarantined, sum(conflicts)::bigint AS conflicts
FROM (
  SELECT operator_id, kind, offered, stored, duplicate, quarantined, conflicts FROM message
  UNION ALL
  SELECT operator_id, kind, 0, (outcome = 'stored')::int, (outcome <> 'stored')::int, -1, (outcome = 'conflict')::int
  FROM quarantine_retry JOIN quarantine USING (quarantine_id)
) AS every_fate
GROUP BY operator_id, kind HAVING sum(offered) > 0;
COMMENT ON VIEW fates IS
  'Per operator and kind: offered = stored + duplicate + quarantined; what a retry moved out of quarantine is counted '
  'where it went.';
"""

KEPT = [*SERIES, "quarantine", "quarantine_retry", "link_event"]


def forwards(apps: Any, schema_editor: Any) -> None:
    with schema_editor.connection.cursor() as cursor:
        for table, (column, columns) in SERIES.items():
            cursor.execute(f"CREATE TABLE {table} ({columns})")
            timeseries.create(cursor, table, column)
            cursor.execute(f"CREATE INDEX ON {table} USING brin (recorded_at)")
        cursor.execute("CREATE INDEX ON message (received_at)")
        cursor.execute("CREATE INDEX ON session_fact (at)")
        cursor.execute("CREATE INDEX ON session_fact USING gin (connector_nos)")
        cursor.execute(PLAIN)
        for table in KEPT:
            for event, scope in (("UPDATE OR DELETE", "FOR EACH ROW"), ("TRUNCATE", "FOR EACH STATEMENT")):
                name = f"{table}_no_{event.split()[0].lower()}"
                cursor.execute(
                    f"CREATE TRIGGER {name} BEFORE {event} ON {table} {scope} EXECUTE FUNCTION chargewatch_refuse()"
                )


class Migration(migrations.Migration):
    initial = True
    dependencies = [("chargewatch", "0001_store"), ("registry", "0001_tables")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
