from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0006_correlation_by_cause"),
    ]

    operations = [
        migrations.AddField(
            model_name="listcomparison",
            name="unknown",
            field=models.JSONField(default=list, help_text="Fingerprints in the list that had not come to us at the last look"),
        ),
    ]
