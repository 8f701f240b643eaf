"""What is broken: alerts and incidents, what happened to them, what was true, and when nothing may happen."""

from datetime import datetime
from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils import timezone
from pydantic import ValidationError

from aiops import append_only
from aiops.core.categories import Category
from aiops.core.scales import Severity
from aiops.core.targets import Target


def choices(members: type[Severity] | type[Category]) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in members]


class IncidentQuerySet(models.QuerySet["Incident"]):
    def live(self) -> Self:
        return self.filter(status__in=Incident.LIVE)

    def by_ref(self, ref: str) -> "Incident":
        """The incident called `INC-…`; raises DoesNotExist for what is no reference at all, too."""
        number = ref.removeprefix("INC-")
        if not ref.startswith("INC-") or not number.isdecimal() or len(number) > 15:
            raise Incident.DoesNotExist
        return self.get(pk=int(number))


class Incident(models.Model):
    """One problem, however many alerts tell of it. `Incident.status` is written by `incident_state` alone."""

    class Status(models.TextChoices):
        OPEN = "open"
        INVESTIGATING = "investigating"
        MITIGATING = "mitigating"
        RESOLVED = "resolved"
        CLOSED = "closed"

    class Disposition(models.TextChoices):
        AUTO_EXECUTED = "auto_executed"
        HUMAN_APPROVED = "human_approved"
        HUMAN_OVERRIDDEN = "human_overridden"
        REJECTED = "rejected"
        SELF_RESOLVED = "self_resolved"
        MANUAL = "manual"

    LIVE: ClassVar = (Status.OPEN, Status.INVESTIGATING, Status.MITIGATING)

    title = models.CharField(max_length=300)
    status = models.CharField(max_length=14, choices=Status.choices, default=Status.OPEN)
    severity = models.CharField(max_length=2, choices=choices(Severity))
    category = models.CharField(max_length=24, choices=choices(Category), default=Category.OTHER.value)
    environment = models.CharField(max_length=40)
    cluster = models.CharField(max_length=63, blank=True, help_text="Empty: no configured cluster fits, people only")
    namespace = models.CharField(max_length=253, blank=True)
    target_kind = models.CharField(max_length=63, blank=True)
    target_name = models.CharField(max_length=253, blank=True)
    target_unit = models.CharField(max_length=128, blank=True)
    services = ArrayField(models.CharField(max_length=253), default=list, blank=True)
    anomaly_key = models.CharField(max_length=16)
    alert_name = models.CharField(max_length=200, blank=True, help_text="Of the most likely root")
    correlation_keys = ArrayField(models.CharField(max_length=300), default=list, blank=True, editable=False)
    clue = models.JSONField(default=dict, blank=True, editable=False, help_text="What its root says about cause and effect")
    is_test = models.BooleanField(default=False)
    root_alert = models.ForeignKey("Alert", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    owner_until = models.DateTimeField(null=True, blank=True)
    merged_into = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="merged")
    split_from = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="split_off")
    received_at = models.DateTimeField(help_text="When its first alert was received; the 30 s run from here")
    opened_at = models.DateTimeField(default=timezone.now)
    last_alert_at = models.DateTimeField(default=timezone.now)
    resolved_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField(null=True, blank=True)
    disposition = models.CharField(max_length=16, choices=Disposition.choices, blank=True)
    execution_success = models.BooleanField(null=True, blank=True)
    effectiveness_score = models.PositiveSmallIntegerField(null=True, blank=True)
    notes = models.TextField(blank=True)

    objects: ClassVar[models.Manager["Incident"]] = IncidentQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-id"]
        indexes = [
            # The list page and its filters, newest first, by keyset.
            models.Index(fields=["-opened_at", "-id"], name="incidents_newest"),
            models.Index(fields=["status", "-opened_at", "-id"], name="incidents_by_status"),
            models.Index(fields=["namespace", "-opened_at", "-id"], name="incidents_by_namespace"),
            models.Index(fields=["severity", "-opened_at", "-id"], name="incidents_by_severity"),
            models.Index(fields=["owner", "-opened_at", "-id"], name="incidents_by_owner", condition=Q(owner__isnull=False)),
            models.Index(fields=["anomaly_key", "-opened_at"], name="incidents_by_anomaly"),
            # How often an alert clears by itself.
            models.Index(fields=["alert_name", "environment", "-opened_at"], name="incidents_by_alert"),
            # Correlation of a new alert: live incidents that have a key. Nothing pending, which every look-up would read. Live
            # is told without the status, whose own index would look better to the planner after a quiet time.
            GinIndex(
                fields=["correlation_keys"],
                name="incidents_open_keys",
                fastupdate=False,
                condition=Q(resolved_at=None, closed_at=None),
            ),
            # The sweeper closes what was resolved long ago.
            models.Index(fields=["resolved_at"], name="incidents_to_close", condition=Q(status="resolved")),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(effectiveness_score=None) | Q(effectiveness_score__range=(1, 5)), name="incidents_score_1_to_5"
            ),
        ]

    def __str__(self) -> str:
        return self.ref

    @property
    def ref(self) -> str:
        return f"INC-{self.pk}"

    def get_absolute_url(self) -> str:
        return f"/incidents/{self.ref}"

    @property
    def target(self) -> Target | None:
        """None also for what was stored under older rules and would not be accepted as a target now."""
        if not self.target_kind:
            return None
        try:
            return Target(
                kind=self.target_kind, namespace=self.namespace or None, name=self.target_name, unit=self.target_unit or None
            )
        except ValidationError:
            return None

    @property
    def is_live(self) -> bool:
        return self.status in self.LIVE

    @property
    def topic(self) -> str:
        return f"incident.{self.pk}"

    def owned_at(self, at: datetime) -> bool:
        return self.owner_id is not None and (self.owner_until is None or self.owner_until > at)


