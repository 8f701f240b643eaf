"""What has been learned: trust rows with their ledger, the outcome of every execution, and playbooks."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from aiops import append_only
from aiops.core.actions import ActionClass
from aiops.core.scales import Tier


class TrustRecord(models.Model):
    """How an action pattern has done in one scope. Nothing is borrowed from another row (`trust-model.md` §1).

    `successes` and `failures` are evidence, aged to `evidence_at`; the ledger folded in order gives this row again.
    """

    pattern = models.CharField(max_length=300)
    environment = models.CharField(max_length=40)
    namespace = models.CharField(max_length=253, blank=True)
    alert_name = models.CharField(max_length=200, blank=True)
    successes = models.FloatField(default=0.0)
    failures = models.FloatField(default=0.0)
    evidence_at = models.DateTimeField(default=timezone.now)
    score = models.PositiveSmallIntegerField(default=0)
    verified_days = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0)
    tier = models.CharField(max_length=7, choices=[(t.value, t.value) for t in Tier], default=Tier.HUMAN.value)
    agreed = models.PositiveIntegerField(default=0, help_text="Proposals in shadow mode that people approved")
    disagreed = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["pattern", "environment", "namespace", "alert_name"]
        constraints = [
            models.UniqueConstraint(fields=["pattern", "environment", "namespace", "alert_name"], name="trust_one_row"),
            models.CheckConstraint(condition=Q(score__range=(0, 10)), name="trust_score_0_to_10"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern} for {self.alert_name or 'any alert'} in {self.environment}/{self.namespace}"


class TrustEvent(models.Model):
    """One line of the append-only ledger, with the row that resulted. `execution` and `decision` are plain ids."""

    class Kind(models.TextChoices):
        OUTCOME = "outcome"
        APPROVE = "approve"
        REJECT = "reject"
        OVERRIDE = "override"
        RATING = "rating"
        REVIEW = "review"
        RECURRENCE = "recurrence"

    record = models.ForeignKey(TrustRecord, on_delete=models.PROTECT, related_name="events", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    at = models.DateTimeField(help_text="When the run ended; a correction carries the time of the run")
    written_at = models.DateTimeField(default=timezone.now)
    ds = models.FloatField(default=0.0)
    df = models.FloatField(default=0.0)
    dscore = models.SmallIntegerField(default=0)
    actor = models.CharField(max_length=150, blank=True)
    reason = models.CharField(max_length=300, blank=True)
    execution = models.UUIDField(null=True, blank=True)
    decision = models.BigIntegerField(null=True, blank=True)
    successes = models.FloatField()
    failures = models.FloatField()
    score = models.PositiveSmallIntegerField()
    step = models.SmallIntegerField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["record", "id"], name="trust_ledger")]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "kind", "actor"],
                condition=Q(execution__isnull=False, kind="outcome"),
                name="trust_once_a_run",
            ),
            models.UniqueConstraint(
                fields=["decision", "kind", "actor"], condition=Q(decision__isnull=False), name="trust_once_a_decision"
            ),
        ]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.kind} {self.ds:+g}/{self.df:+g}"


class TrustGrant(models.Model):
    """A lead's decision on top of the evidence: a grant gives the step, a revoke takes it away, both with an end."""

    class Kind(models.TextChoices):
        GRANT = "grant"
        REVOKE = "revoke"

    record = models.ForeignKey(TrustRecord, on_delete=models.CASCADE, related_name="grants")
    kind = models.CharField(max_length=6, choices=Kind.choices)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=500)
    created_at = models.DateTimeField(default=timezone.now)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} until {self.until:%Y-%m-%d}"


