from functools import partial

import pytest
from django.utils import timezone

from learning.answers import Answer, human_answer
from learning.models import TrustRecord
from learning.scopes import Scope
from tests.factories import make_trust

SCOPE = Scope("restart:web-*", "production", "shop", "HighMemory")
pytestmark = pytest.mark.django_db


def say(answer, *, decision=1, actor="ana", **fields):
    return human_answer(SCOPE, answer, decision=decision, actor=actor, at=timezone.now(), **fields)


@pytest.fixture
def row():
    """A row with a full score, so that every loss shows."""
    return make_trust(score=10)


@pytest.mark.parametrize(
    ("answer", "kind", "failures", "score", "agreed", "disagreed"),
    [
        (Answer.APPROVE, "", 0.0, 10, 1, 0),
        (Answer.REJECT, "wrong_cause", 0.5, 8, 0, 1),
        (Answer.REJECT, "wrong_action", 1.0, 8, 0, 1),
        (Answer.REJECT, "other", 0.5, 8, 0, 1),
        (Answer.REJECT, "not_now", 0.0, 10, 0, 0),
        (Answer.OVERRIDE, "", 0.5, 8, 0, 1),
    ],
)
def test_what_an_answer_counts(row, answer, kind, failures, score, agreed, disagreed):
    say(answer, reject_kind=kind)
    row.refresh_from_db()
    assert (row.successes, row.failures, row.score) == (0.0, failures, score)
    assert (row.agreed, row.disagreed) == (agreed, disagreed)


def test_the_same_answer_again_changes_nothing(row):
    assert say(Answer.REJECT) == say(Answer.REJECT)
    row.refresh_from_db()
    assert (row.failures, row.score, row.disagreed) == (0.5, 8, 1)


def test_two_signers_of_one_proposal_are_one_case(row):
    say(Answer.APPROVE, actor="ana")
    say(Answer.APPROVE, actor="ben")
    row.refresh_from_db()
    assert row.agreed == 1


def test_a_proposal_that_one_signed_and_another_rejected_is_disagreed_with(row):
    say(Answer.APPROVE, actor="ana")
    say(Answer.REJECT, actor="ben")
    row.refresh_from_db()
    assert (row.agreed, row.disagreed) == (0, 1)


def test_a_persons_own_proposal_is_no_case_for_shadow_mode(row):
    say(Answer.APPROVE, own=True)
    say(Answer.REJECT, decision=2, own=True)
    row.refresh_from_db()
    assert (row.agreed, row.disagreed, row.failures) == (0, 0, 0.5)


def test_why_stands_in_the_ledger(row):
    assert say(Answer.REJECT, reject_kind="wrong_cause", reason="the disk is full").reason == "wrong cause: the disk is full"


@pytest.mark.parametrize("nobody", ["autonomy", "system"])
def test_policy_cannot_agree_with_itself(nobody):
    answer = partial(say, Answer.APPROVE, actor=nobody)
    with pytest.raises(ValueError):
        answer()
    assert not TrustRecord.objects.exists()
