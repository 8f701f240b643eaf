from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0002_page_by_pagerduty"),
    ]

    operations = [
        migrations.AddField(
            model_name="notification",
            name="unclear",
            field=models.PositiveSmallIntegerField(default=0, help_text="Times it was sent and nobody knows whether it arrived"),
        ),
    ]
