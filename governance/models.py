"""What the system noticed about itself."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class GovernanceEvent(models.Model):
    """One open condition: however often it is seen, it is one row with a count."""

    class Level(models.TextChoices):
        INFO = "info"
        WARNING = "warning"
        CRITICAL = "critical"

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200, blank=True, help_text="What it is about, so that one condition is one row")
    level = models.CharField(max_length=8, choices=Level.choices, default=Level.WARNING)
    title = models.CharField(max_length=300)
    impact = models.TextField(blank=True)
    remediation = models.TextField(blank=True)
    next_action = models.TextField(blank=True)
    owner = models.CharField(max_length=150, blank=True)
    occurrences = models.PositiveIntegerField(default=1)
    first_seen = models.DateTimeField(default=timezone.now)
    last_seen = models.DateTimeField(default=timezone.now)
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    snoozed_until = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "key"], condition=Q(resolved_at=None), name="governance_one_open"),
        ]

    def __str__(self) -> str:
        return self.title
