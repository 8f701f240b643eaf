"""What acts are carried out with beside clusters, as admins set it up: machines over SSH, and webhook jobs."""

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils import timezone

from aiops.connectors.errors import Permanent
from aiops.connectors.ssh import pinned
from aiops.core.actions import ActionClass, Undo
from aiops.core.scales import DataImpact, Risk

WORD = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9_.@-]{0,127}\Z", "letters, digits and _ . @ - only")
PATH = RegexValidator(r"\A(/[A-Za-z0-9_-][A-Za-z0-9._-]*){2,}\Z", "an absolute path of at least two parts, such as /var/log")
ADDRESS = RegexValidator(r"\A[A-Za-z0-9][A-Za-z0-9_.:-]*\Z", "a host name or an address")
FOLDER = RegexValidator(r"\A/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*\Z", "a folder, from the home of the user or absolute")

# What a webhook job can stand for.
CARRIES = (ActionClass.RUN_WEBHOOK_JOB, ActionClass.FAILOVER, ActionClass.CLEAR_CACHE)
UNDO = (Undo.NONE, Undo.IDEMPOTENT, Undo.INVERSE)


class Host(models.Model):
    """A machine, how to log in to it, and the only things that may be done there. The private key is no row: it is a file."""

    cluster = models.CharField(max_length=63, help_text="Configured cluster whose alerts name this machine")
    name = models.CharField(max_length=253, validators=[ADDRESS], help_text="As alerts name it")
    address = models.CharField(max_length=253, blank=True, validators=[ADDRESS], help_text="Empty: its name")
    port = models.PositiveIntegerField(default=22, validators=[MinValueValidator(1), MaxValueValidator(65535)])
    user = models.CharField(max_length=64, default="aiops", validators=[WORD])
    host_key = models.TextField(help_text="Its public host keys, as ssh-keyscan prints them; no other key is ever accepted")
    services = ArrayField(
        models.CharField(max_length=128, validators=[WORD]),
        default=list,
        blank=True,
        help_text="systemd services that may be restarted, between commas: nginx, php8.2-fpm",
    )
    containers = ArrayField(
        models.CharField(max_length=128, validators=[WORD]),
        default=list,
        blank=True,
        help_text="docker containers that may be restarted, between commas",
    )
    clean_paths = ArrayField(
        models.CharField(max_length=300, validators=[PATH]),
        default=list,
        blank=True,
        help_text="Old files under these may be removed, between commas: /var/log/app, /var/tmp/exports",
    )
    cache_paths = ArrayField(
        models.CharField(max_length=300, validators=[PATH]),
        default=list,
        blank=True,
        help_text="All files under these may be removed, between commas",
    )
    older_than_days = models.PositiveSmallIntegerField(
        default=7, validators=[MinValueValidator(1)], help_text="What counts as an old file"
    )
    sudo = models.BooleanField(default=True, help_text="Commands are run with sudo, which has to allow them without a password")
    marker_dir = models.CharField(
        max_length=200, default=".aiops-console", validators=[FOLDER], help_text="Folder there that remembers what was begun"
    )
    criticality = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(3)], help_text="1 is the most critical"
    )
    is_enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["cluster", "name"]
        constraints = [models.UniqueConstraint(fields=["cluster", "name"], name="hosts_by_name")]

    def __str__(self) -> str:
        return f"{self.name} ({self.cluster})"

    def clean(self) -> None:
        try:
            pinned(self.host_key)
        except Permanent as error:
            raise ValidationError({"host_key": error.why}) from None


class WebhookJob(models.Model):
    """A job that somebody else runs when it is asked with a signed request: an automation tool, a deployment system."""

    name = models.CharField(max_length=100, unique=True, validators=[WORD], help_text="Part of the trust pattern")
    carries = models.CharField(
        max_length=20, choices=[(c.value, c.value) for c in CARRIES], default=ActionClass.RUN_WEBHOOK_JOB.value
    )
    cluster = models.CharField(max_length=63, blank=True, help_text="Only for this cluster; empty: for all")
    url = models.CharField(max_length=500, help_text="Asked with POST; the host has to be allowed by AIOPS_EGRESS_HOSTS")
    status_url = models.CharField(
        max_length=500, blank=True, help_text="Where a run is looked up: {key} is our key, {id} the one that was answered"
    )
    secret = models.CharField(max_length=200, help_text="Signs what is sent and what is called back: X-Aiops-Signature")
    headers = models.JSONField(default=dict, blank=True, help_text='Such as {"Authorization": "Bearer …"}')
    body = models.JSONField(default=dict, blank=True, help_text="Fixed fields of the request")
    arguments_field = models.CharField(
        max_length=40, default="arguments", validators=[WORD], help_text="Name of the arguments there: AWX extra_vars"
    )
    argument_names = ArrayField(
        models.CharField(max_length=100, validators=[WORD]),
        default=list,
        blank=True,
        help_text="Arguments that may be given, between commas; aiops_key, _callback_url, _incident and _target are filled in",
    )
    idempotent = models.BooleanField(default=False, help_text="The same key does nothing twice there: it may be sent again")
    rehearses = models.BooleanField(default=False, help_text="Understands dry_run: without it, it never runs alone")
    risk = models.CharField(max_length=8, choices=[(r.value, r.value) for r in Risk], default=Risk.HIGH.value)
    data_impact = models.CharField(
        max_length=11, choices=[(d.value, d.value) for d in DataImpact], default=DataImpact.WRITE.value
    )
    undo = models.CharField(
        max_length=10,
        choices=[(u.value, u.value) for u in UNDO],
        default=Undo.NONE.value,
        help_text="inverse: it is asked again with direction rollback",
    )
    runs_within_s = models.PositiveIntegerField(default=600, validators=[MinValueValidator(10)])
    is_enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        for name in ("headers", "body"):
            value = getattr(self, name)
            if not isinstance(value, dict) or (name == "headers" and not all(isinstance(v, str) for v in value.values())):
                raise ValidationError({name: "an object of texts, such as {}"})
        if len(self.secret) < 16:
            raise ValidationError({"secret": "at least 16 characters"})


class JobCall(models.Model):
    """One run that was asked for: made before the request leaves, so that a callback is known however early it comes."""

    class State(models.TextChoices):
        SENT = "sent"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"

    FINAL = (State.SUCCEEDED, State.FAILED)

    key = models.UUIDField(primary_key=True, help_text="Of the execution; the idempotency key")
    job = models.ForeignKey(WebhookJob, on_delete=models.PROTECT, related_name="calls")
    state = models.CharField(max_length=9, choices=State.choices, default=State.SENT)
    receiver_id = models.CharField(max_length=100, blank=True, help_text="What the receiver calls it")
    detail = models.CharField(max_length=500, blank=True)
    called_back_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.job} {self.key}"

    def learn(self, state: str, *, detail: str = "", receiver_id: str = "", **fields: object) -> bool:
        """Note what the receiver says. What has ended stays as it ended, however often or late anything else is said."""
        if receiver_id:
            JobCall.objects.filter(pk=self.pk, receiver_id="").update(receiver_id=receiver_id)
        open_call = JobCall.objects.filter(pk=self.pk).exclude(state__in=self.FINAL)
        moved = open_call.update(state=state, detail=detail[:500], **fields) == 1
        self.refresh_from_db()
        return moved


class ClusterCheck(models.Model):
    """What was last found out about a configured cluster: whether it answers, and what our account may do there."""

    cluster = models.CharField(max_length=63, primary_key=True)
    at = models.DateTimeField()
    report = models.JSONField()

    class Meta:
        ordering = ["cluster"]

    def __str__(self) -> str:
        return self.cluster
