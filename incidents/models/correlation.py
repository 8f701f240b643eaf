"""What correlation remembers beside incidents: merges that are to follow, and what clusters say about themselves."""

from django.db import models
from django.utils import timezone

from incidents.models.incident import Incident


class PendingMerge(models.Model):
    """Correlation found that `incident` is a part of `into`; the merge follows, with the locks that it needs."""

    incident = models.OneToOneField(Incident, on_delete=models.CASCADE, related_name="pending_merge")
    into = models.ForeignKey(Incident, on_delete=models.CASCADE, related_name="+")
    has_root = models.BooleanField(help_text="The root of `incident` is that of both")
    found_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"INC-{self.incident_id} into INC-{self.into_id}"


class ClusterMap(models.Model):
    """What a cluster says about what runs where and what needs what, as it was read last."""

    cluster = models.CharField(max_length=63, unique=True)
    edges = models.JSONField(default=list, help_text="[relation, source, target], as in `topology.Edge`")
    read_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True, help_text="What could not be read")

    def __str__(self) -> str:
        return f"{self.cluster}: {len(self.edges)} edges"
