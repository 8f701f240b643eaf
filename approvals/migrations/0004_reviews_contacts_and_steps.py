import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_lease_notes_and_answers_of_attempts"),
        ("incidents", "0004_sources_replays_and_reconciliation"),
        ("outbox", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Contact",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(help_text="1 is asked first")),
                ("is_enabled", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["position", "id"],
            },
        ),
        migrations.CreateModel(
            name="DigestLook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("seen_until", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "why",
                    models.CharField(choices=[("first", "the first of its kind"), ("sampled", "drawn at random")], max_length=7),
                ),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("overdue_told_at", models.DateTimeField(blank=True, null=True)),
                ("right", models.BooleanField(help_text="Empty while nobody has answered", null=True)),
                ("by", models.CharField(blank=True, max_length=150)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddField(
            model_name="approval",
            name="contacts_asked",
            field=models.PositiveSmallIntegerField(default=0, help_text="How far along the contact list it is"),
        ),
        migrations.AddField(
            model_name="approval",
            name="escalate_at",
            field=models.DateTimeField(blank=True, help_text="The next contact is asked then", null=True),
        ),
        migrations.AddField(
            model_name="approval",
            name="steps",
            field=models.JSONField(default=list, help_text="Of several: each action with uid and touched spec as it was signed"),
        ),
        migrations.AddField(
            model_name="execution",
            name="agreed",
            field=models.JSONField(default=dict, help_text="Uid and digest that this step may meet; empty: as its approval says"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("escalate_at__isnull", False), ("status", "pending")),
                fields=["escalate_at"],
                name="approvals_to_escalate",
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="channel",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: every channel",
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="outbox.channel",
            ),
        ),
        migrations.AddField(
            model_name="contact",
            name="user",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name="digestlook",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="execution",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="review", to="approvals.execution"
            ),
        ),
        migrations.AddIndex(
            model_name="review",
            index=models.Index(condition=models.Q(("answered_at", None)), fields=["asked_at"], name="reviews_open"),
        ),
    ]