class Alert(models.Model):
    """One episode of an alert: at most one open row a (source, fingerprint); a repeat raises `occurrences`."""

    class Status(models.TextChoices):
        FIRING = "firing"
        RESOLVED = "resolved"
        STALE = "stale"

    OPEN: ClassVar = (Status.FIRING, Status.STALE)

    source = models.CharField(max_length=120)
    fingerprint = models.CharField(max_length=64)
    name = models.CharField(max_length=200, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices)
    severity = models.CharField(max_length=2, choices=choices(Severity))
    category = models.CharField(max_length=24, choices=choices(Category))
    environment = models.CharField(max_length=40)
    cluster = models.CharField(max_length=63, blank=True)
    target = models.JSONField(null=True)
    labels = models.JSONField(default=dict)
    annotations = models.JSONField(default=dict)
    group_key = models.CharField(max_length=64, blank=True, help_text="Hash of the sender's own grouping")
    generator_url = models.TextField(blank=True)
    anomaly_key = models.CharField(max_length=16)
    is_test = models.BooleanField(default=False)
    is_deadman = models.BooleanField(default=False)
    starts_at = models.DateTimeField(help_text="As the sender says")
    ended_at = models.DateTimeField(null=True, help_text="As the sender says, else when we heard of it")
    first_seen = models.DateTimeField()
    last_seen = models.DateTimeField()
    occurrences = models.PositiveIntegerField(default=1)
    listed_at = models.DateTimeField(null=True, help_text="First found in Alertmanager's own list")
    unlisted_since = models.DateTimeField(null=True, help_text="Not in that list any more; of a resolved one: why it ended")
    incident = models.ForeignKey(Incident, on_delete=models.SET_NULL, null=True, related_name="alerts", db_index=False)

    class Meta:
        ordering = ["-first_seen", "-id"]
        # Columns that every repeat changes (last_seen, occurrences) are in no index: it would end HOT updates.
        indexes = [
            models.Index(fields=["-first_seen", "-id"], name="alerts_newest"),
            models.Index(fields=["incident", "-first_seen"], name="alerts_of_incident", condition=Q(incident__isnull=False)),
            models.Index(fields=["anomaly_key", "-first_seen"], name="alerts_by_anomaly"),  # frequency
            # Is a firing one older than the end we know? Reopen within 30 minutes?
            models.Index(fields=["source", "fingerprint", "-ended_at"], name="alerts_ended", condition=Q(status="resolved")),
            models.Index(fields=["source", "-id"], name="alerts_deadman", condition=Q(is_deadman=True)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["source", "fingerprint"], condition=Q(status__in=["firing", "stale"]), name="alerts_one_open_episode"
            ),
        ]

    def __str__(self) -> str:
        return self.name or self.fingerprint


