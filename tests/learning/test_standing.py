from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from aiops.core.scales import Severity, Tier
from learning.conf import LearningConf
from learning.evidence import Evidence
from learning.judgement import Brakes, Granted, Level, Row, judge, shadow_goal
from learning.scopes import Scope

CONF = LearningConf()
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCOPE = Scope("restart:web-*", "production", "shop", "HighMemory")
PROVEN = Row(Evidence(20.0, 0.0, NOW, 10), verified_days=9, people=2, agreed=12, worked=20, runs=20)
NOTHING = Row()
CODES = [
    "trust_score", "trust_bound", "trust_days", "trust_people", "trust_in_flight", "trust_budget", "trust_breaker",
    "trust_safeguard", "trust_shadow", "trust_review_overdue", "trust_low_disproved", "trust_watch_first",
]  # fmt: skip
GRANT = Granted(True, "lw", NOW + timedelta(days=7))
REVOKE = Granted(False, "lw", NOW + timedelta(days=7))


def judged(row=PROVEN, tier=Tier.HUMAN, brakes=None, *, grants=(), conf=CONF, scope=SCOPE):
    return judge(row, grants, tier, brakes or Brakes(), scope=scope, conf=conf, at=NOW)


def unmet(standing):
    return [reason.code for reason in standing.reasons if not reason.met]


def test_a_proven_row_runs_alone():
    standing = judged()
    assert (standing.step, standing.tier, standing.level, standing.may_run_alone) == (-1, Tier.AUTO, Level.ALONE, True)
    assert unmet(standing) == []


@pytest.mark.parametrize("tier", list(Tier))
def test_every_code_is_answered_with_words_for_every_tier(tier):
    reasons = judged(NOTHING, tier).reasons
    assert [reason.code for reason in reasons] == CODES
    assert all(reason.detail for reason in reasons)


def test_a_proven_row_of_high_blast_asks_one_person_instead_of_two():
    standing = judged(tier=Tier.DUAL)
    assert (standing.step, standing.tier, standing.level, standing.may_run_alone) == (-1, Tier.HUMAN, Level.ONE_PERSON, False)


def test_what_is_blocked_is_never_moved():
    standing = judged(tier=Tier.BLOCKED, grants=[GRANT])
    assert (standing.step, standing.tier, standing.level) == (0, Tier.BLOCKED, Level.NEVER)


def test_without_a_row_a_low_tier_runs_alone_and_the_others_ask():
    assert [judged(NOTHING, tier).level for tier in Tier] == [Level.ALONE, Level.ONE_PERSON, Level.TWO_PEOPLE, Level.NEVER]
    assert [judged(NOTHING, tier).step for tier in Tier] == [0, 0, 0, 0]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (replace(PROVEN, evidence=Evidence(20.0, 0.0, NOW, 4)), "trust_score"),
        (replace(PROVEN, evidence=Evidence(5.0, 0.0, NOW, 5)), "trust_bound"),
        (replace(PROVEN, verified_days=2), "trust_days"),
        (replace(PROVEN, people=1), "trust_people"),
    ],
)
def test_one_missing_proof_is_enough_to_ask(row, code):
    standing = judged(row)
    assert (standing.step, unmet(standing)) == (0, [code])


@pytest.mark.parametrize(
    ("brakes", "code"),
    [
        (Brakes(in_flight=1), "trust_in_flight"),
        (Brakes(pattern_runs=3), "trust_budget"),
        (Brakes(group_failures=2), "trust_breaker"),
        (Brakes(safeguard="execution failure 18 % of 100, limit 15 %"), "trust_safeguard"),
        (Brakes(overdue_reviews=1), "trust_review_overdue"),
    ],
)
@pytest.mark.parametrize("tier", [Tier.HUMAN, Tier.DUAL])
def test_a_brake_takes_the_step_away_and_nothing_else(brakes, code, tier):
    standing = judged(tier=tier, brakes=brakes)
    assert (standing.step, standing.tier, unmet(standing)) == (0, tier, [code])
    assert judged(NOTHING, Tier.AUTO, brakes).may_run_alone


@pytest.mark.parametrize("brakes", [Brakes(pattern_runs=2), Brakes(group_failures=1), Brakes(in_flight=0)])
def test_below_its_limit_nothing_brakes(brakes):
    assert judged(brakes=brakes).step == -1


def test_a_team_of_one_needs_one_signer():
    assert judged(replace(PROVEN, people=1), conf=LearningConf(people_min=1)).may_run_alone


