from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0002_room_for_updates_in_place"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="decision",
            name="decisions_unassessed",
        ),
        migrations.AddField(
            model_name="decision",
            name="assess_due_at",
            field=models.DateTimeField(blank=True, help_text="When policy looks at it (again)", null=True),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(("assessed_at", None), ("state", "READY")),
                fields=["assess_due_at"],
                name="decisions_unassessed",
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["alert_name", "environment", "-opened_at"], name="incidents_by_alert"),
        ),
    ]
