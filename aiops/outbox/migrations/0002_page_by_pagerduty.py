from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0001_initial"),
    ]

    operations = [
        migrations.AlterField(
            model_name="channel",
            name="kind",
            field=models.CharField(
                choices=[("webhook", "Webhook"), ("pagerduty", "PagerDuty")], default="webhook", max_length=10
            ),
        ),
    ]
