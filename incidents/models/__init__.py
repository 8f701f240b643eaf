"""The tables of this app, by what they are about."""

from incidents.models.decision import Decision, DecisionQuerySet, Opinion
from incidents.models.incident import (
    Alert,
    Dependency,
    Evidence,
    Hold,
    Incident,
    IncidentQuerySet,
    TimelineEvent,
)
from incidents.models.intake import Delivery, QuarantinedAlert, RefusedRequest

__all__ = [
    "Alert",
    "Decision",
    "DecisionQuerySet",
    "Delivery",
    "Dependency",
    "Evidence",
    "Hold",
    "Incident",
    "IncidentQuerySet",
    "Opinion",
    "QuarantinedAlert",
    "RefusedRequest",
    "TimelineEvent",
]
