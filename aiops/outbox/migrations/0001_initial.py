import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Channel",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=100, unique=True)),
                ("kind", models.CharField(choices=[("webhook", "Webhook")], default="webhook", max_length=10)),
                ("address", models.CharField(help_text="URL that messages are posted to", max_length=500)),
                ("secret", models.CharField(blank=True, help_text="Signs what is sent: X-Aiops-Signature", max_length=200)),
                ("is_enabled", models.BooleanField(default=True)),
                ("failing_since", models.DateTimeField(blank=True, editable=False, null=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("fact", models.CharField(help_text="`decision.ready:DEC-…`, what it tells of", max_length=80)),
                ("recipient", models.CharField(blank=True, max_length=200)),
                ("kind", models.CharField(max_length=40)),
                ("payload", models.JSONField(default=dict)),
                ("incident_ref", models.CharField(blank=True, max_length=20)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("queued", "Queued"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("unknown", "Unknown"),
                            ("dead", "Dead"),
                            ("dropped", "Dropped"),
                        ],
                        default="queued",
                        max_length=8,
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("provider_id", models.CharField(blank=True, help_text="The message's name at the provider", max_length=200)),
                ("error", models.TextField(blank=True)),
                (
                    "channel",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notifications", to="outbox.channel"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(
                        condition=models.Q(("status__in", ["queued", "sending", "unknown"])),
                        fields=["due_at"],
                        name="notifications_due",
                    )
                ],
                "constraints": [models.UniqueConstraint(fields=("fact", "channel", "recipient"), name="notifications_once")],
            },
        ),
    ]
