import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0003_policy_looks_again"),
    ]

    operations = [
        migrations.CreateModel(
            name="ListComparison",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("url", models.CharField(max_length=500, unique=True)),
                ("source", models.CharField(blank=True, help_text="Whose alerts it was last seen to hold", max_length=120)),
                ("looked_at", models.DateTimeField(blank=True, help_text="Also where it did not answer", null=True)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.CharField(blank=True, help_text="Why the last look gave nothing", max_length=500)),
                ("listed", models.PositiveIntegerField(default=0)),
                ("taken", models.PositiveIntegerField(default=0, help_text="Alerts taken in at the last look")),
                ("ended", models.PositiveIntegerField(default=0, help_text="Alerts ended at the last look")),
            ],
        ),
        migrations.AddField(
            model_name="alert",
            name="listed_at",
            field=models.DateTimeField(help_text="First found in Alertmanager's own list", null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="unlisted_since",
            field=models.DateTimeField(help_text="Not in that list any more; of a resolved one: why it ended", null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="receiver",
            field=models.CharField(blank=True, help_text="What the sender calls us", max_length=200),
        ),
        migrations.AddField(
            model_name="delivery",
            name="truncated",
            field=models.PositiveIntegerField(default=0, help_text="Alerts that the sender says it left out"),
        ),
        migrations.AddField(
            model_name="incident",
            name="split_from",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="split_off",
                to="incidents.incident",
            ),
        ),
        migrations.AddField(
            model_name="refusal",
            name="recent",
            field=models.PositiveIntegerField(default=1),
        ),
        migrations.AddField(
            model_name="refusal",
            name="recent_since",
            field=models.DateTimeField(default=django.utils.timezone.now),
        ),
        migrations.CreateModel(
            name="SeenRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("request_id", models.CharField(max_length=200)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "indexes": [models.Index(fields=["received_at"], name="seen_requests_oldest")],
                "constraints": [models.UniqueConstraint(fields=("source", "request_id"), name="seen_requests_once")],
            },
        ),
    ]
