"""What has been learned: trust rows with their ledger, the outcome of every execution, and playbooks."""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from functools import reduce
from operator import or_
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from aiops import append_only
from aiops.core.actions import SPECS, Action, ActionClass, load
from aiops.core.categories import Category
from aiops.core.scales import Risk, Severity, Tier
from learning.scopes import Scope


class TrustRecordQuerySet(models.QuerySet["TrustRecord"]):
    def of(self, scopes: Iterable[Scope]) -> Self:
        """The rows of these scopes, in one query however many they are."""
        wanted = [Q(**asdict(scope)) for scope in set(scopes)]
        return self.filter(reduce(or_, wanted)) if wanted else self.none()


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
    evidence_at = models.DateTimeField(null=True, blank=True, help_text="Empty before the first event")
    half_life_days = models.FloatField(default=90.0, help_text="With which the evidence was aged")
    score = models.PositiveSmallIntegerField(default=0)
    verified_days = models.PositiveIntegerField(default=0)
    people = models.PositiveIntegerField(default=0)
    agreed = models.PositiveIntegerField(default=0, help_text="Proposals that people approved")
    disagreed = models.PositiveIntegerField(default=0, help_text="Proposals that they overrode, or rejected as wrong")
    tier = models.CharField(
        max_length=7, choices=[(t.value, t.value) for t in Tier], default=Tier.HUMAN.value, help_text="Of the last decision"
    )
    cluster = models.CharField(max_length=63, blank=True, help_text="Of the last decision")
    decided_at = models.DateTimeField(null=True, blank=True, help_text="When that was")

    objects = TrustRecordQuerySet.as_manager()

    class Meta:
        ordering = ["pattern", "environment", "namespace", "alert_name"]
        constraints = [
            models.UniqueConstraint(fields=["pattern", "environment", "namespace", "alert_name"], name="trust_one_row"),
            models.CheckConstraint(condition=Q(score__range=(0, 10)), name="trust_score_0_to_10"),
            models.CheckConstraint(condition=Q(successes__gte=0, failures__gte=0), name="trust_no_negative_evidence"),
        ]

    def __str__(self) -> str:
        return f"{self.pattern} for {self.alert_name or 'an alert without a name'} in {self.scope.place}"

    @property
    def scope(self) -> Scope:
        return Scope(self.pattern, self.environment, self.namespace, self.alert_name)


class TrustEvent(models.Model):
    """One line of the append-only ledger, with the row that resulted. `execution` and `decision` are plain ids.

    A line is about a run (`execution`) or is an answer to a proposal (`decision` alone). Each actor says each kind of
    thing once: an outcome and an answer are written with `revision` 0, and a repeated message is refused by the unique
    key. What a person may think again about, a rating or a review, comes as another line with the next `revision`, which
    moves the difference: the latest counts, a run never weighs more than one, and the change of mind is kept.
    """

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
    revision = models.PositiveSmallIntegerField(default=0)
    signers = ArrayField(models.CharField(max_length=150), default=list, blank=True, help_text="People who signed this run")
    agrees = models.BooleanField(null=True, help_text="Whether this answer agreed with what the system proposed")
    successes = models.FloatField()
    failures = models.FloatField()
    score = models.PositiveSmallIntegerField()
    step = models.SmallIntegerField()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["record", "id"], name="trust_ledger")]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "kind", "actor", "revision"],
                condition=Q(execution__isnull=False),
                name="trust_said_once_of_a_run",
            ),
            models.UniqueConstraint(
                fields=["decision", "kind", "actor"],
                condition=Q(decision__isnull=False, execution=None),
                name="trust_said_once_of_a_decision",
            ),
            models.CheckConstraint(condition=Q(revision=0) | Q(execution__isnull=False), name="trust_answers_are_final"),
            models.CheckConstraint(
                condition=Q(kind__in=["approve", "reject", "override"], decision__isnull=False, execution=None)
                | Q(kind__in=["outcome", "rating", "review", "recurrence"], execution__isnull=False),
                name="trust_about_a_run_or_a_decision",
            ),
        ]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.kind} {self.ds:+g}/{self.df:+g}"


class TrustGrantQuerySet(models.QuerySet["TrustGrant"]):
    def in_force(self, at: datetime) -> Self:
        return self.filter(ended_at=None, created_at__lte=at, until__gt=at)


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

    objects = TrustGrantQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        # Whatever is judged asks what is in force for its row.
        indexes = [models.Index(fields=["record", "until"], name="trust_grants_in_force", condition=Q(ended_at=None))]

    def __str__(self) -> str:
        return f"{self.kind} until {self.until:%Y-%m-%d}"


class OutcomeQuerySet(models.QuerySet["Outcome"]):
    def verified(self) -> Self:
        """Runs that say something about their action: not those that nobody could verify or that the target refused."""
        return self.exclude(result__in=Outcome.SAYS_NOTHING)


