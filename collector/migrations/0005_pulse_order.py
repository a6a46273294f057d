"""Pulses by when they were sent and by whom: outages are looked for from a working moment before what is new."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("collector", "0004_read_again")]
    operations = [
        migrations.RunSQL("CREATE INDEX pulse_sent ON pulse (sent_at)"),
        migrations.RunSQL("CREATE INDEX pulse_sequence ON pulse (client_id, boot_id, seq)"),
    ]
