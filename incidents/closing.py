"""How an incident ends and begins again: by its alerts, by a person, by time."""

from django.db import transaction

from aiops.access.principals import SYSTEM, Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict
from incidents import correlation, decision_state, decisions, incident_state
from incidents.intake import statements
from incidents.models import Alert, Decision, Incident

S = Incident.Status


@transaction.atomic
def resolve_if_quiet(incident: Incident, *, actor: Principal) -> bool:
    """Resolve an incident whose last alert has ended; True if this call did it.

    The row's lock orders this against an alert that is joining at the same moment.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if not incident.is_live or incident.alerts.filter(status__in=Alert.OPEN).exists():
        return False
    healed = incident.status != S.MITIGATING
    disposition = Incident.Disposition.SELF_RESOLVED if healed and not incident.disposition else incident.disposition
    detail = "Its last alert ended before anything was done" if healed else "Its last alert ended"
    return _end(incident, S.RESOLVED, actor=actor, detail=detail, disposition=disposition)


@transaction.atomic
def resolve(incident: Incident, by: Principal, *, note: str = "") -> Incident:
    """A person says that it is over. Its alerts stay as they are; one that fires again reopens it."""
    require(by, Act.RESOLVE)
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status} already", code="not_live", state=incident.status)
    _end(incident, S.RESOLVED, actor=by, detail=note, disposition=incident.disposition or Incident.Disposition.MANUAL)
    record(by, Act.RESOLVE, "incident", incident.ref, incident=incident.ref, note=note)
    return incident


@transaction.atomic
def close(incident: Incident, by: Principal) -> Incident:
    """Nothing more is expected of it."""
    require(by, Act.CLOSE)
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if incident.status == S.CLOSED:
        raise Conflict(f"{incident.ref} is closed already", code="not_live", state=incident.status)
    _end(incident, S.CLOSED, actor=by, detail="")
    record(by, Act.CLOSE, "incident", incident.ref, incident=incident.ref)
    return incident


@transaction.atomic
def open_again(incident: Incident, by: Principal, *, note: str = "") -> Incident:
    """A person says that it is not over: open again, with a new decision.

    Raises Conflict `live` for one that is open, `merged` for one that went into another, and `reopened` where another
    open incident has the same anomaly by now.
    """
    require(by, Act.RESOLVE)
    statements.lock(correlation.locks_of_keys(incident.correlation_keys))
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident.pk)
    if incident.is_live:
        raise Conflict(f"{incident.ref} is open", code="live", state=incident.status)
    if incident.merged_into_id is not None:
        raise Conflict(f"{incident.ref} was merged into INC-{incident.merged_into_id}", code="merged", state=incident.status)
    alike = {"anomaly_key": incident.anomaly_key, "environment": incident.environment, "cluster": incident.cluster}
    same = Incident.objects.live().filter(**alike).first()
    if same is not None:
        raise Conflict(f"{same.ref} is open about the same", code="reopened", state=incident.status)
    incident_state.advance(incident, S.OPEN, actor=by, detail=note)
    decisions.begin(incident, cause="reopened", actor=by)
    record(by, Act.RESOLVE, "incident", incident.ref, incident=incident.ref, outcome="reopened", note=note)
    return incident


def _end(incident: Incident, to: Incident.Status, *, actor: Principal, detail: str, **fields: object) -> bool:
    if not incident_state.advance(incident, to, actor=actor, detail=detail, **fields):
        return False
    for decision in Decision.objects.filter(incident=incident, state__in=Decision.LIVE):
        end_decision(decision, actor=actor)
    return True


def end_decision(decision: Decision, *, actor: Principal) -> None:
    """What told people has done its work; what waits for a signature is withdrawn; an act under way finishes first."""
    only_told = decision.state == Decision.State.READY and decision.assessed_at is not None and decision.expires_at is None
    if only_told:
        decision_state.advance(decision, Decision.State.COMPLETED, actor=actor)
    elif decision.state != Decision.State.EXECUTING:
        decision_state.withdraw(decision, Decision.Reason.RESOLVED, actor=actor)


@transaction.atomic
def reopen(incident_id: int) -> None:
    """It fires again soon after it ended: the same incident, open again, with a new decision."""
    incident = Incident.objects.select_for_update(no_key=True).get(pk=incident_id)
    if incident_state.advance(incident, S.OPEN, actor=SYSTEM, detail="It fires again"):
        decisions.begin(incident, cause="reopened")