class Outcome(models.Model):
    """What one execution came to, one row each. Trust, playbooks, repair records and SLIs are fed from here alone.

    `result` is what verification found and stays; `successes` and `failures` are what the run counts now, after all that
    became known later (`learning/hindsight.py`).
    """

    class Result(models.TextChoices):
        SUCCESS = "success"
        DEGRADED = "degraded"
        FAILED = "failed"
        TIMEOUT = "timeout"
        STOPPED = "stopped"
        REFUSED = "refused"
        UNVERIFIABLE = "unverifiable"

    SAYS_NOTHING: ClassVar = (Result.UNVERIFIABLE, Result.REFUSED)

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
    successes = models.FloatField(default=0.0, help_text="What it counts now: 0, ½ or 1")
    failures = models.FloatField(default=0.0)
    rolled_back = models.BooleanField(default=False)
    needless = models.BooleanField(default=False, help_text="The fault had healed by itself")
    predicted = models.FloatField(null=True, help_text="Posterior mean of the trust row when it was decided")
    claimed = models.FloatField(null=True, help_text="Confidence that the engine claimed, where it claims one")
    signers = ArrayField(models.CharField(max_length=150), default=list, blank=True)

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["anomaly_key", "-at"], name="outcomes_by_anomaly"),
            models.Index(fields=["-at"], name="outcomes_newest"),
            # The breaker: what failed lately without a person.
            models.Index(fields=["-at"], name="outcomes_failed_alone", condition=Q(autonomous=True, failures__gte=1.0)),
        ]

    def __str__(self) -> str:
        return f"{self.pattern}: {self.result}"

    @property
    def scope(self) -> Scope:
        return Scope(self.pattern, self.environment, self.namespace, self.alert_name)

    @property
    def action_typed(self) -> Action:
        return load(self.action)


class Hindsight(models.Model):
    """What became known about a run after it was verified. One row a person (or the system) and kind, the latest counts.

    `value`: a rating 1–5; a review 1 for right, 0 for wrong; a recurrence or a rollback 1.
    """

    class Kind(models.TextChoices):
        RATING = "rating"
        REVIEW = "review"
        RECURRENCE = "recurrence"
        UNDONE = "undone"

    outcome = models.ForeignKey(Outcome, on_delete=models.CASCADE, related_name="hindsight", db_index=False)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    actor = models.CharField(max_length=150)
    value = models.PositiveSmallIntegerField()
    note = models.TextField(blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["outcome", "at", "id"]
        verbose_name_plural = "hindsight"
        constraints = [
            models.UniqueConstraint(fields=["outcome", "kind", "actor"], name="hindsight_latest_counts"),
            models.CheckConstraint(
                condition=Q(kind="rating", value__range=(1, 5)) | (~Q(kind="rating") & Q(value__in=[0, 1])),
                name="hindsight_value",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.value} by {self.actor}"


class PlaybookQuerySet(models.QuerySet["Playbook"]):
    def approved(self) -> Self:
        return self.filter(status=Playbook.Status.APPROVED)


class Playbook(models.Model):
    """Symptoms and the typed steps that cure them. Only approved ones are proposed.

    `status` is written by `playbook_state` alone. `trust` and `confidence` are alarms, never a licence: its actions run
    alone by their own trust rows only.
    """

    class Status(models.TextChoices):
        DRAFT = "draft"
        REVIEW = "review"
        APPROVED = "approved"
        DEPRECATED = "deprecated"
        ARCHIVED = "archived"

    class Need(models.TextChoices):
        """What evidence has to show beside the alert, or the playbook does not fit. Unknown counts as not shown."""

        RECENT_ROLLOUT = "recent_rollout", "a rollout shortly before"
        NO_RECENT_ROLLOUT = "no_recent_rollout", "no rollout shortly before"
        OOM_KILLED = "oom_killed", "a container killed for its memory limit"
        ONE_POD = "one_pod", "one pod unhealthy and not several"
        SATURATED = "saturated", "CPU or traffic near the limit"

    name = models.CharField(max_length=150, unique=True)
    description = models.TextField(blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.DRAFT)
    is_starter = models.BooleanField(default=False)
    alert_names = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    categories = ArrayField(
        models.CharField(max_length=24, choices=[(c.value, c.value) for c in Category]), default=list, blank=True
    )
    severities = ArrayField(
        models.CharField(max_length=2, choices=[(s.value, s.value) for s in Severity]), default=list, blank=True
    )
    services = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    labels = models.JSONField(default=dict, blank=True, help_text="Label values that have to be there")
    needs = ArrayField(models.CharField(max_length=20, choices=Need.choices), default=list, blank=True)
    target_kind = models.CharField(max_length=63)
    source_incidents = ArrayField(models.BigIntegerField(), default=list, blank=True)
    runs = models.PositiveIntegerField(default=0)
    successes = models.FloatField(default=0.0)
    trust = models.FloatField(default=0.50)
    confidence = models.FloatField(default=0.50)
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = PlaybookQuerySet.as_manager()

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


class PlaybookStep(models.Model):
    """One typed action; its target is the incident's own unless the step names another kind (its pod) or another name."""

    playbook = models.ForeignKey(Playbook, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField(default=1)
    action_class = models.CharField(max_length=24, choices=[(c.value, c.value) for c in ActionClass])
    target_kind = models.CharField(max_length=63, blank=True, help_text="Empty: the incident's own")
    target_name = models.CharField(max_length=253, blank=True, help_text="Empty: the incident's own")
    parameters = models.JSONField(default=dict, blank=True)
    expected_effect = models.CharField(max_length=300, blank=True)
    verify = models.CharField(max_length=300, blank=True)
    rollback = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["playbook", "position"]
        constraints = [models.UniqueConstraint(fields=["playbook", "position"], name="playbook_step_place")]

    def __str__(self) -> str:
        return f"{self.position}. {self.action_class}"

    @property
    def risk(self) -> Risk:
        """Of the class; what the target is may raise it."""
        return SPECS[ActionClass(self.action_class)].risk


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