class Outcome(models.Model):
    """What one execution came to, written once. Trust, playbooks, repair records and SLIs are fed from here alone."""

    class Result(models.TextChoices):
        SUCCESS = "success"
        DEGRADED = "degraded"
        FAILED = "failed"
        TIMEOUT = "timeout"
        UNVERIFIABLE = "unverifiable"

    execution = models.UUIDField(unique=True)
    incident = models.BigIntegerField()
    decision = models.BigIntegerField()
    at = models.DateTimeField(default=timezone.now)
    result = models.CharField(max_length=12, choices=Result.choices)
    autonomous = models.BooleanField(default=False)
    allowed_alone = models.BooleanField(default=False, help_text="Whether its trust row let it run alone")
    source = models.CharField(max_length=14, help_text="Who proposed it")
    action_class = models.CharField(max_length=24, choices=[(c.value, c.value) for c in ActionClass])
    action = models.JSONField(default=dict)
    pattern = models.CharField(max_length=300)
    environment = models.CharField(max_length=40)
    namespace = models.CharField(max_length=253, blank=True)
    alert_name = models.CharField(max_length=200, blank=True)
    anomaly_key = models.CharField(max_length=16)
    category = models.CharField(max_length=24, blank=True)
    seconds = models.FloatField(default=0.0)
    blast_score = models.PositiveSmallIntegerField(default=0)
    tier = models.CharField(max_length=7, blank=True)
    playbook = models.BigIntegerField(null=True, blank=True)
    rolled_back = models.BooleanField(default=False)
    needless = models.BooleanField(default=False, help_text="The fault had healed by itself")
    predicted = models.FloatField(null=True, help_text="Posterior mean of the trust row when it was decided")
    claimed = models.FloatField(null=True, help_text="Confidence that the engine claimed, where it claims one")
    signers = ArrayField(models.CharField(max_length=150), default=list, blank=True)

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["anomaly_key", "-at"], name="outcomes_by_anomaly"),
            models.Index(fields=["-at"], name="outcomes_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern}: {self.result}"


class PlaybookQuerySet(models.QuerySet["Playbook"]):
    def approved(self) -> Self:
        return self.filter(status=Playbook.Status.APPROVED)


class Playbook(models.Model):
    """Symptoms and the typed steps that cure them. Only approved ones are proposed."""

    class Status(models.TextChoices):
        DRAFT = "draft"
        REVIEW = "review"
        APPROVED = "approved"
        DEPRECATED = "deprecated"
        ARCHIVED = "archived"

    name = models.CharField(max_length=150, unique=True)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    is_starter = models.BooleanField(default=False)
    alert_names = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    categories = ArrayField(models.CharField(max_length=24), default=list, blank=True)
    severities = ArrayField(models.CharField(max_length=2), default=list, blank=True)
    services = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    labels = models.JSONField(default=dict, blank=True, help_text="Label values that have to be there")
    target_kind = models.CharField(max_length=63)
    runs = models.PositiveIntegerField(default=0)
    successes = models.FloatField(default=0.0)
    trust = models.FloatField(default=0.50)
    confidence = models.FloatField(default=0.50)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Playbook"]] = PlaybookQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        constraints = [
            models.CheckConstraint(condition=Q(trust__range=(0, 1), confidence__range=(0, 1)), name="playbook_0_to_1"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def success_rate(self) -> float | None:
        """None while it has no runs."""
        return self.successes / self.runs if self.runs else None

    def get_absolute_url(self) -> str:
        return f"/playbooks/{self.pk}"

    def used(self, at: datetime) -> None:
        self.last_used_at = at


class PlaybookStep(models.Model):
    """One typed action; its target is the incident's own unless the step names another kind."""

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=1)
    action_class = models.CharField(max_length=24, choices=[(c.value, c.value) for c in ActionClass])
    parameters = models.JSONField(default=dict, blank=True)
    expected_effect = models.CharField(max_length=300, blank=True)
    verify = models.CharField(max_length=300, blank=True)
    rollback = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["playbook", "position"]
        constraints = [models.UniqueConstraint(fields=["playbook", "position"], name="playbook_step_place")]

    def __str__(self) -> str:
        return f"{self.position}. {self.action_class}"


class PlaybookVersion(models.Model):
    """A playbook as it was: symptoms and steps, written whenever they change."""

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField()
    at = models.DateTimeField(default=timezone.now)
    by = models.CharField(max_length=150, blank=True)
    snapshot = models.JSONField()

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["playbook", "number"], name="playbook_version_once")]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.playbook_id} v{self.number}"
