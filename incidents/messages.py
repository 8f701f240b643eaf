"""What people are told about incidents and decisions. A message is written with its fact; holds on telling keep it back."""

from collections.abc import Sequence

from django.conf import settings
from django.utils import timezone
from pydantic import JsonValue

from aiops.core.commands import render
from aiops.outbox.models import Channel
from aiops.outbox.posting import Message, post, post_all
from incidents import holds
from incidents.models import Decision, Hold, Incident
from incidents.proposals import Proposal


def about(incident: Incident) -> dict[str, JsonValue]:
    """The head of every message. Texts of alerts are data: a channel escapes them its own way."""
    target = incident.target
    return {
        "ref": incident.ref,
        "url": f"{settings.AIOPS.base_url}{incident.get_absolute_url()}",
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "environment": incident.environment,
        "cluster": incident.cluster,
        "target": str(target) if target else None,
    }


def tell(
    incident: Incident, fact: str, kind: str, *, recipient: str = "", channel: Channel | None = None, **more: JsonValue
) -> int:
    """Write a message about `incident` in the caller's transaction, unless telling is on hold for it.

    To everybody by every channel, or to one `recipient`, or by one `channel` only.
    """
    words = holds.words_of_incident(incident)
    if holds.first_fitting(holds.in_force(timezone.now(), Hold.Stops.NOTIFY), words):
        return 0
    payload = {**about(incident), **more}
    return post(fact, kind, payload, incident_ref=incident.ref, recipient=recipient, channel=channel)


def decision_ready(decision: Decision) -> int:
    """There is something to act on, or to know."""
    assert decision.proposal is not None
    return decisions_ready([(decision, decision.proposal)])


def decisions_ready(decisions: Sequence[tuple[Decision, Proposal]]) -> int:
    """The same for many, each with what is proposed."""
    quiet = holds.in_force(timezone.now(), Hold.Stops.NOTIFY)
    told = [each for each in decisions if not (quiet and holds.first_fitting(quiet, holds.words_of_incident(each[0].incident)))]
    return post_all([_ready(decision, proposal) for decision, proposal in told])


def _ready(decision: Decision, proposal: Proposal) -> Message:
    more: dict[str, JsonValue] = {
        "decision": decision.token,
        "proposal": proposal.description,
        "reasoning": proposal.reasoning,
        "command": render(proposal.action),
        "action": proposal.action.action_class.value,
        "risk": proposal.risk.value,
        "source": proposal.source.value,
        "degraded": list(proposal.engine_degraded),
    }
    incident = decision.incident
    return Message(f"decision.ready:{decision.token}", "decision.ready", {**about(incident), **more}, incident.ref)
