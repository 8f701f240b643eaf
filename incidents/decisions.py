"""Beginning, finding and repeating a decision. What it comes to is `analysis`; its states are `decision_state`."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.principals import SYSTEM, Principal, record, require
from aiops.access.roles import Act
from aiops.core.errors import Conflict
from incidents import decision_state, holds
from incidents.decision_state import decision_opened
from incidents.models import Decision, Hold, Incident
from incidents.proposals import Proposal


@transaction.atomic
def begin(incident: Incident, *, cause: str, actor: Principal = SYSTEM) -> Decision:
    """The live decision of `incident`: a new INIT one, or the one there is. Never two.

    What the system begins by itself inside a maintenance window is withdrawn as `frozen` at once; a person may ask.
    """
    now = timezone.now()
    try:
        with transaction.atomic():
            decision = Decision.objects.create(incident=incident, cause=cause, received_at=now)
    except IntegrityError:
        return Decision.objects.get(incident=incident, state__in=Decision.LIVE)
    if actor is SYSTEM and (hold := holds.stopping(incident, Hold.Stops.DECIDE, now)) is not None:
        decision_state.withdraw(decision, Decision.Reason.FROZEN, actor=actor, detail=hold.reason)
        return decision
    decision_opened.announce(decision.pk)
    return decision


@transaction.atomic
def ask(incident: Incident, by: Principal) -> Decision:
    """The live decision, made if there is none. Asking again changes nothing and tells nobody."""
    live = Decision.objects.filter(incident=incident, state__in=Decision.LIVE).first()
    if live is not None:
        require(by, Act.READ)
        return live
    require(by, Act.REANALYZE)
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status}; nothing is left to decide", code="not_live", state=incident.status)
    record(by, Act.REANALYZE, "incident", incident.ref, incident=incident.ref)
    return begin(incident, cause="asked", actor=by)


@transaction.atomic
def reanalyse(decision: Decision, by: Principal) -> Decision:
    """A person wants another look: a new decision, the old one stays readable. Not while an act is under way."""
    require(by, Act.REANALYZE)
    incident = Incident.objects.select_for_update(no_key=True).get(pk=decision.incident_id)
    if not incident.is_live:
        raise Conflict(f"{incident.ref} is {incident.status}; nothing is left to decide", code="not_live", state=incident.status)
    live = Decision.objects.filter(incident=incident, state__in=Decision.LIVE).first()
    if live is not None:
        if live.state == Decision.State.EXECUTING:
            raise Conflict("an act is under way; it is verified first", code="executing", state=live.state)
        if live.state in (Decision.State.INIT, Decision.State.ANALYZING):
            return live
        decision_state.withdraw(live, Decision.Reason.REANALYSED, actor=by)
    record(by, Act.REANALYZE, "decision", decision.token, incident=incident.ref)
    return begin(incident, cause="reanalysed", actor=by)


@transaction.atomic
def follow_root(decision: Decision) -> bool:
    """Decide again what is READY about an alert that turned out to be only an effect. True if this began a new decision.

    Not while one is being analysed: that is READY first. What a person proposed, and an act under way, stay as they are.
    """
    incident = Incident.objects.select_for_update(no_key=True).get(pk=decision.incident_id)
    decision.refresh_from_db(fields=["state", "about_alert"])
    if decision.about_alert in (None, incident.root_alert_id) or incident.root_alert_id is None or not incident.is_live:
        return False
    if decision.state != Decision.State.READY:
        return False
    detail = f"Most likely root is now {incident.alert_name or 'another alert'}"
    if not decision_state.withdraw(decision, Decision.Reason.REANALYSED, actor=SYSTEM, detail=detail):
        return False
    begin(incident, cause="root_moved")
    return True


@transaction.atomic
def propose_ready(incident: Incident, proposal: Proposal, *, by: Principal) -> Decision:
    """A decision that a person made: READY at once, with their proposal. Conflict if another is live."""
    decision = begin(incident, cause="proposed", actor=by)
    S = Decision.State
    conf = settings.AIOPS.incidents
    stored = proposal.to_json()
    expires_at = timezone.now() + timedelta(seconds=conf.expires_after_s)
    if not (
        decision_state.advance(decision, S.ANALYZING, actor=by, proposal_data=stored)
        and decision_state.advance(decision, S.READY, actor=by, ready_at=Now(), expires_at=expires_at)
    ):
        raise Conflict(f"a decision is {decision.state} already", code="not_init", state=decision.state)
    return decision