def test_a_low_tier_that_surely_does_not_work_asks_one_person():
    disproved = Row(Evidence(0.0, 1.0, NOW, 0), worked=0, runs=1)
    standing = judged(disproved, Tier.AUTO)
    assert (standing.step, standing.tier, standing.level, unmet(standing)) == (
        1, Tier.HUMAN, Level.ONE_PERSON, ["trust_low_disproved"],
    )  # fmt: skip


def test_a_grant_gives_the_step_without_the_proof():
    standing = judged(NOTHING, grants=[GRANT])
    assert (standing.step, standing.may_run_alone, unmet(standing)) == (-1, True, [])
    assert "granted by lw until 2026-03-08 12:00 UTC" in standing.sentence


def test_a_grant_leaves_the_brakes():
    standing = judged(NOTHING, brakes=Brakes(in_flight=1), grants=[GRANT])
    assert (standing.step, unmet(standing)) == (0, ["trust_in_flight"])


def test_a_grant_lets_a_disproved_low_tier_run():
    assert judged(Row(Evidence(0.0, 1.0, NOW, 0)), Tier.AUTO, grants=[GRANT]).may_run_alone


@pytest.mark.parametrize("tier", [Tier.AUTO, Tier.HUMAN])
def test_a_revoke_asks_a_person_whatever_the_record(tier):
    standing = judged(tier=tier, grants=[GRANT, REVOKE])
    assert (standing.level, unmet(standing)) == (Level.ONE_PERSON, ["trust_revoked"])
    assert "revoked by lw" in standing.sentence


def test_neither_touches_the_evidence():
    plain = judged()
    assert {(s.bound, s.mean, s.score) for s in (judged(grants=[GRANT]), judged(grants=[REVOKE]), plain)} == {
        (plain.bound, plain.mean, plain.score)
    }


@pytest.mark.parametrize("tier", [Tier.AUTO, Tier.HUMAN, Tier.DUAL])
def test_in_shadow_mode_people_act(tier):
    new = replace(PROVEN, agreed=9, disagreed=0)
    standing = judged(new, tier, Brakes(in_shadow=True))
    assert (standing.level, standing.may_run_alone, unmet(standing)) == (Level.SHADOW, False, ["trust_shadow"])
    assert standing.tier is tier


def test_a_row_leaves_shadow_mode_with_its_tenth_agreement():
    assert judged(replace(PROVEN, agreed=10), brakes=Brakes(in_shadow=True)).may_run_alone


def test_shadow_mode_says_what_is_missing():
    six = judged(Row(agreed=6), Tier.AUTO, Brakes(in_shadow=True))
    assert "6 of 6 answers agreed, leaves shadow mode with 10 of 10" in six.sentence
    assert (shadow_goal(9, 1, CONF), shadow_goal(17, 2, CONF)) == ((12, 13), (18, 20))


@pytest.mark.parametrize("severity", [Severity.P2, Severity.P3])
def test_an_alert_that_clears_by_itself_is_watched_first(severity):
    standing = judged(brakes=Brakes(healed_k=3, healed_n=5, severity=severity))
    assert (standing.watch_first, standing.may_run_alone, unmet(standing)) == (True, True, ["trust_watch_first"])
    assert standing.sentence.endswith(
        "→ may run alone after watching for 15 min: clears by itself 40 % of the time within 15 min, watches first at 40 %."
    )


@pytest.mark.parametrize("severity", [Severity.P0, Severity.P1])
def test_urgent_alerts_are_acted_on_at_once(severity):
    assert not judged(brakes=Brakes(healed_k=9, healed_n=9, severity=severity, is_hold_out=True)).watch_first


def test_what_asks_a_person_anyway_is_not_watched():
    assert not judged(NOTHING, brakes=Brakes(healed_k=9, healed_n=9)).watch_first


def test_a_hold_out_is_watched_though_it_seldom_clears():
    assert judged(brakes=Brakes(is_hold_out=True)).watch_first


def test_a_low_tier_is_watched_too():
    assert judged(NOTHING, Tier.AUTO, Brakes(healed_k=2, healed_n=2)).watch_first


def test_old_evidence_is_aged_to_now():
    old = replace(PROVEN, evidence=Evidence(20.0, 0.0, NOW - timedelta(days=90), 10))
    assert judged(old).successes == pytest.approx(10.0)
    assert judged(old).bound < judged().bound
