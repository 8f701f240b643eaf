import uuid

import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("incidents", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("n", models.PositiveSmallIntegerField()),
                ("resource_version", models.CharField(blank=True, max_length=40)),
                ("body_digest", models.CharField(max_length=64)),
                ("body", models.JSONField(default=dict, help_text="Exactly what is sent, so that a repeat is the same request")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("sent", "Sent"),
                            ("applied", "Applied"),
                            ("no_effect", "No Effect"),
                            ("unclear", "Unclear"),
                            ("refused", "Refused"),
                        ],
                        default="sent",
                        max_length=9,
                    ),
                ),
                ("error", models.TextField(blank=True)),
                ("transient", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["n"],
            },
        ),
        migrations.CreateModel(
            name="AutonomyChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("enabled", models.BooleanField()),
                ("reason", models.CharField(max_length=500)),
                ("by", models.CharField(max_length=150)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="Execution",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("step", models.PositiveSmallIntegerField(default=1)),
                (
                    "direction",
                    models.CharField(choices=[("forward", "Forward"), ("rollback", "Rollback")], default="forward", max_length=8),
                ),
                ("action_data", models.JSONField()),
                ("cluster", models.CharField(blank=True, max_length=63)),
                (
                    "target_key",
                    models.CharField(help_text="What is locked while this is active; a pod's is its workload", max_length=600),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("dry_run", "Dry Run"),
                            ("running", "Running"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("ambiguous", "Ambiguous"),
                            ("rolled_back", "Rolled Back"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="planned",
                        max_length=11,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=40)),
                ("detail", models.TextField(blank=True, help_text="What happened, for people")),
                ("autonomous", models.BooleanField(default=False)),
                ("pattern", models.CharField(max_length=300)),
                ("environment", models.CharField(max_length=40)),
                ("namespace", models.CharField(blank=True, max_length=253)),
                ("alert_name", models.CharField(blank=True, max_length=200)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("fence", models.PositiveIntegerField(default=0)),
                ("claims", models.PositiveSmallIntegerField(default=0)),
                ("stop_requested", models.BooleanField(default=False)),
                (
                    "authorised_at",
                    models.DateTimeField(default=django.utils.timezone.now, help_text="Approved, or the previous step verified"),
                ),
                ("planned_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("started_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("dry_run", models.JSONField(default=dict)),
                ("before", models.JSONField(default=dict, help_text="Touched spec and baseline before the change")),
                ("made", models.JSONField(default=dict, help_text="Uid, generation and touched spec as the change left them")),
                ("verify_due_at", models.DateTimeField(blank=True, null=True)),
                ("verify_until", models.DateTimeField(blank=True, null=True)),
                (
                    "verification_result",
                    models.CharField(
                        blank=True,
                        choices=[("success", "Success"), ("degraded", "Degraded"), ("failed", "Failed"), ("timeout", "Timeout")],
                        max_length=8,
                    ),
                ),
                ("verification_reason", models.CharField(blank=True, max_length=60)),
                ("verification", models.JSONField(default=dict, help_text="Checks, before and after")),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("rollback_triggered", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ["-planned_at", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Signature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("by", models.CharField(max_length=150)),
                (
                    "via",
                    models.CharField(
                        choices=[
                            ("dashboard", "dashboard"),
                            ("api", "api"),
                            ("telegram", "telegram"),
                            ("slack", "slack"),
                            ("command", "command"),
                            ("system", "system"),
                        ],
                        max_length=12,
                    ),
                ),
                ("was_fresh", models.BooleanField(default=False, help_text="Given in the dashboard with a recent login")),
                ("digest", models.CharField(max_length=64)),
                ("comment", models.CharField(blank=True, max_length=1000)),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="Approval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("approved", "Approved"),
                            ("rejected", "Rejected"),
                            ("overridden", "Overridden"),
                            ("expired", "Expired"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, help_text="Why it ended", max_length=500)),
                ("reject_kind", models.CharField(blank=True, max_length=12)),
                ("action_data", models.JSONField()),
                ("cluster", models.CharField(blank=True, max_length=63)),
                ("target_uid", models.CharField(blank=True, max_length=64)),
                ("digest", models.CharField(max_length=64)),
                ("plan", models.JSONField(default=dict, help_text="What the dry run would change, for people")),
                ("risk", models.CharField(max_length=8)),
                (
                    "tier",
                    models.CharField(
                        choices=[("auto", "auto"), ("human", "human"), ("dual", "dual"), ("blocked", "blocked")], max_length=7
                    ),
                ),
                ("blast_score", models.PositiveSmallIntegerField(default=0)),
                ("required_signatures", models.PositiveSmallIntegerField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("expires_at", models.DateTimeField()),
                ("auto_at", models.DateTimeField(blank=True, help_text="Runs alone then, if the alert still fires", null=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        help_text="Of an own proposal",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "decision",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="approval", to="incidents.decision"
                    ),
                ),
                (
                    "incident",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="approvals", to="incidents.incident"
                    ),
                ),
                (
                    "supersedes",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="superseded_by",
                        to="approvals.approval",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="autonomychange",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c1978ad5f3fbb1108a2679a98d6f262bab7812a0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_25644",
                    table="approvals_autonomychange",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="autonomychange",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_all",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
                    hash="f032819d25deeabdf5894317290b22151e2a4602",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_keep_all_c1dbe",
                    table="approvals_autonomychange",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="approval",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="executions", to="approvals.approval"
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="decision",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="executions", to="incidents.decision"
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="incident",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="executions", to="incidents.incident"
            ),
        ),
        migrations.AddField(
            model_name="execution",
            name="reverses",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="reversed_by",
                to="approvals.execution",
            ),
        ),
        migrations.AddField(
            model_name="attempt",
            name="execution",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="attempts", to="approvals.execution"
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="approval",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name="signatures", to="approvals.approval"
            ),
        ),
        migrations.AddField(
            model_name="signature",
            name="user",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.DO_NOTHING, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(fields=["status", "-id"], name="approvals_by_status"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(condition=models.Q(("status", "pending")), fields=["expires_at"], name="approvals_expiring"),
        ),
        migrations.AddIndex(
            model_name="approval",
            index=models.Index(
                condition=models.Q(("auto_at__isnull", False), ("status", "pending")),
                fields=["auto_at"],
                name="approvals_watching",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["incident", "-planned_at"], name="executions_of_incident"),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["-planned_at", "-id"], name="executions_newest"),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                condition=models.Q(("status__in", ["planned", "dry_run", "running", "ambiguous"])),
                fields=["due_at"],
                name="executions_due",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(
                condition=models.Q(("status", "succeeded"), ("verified_at", None)),
                fields=["verify_due_at"],
                name="executions_to_verify",
            ),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["target_key", "-planned_at"], name="executions_of_target"),
        ),
        migrations.AddIndex(
            model_name="execution",
            index=models.Index(fields=["pattern", "-planned_at"], name="executions_of_pattern"),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.UniqueConstraint(fields=("approval", "step", "direction"), name="executions_once_an_approval"),
        ),
        migrations.AddConstraint(
            model_name="execution",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["planned", "dry_run", "running", "ambiguous"])),
                fields=("target_key",),
                name="executions_one_active_a_target",
            ),
        ),
        migrations.AddConstraint(
            model_name="attempt",
            constraint=models.UniqueConstraint(fields=("execution", "n"), name="attempts_numbered"),
        ),
        migrations.AddConstraint(
            model_name="signature",
            constraint=models.UniqueConstraint(fields=("approval", "by"), name="signatures_one_a_person"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signature",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="3ae4e8571f8bb4590b2bfae7c7e9d4a992b0288a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_48971",
                    table="approvals_signature",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signature",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_all",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
                    hash="16723f81fd2a2e2f2123cecc5592becdaf1b900e",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_keep_all_2aec7",
                    table="approvals_signature",
                    when="BEFORE",
                ),
            ),
        ),
    ]
