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


class Refusal(models.Model):
    """How often requests of a source were answered with one refusing status within an hour."""

    source = models.CharField(max_length=120)
    status = models.PositiveSmallIntegerField()
    hour = models.DateTimeField()
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField()
    reason = models.CharField(max_length=500, help_text="Of the newest one")

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
