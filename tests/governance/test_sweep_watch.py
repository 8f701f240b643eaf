"""What breaks in the sweeper is seen by people."""

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError

from aiops import sweeper
from approvals.sweeping import Helpers
from governance import sweep_watch
from governance.models import GovernanceEvent

pytestmark = pytest.mark.django_db


def perform(error=None):
    def work():
        if error is not None:
            raise error
        return 0

    sweeper._perform(sweeper.Duty("assess", work))


def test_a_duty_that_breaks_opens_one_event_that_names_it_and_the_reason():
    perform(ZeroDivisionError("by zero"))
    perform(ZeroDivisionError("by zero"))
    event = GovernanceEvent.objects.get()
    assert (event.kind, event.key, event.occurrences) == ("sweep_broken", "assess", 2)
    assert "ZeroDivisionError: by zero" in event.remediation


def test_it_stays_open_until_it_has_not_been_seen_for_a_while():
    perform(ZeroDivisionError())
    perform()
    assert sweep_watch.look() == 0
    event = GovernanceEvent.objects.get()
    GovernanceEvent.objects.update(last_seen=event.last_seen - sweep_watch.RECOVERS_AFTER)
    assert sweep_watch.look() == 1
    assert GovernanceEvent.objects.get().resolved_at is not None


def test_all_rows_that_one_duty_fails_at_are_one_event():
    for work in ("verify 12", "verify 13", "execute 9817c108-639a-4030-8abf-22798831bd43", "check clusters"):
        sweep_watch.broke(work, ZeroDivisionError("\udc80"))
    told = dict(GovernanceEvent.objects.values_list("key", "occurrences"))
    assert told == {"verify": 2, "execute": 1, "check clusters": 1}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")], ids=lambda e: type(e).__name__)
def test_a_database_that_is_away_is_no_fault_of_the_duty(error):
    perform(error)
    assert not GovernanceEvent.objects.exists()


def test_a_statement_that_the_database_refuses_is():
    perform(ProgrammingError("no such column"))
    assert GovernanceEvent.objects.get().key == "assess"


def test_what_breaks_in_a_helper_s_thread_is_told_as_well():
    helpers = Helpers()
    helpers.begin("verify 12", lambda: 1 / 0)
    helpers.finish()
    ((name, error),) = helpers.broken()
    assert (name, type(error)) == ("verify 12", ZeroDivisionError)
    assert list(helpers.broken()) == []
