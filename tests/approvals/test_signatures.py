"""Signing, rejecting and overriding: distinct people, bound to what was seen, once, by the database's clock."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.access.models import AuditEntry
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core import actions
from aiops.core.errors import Conflict, Invalid, NotAllowed
from approvals import signatures, sweeping
from approvals.models import Approval, Execution
from incidents.models import Hold
from learning.models import TrustEvent
from tests.factories import (
    WEB,
    make_alert,
    make_approval,
    make_decision,
    make_execution,
    make_incident,
    make_principal,
    make_user,
)
from tests.threads import together

pytestmark = pytest.mark.django_db


def pending(**fields) -> Approval:
    incident = make_incident(status="investigating")
    make_alert(incident)
    return make_approval(make_decision(incident, action=fields.pop("action", None)), **fields)


def test_the_signature_that_completes_the_set_starts_the_act():
    approval = pending()
    mira = make_principal("responder")
    signed = signatures.sign(approval, mira, digest=approval.digest, comment="as in the log")
    approval.decision.refresh_from_db()
    approval.incident.refresh_from_db()
    execution = Execution.objects.get()
    assert (signed.status, approval.decision.state, approval.incident.status) == ("approved", "EXECUTING", "mitigating")
    assert (execution.status, execution.autonomous, execution.target_key) == ("planned", False, "sandbox/Deployment/shop/web")
    entry = AuditEntry.objects.get(act="approval.sign")
    assert entry.detail["digest"] == approval.digest
    assert entry.detail["command"] == "kubectl rollout restart deployment/web -n shop"
    assert TrustEvent.objects.get().kind == "approve"


def test_the_first_of_two_signatures_starts_nothing():
    approval = pending(required_signatures=2)
    signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    approval.refresh_from_db()
    assert (approval.status, Execution.objects.count()) == ("pending", 0)
    assert approval.incident.timeline.filter(kind="approval.signed").exists()


def test_two_distinct_people_make_two_signatures():
    approval = pending(required_signatures=2)
    for person in ("lead", "lead"):
        signatures.sign(approval, make_principal(person), digest=approval.digest)
    assert Execution.objects.count() == 1


def test_one_person_by_two_ways_is_one_signature():
    approval, mira = pending(required_signatures=2), make_user("lead")
    for via in (Via.DASHBOARD, Via.API, Via.TELEGRAM):
        signatures.sign(approval, make_principal(user=mira, via=via), digest=approval.digest)
    assert approval.signatures.count() == 1
    assert not Execution.objects.exists()


def test_of_two_signatures_one_is_given_with_a_fresh_login():
    approval = pending(required_signatures=2)
    signatures.sign(approval, make_principal("lead", via=Via.API), digest=approval.digest)
    with pytest.raises(NotAllowed) as refused:
        signatures.sign(approval, make_principal("lead", fresh=False), digest=approval.digest)
    assert refused.value.code == "step_up"
    assert approval.signatures.count() == 1
    signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    assert Execution.objects.count() == 1


def test_another_digest_than_the_one_that_stands_is_refused():
    approval = pending()
    with pytest.raises(Conflict) as refused:
        signatures.sign(approval, make_principal("lead"), digest="0" * 64)
    assert refused.value.code == "digest_changed"
    assert not approval.signatures.exists()


@pytest.mark.parametrize(
    ("role", "tier", "risk", "may"),
    [
        ("viewer", "human", "low", False), ("responder", "human", "medium", True), ("responder", "dual", "low", False),
        ("responder", "human", "high", False), ("lead", "dual", "high", True),
    ],
)  # fmt: skip
def test_the_role_allows_tier_and_risk(role, tier, risk, may):
    approval = pending(tier=tier, risk=risk)
    if may:
        signatures.sign(approval, make_principal(role), digest=approval.digest)
    else:
        with pytest.raises(NotAllowed):
            signatures.sign(approval, make_principal(role), digest=approval.digest)
    assert approval.signatures.exists() == may


def test_a_service_signs_nothing():
    approval = pending()
    service = Principal(name="ci", via=Via.API, role=Role.ADMIN)
    with pytest.raises(NotAllowed, match="belongs to a service"):
        signatures.sign(approval, service, digest=approval.digest)


def test_nobody_signs_their_own_proposal(settings):
    mira = make_user("lead")
    approval = pending(author=mira)
    with pytest.raises(NotAllowed, match="own proposal"):
        signatures.sign(approval, make_principal(user=mira), digest=approval.digest)
    settings.AIOPS = settings.AIOPS.model_copy(update={"learning": settings.AIOPS.learning.model_copy(update={"people_min": 1})})
    assert signatures.sign(approval, make_principal(user=mira), digest=approval.digest).status == "approved"


def test_after_its_time_nobody_signs():
    approval = pending(expires_at=timezone.now() - timedelta(milliseconds=1))
    with pytest.raises(Conflict) as refused:
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    assert refused.value.code == "expired"


def test_a_change_freeze_refuses_signatures():
    now = timezone.now()
    Hold.objects.create(stops=["act"], starts_at=now, ends_at=now + timedelta(hours=1), reason="black friday", created_by="x")
    approval = pending()
    with pytest.raises(Conflict, match="black friday") as refused:
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    assert refused.value.code == "hold"


def test_a_busy_target_is_named_and_nothing_is_signed():
    other = make_execution(target_key="sandbox/Deployment/shop/web")
    approval = pending()
    with pytest.raises(Conflict, match=other.incident.ref) as refused:
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    approval.refresh_from_db()
    assert (refused.value.code, approval.status, approval.signatures.count()) == ("target_busy", "pending", 0)


def test_once_it_is_over_the_state_is_told():
    approval = pending(status="withdrawn")
    with pytest.raises(Conflict) as refused:
        signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    assert (refused.value.code, refused.value.state) == ("not_pending", "withdrawn")


@pytest.mark.django_db(transaction=True)
def test_two_people_who_click_at_once_start_one_act():
    approval = pending(required_signatures=2)
    people = [make_principal("lead"), make_principal("lead")]
    together([lambda p=p: signatures.sign(approval, p, digest=approval.digest) for p in people])
    assert Execution.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_person_who_clicks_twenty_times_signs_once():
    approval, mira = pending(), make_user("lead")
    principals = [make_principal(user=mira, via=via) for via in (Via.DASHBOARD, Via.API) * 10]
    together([lambda p=p: signatures.sign(approval, p, digest=approval.digest) for p in principals])
    assert (approval.signatures.count(), Execution.objects.count()) == (1, 1)


@pytest.mark.django_db(transaction=True)
def test_a_signature_and_a_rejection_at_once_have_one_winner():
    approval = pending()
    answers = together(
        [
            lambda: signatures.sign(approval, make_principal("lead"), digest=approval.digest),
            lambda: signatures.reject(approval, make_principal("lead"), kind="not_now", reason=""),
        ]
    )
    approval.refresh_from_db()
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert (approval.status == "approved") == Execution.objects.exists()


def test_a_rejection_ends_the_decision_and_teaches():
    approval = pending(action=actions.Rollback(target=WEB, revision=3))
    signatures.reject(approval, make_principal("responder"), kind="wrong_action", reason="it is the database")
    approval.refresh_from_db()
    approval.decision.refresh_from_db()
    assert (approval.status, approval.reject_kind, approval.decision.state, approval.decision.reason) == (
        "rejected", "wrong_action", "WITHDRAWN", "rejected",
    )  # fmt: skip
    event = TrustEvent.objects.get()
    assert (event.kind, event.df, event.dscore) == ("reject", 1.0, -2)


def test_a_rejection_has_one_of_the_known_reasons():
    with pytest.raises(Invalid):
        signatures.reject(pending(), make_principal("lead"), kind="whatever", reason="")


def test_what_the_incident_has_outlived_is_withdrawn():
    approval = pending()
    approval.decision.__class__.objects.update(state="WITHDRAWN", reason="resolved")
    assert sweeping.follow_decisions() == 1
    approval.refresh_from_db()
    assert approval.status == "withdrawn"


def test_a_signature_cannot_be_taken_back_or_changed():
    approval = pending()
    signatures.sign(approval, make_principal("lead"), digest=approval.digest)
    with pytest.raises(Exception, match="Cannot update or delete"):
        approval.signatures.update(digest="x")
