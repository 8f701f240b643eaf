import pytest

from aiops.access.models import AuditEntry
from aiops.access.principals import SYSTEM
from aiops.core.errors import NotAllowed
from learning import playbook_state
from learning.models import Playbook
from tests.factories import make_playbook, make_principal

S = Playbook.Status
pytestmark = pytest.mark.django_db


def test_every_state_is_known_and_reachable():
    reachable = {S.DRAFT}
    for _ in S:
        reachable |= {to for state in reachable for to in playbook_state.MACHINE.edges[state]}
    assert reachable == set(S) == playbook_state.MACHINE.states


@pytest.mark.parametrize("role", ["viewer", "responder", "lead"])
def test_only_an_admin_approves(role):
    playbook = make_playbook(status="draft")
    with pytest.raises(NotAllowed):
        playbook_state.advance(playbook, S.APPROVED, actor=make_principal(role))
    assert playbook_state.advance(playbook, S.APPROVED, actor=make_principal("admin"))


def test_a_move_is_audited_with_before_and_after():
    playbook = make_playbook(status="approved")
    playbook_state.advance(playbook, S.DEPRECATED, actor=SYSTEM, reason="unused for 30 days")
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.detail["before"], entry.detail["after"]) == ("system", "approved", "deprecated")
    assert entry.detail["reason"] == "unused for 30 days"


def test_a_deprecated_one_comes_back_with_its_numbers():
    playbook = make_playbook(status="deprecated", runs=9, trust=0.7)
    assert playbook_state.advance(playbook, S.APPROVED, actor=make_principal("admin"))
    playbook.refresh_from_db()
    assert (playbook.status, playbook.runs, playbook.trust) == ("approved", 9, 0.7)


def test_an_archived_one_is_not_approved_without_a_look():
    playbook = make_playbook(status="archived")
    assert not playbook_state.advance(playbook, S.APPROVED, actor=make_principal("admin"))
    assert not AuditEntry.objects.exists()
