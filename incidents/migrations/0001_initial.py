import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

import incidents.models.decision


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Alert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("fingerprint", models.CharField(max_length=64)),
                ("name", models.CharField(blank=True, max_length=200)),
                (
                    "status",
                    models.CharField(choices=[("firing", "Firing"), ("resolved", "Resolved"), ("stale", "Stale")], max_length=8),
                ),
                ("severity", models.CharField(choices=[("P0", "P0"), ("P1", "P1"), ("P2", "P2"), ("P3", "P3")], max_length=2)),
                (
                    "category",
                    models.CharField(
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
                ),
                ("environment", models.CharField(max_length=40)),
                ("cluster", models.CharField(blank=True, max_length=63)),
                ("target", models.JSONField(null=True)),
                ("labels", models.JSONField(default=dict)),
                ("annotations", models.JSONField(default=dict)),
                ("group_key", models.CharField(blank=True, help_text="Hash of the sender's own grouping", max_length=64)),
                ("generator_url", models.TextField(blank=True)),
                ("anomaly_key", models.CharField(max_length=16)),
                ("is_test", models.BooleanField(default=False)),
                ("is_deadman", models.BooleanField(default=False)),
                ("starts_at", models.DateTimeField(help_text="As the sender says")),
                ("ended_at", models.DateTimeField(help_text="As the sender says, else when we heard of it", null=True)),
                ("first_seen", models.DateTimeField()),
                ("last_seen", models.DateTimeField()),
                ("occurrences", models.PositiveIntegerField(default=1)),
            ],
            options={
                "ordering": ["-first_seen", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Decision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "token",
                    models.CharField(default=incidents.models.decision.new_token, editable=False, max_length=16, unique=True),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("INIT", "Init"),
                            ("ANALYZING", "Analyzing"),
                            ("READY", "Ready"),
                            ("EXECUTING", "Executing"),
                            ("COMPLETED", "Completed"),
                            ("ERROR", "Error"),
                            ("EXPIRED", "Expired"),
                            ("WITHDRAWN", "Withdrawn"),
                        ],
                        default="INIT",
                        max_length=9,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("rejected", "Rejected"),
                            ("resolved", "Resolved"),
                            ("merged", "Merged"),
                            ("reanalysed", "Reanalysed"),
                            ("overridden", "Overridden"),
                            ("drifted", "Drifted"),
                            ("frozen", "Frozen"),
                        ],
                        max_length=10,
                    ),
                ),
                ("cause", models.CharField(default="opened", help_text="Why this analysis was begun", max_length=20)),
                ("received_at", models.DateTimeField(help_text="The 30 s run from here")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("state_since", models.DateTimeField(default=django.utils.timezone.now)),
                ("ready_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                (
                    "proposal_data",
                    models.JSONField(help_text="The best proposal so far; the rules' own from ANALYZING on", null=True),
                ),
                ("assessment", models.JSONField(help_text="Blast radius and reasons, written by policy once READY", null=True)),
                ("assessed_at", models.DateTimeField(blank=True, null=True)),
                ("auto_approved", models.BooleanField(default=False)),
                ("error", models.TextField(blank=True)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("accepted", models.PositiveIntegerField(default=0)),
                ("deduplicated", models.PositiveIntegerField(default=0)),
                ("ignored", models.PositiveIntegerField(default=0)),
                ("quarantined", models.PositiveIntegerField(default=0)),
            ],
            options={
                "verbose_name_plural": "deliveries",
                "indexes": [models.Index(fields=["source", "-received_at"], name="deliveries_of_source")],
            },
        ),
        migrations.CreateModel(
            name="Dependency",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("downstream", models.CharField(max_length=253)),
                ("upstream", models.CharField(max_length=253)),
                ("created_by", models.CharField(blank=True, max_length=150)),
            ],
            options={
                "verbose_name_plural": "dependencies",
                "constraints": [
                    models.UniqueConstraint(fields=("downstream", "upstream"), name="dependencies_once"),
                    models.CheckConstraint(
                        condition=models.Q(("downstream", models.F("upstream")), _negated=True), name="dependencies_not_itself"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Incident",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("title", models.CharField(max_length=300)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("investigating", "Investigating"),
                            ("mitigating", "Mitigating"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=14,
                    ),
                ),
                ("severity", models.CharField(choices=[("P0", "P0"), ("P1", "P1"), ("P2", "P2"), ("P3", "P3")], max_length=2)),
                (
                    "category",
                    models.CharField(
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
                        default="other",
                        max_length=24,
                    ),
                ),
                ("environment", models.CharField(max_length=40)),
                (
                    "cluster",
                    models.CharField(blank=True, help_text="Empty: no configured cluster fits, people only", max_length=63),
                ),
                ("namespace", models.CharField(blank=True, max_length=253)),
                ("target_kind", models.CharField(blank=True, max_length=63)),
                ("target_name", models.CharField(blank=True, max_length=253)),
                ("target_unit", models.CharField(blank=True, max_length=128)),
                (
                    "services",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=253), blank=True, default=list, size=None
                    ),
                ),
                ("anomaly_key", models.CharField(max_length=16)),
                ("alert_name", models.CharField(blank=True, help_text="Of the most likely root", max_length=200)),
                (
                    "correlation_keys",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=300), blank=True, default=list, editable=False, size=None
                    ),
                ),
                ("is_test", models.BooleanField(default=False)),
                ("owner_until", models.DateTimeField(blank=True, null=True)),
                ("received_at", models.DateTimeField(help_text="When its first alert was received; the 30 s run from here")),
                ("opened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_alert_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                (
                    "disposition",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("auto_executed", "Auto Executed"),
                            ("human_approved", "Human Approved"),
                            ("human_overridden", "Human Overridden"),
                            ("rejected", "Rejected"),
                            ("self_resolved", "Self Resolved"),
                            ("manual", "Manual"),
                        ],
                        max_length=16,
                    ),
                ),
                ("execution_success", models.BooleanField(blank=True, null=True)),
                ("effectiveness_score", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("notes", models.TextField(blank=True)),
                (
                    "merged_into",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="merged",
                        to="incidents.incident",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "root_alert",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="incidents.alert",
                    ),
                ),
            ],
            options={
                "ordering": ["-opened_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Hold",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("matchers", models.JSONField(default=list, help_text="[{name, op, value}], all have to fit")),
                (
                    "stops",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[("decide", "Decide"), ("act", "Act"), ("notify", "Notify")], max_length=6
                        ),
                        size=None,
                    ),
                ),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                (
                    "rrule",
                    models.CharField(
                        blank=True, help_text="RFC 5545; each occurrence lasts as long as the first", max_length=500
                    ),
                ),
                ("reason", models.CharField(max_length=500)),
                ("created_by", models.CharField(max_length=150)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "ended_at",
                    models.DateTimeField(blank=True, help_text="Ended by a person, or run out and followed up", null=True),
                ),
                (
                    "last_ended_at",
                    models.DateTimeField(blank=True, help_text="End of the last occurrence that was followed up", null=True),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="holds",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "ordering": ["-starts_at"],
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=30)),
                ("title", models.CharField(max_length=300)),
                ("phase", models.CharField(choices=[("before", "Before"), ("after", "After")], default="before", max_length=6)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("content", models.TextField(blank=True)),
                ("facts", models.JSONField(default=dict, help_text="The typed values that engines read")),
                ("truncated", models.BooleanField(default=False)),
                ("error", models.CharField(blank=True, max_length=300)),
                (
                    "decision",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.CASCADE, related_name="evidence", to="incidents.decision"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="evidence",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "evidence",
                "ordering": ["id"],
            },
        ),
        migrations.AddField(
            model_name="decision",
            name="incident",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="decisions", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="alert",
            name="incident",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="alerts",
                to="incidents.incident",
            ),
        ),
        migrations.CreateModel(
            name="Opinion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("engine", models.CharField(max_length=30)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("answered", "Answered"),
                            ("nothing", "Nothing"),
                            ("failed", "Failed"),
                            ("timeout", "Timeout"),
                            ("skipped", "Skipped"),
                            ("late", "Late"),
                        ],
                        max_length=8,
                    ),
                ),
                ("ms", models.PositiveIntegerField(default=0)),
                ("proposal_data", models.JSONField(null=True)),
                ("weight", models.FloatField(default=0.0)),
                ("reasoning", models.TextField(blank=True)),
                ("prompt", models.TextField(blank=True, help_text="Exactly what was sent to a model, redacted")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "decision",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="opinions",
                        to="incidents.decision",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="QuarantinedAlert",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("raw", models.TextField()),
                (
                    "digest",
                    models.CharField(help_text="Of the raw text: a sender that repeats it adds no second row", max_length=64),
                ),
                ("reason", models.CharField(max_length=500)),
                ("occurrences", models.PositiveIntegerField(default=1)),
                (
                    "status",
                    models.CharField(
                        choices=[("held", "Held"), ("retried", "Retried"), ("discarded", "Discarded")],
                        default="held",
                        max_length=9,
                    ),
                ),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["-received_at", "-id"],
                "indexes": [models.Index(fields=["-received_at", "-id"], name="quarantine_newest")],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("status", "held")), fields=("source", "digest"), name="quarantine_held_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Refusal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("status", models.PositiveSmallIntegerField()),
                ("hour", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=1)),
                ("last_at", models.DateTimeField()),
                ("reason", models.CharField(help_text="Of the newest one", max_length=500)),
            ],
            options={
                "ordering": ["-hour", "source"],
                "constraints": [models.UniqueConstraint(fields=("source", "status", "hour"), name="refusals_one_an_hour")],
            },
        ),
        migrations.CreateModel(
            name="RefusedBody",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("source", models.CharField(max_length=120)),
                ("received_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("reason", models.CharField(max_length=500)),
                ("raw", models.TextField()),
            ],
            options={
                "verbose_name_plural": "refused bodies",
                "ordering": ["-received_at", "-id"],
                "indexes": [models.Index(fields=["source", "-id"], name="refused_bodies_of_source")],
            },
        ),
        migrations.CreateModel(
            name="TimelineEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("kind", models.CharField(help_text="`decision.ready`, `execution.verified` …", max_length=40)),
                (
                    "status",
                    models.CharField(blank=True, help_text="How it is shown: ok, bad, wait, work or nothing", max_length=8),
                ),
                ("title", models.CharField(max_length=300)),
                ("detail", models.TextField(blank=True)),
                ("actor", models.CharField(default="system", max_length=150)),
                (
                    "incident",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="timeline",
                        to="incidents.incident",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["-opened_at", "-id"], name="incidents_newest"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["status", "-opened_at", "-id"], name="incidents_by_status"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["namespace", "-opened_at", "-id"], name="incidents_by_namespace"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["severity", "-opened_at", "-id"], name="incidents_by_severity"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(
                condition=models.Q(("owner__isnull", False)), fields=["owner", "-opened_at", "-id"], name="incidents_by_owner"
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(fields=["anomaly_key", "-opened_at"], name="incidents_by_anomaly"),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=django.contrib.postgres.indexes.GinIndex(
                condition=models.Q(("status__in", ["open", "investigating", "mitigating"])),
                fields=["correlation_keys"],
                name="incidents_open_keys",
            ),
        ),
        migrations.AddIndex(
            model_name="incident",
            index=models.Index(condition=models.Q(("status", "resolved")), fields=["resolved_at"], name="incidents_to_close"),
        ),
        migrations.AddConstraint(
            model_name="incident",
            constraint=models.CheckConstraint(
                condition=models.Q(("effectiveness_score", None), ("effectiveness_score__range", (1, 5)), _connector="OR"),
                name="incidents_score_1_to_5",
            ),
        ),
        migrations.AddIndex(
            model_name="hold",
            index=models.Index(condition=models.Q(("ended_at", None)), fields=["ends_at"], name="holds_not_over"),
        ),
        migrations.AddConstraint(
            model_name="hold",
            constraint=models.CheckConstraint(
                condition=models.Q(("ends_at__gt", models.F("starts_at"))), name="holds_end_after_start"
            ),
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(fields=["incident", "id"], name="evidence_of_incident"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(("state__in", ["INIT", "ANALYZING"])), fields=["received_at"], name="decisions_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(condition=models.Q(("state", "READY")), fields=["expires_at"], name="decisions_expiring"),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(
                condition=models.Q(("assessed_at", None), ("state", "READY")), fields=["ready_at"], name="decisions_unassessed"
            ),
        ),
        migrations.AddIndex(
            model_name="decision",
            index=models.Index(fields=["-ready_at"], name="decisions_by_ready"),
        ),
        migrations.AddConstraint(
            model_name="decision",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ["INIT", "ANALYZING", "READY", "EXECUTING"])),
                fields=("incident",),
                name="decisions_one_live_an_incident",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["-first_seen", "-id"], name="alerts_newest"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("incident__isnull", False)), fields=["incident", "-first_seen"], name="alerts_of_incident"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["anomaly_key", "-first_seen"], name="alerts_by_anomaly"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("status", "resolved")), fields=["source", "fingerprint", "-ended_at"], name="alerts_ended"
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(condition=models.Q(("is_deadman", True)), fields=["source", "-id"], name="alerts_deadman"),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["firing", "stale"])),
                fields=("source", "fingerprint"),
                name="alerts_one_open_episode",
            ),
        ),
        migrations.AddConstraint(
            model_name="opinion",
            constraint=models.UniqueConstraint(fields=("decision", "engine"), name="opinions_one_an_engine"),
        ),
        migrations.AddIndex(
            model_name="timelineevent",
            index=models.Index(fields=["incident", "-id"], name="timeline_of_incident"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="timelineevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="584ea6a653b007c3d8cef9253da0d05fb8c03c38",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_44507",
                    table="incidents_timelineevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="timelineevent",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_all",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
                    hash="623aa7a013a7c883247f4e46f216e83e343d56e6",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_keep_all_8d7ff",
                    table="incidents_timelineevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