class TimelineEvent(models.Model):
    """What happened to an incident. Rows are only ever added; a merge or split is told by a pointer."""

    incident = models.ForeignKey(Incident, on_delete=models.DO_NOTHING, related_name="timeline", db_index=False)
    at = models.DateTimeField(default=timezone.now)
    kind = models.CharField(max_length=40, help_text="`decision.ready`, `execution.verified` …")
    status = models.CharField(max_length=8, blank=True, help_text="How it is shown: ok, bad, wait, work or nothing")
    title = models.CharField(max_length=300)
    detail = models.TextField(blank=True)
    actor = models.CharField(max_length=150, default="system")

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["incident", "-id"], name="timeline_of_incident")]
        triggers = append_only.triggers()

    def __str__(self) -> str:
        return f"{self.kind} {self.title}"

    @classmethod
    def row(
        cls, incident: Incident | int, kind: str, title: str, *, detail: str = "", actor: str = "system", status: str = ""
    ) -> "TimelineEvent":
        """Not yet stored."""
        pk = incident if isinstance(incident, int) else incident.pk
        return cls(incident_id=pk, kind=kind, title=title[:300], detail=detail, actor=actor, status=status)

    @classmethod
    def record(
        cls, incident: Incident | int, kind: str, title: str, *, detail: str = "", actor: str = "system", status: str = ""
    ) -> "TimelineEvent":
        row = cls.row(incident, kind, title, detail=detail, actor=actor, status=status)
        row.save(force_insert=True)
        return row


class Evidence(models.Model):
    """One thing that was true when deciding or after acting, kept verbatim, bounded, without secrets."""

    class Phase(models.TextChoices):
        BEFORE = "before"
        AFTER = "after"

    incident = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="evidence", db_index=False)
    decision = models.ForeignKey("Decision", on_delete=models.CASCADE, null=True, related_name="evidence")
    kind = models.CharField(max_length=30)
    title = models.CharField(max_length=300)
    phase = models.CharField(max_length=6, choices=Phase.choices, default=Phase.BEFORE)
    at = models.DateTimeField(default=timezone.now)
    content = models.TextField(blank=True)
    facts = models.JSONField(default=dict, help_text="The typed values that engines read")
    truncated = models.BooleanField(default=False)
    error = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "evidence"
        indexes = [models.Index(fields=["incident", "id"], name="evidence_of_incident")]

    def __str__(self) -> str:
        return self.title


class Hold(models.Model):
    """A time in which deciding, acting or telling stops for what its matchers fit; one-off or recurring."""

    class Stops(models.TextChoices):
        DECIDE = "decide"
        ACT = "act"
        NOTIFY = "notify"

    matchers = models.JSONField(default=list, help_text="[{name, op, value}], all have to fit")
    stops = ArrayField(models.CharField(max_length=6, choices=Stops.choices))
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    rrule = models.CharField(max_length=500, blank=True, help_text="RFC 5545; each occurrence lasts as long as the first")
    reason = models.CharField(max_length=500)
    incident = models.ForeignKey(Incident, on_delete=models.SET_NULL, null=True, blank=True, related_name="holds")
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Ended by a person, or run out and followed up")
    last_ended_at = models.DateTimeField(null=True, blank=True, help_text="End of the last occurrence that was followed up")

    class Meta:
        ordering = ["-starts_at"]
        indexes = [models.Index(fields=["ends_at"], name="holds_not_over", condition=Q(ended_at=None))]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=models.F("starts_at")), name="holds_end_after_start"),
        ]

    def __str__(self) -> str:
        return self.reason


class Dependency(models.Model):
    """`upstream` is needed by `downstream`: when it breaks, the other's alerts belong to the same incident."""

    downstream = models.CharField(max_length=253)
    upstream = models.CharField(max_length=253)
    created_by = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name_plural = "dependencies"
        constraints = [
            models.UniqueConstraint(fields=["downstream", "upstream"], name="dependencies_once"),
            models.CheckConstraint(condition=~Q(downstream=models.F("upstream")), name="dependencies_not_itself"),
        ]

    def __str__(self) -> str:
        return f"{self.downstream} needs {self.upstream}"
