"""Conditions that the system notices about itself: one open event each, however often it is seen."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Now

from aiops.events import Fact
from aiops.live import publish
from governance.models import GovernanceEvent

event_opened = Fact("governance.event_opened")


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is not as it should be. `kind` and `key` say which; the words may change while it lasts."""

    kind: str
    key: str
    title: str
    impact: str
    remediation: str
    next_action: str
    level: GovernanceEvent.Level = GovernanceEvent.Level.WARNING


@transaction.atomic
def observe(condition: Condition, *, seen_at: datetime) -> GovernanceEvent:
    """Open its event, or count it once more if it was seen since; never two open ones."""
    words = {
        "title": condition.title[:300],
        "impact": condition.impact,
        "remediation": condition.remediation,
        "next_action": condition.next_action,
        "level": condition.level,
    }
    which = {"kind": condition.kind, "key": condition.key[:200]}
    try:
        with transaction.atomic():
            event = GovernanceEvent.objects.create(**which, **words, first_seen=seen_at, last_seen=seen_at)
    except IntegrityError:
        again = GovernanceEvent.objects.filter(**which, resolved_at=None, last_seen__lt=seen_at)
        if again.update(**words, occurrences=F("occurrences") + 1, last_seen=seen_at):
            publish("governance")
        return GovernanceEvent.objects.filter(**which).order_by("-id")[0]
    event_opened.announce(event.pk)
    publish("governance", "overview")
    return event


def recover(kind: str, *, still: Collection[str], unseen_since: datetime | None = None) -> int:
    """Resolve the open events of `kind` whose condition is gone, or was not seen since a time; returns how many."""
    gone = GovernanceEvent.objects.filter(kind=kind, resolved_at=None).exclude(key__in=[key[:200] for key in still])
    if unseen_since is not None:
        gone = gone.filter(last_seen__lt=unseen_since)
    resolved = gone.update(resolved_at=Now())
    if resolved:
        publish("governance", "overview")
    return resolved
