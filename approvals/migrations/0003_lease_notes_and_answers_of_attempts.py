from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0002_policy_looks_again"),
    ]

    operations = [
        migrations.AddField(
            model_name="attempt",
            name="generation",
            field=models.BigIntegerField(default=0, help_text="Of the object that the body was computed from"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="is_fence",
            field=models.BooleanField(default=False, help_text="Changes nothing, ends what was sent at the same version"),
        ),
        migrations.AddField(
            model_name="attempt",
            name="status",
            field=models.PositiveSmallIntegerField(help_text="HTTP status that came back", null=True),
        ),
        migrations.AddField(
            model_name="execution",
            name="claimed_by",
            field=models.CharField(blank=True, max_length=120),
        ),
        migrations.AddField(
            model_name="execution",
            name="escalated_at",
            field=models.DateTimeField(blank=True, help_text="Handed to a person, while reading goes on", null=True),
        ),
        migrations.AddField(
            model_name="execution",
            name="retries",
            field=models.PositiveSmallIntegerField(default=0, help_text="Put back after failures that surely had no effect"),
        ),
        migrations.AddField(
            model_name="execution",
            name="stop_reason",
            field=models.CharField(blank=True, max_length=500),
        ),
        migrations.AddField(
            model_name="execution",
            name="unclear_since",
            field=models.DateTimeField(blank=True, help_text="Something was sent and is not settled", null=True),
        ),
        migrations.AlterField(
            model_name="execution",
            name="claims",
            field=models.PositiveSmallIntegerField(default=0, help_text="Claims in a row that ended without a word"),
        ),
    ]
