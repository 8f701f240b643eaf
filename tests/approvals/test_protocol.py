"""The core of the protocol: what follows from what was sent and what is seen."""

import pytest

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes import refusal
from aiops.connectors.kubernetes_objects import KubeObject
from approvals.operations.operation import Bound
from approvals.protocol import Next, Seen, Sent, next_step

OLD, NEW = "100", "101"


def seen(*, landed: bool = False, same: bool = True, untouched: bool = True, version: str = OLD, generation: int = 5) -> Seen:
    return Seen(has_landed=landed, is_same=same, is_untouched=untouched, version=version, generation=generation)


@pytest.mark.parametrize(
    ("what", "now", "then"),
    [
        ("the mark is there", seen(landed=True, version=NEW), Next.LANDED),
        ("nothing moved", seen(), Next.REPEAT),
        ("only the version moved", seen(version=NEW), Next.FRESH),
        ("an autoscaler moved it once", seen(version=NEW, generation=6), Next.FRESH),
        ("it was changed and put back", seen(version=NEW, generation=7), Next.OVERTAKEN),
        ("somebody changed it", seen(untouched=False, version=NEW, generation=6), Next.OVERTAKEN),
        ("it is another object", seen(same=False, version=NEW), Next.OVERTAKEN),
        ("the mark is there on a changed object", seen(landed=True, untouched=False, version=NEW), Next.LANDED),
    ],
)
def test_what_an_unsettled_request_means_for_an_object_at_a_version(what, now, then):
    assert next_step(Bound.VERSION, [Sent(OLD, 5)], now) is then, what


def test_a_body_is_built_only_where_the_mark_is_absent():
    assert next_step(Bound.VERSION, [], seen(landed=True)) is Next.LANDED
    assert next_step(Bound.VERSION, [], seen()) is Next.FRESH
    assert next_step(Bound.VERSION, [], seen(untouched=False)) is Next.OVERTAKEN


def test_a_uid_that_is_gone_is_ours_unless_every_request_was_refused():
    gone = seen(landed=True, same=False)
    assert next_step(Bound.UID, [Sent("", 0)], gone) is Next.LANDED
    assert next_step(Bound.UID, [Sent("", 0, was_refused=True)], gone) is Next.OVERTAKEN
    assert next_step(Bound.UID, [], gone) is Next.OVERTAKEN
    assert next_step(Bound.UID, [Sent("", 0)], seen()) is Next.REPEAT


def test_a_name_is_created_once_however_often_it_is_asked_for():
    assert next_step(Bound.NAME, [Sent("", 0)], seen(landed=True)) is Next.LANDED
    assert next_step(Bound.NAME, [Sent("", 0)], seen()) is Next.REPEAT
    assert next_step(Bound.NAME, [], seen()) is Next.FRESH


# What an answer means

PDB = {"details": {"causes": [{"reason": "DisruptionBudget"}]}}


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_these_answers_surely_had_no_effect_and_will_not_change(status):
    assert isinstance(refusal("patch it", status, KubeObject({})), Permanent)


@pytest.mark.parametrize("status", [409, 405, 410, 500, 502, 503, 504, 418, 302])
def test_every_other_answer_leaves_it_unclear(status):
    unclear = refusal("patch it", status, KubeObject({}))
    assert isinstance(unclear, Ambiguous)
    assert unclear.status == status


def test_429_waits_as_long_as_it_says_unless_a_disruption_budget_says_no():
    waits = refusal("evict it", 429, KubeObject({}), after_s=7)
    assert isinstance(waits, Transient)
    assert waits.after_s == 7
    budget = refusal("evict it", 429, KubeObject(PDB))
    assert isinstance(budget, Permanent)
    assert budget.code == "pdb"


def test_a_refusal_says_what_was_attempted_on_what():
    said = KubeObject({"message": 'deployments.apps "web" is forbidden'})
    assert refusal("patch Deployment shop/web", 403, said).detail == (
        'patch Deployment shop/web: forbidden (deployments.apps "web" is forbidden)'
    )
