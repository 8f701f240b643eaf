"""How well the approved playbooks fit an incident, as people and clients ask."""

from django.conf import settings
from pydantic import ValidationError

from aiops.core.actions import Action
from aiops.core.errors import Invalid
from incidents import facts
from incidents.engines.playbook import Match, rank, steps_of
from incidents.engines.signs import case_of
from incidents.local_engines import approved_playbooks
from incidents.models import Incident


def of(incident: Incident) -> list[tuple[Match, tuple[Action, ...]]]:
    """Most alike first, each with its steps on this incident's target; none where they cannot be aimed at it."""
    decision = incident.decisions.first()
    known = facts.of(decision) if decision is not None else facts.of_incident(incident)
    case = case_of(known)
    found: list[tuple[Match, tuple[Action, ...]]] = []
    for match in rank(approved_playbooks(), known, settings.AIOPS.incidents):
        try:
            found.append((match, steps_of(match.playbook, case)))
        except (Invalid, ValidationError):
            found.append((match, ()))
    return found
