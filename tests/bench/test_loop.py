"""The closed-loop benchmark keeps running: a few incidents under each policy, with the figures that it promises."""

import json
from uuid import uuid4

import pytest

from aiops.core.scales import Tier
from bench import loop, story
from bench.draws import draws
from bench.simulation import simulation
from incidents.models import Decision
from learning import ledger
from learning.conf import LearningConf
from learning.judgement import Brakes, Row
from learning.scopes import Scope
from tests import factories

SCOPE = Scope("restart:web-*", "production", "shop", "HighMemory")


def judged(rule, tier: Tier):
    return rule(Row(), (), tier, Brakes(), scope=SCOPE, conf=LearningConf(), at=factories.timezone.now())


def test_every_policy_meets_the_same_incidents():
    assert list(draws(20, 7)) == list(draws(20, 7))
    assert [draw.scenario for draw in draws(20, 7)] != [draw.scenario for draw in draws(20, 8)]


def test_always_asking_lets_nothing_run_alone():
    assert judged(story.always_ask, Tier.AUTO).tier is Tier.HUMAN
    assert not judged(story.always_ask, Tier.AUTO).may_run_alone


@pytest.mark.django_db
def test_the_plain_rule_lowers_one_step_after_five_successes_and_starts_anew_after_a_failure():
    for _ in range(5):
        assert not judged(story.plain, Tier.HUMAN).may_run_alone
        factories.record_outcome()
    assert judged(story.plain, Tier.HUMAN).may_run_alone
    assert judged(story.plain, Tier.DUAL).tier is Tier.HUMAN
    factories.record_outcome("failed", execution=uuid4())
    assert not judged(story.plain, Tier.HUMAN).may_run_alone


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("policy", ["product", "plain"])
def test_incidents_are_played_from_their_alert_to_their_end(policy, tmp_path):
    seen: list[int] = []
    with simulation(1, tmp_path) as at, story.under(policy):
        figures = story.play(4, 3, at, seen.append)
        assert Decision.objects.count() >= figures.incidents
        assert not list(ledger.verify())
    document = json.loads(json.dumps(figures.document()))
    assert set(loop.COLUMNS) <= set(document)
    assert seen == [0, 1, 2, 3]
    assert document["incidents"] >= 3
    assert document["total_cost"] > 0
    assert (document["harmful_autonomous"], document["late_decisions"], document["doubled"]) == (0, 0, 0)
    assert policy in loop.table({policy: document})
