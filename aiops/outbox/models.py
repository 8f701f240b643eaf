"""Outgoing messages as rows: unique a (fact, channel, recipient), so nothing is told twice or forgotten."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class Channel(models.Model):
    """Where messages go, curated by admins."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook"
        PAGERDUTY = "pagerduty", "PagerDuty"

    # These wake people: they get what is addressed to them, never the stream of all messages.
    PAGING = (Kind.PAGERDUTY,)

    name = models.CharField(max_length=100, unique=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.WEBHOOK)
    address = models.CharField(max_length=500, help_text="URL that messages are posted to")
    secret = models.CharField(max_length=200, blank=True, help_text="Signs what is sent: X-Aiops-Signature")
    is_enabled = models.BooleanField(default=True)
    failing_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Notification(models.Model):
    """One message to one recipient by one channel about one fact."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        SENDING = "sending"
        SENT = "sent"
        UNKNOWN = "unknown"
        DEAD = "dead"
        DROPPED = "dropped"

    fact = models.CharField(max_length=80, help_text="`decision.ready:DEC-…`, what it tells of")
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notifications")
    recipient = models.CharField(max_length=200, blank=True)
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    incident_ref = models.CharField(max_length=20, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    unclear = models.PositiveSmallIntegerField(default=0, help_text="Times it was sent and nobody knows whether it arrived")
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True, blank=True)
    provider_id = models.CharField(max_length=200, blank=True, help_text="The message's name at the provider")
    error = models.TextField(blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["fact", "channel", "recipient"], name="notifications_once"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="notifications_due", condition=Q(status__in=["queued", "sending", "unknown"])),
        ]

    def __str__(self) -> str:
        return f"{self.fact} by {self.channel_id}"
