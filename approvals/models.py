"""What people and policy agreed to, and what was done about it."""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from aiops import append_only
from aiops.access.principals import Via
from aiops.core.actions import Action, load
from aiops.core.scales import Tier
from aiops.outbox.models import Channel
from approvals.means import ClusterCheck, Host, JobCall, WebhookJob  # noqa: F401  (their tables belong to this app)
from incidents.models import Decision, Incident


class ApprovalQuerySet(models.QuerySet["Approval"]):
    def pending(self) -> Self:
        return self.filter(status=Approval.Status.PENDING)


class Approval(models.Model):
    """One typed action on one target as it was seen, waiting for or carrying its signatures.

    `digest` covers action, parameters, target uid and the part of the spec that the action touches: what is signed is
    what runs. `Approval.status` is written by `approval_state` alone.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        REJECTED = "rejected"
        OVERRIDDEN = "overridden"
        EXPIRED = "expired"
        WITHDRAWN = "withdrawn"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="approvals")
    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, related_name="approval")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    reason = models.CharField(max_length=500, blank=True, help_text="Why it ended")
    reject_kind = models.CharField(max_length=12, blank=True)
    action_data = models.JSONField()
    cluster = models.CharField(max_length=63, blank=True)
    target_key = models.CharField(max_length=600, help_text="As of the execution that it may become")
    target_uid = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64)
    plan = models.JSONField(default=dict, help_text="What the dry run would change, for people")
    risk = models.CharField(max_length=8)
    tier = models.CharField(max_length=7, choices=[(t.value, t.value) for t in Tier])
    blast_score = models.PositiveSmallIntegerField(default=0)
    required_signatures = models.PositiveSmallIntegerField()
    supersedes = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="superseded_by")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="Of an own proposal",
    )
    created_at = models.DateTimeField(default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField()
    auto_at = models.DateTimeField(null=True, blank=True, help_text="Runs alone then, if the alert still fires")
    steps = models.JSONField(default=list, help_text="Of several: each action with uid and touched spec as it was signed")
    escalate_at = models.DateTimeField(null=True, blank=True, help_text="The next contact is asked then")
    contacts_asked = models.PositiveSmallIntegerField(default=0, help_text="How far along the contact list it is")

    objects: ClassVar[models.Manager["Approval"]] = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["status", "-id"], name="approvals_by_status"),
            models.Index(fields=["target_key"], name="approvals_of_target", condition=Q(status="pending")),
            models.Index(fields=["auto_at"], name="approvals_watching", condition=Q(status="pending", auto_at__isnull=False)),
            models.Index(
                fields=["escalate_at"], name="approvals_to_escalate", condition=Q(status="pending", escalate_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"approval {self.pk}"

    @property
    def action(self) -> Action:
        return load(self.action_data)

    @property
    def step_count(self) -> int:
        """How many actions are agreed to at once."""
        return max(1, len(self.steps))

    @property
    def is_pending(self) -> bool:
        return self.status == self.Status.PENDING


class Signature(models.Model):
    """One person's name under one digest, by whatever way; `by` is `autonomy` where policy approved."""

    approval = models.ForeignKey(Approval, on_delete=models.DO_NOTHING, related_name="signatures", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.DO_NOTHING, null=True, related_name="+")
    by = models.CharField(max_length=150)
    via = models.CharField(max_length=12, choices=[(v.value, v.value) for v in Via])
    was_fresh = models.BooleanField(default=False, help_text="Given in the dashboard with a recent login")
    digest = models.CharField(max_length=64)
    comment = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["approval", "by"], name="signatures_one_a_person")]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.by} by {self.via}"


class ExecutionQuerySet(models.QuerySet["Execution"]):
    def active(self) -> Self:
        return self.filter(status__in=Execution.ACTIVE)

    def due(self) -> Self:
        """What nobody is at work on and somebody should be: due plans and lapsed leases, by the database's clock."""
        return self.active().filter(Q(lease_until=None) | Q(lease_until__lte=Now()), due_at__lte=Now())

    def to_verify(self) -> Self:
        """What was done and is due to be looked at, by the database's clock."""
        return self.filter(status=Execution.Status.SUCCEEDED, verified_at=None, verify_due_at__lte=Now())


