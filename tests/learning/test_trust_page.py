from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.core.scales import Tier
from learning import hindsight, trust_page
from learning.conf import LearningConf
from learning.judgement import Brakes, Level
from learning.models import TrustRecord
from learning.scopes import Scope
from learning.trust import Ask, Row, judge, known, standings
from tests.factories import make_trust, record_outcome

CONF = LearningConf()
pytestmark = pytest.mark.django_db


def page():
    return trust_page.rows(list(TrustRecord.objects.all()), conf=CONF, at=timezone.now())


def test_rows_stand_for_the_tier_of_their_last_decision():
    make_trust(tier="auto")
    make_trust(tier="dual", alert_name="Other")
    assert {row.record.alert_name: row.standing.level for row in page()} == {
        "HighMemory": Level.ALONE, "Other": Level.TWO_PEOPLE,
    }  # fmt: skip


def test_levels_are_counted_with_the_empty_ones():
    make_trust(tier="auto")
    assert trust_page.levels(page()) == {
        Level.SHADOW: 0, Level.NEVER: 0, Level.TWO_PEOPLE: 0, Level.ONE_PERSON: 0, Level.ALONE: 1,
    }  # fmt: skip


def test_the_last_twenty_runs_are_shown_as_they_count_now_oldest_first():
    start = timezone.now() - timedelta(days=1)
    for n in range(25):
        outcome = record_outcome("success" if n % 2 else "failed", at=start + timedelta(minutes=n))
    hindsight.rate(outcome.execution, score=5, actor="ana", at=timezone.now())
    record_outcome("unverifiable")
    last = record_outcome("success")
    hindsight.rate(last.execution, score=1, actor="ana", at=timezone.now())
    record = TrustRecord.objects.get()
    strip = trust_page.last_runs([record])[record.pk]
    assert len(strip) == 20
    assert [mark.word for mark in strip[-4:]] == ["success", "failed", "unverifiable", "degraded"]


def test_a_list_costs_the_same_queries_for_one_row_and_for_many():
    def asked(number):
        asks = [Ask(Scope("restart:web-*", "production", "shop", f"A{n}"), Tier.HUMAN, Brakes()) for n in range(number)]
        records = list(TrustRecord.objects.all()[:number])
        with CaptureQueriesContext(connection) as captured:
            found = standings(asks, conf=CONF, at=timezone.now())
            trust_page.last_runs(records)
        assert len(found) == number
        return len(captured)

    for n in range(6):
        record_outcome(alert_name=f"A{n}")
    assert asked(1) == asked(6)


def test_what_is_known_judges_to_the_same_standing():
    record_outcome()
    scope, now = Scope("restart:web-*", "production", "shop", "HighMemory"), timezone.now()
    row, grants = known(scope, conf=CONF, at=now)
    judged = judge(row, grants, Tier.HUMAN, Brakes(), scope=scope, conf=CONF, at=now)
    assert judged == standings([Ask(scope, Tier.HUMAN, Brakes())], conf=CONF, at=now)[0]
    assert known(Scope("x:y", "production", "", ""), conf=CONF, at=now) == (Row(), ())


def test_answers_come_in_the_order_asked_with_and_without_a_row():
    record_outcome("failed")
    known = Scope("restart:web-*", "production", "shop", "HighMemory")
    unknown = Scope("restart:api-*", "production", "shop", "HighMemory")
    asks = [Ask(unknown, Tier.AUTO, Brakes()), Ask(known, Tier.AUTO, Brakes())]
    assert [s.step for s in standings(asks, conf=CONF, at=timezone.now())] == [0, 1]


def test_the_sentence_counts_runs_of_the_last_ninety_days_as_they_count_now():
    now = timezone.now()
    record_outcome(at=now - timedelta(days=91))
    for result in ("success", "success", "degraded", "unverifiable", "refused"):
        outcome = record_outcome(result)
    wrong = record_outcome("success")
    hindsight.review(wrong.execution, right=False, actor="ana", at=now)
    [row] = page()
    assert row.standing.sentence.startswith("2 of 4 verified restarts")
    assert outcome.failures == 0.5
