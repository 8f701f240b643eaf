from django.db import migrations


class Migration(migrations.Migration):
    """Every repeat updates its alert's row: room on the page keeps that a HOT update, without touching an index."""

    dependencies = [("incidents", "0001_initial")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE incidents_alert SET (fillfactor = 80)",
            "ALTER TABLE incidents_alert RESET (fillfactor)",
        ),
    ]
