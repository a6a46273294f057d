"""How far the jobs that read what has come in have read it, and what they keep of it. None of it is a fact."""

from django.db import migrations

LOOKS = """
CREATE TABLE scheduler_look (
  job text PRIMARY KEY,
  as_of timestamptz NOT NULL,
  from_us bigint
);
COMMENT ON COLUMN scheduler_look.from_us IS 'Where the next look has to begin at the latest, if before what is new.';

CREATE TABLE sequence_seen (
  operator_id text NOT NULL,
  boot_id text COLLATE "C" NOT NULL,
  seen int8multirange NOT NULL,
  counted int8multirange NOT NULL DEFAULT '{}',
  gaps bigint NOT NULL DEFAULT 0,
  given_up bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (operator_id, boot_id)
);
COMMENT ON COLUMN sequence_seen.seen IS 'The seq of every message of this boot that is in the store.';
COMMENT ON COLUMN sequence_seen.counted IS 'Missing seq that were counted as part of a gap.';
COMMENT ON COLUMN sequence_seen.given_up IS 'Missing seq that are no longer followed, because there are too many gaps.';

CREATE TABLE late_items (
  operator_id text NOT NULL,
  kind text NOT NULL,
  items bigint NOT NULL,
  PRIMARY KEY (operator_id, kind)
);
COMMENT ON TABLE late_items IS 'Items stored later than the late limit after their time, so far.';
"""


class Migration(migrations.Migration):
    dependencies = [("scheduler", "0001_initial"), ("collector", "0003_members_and_pulses")]
    operations = [migrations.RunSQL(LOOKS)]
