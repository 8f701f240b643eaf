"""Decisions with models asked: settings, incidents and shortened deadlines."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from aiops.core.llm import LlmProvider
from incidents.models import Decision, Evidence, Incident
from tests.factories import make_alert, make_decision, make_incident

# A hung model costs a second of a test; a busy machine has the time to ask it.
SHORT = {
    "analysis_deadline_s": 12.0,
    "llm_call_timeout_s": 1.0,
    "llm_call_min_s": 0.05,
    "llm_coordinator_s": 0.4,
    "evidence_deadline_s": 0.3,
    "knowledge_deadline_s": 0.3,
}
# For answers that come: as long as a busy test machine may need.
PATIENT = {"analysis_deadline_s": 30.0, "sweep_ready_after_s": 60.0}


def ask_models(settings: Any, *providers: LlmProvider, **conf: Any) -> None:
    """Configure these providers, and the numbers of this app."""
    incidents = settings.AIOPS.incidents.model_copy(update=conf)
    settings.AIOPS = settings.AIOPS.model_copy(update={"llm_providers": providers, "incidents": incidents})


def waiting(
    *, age_s: float = 0, summary: str = "web keeps crashing", alert: dict[str, Any] | None = None, **fields: Any
) -> Decision:
    """An INIT decision about one alert, as intake leaves it."""
    incident = make_incident(received_at=timezone.now() - timedelta(seconds=age_s), **fields)
    row = make_alert(incident, annotations={"summary": summary}, **(alert or {}))
    Incident.objects.filter(pk=incident.pk).update(root_alert=row)
    return make_decision(incident, state="INIT")


def seen(decision: Decision, kind: str, content: str, **facts: Any) -> Evidence:
    return Evidence.objects.create(
        incident=decision.incident, decision=decision, kind=kind, title=f"{kind} of web", content=content, facts=facts
    )
