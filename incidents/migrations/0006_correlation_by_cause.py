import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("incidents", "0005_model_calls_and_votes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ClusterMap",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cluster", models.CharField(max_length=63, unique=True)),
                ("edges", models.JSONField(default=list, help_text="[relation, source, target], as in `topology.Edge`")),
                ("read_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("error", models.TextField(blank=True, help_text="What could not be read")),
            ],
        ),
        migrations.CreateModel(
            name="PendingMerge",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("has_root", models.BooleanField(help_text="The root of `incident` is that of both")),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.RemoveIndex(
            model_name="incident",
            name="incidents_open_keys",
        ),
        migrations.AddField(
            model_name="decision",
            name="about_alert",
            field=models.BigIntegerField(editable=False, help_text="The alert that its analysis took for the root", null=True),
        ),
        migrations.AddField(
            model_name="incident",
            name="clue",
            field=models.JSONField(
                blank=True, default=dict, editable=False, help_text="What its root says about cause and effect"
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("status__in", ["open", "investigating", "mitigating"])),
                fastupdate=False,
                fields=["correlation_keys"],
                name="incidents_open_keys",
            ),
        ),
        migrations.AddField(
            model_name="pendingmerge",
            name="incident",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="pending_merge", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="pendingmerge",
            name="into",
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="+", to="incidents.incident"),
        ),
    ]