class Execution(models.Model):
    """One attempt to change one target once. Its id is the mark that the change leaves there (`reliability.md` §2).

    `Execution.status` is written by `execution_state` alone, and only by who holds the lease (`fence`).
    """

    class Direction(models.TextChoices):
        FORWARD = "forward"
        ROLLBACK = "rollback"

    class Status(models.TextChoices):
        PLANNED = "planned"
        DRY_RUN = "dry_run"
        RUNNING = "running"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        AMBIGUOUS = "ambiguous"
        ROLLED_BACK = "rolled_back"
        CANCELLED = "cancelled"

    class Verdict(models.TextChoices):
        SUCCESS = "success"
        DEGRADED = "degraded"
        FAILED = "failed"
        TIMEOUT = "timeout"

    ACTIVE: ClassVar = (Status.PLANNED, Status.DRY_RUN, Status.RUNNING, Status.AMBIGUOUS)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    approval = models.ForeignKey(Approval, on_delete=models.CASCADE, related_name="executions")
    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="executions")
    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="executions")
    step = models.PositiveSmallIntegerField(default=1)
    direction = models.CharField(max_length=8, choices=Direction.choices, default=Direction.FORWARD)
    reverses = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="reversed_by")
    action_data = models.JSONField()
    cluster = models.CharField(max_length=63, blank=True)
    target_key = models.CharField(max_length=600, help_text="What is locked while this is active; a pod's is its workload")
    status = models.CharField(max_length=11, choices=Status.choices, default=Status.PLANNED)
    reason = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True, help_text="What happened, for people")
    autonomous = models.BooleanField(default=False)
    pattern = models.CharField(max_length=300)
    environment = models.CharField(max_length=40)
    namespace = models.CharField(max_length=253, blank=True)
    alert_name = models.CharField(max_length=200, blank=True)
    # The lease: who may write this row now.
    due_at = models.DateTimeField(default=timezone.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveIntegerField(default=0)
    claims = models.PositiveSmallIntegerField(default=0, help_text="Claims in a row that ended without a word")
    claimed_by = models.CharField(max_length=120, blank=True)
    retries = models.PositiveSmallIntegerField(default=0, help_text="Put back after failures that surely had no effect")
    stop_requested = models.BooleanField(default=False)
    stop_reason = models.CharField(max_length=500, blank=True)
    unclear_since = models.DateTimeField(null=True, blank=True, help_text="Something was sent and is not settled")
    escalated_at = models.DateTimeField(null=True, blank=True, help_text="Handed to a person, while reading goes on")
    # What was seen and made.
    authorised_at = models.DateTimeField(default=timezone.now, help_text="Approved, or the previous step verified")
    planned_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    dry_run = models.JSONField(default=dict)
    agreed = models.JSONField(default=dict, help_text="Uid and digest that this step may meet; empty: as its approval says")
    before = models.JSONField(default=dict, help_text="Touched spec and baseline before the change")
    made = models.JSONField(default=dict, help_text="Uid, generation and touched spec as the change left them")
    # Verification
    verify_due_at = models.DateTimeField(null=True, blank=True)
    verify_until = models.DateTimeField(null=True, blank=True)
    verification_result = models.CharField(max_length=8, choices=Verdict.choices, blank=True)
    verification_reason = models.CharField(max_length=60, blank=True)
    verification = models.JSONField(default=dict, help_text="Checks, before and after")
    verified_at = models.DateTimeField(null=True, blank=True)
    rollback_triggered = models.BooleanField(default=False)

    objects: ClassVar[models.Manager["Execution"]] = ExecutionQuerySet.as_manager()

    class Meta:
        ordering = ["-planned_at", "-id"]
        indexes = [
            models.Index(fields=["incident", "-planned_at"], name="executions_of_incident"),
            models.Index(fields=["-planned_at", "-id"], name="executions_newest"),
            # The sweeper: due plans and lapsed leases; verifications.
            models.Index(
                fields=["due_at"], name="executions_due", condition=Q(status__in=["planned", "dry_run", "running", "ambiguous"])
            ),
            models.Index(
                fields=["verify_due_at"], name="executions_to_verify", condition=Q(status="succeeded", verified_at=None)
            ),
            # Budgets, cooldown and breakers look at what ran lately.
            models.Index(fields=["target_key", "-planned_at"], name="executions_of_target"),
            models.Index(fields=["pattern", "-planned_at"], name="executions_of_pattern"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["approval", "step", "direction"], name="executions_once_an_approval"),
            models.UniqueConstraint(
                fields=["target_key"],
                condition=Q(status__in=["planned", "dry_run", "running", "ambiguous"]),
                name="executions_one_active_a_target",
            ),
        ]

    def __str__(self) -> str:
        return f"execution {self.pk}"

    @property
    def action(self) -> Action:
        return load(self.action_data)

    @property
    def is_last_step(self) -> bool:
        """Whether nothing follows it. What is undone is never followed by anything."""
        return self.direction == self.Direction.ROLLBACK or self.step >= self.approval.step_count

    @property
    def mark(self) -> str:
        return str(self.pk)

    @property
    def words(self) -> str:
        """`Restart web`, `Undo: Scale up web to 6`."""
        action = self.action
        words = f"{action.spec.words} {action.target.name if action.target else ''}".strip()
        return f"Undo: {words}" if self.direction == self.Direction.ROLLBACK else words

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    def duration_ms(self, now: datetime | None = None) -> int | None:
        if self.started_at is None:
            return None
        return int(((self.finished_at or now or timezone.now()) - self.started_at).total_seconds() * 1000)


class Attempt(models.Model):
    """One request that may have changed something, committed before it is sent."""

    class Outcome(models.TextChoices):
        SENT = "sent"
        APPLIED = "applied"
        NO_EFFECT = "no_effect"
        UNCLEAR = "unclear"
        REFUSED = "refused"

    execution = models.ForeignKey(Execution, on_delete=models.CASCADE, related_name="attempts", db_index=False)
    n = models.PositiveSmallIntegerField()
    resource_version = models.CharField(max_length=40, blank=True)
    generation = models.BigIntegerField(default=0, help_text="Of the object that the body was computed from")
    is_fence = models.BooleanField(default=False, help_text="Changes nothing, ends what was sent at the same version")
    body_digest = models.CharField(max_length=64)
    body = models.JSONField(default=dict, help_text="Exactly what is sent, so that a repeat is the same request")
    started_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, default=Outcome.SENT)
    status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status that came back")
    error = models.TextField(blank=True)
    transient = models.BooleanField(default=False)

    class Meta:
        ordering = ["n"]
        constraints = [models.UniqueConstraint(fields=["execution", "n"], name="attempts_numbered")]

    def __str__(self) -> str:
        return f"attempt {self.n}"


