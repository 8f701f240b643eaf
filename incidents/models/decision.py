"""What is proposed: one live decision an incident, and what each engine said about it."""

import secrets
from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from aiops.core.actions import Action, load
from incidents.models.incident import Incident
from incidents.proposals import Proposal


class DecisionQuerySet(models.QuerySet["Decision"]):
    def live(self) -> Self:
        return self.filter(state__in=Decision.LIVE)

    def waiting(self) -> Self:
        """Not READY yet: what the 30 s are running for."""
        return self.filter(state__in=(Decision.State.INIT, Decision.State.ANALYZING))


def new_token() -> str:
    return f"DEC-{secrets.token_hex(6).upper()}"


class Decision(models.Model):
    """What is proposed for an incident. `Decision.state` is written by `decision_state` alone."""

    class State(models.TextChoices):
        INIT = "INIT"
        ANALYZING = "ANALYZING"
        READY = "READY"
        EXECUTING = "EXECUTING"
        COMPLETED = "COMPLETED"
        ERROR = "ERROR"
        EXPIRED = "EXPIRED"
        WITHDRAWN = "WITHDRAWN"

    class Reason(models.TextChoices):
        REJECTED = "rejected"
        RESOLVED = "resolved"
        MERGED = "merged"
        REANALYSED = "reanalysed"
        OVERRIDDEN = "overridden"
        DRIFTED = "drifted"
        FROZEN = "frozen"

    LIVE: ClassVar = (State.INIT, State.ANALYZING, State.READY, State.EXECUTING)

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="decisions")
    token = models.CharField(max_length=16, unique=True, default=new_token, editable=False)
    state = models.CharField(max_length=9, choices=State.choices, default=State.INIT)
    reason = models.CharField(max_length=10, choices=Reason.choices, blank=True)
    cause = models.CharField(max_length=20, default="opened", help_text="Why this analysis was begun")
    about_alert = models.BigIntegerField(null=True, editable=False, help_text="The alert that its analysis took for the root")
    received_at = models.DateTimeField(help_text="The 30 s run from here")
    created_at = models.DateTimeField(default=timezone.now)
    state_since = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    proposal_data = models.JSONField(null=True, help_text="The best proposal so far; the rules' own from ANALYZING on")
    assessment = models.JSONField(null=True, help_text="Blast radius and reasons, written by policy once READY")
    assessed_at = models.DateTimeField(null=True, blank=True)
    assess_due_at = models.DateTimeField(null=True, blank=True, help_text="When policy looks at it (again)")
    auto_approved = models.BooleanField(default=False)
    error = models.TextField(blank=True)

    objects: ClassVar[models.Manager["Decision"]] = DecisionQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [
            # The sweeper: who is late, who expires, who was never assessed.
            models.Index(fields=["received_at"], name="decisions_waiting", condition=Q(state__in=["INIT", "ANALYZING"])),
            models.Index(fields=["expires_at"], name="decisions_expiring", condition=Q(state="READY")),
            models.Index(fields=["assess_due_at"], name="decisions_unassessed", condition=Q(state="READY", assessed_at=None)),
            models.Index(fields=["-ready_at"], name="decisions_by_ready"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["incident"],
                condition=Q(state__in=["INIT", "ANALYZING", "READY", "EXECUTING"]),
                name="decisions_one_live_an_incident",
            ),
        ]

    def __str__(self) -> str:
        return self.token

    @property
    def proposal(self) -> Proposal | None:
        return Proposal.model_validate(self.proposal_data) if self.proposal_data else None

    @property
    def action(self) -> Action | None:
        return load(self.proposal_data["action"]) if self.proposal_data else None

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE

    def deadline(self, ready_within_s: float) -> datetime:
        return self.received_at + timedelta(seconds=ready_within_s)


class Opinion(models.Model):
    """What one engine said about one decision, with the time it took; a late one is kept and marked."""

    class Status(models.TextChoices):
        ANSWERED = "answered"
        NOTHING = "nothing", "Proposes nothing"
        FAILED = "failed"
        TIMEOUT = "timeout", "No answer in time"
        SKIPPED = "skipped", "Not asked"
        LATE = "late"

    class Vote(models.TextChoices):
        CHOSEN = "chosen"
        FOR = "for"
        AGAINST = "against"

    decision = models.ForeignKey(Decision, on_delete=models.CASCADE, related_name="opinions", db_index=False)
    engine = models.CharField(max_length=30)
    status = models.CharField(max_length=8, choices=Status.choices)
    ms = models.PositiveIntegerField(default=0)
    proposal_data = models.JSONField(null=True)
    weight = models.FloatField(default=0.0, help_text="Its share of the consensus, 0..1")
    vote = models.CharField(max_length=7, choices=Vote.choices, blank=True, help_text="Empty where it proposes nothing")
    record = models.CharField(max_length=120, blank=True, help_text="How it did in verified cases, in words")
    points = models.JSONField(default=list, help_text="[{challenge, answer}] of the critic and the coordinator")
    reasoning = models.TextField(blank=True)
    prompt = models.TextField(blank=True, help_text="Exactly what was sent to a model, redacted")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["decision", "engine"], name="opinions_one_an_engine")]

    def __str__(self) -> str:
        return f"{self.engine}: {self.status}"

    @property
    def proposal(self) -> Proposal | None:
        return Proposal.model_validate(self.proposal_data) if self.proposal_data else None
