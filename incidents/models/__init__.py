"""The tables of this app, by what they are about."""

from incidents.models.correlation import ClusterMap, PendingMerge
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
from incidents.models.intake import Delivery, ListComparison, QuarantinedAlert, Refusal, RefusedBody, SeenRequest
from incidents.models.llm_call import LlmCall

__all__ = [
    "Alert",
    "ClusterMap",
    "Decision",
    "DecisionQuerySet",
    "Delivery",
    "Dependency",
    "Evidence",
    "Hold",
    "Incident",
    "IncidentQuerySet",
    "ListComparison",
    "LlmCall",
    "Opinion",
    "PendingMerge",
    "QuarantinedAlert",
    "Refusal",
    "RefusedBody",
    "SeenRequest",
    "TimelineEvent",
]
