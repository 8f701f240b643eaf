"""What arrived at the webhooks: deliveries, single alerts put aside, and whole requests refused."""

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Delivery(models.Model):
    """One accepted webhook request. Alert-chain health and the counters at `/metrics` are sums over these."""

    source = models.CharField(max_length=120)
    received_at = models.DateTimeField(default=timezone.now)
    accepted = models.PositiveIntegerField(default=0)
    deduplicated = models.PositiveIntegerField(default=0)
    ignored = models.PositiveIntegerField(default=0)
    quarantined = models.PositiveIntegerField(default=0)
    truncated = models.PositiveIntegerField(default=0, help_text="Alerts that the sender says it left out")
    receiver = models.CharField(max_length=200, blank=True, help_text="What the sender calls us")

    class Meta:
        verbose_name_plural = "deliveries"
        indexes = [models.Index(fields=["source", "-received_at"], name="deliveries_of_source")]

    def __str__(self) -> str:
        return f"{self.source} {self.received_at:%H:%M:%S}"


class QuarantinedAlert(models.Model):
    """A bad alert of a good group: kept as it came, with the reason, until somebody retries or discards it."""

    class Status(models.TextChoices):
        HELD = "held"
        RETRIED = "retried"
        DISCARDED = "discarded"

    source = models.CharField(max_length=120)
    received_at = models.DateTimeField(default=timezone.now)
    raw = models.TextField()
    digest = models.CharField(max_length=64, help_text="Of the raw text: a sender that repeats it adds no second row")
    reason = models.CharField(max_length=500)
    occurrences = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.HELD)
    decided_by = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)

    OPEN: ClassVar = (Status.HELD,)

    class Meta:
        ordering = ["-received_at", "-id"]
        indexes = [models.Index(fields=["-received_at", "-id"], name="quarantine_newest")]
        constraints = [
            models.UniqueConstraint(fields=["source", "digest"], condition=Q(status="held"), name="quarantine_held_once")
        ]

    def __str__(self) -> str:
        return self.reason


class SeenRequest(models.Model):
    """A request that was taken, by the id that its sender gave it: the same one again changes nothing."""

    source = models.CharField(max_length=120)
    request_id = models.CharField(max_length=200)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["received_at"], name="seen_requests_oldest")]
        constraints = [models.UniqueConstraint(fields=["source", "request_id"], name="seen_requests_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.request_id}"


class Refusal(models.Model):
    """How often requests of a source were answered with one refusing status within an hour.

    `recent` counts since `recent_since`, which moves on when it lies too far back: an alarm looks at minutes.
    """

    source = models.CharField(max_length=120)
    status = models.PositiveSmallIntegerField()
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField()
    reason = models.CharField(max_length=500, help_text="Of the newest one")
    recent = models.PositiveIntegerField(default=1)
    recent_since = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-hour", "source"]
        constraints = [models.UniqueConstraint(fields=["source", "status", "hour"], name="refusals_one_an_hour")]

    def __str__(self) -> str:
        return f"{self.count} x {self.status} of {self.source}"


class RefusedBody(models.Model):
    """A body that was no message of its source (422), kept as it came so that somebody can see what sends it."""

    source = models.CharField(max_length=120)
    received_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=500)
    raw = models.TextField()

    class Meta:
        ordering = ["-received_at", "-id"]
        verbose_name_plural = "refused bodies"
        indexes = [models.Index(fields=["source", "-id"], name="refused_bodies_of_source")]

    def __str__(self) -> str:
        return self.reason


class ListComparison(models.Model):
    """The last look at one Alertmanager's own list of alerts: when, and what it came to."""

    url = models.CharField(max_length=500, unique=True)
    source = models.CharField(max_length=120, blank=True, help_text="Whose alerts it was last seen to hold")
    looked_at = models.DateTimeField(null=True, blank=True, help_text="Also where it did not answer")
    answered_at = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=500, blank=True, help_text="Why the last look gave nothing")
    listed = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0, help_text="Alerts taken in at the last look")
    ended = models.PositiveIntegerField(default=0, help_text="Alerts ended at the last look")
    unknown = models.JSONField(default=list, help_text="Fingerprints in the list that had not come to us at the last look")

    def __str__(self) -> str:
        return self.url
