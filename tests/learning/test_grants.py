from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.access.models import AuditEntry
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.core.errors import Invalid, NotAllowed
from aiops.core.scales import Tier
from learning import grants
from learning.conf import LearningConf
from learning.judgement import Brakes
from learning.models import TrustGrant
from learning.trust import standing
from tests.factories import make_principal, make_trust

CONF = LearningConf()
Kind = TrustGrant.Kind
pytestmark = pytest.mark.django_db


def give(kind=Kind.GRANT, *, by=None, days=7.0, reason="The new probe is proven", record=None):
    now = timezone.now()
    return grants.give(
        record or make_trust(),
        kind,
        by=by or make_principal(),
        until=now + timedelta(days=days),
        reason=reason,
        conf=CONF,
        at=now,
    )


def step_of(record, *, at=None):
    return standing(record.scope, Tier.HUMAN, Brakes(), conf=CONF, at=at or timezone.now()).step


def test_a_grant_gives_the_step_until_its_end():
    grant = give()
    assert step_of(grant.record) == -1
    assert step_of(grant.record, at=grant.until) == 0


def test_a_revoke_beats_a_grant():
    record = make_trust()
    give(record=record)
    give(Kind.REVOKE, record=record)
    assert step_of(record) == 0


def test_an_ended_grant_gives_nothing():
    grant = give()
    lead = make_principal()
    assert grants.end(grant, by=lead, at=timezone.now())
    assert step_of(grant.record) == 0
    assert not grants.end(grant, by=lead, at=timezone.now())


def test_who_why_and_until_when_are_in_the_audit():
    lead = make_principal()
    grant = give(by=lead)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.act, entry.object_kind, entry.object_id) == (
        lead.name,
        "trust.grant",
        "trust",
        str(grant.record_id),
    )
    assert entry.detail["reason"] == "The new probe is proven"


@pytest.mark.parametrize(("days", "field"), [(-1, "until"), (30.01, "until")])
def test_an_end_in_the_past_or_beyond_thirty_days_is_refused(days, field):
    with pytest.raises(Invalid) as refused:
        give(days=days)
    assert refused.value.loc == (field,)


def test_thirty_days_are_allowed():
    assert give(days=30).pk


def test_a_reason_is_needed():
    with pytest.raises(Invalid) as refused:
        give(reason="  ")
    assert refused.value.loc == ("reason",)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_responder_may_neither_grant_nor_revoke(kind):
    with pytest.raises(NotAllowed):
        give(kind, by=make_principal("responder"))


@pytest.mark.parametrize("by", [{"fresh": False}, {"via": Via.API}])
def test_a_grant_needs_a_fresh_login_and_a_revoke_does_not(by):
    lead, record = make_principal(**by), make_trust()
    with pytest.raises(NotAllowed) as refused:
        give(by=lead, record=record)
    assert refused.value.code == "step_up"
    assert give(Kind.REVOKE, by=lead, record=record).pk


def test_a_service_may_do_neither():
    service = Principal(name="bot", via=Via.COMMAND, role=Role.ADMIN)
    with pytest.raises(NotAllowed):
        give(Kind.REVOKE, by=service)
