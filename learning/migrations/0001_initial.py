import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Outcome",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("execution", models.UUIDField(unique=True)),
                ("incident", models.BigIntegerField()),
                ("decision", models.BigIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "result",
                    models.CharField(
                        choices=[
                            ("success", "Success"),
                            ("degraded", "Degraded"),
                            ("failed", "Failed"),
                            ("timeout", "Timeout"),
                            ("unverifiable", "Unverifiable"),
                        ],
                        max_length=12,
                    ),
                ),
                ("autonomous", models.BooleanField(default=False)),
                ("allowed_alone", models.BooleanField(default=False, help_text="Whether its trust row let it run alone")),
                ("source", models.CharField(help_text="Who proposed it", max_length=14)),
                (
                    "action_class",
                    models.CharField(
                        choices=[
                            ("restart_workload", "restart_workload"),
                            ("delete_pod", "delete_pod"),
                            ("scale_up", "scale_up"),
                            ("scale_down", "scale_down"),
                            ("rollback", "rollback"),
                            ("adjust_resources", "adjust_resources"),
                            ("cordon_drain_node", "cordon_drain_node"),
                            ("rerun_job", "rerun_job"),
                            ("restart_service_host", "restart_service_host"),
                            ("clean_disk", "clean_disk"),
                            ("expand_storage", "expand_storage"),
                            ("renew_certificate", "renew_certificate"),
                            ("failover", "failover"),
                            ("clear_cache", "clear_cache"),
                            ("run_webhook_job", "run_webhook_job"),
                            ("notify_only", "notify_only"),
                            ("create_ticket", "create_ticket"),
                            ("silence", "silence"),
                        ],
                        max_length=24,
                    ),
                ),
                ("action", models.JSONField(default=dict)),
                ("pattern", models.CharField(max_length=300)),
                ("environment", models.CharField(max_length=40)),
                ("namespace", models.CharField(blank=True, max_length=253)),
                ("alert_name", models.CharField(blank=True, max_length=200)),
                ("anomaly_key", models.CharField(max_length=16)),
                ("category", models.CharField(blank=True, max_length=24)),
                ("seconds", models.FloatField(default=0.0)),
                ("blast_score", models.PositiveSmallIntegerField(default=0)),
                ("tier", models.CharField(blank=True, max_length=7)),
                ("playbook", models.BigIntegerField(blank=True, null=True)),
                ("rolled_back", models.BooleanField(default=False)),
                ("needless", models.BooleanField(default=False, help_text="The fault had healed by itself")),
                ("predicted", models.FloatField(help_text="Posterior mean of the trust row when it was decided", null=True)),
                ("claimed", models.FloatField(help_text="Confidence that the engine claimed, where it claims one", null=True)),
                (
                    "signers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=150), blank=True, default=list, size=None
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [
                    models.Index(fields=["anomaly_key", "-at"], name="outcomes_by_anomaly"),
                    models.Index(fields=["-at"], name="outcomes_newest"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Playbook",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=150, unique=True)),
                ("description", models.TextField(blank=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("review", "Review"),
                            ("approved", "Approved"),
                            ("deprecated", "Deprecated"),
                            ("archived", "Archived"),
                        ],
                        default="draft",
                        max_length=10,
                    ),
                ),
                ("is_starter", models.BooleanField(default=False)),
                (
                    "alert_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=200), blank=True, default=list, size=None
                    ),
                ),
                (
                    "categories",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=24), blank=True, default=list, size=None
                    ),
                ),
                (
                    "severities",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=2), blank=True, default=list, size=None
                    ),
                ),
                (
                    "services",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=253), blank=True, default=list, size=None
                    ),
                ),
                ("labels", models.JSONField(blank=True, default=dict, help_text="Label values that have to be there")),
                ("target_kind", models.CharField(max_length=63)),
                ("runs", models.PositiveIntegerField(default=0)),
                ("successes", models.FloatField(default=0.0)),
                ("trust", models.FloatField(default=0.5)),
                ("confidence", models.FloatField(default=0.5)),
                ("version", models.PositiveIntegerField(default=1)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("last_used_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "ordering": ["name"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("confidence__range", (0, 1)), ("trust__range", (0, 1))), name="playbook_0_to_1"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="TrustRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("pattern", models.CharField(max_length=300)),
                ("environment", models.CharField(max_length=40)),
                ("namespace", models.CharField(blank=True, max_length=253)),
                ("alert_name", models.CharField(blank=True, max_length=200)),
                ("successes", models.FloatField(default=0.0)),
                ("failures", models.FloatField(default=0.0)),
                ("evidence_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("score", models.PositiveSmallIntegerField(default=0)),
                ("verified_days", models.PositiveIntegerField(default=0)),
                ("people", models.PositiveIntegerField(default=0)),
                (
                    "tier",
                    models.CharField(
                        choices=[("auto", "auto"), ("human", "human"), ("dual", "dual"), ("blocked", "blocked")],
                        default="human",
                        max_length=7,
                    ),
                ),
                ("agreed", models.PositiveIntegerField(default=0, help_text="Proposals in shadow mode that people approved")),
                ("disagreed", models.PositiveIntegerField(default=0)),
            ],
            options={
                "ordering": ["pattern", "environment", "namespace", "alert_name"],
                "constraints": [
                    models.UniqueConstraint(fields=("pattern", "environment", "namespace", "alert_name"), name="trust_one_row"),
                    models.CheckConstraint(condition=models.Q(("score__range", (0, 10))), name="trust_score_0_to_10"),
                ],
            },
        ),
        migrations.CreateModel(
            name="TrustGrant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("grant", "Grant"), ("revoke", "Revoke")], max_length=6)),
                ("reason", models.CharField(max_length=500)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("until", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "by",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "record",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="grants", to="learning.trustrecord"
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
            },
        ),
        migrations.CreateModel(
            name="TrustEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("outcome", "Outcome"),
                            ("approve", "Approve"),
                            ("reject", "Reject"),
                            ("override", "Override"),
                            ("rating", "Rating"),
                            ("review", "Review"),
                            ("recurrence", "Recurrence"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(help_text="When the run ended; a correction carries the time of the run")),
                ("written_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ds", models.FloatField(default=0.0)),
                ("df", models.FloatField(default=0.0)),
                ("dscore", models.SmallIntegerField(default=0)),
                ("actor", models.CharField(blank=True, max_length=150)),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("execution", models.UUIDField(blank=True, null=True)),
                ("decision", models.BigIntegerField(blank=True, null=True)),
                ("successes", models.FloatField()),
                ("failures", models.FloatField()),
                ("score", models.PositiveSmallIntegerField()),
                ("step", models.SmallIntegerField()),
                (
                    "record",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="learning.trustrecord",
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
            },
        ),
        migrations.CreateModel(
            name="PlaybookStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(default=1)),
                (
                    "action_class",
                    models.CharField(
                        choices=[
                            ("restart_workload", "restart_workload"),
                            ("delete_pod", "delete_pod"),
                            ("scale_up", "scale_up"),
                            ("scale_down", "scale_down"),
                            ("rollback", "rollback"),
                            ("adjust_resources", "adjust_resources"),
                            ("cordon_drain_node", "cordon_drain_node"),
                            ("rerun_job", "rerun_job"),
                            ("restart_service_host", "restart_service_host"),
                            ("clean_disk", "clean_disk"),
                            ("expand_storage", "expand_storage"),
                            ("renew_certificate", "renew_certificate"),
                            ("failover", "failover"),
                            ("clear_cache", "clear_cache"),
                            ("run_webhook_job", "run_webhook_job"),
                            ("notify_only", "notify_only"),
                            ("create_ticket", "create_ticket"),
                            ("silence", "silence"),
                        ],
                        max_length=24,
                    ),
                ),
                ("parameters", models.JSONField(blank=True, default=dict)),
                ("expected_effect", models.CharField(blank=True, max_length=300)),
                ("verify", models.CharField(blank=True, max_length=300)),
                ("rollback", models.CharField(blank=True, max_length=300)),
                (
                    "playbook",
                    models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="learning.playbook"),
                ),
            ],
            options={
                "ordering": ["playbook", "position"],
                "constraints": [models.UniqueConstraint(fields=("playbook", "position"), name="playbook_step_place")],
            },
        ),
        migrations.CreateModel(
            name="PlaybookVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("by", models.CharField(blank=True, max_length=150)),
                ("snapshot", models.JSONField()),
                (
                    "playbook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="versions", to="learning.playbook"
                    ),
                ),
            ],
            options={
                "ordering": ["-number"],
                "constraints": [models.UniqueConstraint(fields=("playbook", "number"), name="playbook_version_once")],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="playbookversion",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="fcb7701cc64529540d643ada7b5043c488281820",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_4a31b",
                    table="learning_playbookversion",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="playbookversion",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_all",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
                    hash="e505ebbfcfcfdeb1e2351463dc6be167ad1fb028",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_keep_all_3cf50",
                    table="learning_playbookversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="trustevent",
            index=models.Index(fields=["record", "id"], name="trust_ledger"),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("execution__isnull", False), ("kind", "outcome")),
                fields=("execution", "kind", "actor"),
                name="trust_once_a_run",
            ),
        ),
        migrations.AddConstraint(
            model_name="trustevent",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decision__isnull", False)),
                fields=("decision", "kind", "actor"),
                name="trust_once_a_decision",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="trustevent",
            trigger=pgtrigger.compiler.Trigger(
                name="append_only",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="b7492ac224b7607e672edb109139ff936a844bae",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_append_only_e05b1",
                    table="learning_trustevent",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="trustevent",
            trigger=pgtrigger.compiler.Trigger(
                name="keep_all",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'this table only grows; it cannot be emptied';",
                    hash="124aa053d66c5476a6efac02158d4074ca4c022a",
                    level="STATEMENT",
                    operation="TRUNCATE",
                    pgid="pgtrigger_keep_all_15172",
                    table="learning_trustevent",
                    when="BEFORE",
                ),
            ),
        ),
    ]
