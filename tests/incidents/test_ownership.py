""" "I have it", until a time."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.core.errors import Conflict, Invalid
from incidents import closing, ownership, sweeping
from tests.factories import make_incident, make_principal

pytestmark = pytest.mark.django_db


def test_it_ends_at_its_time_with_a_row_that_says_so():
    incident, mira = make_incident(), make_principal("responder")
    ownership.own(incident, mira)
    assert sweeping.end_ownership() == 0
    type(incident).objects.update(owner_until=timezone.now() - timedelta(seconds=1))
    assert sweeping.end_ownership() == 1
    incident.refresh_from_db()
    assert (incident.owner, incident.owner_until) == (None, None)
    assert str(mira.user) in incident.timeline.get(kind="owner.ended").title
    assert sweeping.end_ownership() == 0


def test_it_ends_by_itself_when_the_incident_is_over():
    incident, mira = make_incident(), make_principal("responder")
    ownership.own(incident, mira)
    closing.resolve(incident, mira)
    incident.refresh_from_db()
    assert incident.owner is None


def test_whoever_is_awake_takes_it_over():
    incident, jon = make_incident(), make_principal("responder")
    ownership.own(incident, make_principal("responder"))
    assert ownership.own(incident, jon).owner == jon.user


@pytest.mark.parametrize("hours", [-1, 0, 25])
def test_it_ends_within_a_day(hours):
    with pytest.raises(Invalid):
        ownership.own(make_incident(), make_principal("responder"), until=timezone.now() + timedelta(hours=hours))


def test_what_is_over_is_nobody_s():
    incident, mira = make_incident(), make_principal("responder")
    closing.resolve(incident, mira)
    with pytest.raises(Conflict):
        ownership.own(incident, mira)
