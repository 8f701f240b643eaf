"""Rating what was done: 1 to 5 for the last execution of an incident. It corrects what the run counts (`trust-model.md` §2)."""

from django.db import transaction
from django.utils import timezone

from aiops.access.principals import Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict, Invalid
from aiops.live import publish
from approvals.models import Execution
from incidents.models import Incident, TimelineEvent
from learning import hindsight


@transaction.atomic
def rate(incident: Incident, by: Principal, *, score: int, notes: str = "") -> Incident:
    """Rate the last verified execution; rating again replaces one's own rating."""
    require(by, Act.RATE)
    if not 1 <= score <= 5:
        raise Invalid("a rating is 1 to 5", loc=("score",))
    verified = Execution.objects.filter(incident=incident, verified_at__isnull=False, direction=Execution.Direction.FORWARD)
    last = verified.order_by("-verified_at").first()
    if last is None:
        raise Conflict("nothing was done and verified here yet", code="nothing_to_rate", state=incident.status)
    hindsight.rate(last.pk, score=score, actor=by.name, at=timezone.now())
    incident.effectiveness_score, incident.notes = score, notes or incident.notes
    incident.save(update_fields=["effectiveness_score", "notes"])
    TimelineEvent.record(incident, "incident.rated", f"Rated {score} of 5", detail=notes, actor=by.name)
    record(by, Act.RATE, "execution", last.pk, incident=incident.ref, score=score, notes=notes)
    publish(incident.topic)
    return incident
