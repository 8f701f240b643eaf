import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("learning", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Hindsight",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("rating", "Rating"), ("review", "Review"), ("recurrence", "Recurrence"), ("undone", "Undone")],
                        max_length=10,
                    ),
                ),
                ("actor", models.CharField(max_length=150)),
                ("value", models.PositiveSmallIntegerField()),
                ("note", models.TextField(blank=True)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "verbose_name_plural": "hindsight",
                "ordering": ["outcome", "at", "id"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="trustevent",
            name="trust_once_a_run",
        ),
        migrations.RemoveConstraint(
            model_name="trustevent",
            name="trust_once_a_decision",
        ),
        migrations.AddField(
            model_name="outcome",
            name="failures",
            field=models.FloatField(default=0.0),
        ),
        migrations.AddField(
            model_name="outcome",
            name="successes",
            field=models.FloatField(default=0.0, help_text="What it counts now: 0, ½ or 1"),
        ),
        migrations.AddField(
            model_name="playbook",
            name="needs",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("recent_rollout", "a rollout shortly before"),
                        ("no_recent_rollout", "no rollout shortly before"),
                        ("oom_killed", "a container killed for its memory limit"),
                        ("one_pod", "one pod unhealthy and not several"),
                        ("saturated", "CPU or traffic near the limit"),
                    ],
                    max_length=20,
                ),
                blank=True,
                default=list,
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="playbook",
            name="source_incidents",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.BigIntegerField(), blank=True, default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="playbookstep",
            name="target_kind",
            field=models.CharField(blank=True, help_text="Empty: the incident's own", max_length=63),
        ),
        migrations.AddField(
            model_name="playbookstep",
            name="target_name",
            field=models.CharField(blank=True, help_text="Empty: the incident's own", max_length=253),
        ),
        migrations.AddField(
            model_name="trustevent",
            name="agrees",
            field=models.BooleanField(help_text="Whether this answer agreed with what the system proposed", null=True),
        ),
        migrations.AddField(
            model_name="trustevent",
            name="revision",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="trustevent",
            name="signers",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=150),
                blank=True,
                default=list,
                help_text="People who signed this run",
                size=None,
            ),
        ),
        migrations.AddField(
            model_name="trustrecord",
            name="cluster",
            field=models.CharField(blank=True, help_text="Of the last decision", max_length=63),
        ),
        migrations.AddField(
            model_name="trustrecord",
            name="decided_at",
            field=models.DateTimeField(blank=True, help_text="When that was", null=True),
        ),
        migrations.AddField(
            model_name="trustrecord",
            name="half_life_days",
            field=models.FloatField(default=90.0, help_text="With which the evidence was aged"),
        ),
        migrations.AlterField(
            model_name="outcome",
            name="result",
            field=models.CharField(
                choices=[
                    ("success", "Success"),
                    ("degraded", "Degraded"),
                    ("failed", "Failed"),
                    ("timeout", "Timeout"),
                    ("stopped", "Stopped"),
                    ("refused", "Refused"),
                    ("unverifiable", "Unverifiable"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="playbook",
            name="categories",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(
                    choices=[
                        ("workload_crash", "workload_crash"),
                        ("workload_stuck_rollout", "workload_stuck_rollout"),
                        ("latency", "latency"),
                        ("error_rate", "error_rate"),
                        ("saturation_cpu", "saturation_cpu"),
                        ("saturation_memory", "saturation_memory"),
                        ("storage", "storage"),
                        ("node", "node"),
                        ("network", "network"),
                        ("certificate", "certificate"),
                        ("database", "database"),
                        ("queue", "queue"),
                        ("cache", "cache"),
                        ("batch_job", "batch_job"),
                        ("control_plane", "control_plane"),
                        ("monitoring_meta", "monitoring_meta"),
                        ("security", "security"),
                        ("capacity_quota", "capacity_quota"),
                        ("external_dependency", "external_dependency"),
                        ("deadman", "deadman"),
                        ("other", "other"),
                    ],
                    max_length=24,
                ),
                blank=True,
                default=list,
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="playbook",
            name="severities",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(choices=[("P0", "P0"), ("P1", "P1"), ("P2", "P2"), ("P3", "P3")], max_length=2),
                blank=True,
                default=list,
                size=None,
            ),
        ),
        migrations.AlterField(
            model_name="trustrecord",
            name="agreed",
            field=models.PositiveIntegerField(default=0, help_text="Proposals that people approved"),
        ),
        migrations.AlterField(
            model_name="trustrecord",
            name="disagreed",
            field=models.PositiveIntegerField(default=0, help_text="Proposals that they overrode, or rejected as wrong"),
        ),
        migrations.AlterField(
            model_name="trustrecord",
            name="evidence_at",
            field=models.DateTimeField(blank=True, help_text="Empty before the first event", null=True),
        ),
        migrations.AlterField(
            model_name="trustrecord",
            name="tier",
            field=models.CharField(
                choices=[("auto", "auto"), ("human", "human"), ("dual", "dual"), ("blocked", "blocked")],
                default="human",
                help_text="Of the last decision",
                max_length=7,
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(
                condition=models.Q(("autonomous", True), ("failures__gte", 1.0)), fields=["-at"], name="outcomes_failed_alone"
            ),
        ),
        migrations.AddIndex(
            model_name="trustgrant",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["record", "until"], name="trust_grants_in_force"),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("execution__isnull", False)),
                fields=("execution", "kind", "actor", "revision"),
                name="trust_said_once_of_a_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", False), ("execution", None)),
                fields=("decision", "kind", "actor"),
                name="trust_said_once_of_a_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.CheckConstraint(
                condition=models.Q(("revision", 0), ("execution__isnull", False), _connector="OR"), name="trust_answers_are_final"
            ),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decision__isnull", False), ("execution", None), ("kind__in", ["approve", "reject", "override"])),
                    models.Q(("execution__isnull", False), ("kind__in", ["outcome", "rating", "review", "recurrence"])),
                    _connector="OR",
                ),
                name="trust_about_a_run_or_a_decision",
            ),
        ),
        migrations.AddConstraint(
            model_name="trustrecord",
            constraint=models.CheckConstraint(
                condition=models.Q(("failures__gte", 0), ("successes__gte", 0)), name="trust_no_negative_evidence"
            ),
        ),
        migrations.AddField(
            model_name="hindsight",
            name="outcome",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="hindsight", to="learning.outcome"
            ),
        ),
        migrations.AddConstraint(
            model_name="hindsight",
            constraint=models.UniqueConstraint(fields=("outcome", "kind", "actor"), name="hindsight_latest_counts"),
        ),
        migrations.AddConstraint(
            model_name="hindsight",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "rating"), ("value__range", (1, 5))),
                    models.Q(models.Q(("kind", "rating"), _negated=True), ("value__in", [0, 1])),
                    _connector="OR",
                ),
                name="hindsight_value",
            ),
        ),
    ]