class AutonomyChange(models.Model):
    """A turn of the global autonomy switch; the newest row is how it stands. No row: on."""

    enabled = models.BooleanField()
    reason = models.CharField(max_length=500)
    by = models.CharField(max_length=150)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return "on" if self.enabled else "off"


class ReviewQuerySet(models.QuerySet["Review"]):
    def open(self) -> Self:
        return self.filter(answered_at=None)

    def overdue(self, at: datetime, after_s: float) -> Self:
        """Unanswered for too long: the level of their trust row is lowered until they are."""
        return self.open().filter(asked_at__lte=at - timedelta(seconds=after_s))


class Review(models.Model):
    """Was this act right? Asked of people about some of what ran alone; the latest answer counts."""

    class Why(models.TextChoices):
        FIRST = "first", "the first of its kind"
        SAMPLED = "sampled", "drawn at random"

    execution = models.OneToOneField(Execution, on_delete=models.CASCADE, related_name="review")
    why = models.CharField(max_length=7, choices=Why.choices)
    asked_at = models.DateTimeField(default=timezone.now)
    overdue_told_at = models.DateTimeField(null=True, blank=True)
    right = models.BooleanField(null=True, help_text="Empty while nobody has answered")
    by = models.CharField(max_length=150, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[models.Manager["Review"]] = ReviewQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        # The page, the brakes and the sweeper ask for those without an answer.
        indexes = [models.Index(fields=["asked_at"], name="reviews_open", condition=Q(answered_at=None))]

    def __str__(self) -> str:
        return f"review of {self.execution_id}"


class Contact(models.Model):
    """Somebody who is asked when nobody signs, in the order of `position`; after the last one every lead is."""

    position = models.PositiveSmallIntegerField(help_text="1 is asked first")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    channel = models.ForeignKey(
        Channel, on_delete=models.CASCADE, null=True, blank=True, related_name="+", help_text="Empty: every channel"
    )
    is_enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]

    def __str__(self) -> str:
        return f"{self.position}. {self.user}"


class DigestLook(models.Model):
    """Up to when a person has looked at what ran alone."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    seen_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.user} until {self.seen_until:%Y-%m-%d %H:%M}"
