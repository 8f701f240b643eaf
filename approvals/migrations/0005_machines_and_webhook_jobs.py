import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0004_reviews_contacts_and_steps"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookJob",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "name",
                    models.CharField(
                        help_text="Part of the trust pattern",
                        max_length=100,
                        unique=True,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                            )
                        ],
                    ),
                ),
                (
                    "carries",
                    models.CharField(
                        choices=[
                            ("run_webhook_job", "run_webhook_job"),
                            ("failover", "failover"),
                            ("clear_cache", "clear_cache"),
                        ],
                        default="run_webhook_job",
                        max_length=20,
                    ),
                ),
                ("cluster", models.CharField(blank=True, help_text="Only for this cluster; empty: for all", max_length=63)),
                (
                    "url",
                    models.CharField(
                        help_text="Asked with POST; the host has to be allowed by AIOPS_EGRESS_HOSTS", max_length=500
                    ),
                ),
                (
                    "status_url",
                    models.CharField(
                        blank=True,
                        help_text="Where a run is looked up: {key} is our key, {id} the one that was answered",
                        max_length=500,
                    ),
                ),
                (
                    "secret",
                    models.CharField(help_text="Signs what is sent and what is called back: X-Aiops-Signature", max_length=200),
                ),
                ("headers", models.JSONField(blank=True, default=dict, help_text='Such as {"Authorization": "Bearer …"}')),
                ("body", models.JSONField(blank=True, default=dict, help_text="Fixed fields of the request")),
                (
                    "arguments_field",
                    models.CharField(
                        default="arguments",
                        help_text="Name of the arguments there: AWX extra_vars",
                        max_length=40,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                            )
                        ],
                    ),
                ),
                (
                    "argument_names",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=100,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="Arguments that may be given, between commas; aiops_key, _callback_url, _incident and _target are filled in",
                        size=None,
                    ),
                ),
                (
                    "idempotent",
                    models.BooleanField(default=False, help_text="The same key does nothing twice there: it may be sent again"),
                ),
                (
                    "rehearses",
                    models.BooleanField(default=False, help_text="Understands dry_run: without it, it never runs alone"),
                ),
                (
                    "risk",
                    models.CharField(
                        choices=[("low", "low"), ("medium", "medium"), ("high", "high"), ("critical", "critical")],
                        default="high",
                        max_length=8,
                    ),
                ),
                (
                    "data_impact",
                    models.CharField(
                        choices=[("none", "none"), ("read", "read"), ("write", "write"), ("destructive", "destructive")],
                        default="write",
                        max_length=11,
                    ),
                ),
                (
                    "undo",
                    models.CharField(
                        choices=[("none", "none"), ("idempotent", "idempotent"), ("inverse", "inverse")],
                        default="none",
                        help_text="inverse: it is asked again with direction rollback",
                        max_length=10,
                    ),
                ),
                (
                    "runs_within_s",
                    models.PositiveIntegerField(default=600, validators=[django.core.validators.MinValueValidator(10)]),
                ),
                ("is_enabled", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Host",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cluster", models.CharField(help_text="Configured cluster whose alerts name this machine", max_length=63)),
                (
                    "name",
                    models.CharField(
                        help_text="As alerts name it",
                        max_length=253,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_.:-]*\\Z", "a host name or an address"
                            )
                        ],
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        blank=True,
                        help_text="Empty: its name",
                        max_length=253,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_.:-]*\\Z", "a host name or an address"
                            )
                        ],
                    ),
                ),
                (
                    "port",
                    models.PositiveIntegerField(
                        default=22,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(65535)],
                    ),
                ),
                (
                    "user",
                    models.CharField(
                        default="aiops",
                        max_length=64,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                            )
                        ],
                    ),
                ),
                (
                    "host_key",
                    models.TextField(help_text="Its public host keys, as ssh-keyscan prints them; no other key is ever accepted"),
                ),
                (
                    "services",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=128,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="systemd services that may be restarted, between commas: nginx, php8.2-fpm",
                        size=None,
                    ),
                ),
                (
                    "containers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=128,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\\Z", "letters, digits and _ . @ - only"
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="docker containers that may be restarted, between commas",
                        size=None,
                    ),
                ),
                (
                    "clean_paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=300,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A(/[A-Za-z0-9_-][A-Za-z0-9._-]*){2,}\\Z",
                                    "an absolute path of at least two parts, such as /var/log",
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="Old files under these may be removed, between commas: /var/log/app, /var/tmp/exports",
                        size=None,
                    ),
                ),
                (
                    "cache_paths",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            max_length=300,
                            validators=[
                                django.core.validators.RegexValidator(
                                    "\\A(/[A-Za-z0-9_-][A-Za-z0-9._-]*){2,}\\Z",
                                    "an absolute path of at least two parts, such as /var/log",
                                )
                            ],
                        ),
                        blank=True,
                        default=list,
                        help_text="All files under these may be removed, between commas",
                        size=None,
                    ),
                ),
                (
                    "older_than_days",
                    models.PositiveSmallIntegerField(
                        default=7,
                        help_text="What counts as an old file",
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                (
                    "sudo",
                    models.BooleanField(
                        default=True, help_text="Commands are run with sudo, which has to allow them without a password"
                    ),
                ),
                (
                    "marker_dir",
                    models.CharField(
                        default=".aiops-console",
                        help_text="Folder there that remembers what was begun",
                        max_length=200,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\\Z", "a folder, from the home of the user or absolute"
                            )
                        ],
                    ),
                ),
                (
                    "criticality",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="1 is the most critical",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3)],
                    ),
                ),
                ("is_enabled", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["cluster", "name"],
                "constraints": [models.UniqueConstraint(fields=("cluster", "name"), name="hosts_by_name")],
            },
        ),
        migrations.CreateModel(
            name="JobCall",
            fields=[
                ("key", models.UUIDField(help_text="Of the execution; the idempotency key", primary_key=True, serialize=False)),
                (
                    "state",
                    models.CharField(
                        choices=[("sent", "Sent"), ("running", "Running"), ("succeeded", "Succeeded"), ("failed", "Failed")],
                        default="sent",
                        max_length=9,
                    ),
                ),
                ("receiver_id", models.CharField(blank=True, help_text="What the receiver calls it", max_length=100)),
                ("detail", models.CharField(blank=True, max_length=500)),
                ("called_back_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "job",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="calls", to="approvals.webhookjob"
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at"],
            },
        ),
    ]
