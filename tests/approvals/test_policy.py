"""The verdict: every condition, one at a time, on inputs that would otherwise run alone."""

from datetime import UTC, datetime

import pytest

from aiops.core import actions
from aiops.core.actions import Undo
from aiops.core.scales import Risk, Severity, Tier
from aiops.core.targets import Target
from approvals.conf import ApprovalsConf
from approvals.explanation import WOULD
from approvals.plans import Surroundings
from approvals.policy import Inputs, judge
from approvals.words import CONDITIONS
from learning.conf import LearningConf
from learning.evidence import Evidence
from learning.judgement import Brakes, Row
from learning.scopes import Scope

CONF, TRUST = ApprovalsConf(), LearningConf()
AT = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
WEB = Target(kind="Deployment", namespace="shop", name="web")
SMALL = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3)


def inputs(action=None, **changed):
    action = action or actions.RestartWorkload(target=WEB)
    given = {
        "at": AT, "action": action, "environment": "production", "severity": Severity.P2,
        "scope": Scope(action.pattern, "production", "shop", "KubePodCrashLooping"), "around": SMALL, "dry_run_clean": True,
        "undo": action.spec.undo, "cluster": "sandbox", "row": Row(), "brakes": Brakes(),
    }  # fmt: skip
    return Inputs(**(given | changed))


def proven(successes=14.0, score=10):
    return Row(evidence=Evidence(successes, 0.0, AT, score), verified_days=7, people=3, worked=14, runs=14)


def unmet(verdict):
    return [reason.code for reason in verdict.reasons if not reason.met]


def test_a_small_low_risk_restart_runs_alone():
    verdict = judge(inputs(), CONF, TRUST)
    assert verdict.alone
    assert (verdict.tier, verdict.required_signatures, unmet(verdict)) == (Tier.AUTO, 0, [])


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"autonomy_on": False, "autonomy_reason": "migration tonight (mira)"}, "autonomy_switch"),
        ({"dry_run_clean": False, "dry_run_error": "quota exceeded"}, "dry_run"),
        ({"hold": "release freeze"}, "hold"),
        ({"autonomous_last_hour": 20}, "budget"),
        ({"failed_autonomous": 3}, "breaker"),
        ({"repaired_ago_s": 600.0}, "cooldown"),
        ({"ineffective_tries": 2}, "third_try"),
        ({"alert_fires": False}, "stale_alert"),
        ({"is_test": True}, "test_alert"),
        ({"cluster": ""}, "cluster_unknown"),
        ({"read_only": True}, "read_only"),
        ({"executor": False}, "executor"),
        ({"broker_up": False}, "broker_down"),
        ({"undo": Undo.NONE}, "reversible"),
        ({"model_led": True}, "tier"),
        ({"brakes": Brakes(in_shadow=True)}, "trust_shadow"),
    ],
)
def test_one_unmet_condition_asks_a_person_and_says_which(changed, code):
    verdict = judge(inputs(**changed), CONF, TRUST)
    assert not verdict.alone
    assert unmet(verdict) == [code]
    assert verdict.required_signatures == 1


def test_a_medium_action_without_a_record_asks_one_person():
    verdict = judge(inputs(actions.Rollback(target=WEB, revision=4)), CONF, TRUST)
    assert (verdict.tier, verdict.required_signatures, verdict.alone) == (Tier.HUMAN, 1, False)
    assert "tier" in unmet(verdict)


def test_a_proven_medium_action_runs_alone():
    verdict = judge(inputs(actions.Rollback(target=WEB, revision=4), row=proven()), CONF, TRUST)
    assert verdict.alone
    assert (verdict.tier_before, verdict.tier) == (Tier.HUMAN, Tier.AUTO)


def test_a_proven_action_of_two_people_asks_one():
    wide = Surroundings(pods_affected=6, pods_total=6, replicas_left=0, criticality=1, downtime_s=30)
    verdict = judge(inputs(around=wide, row=proven(successes=15.0)), CONF, TRUST)
    assert (verdict.tier_before, verdict.tier, verdict.required_signatures) == (Tier.DUAL, Tier.HUMAN, 1)


def test_two_people_are_asked_where_the_blast_radius_is_wide():
    wide = Surroundings(pods_affected=6, pods_total=6, replicas_left=0, criticality=1, downtime_s=30)
    verdict = judge(inputs(around=wide), CONF, TRUST)
    assert (verdict.tier, verdict.required_signatures) == (Tier.DUAL, 2)


def test_kube_system_is_blocked_whatever_its_record():
    proxy = Target(kind="Deployment", namespace="kube-system", name="coredns")
    verdict = judge(inputs(actions.RestartWorkload(target=proxy), row=proven(40.0)), CONF, TRUST)
    assert (verdict.risk, verdict.tier, verdict.alone) == (Risk.CRITICAL, Tier.BLOCKED, False)


def test_a_namespace_on_the_deny_list_is_blocked():
    conf = CONF.model_copy(update={"denied_namespaces": ("shop",)})
    assert judge(inputs(), conf, TRUST).tier is Tier.BLOCKED


def test_gitops_forbids_what_it_would_undo_and_not_a_restart():
    owned = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3, gitops_owner="Argo CD")
    assert judge(inputs(around=owned), CONF, TRUST).alone
    assert "gitops_owner" in unmet(judge(inputs(actions.ScaleUp(target=WEB, replicas=9), around=owned), CONF, TRUST))


def test_an_autoscaler_forbids_scaling_alone():
    owned = Surroundings(pods_affected=2, pods_total=8, rolling=True, replicas_left=7, criticality=3, hpa="web")
    assert unmet(judge(inputs(actions.ScaleUp(target=WEB, replicas=9), around=owned), CONF, TRUST)) == ["hpa_owner"]


def test_an_alert_that_heals_by_itself_is_watched_first():
    brakes = Brakes(healed_k=8, healed_n=10, severity=Severity.P2)
    verdict = judge(inputs(brakes=brakes), CONF, TRUST)
    assert (verdict.alone, verdict.watches, verdict.required_signatures) == (False, True, 1)
    assert judge(inputs(brakes=Brakes(healed_k=8, healed_n=10, severity=Severity.P0), severity=Severity.P0), CONF, TRUST).alone


def test_every_code_is_answered_once_with_its_numbers():
    verdict = judge(inputs(), CONF, TRUST)
    codes = [reason.code for reason in verdict.reasons]
    assert len(codes) == len(set(codes))
    assert {
        "autonomy_switch", "tier", "risk", "data_impact", "reversible", "dry_run", "digest", "hold", "budget", "breaker",
        "cooldown", "third_try", "gitops_owner", "hpa_owner", "stale_alert", "test_alert", "cluster_unknown", "read_only",
        "executor", "broker_down", "trust_score", "trust_bound", "trust_days", "trust_people", "trust_in_flight",
        "trust_budget", "trust_breaker", "trust_safeguard", "trust_shadow", "trust_review_overdue", "trust_low_disproved",
        "trust_watch_first",
    } == set(codes)  # fmt: skip
    assert all(reason.detail for reason in verdict.reasons)


def test_stored_inputs_give_the_same_verdict_again():
    given = inputs(actions.ScaleUp(target=WEB, replicas=9), row=proven(), hold="freeze", brakes=Brakes(pattern_runs=2))
    again = Inputs.model_validate_json(given.model_dump_json())
    assert again == given
    assert judge(again, CONF, TRUST) == judge(given, CONF, TRUST)


def test_every_condition_says_what_would_have_to_be_true():
    codes = {reason.code for reason in judge(inputs(), CONF, TRUST).reasons} | {"trust_revoked"}
    assert codes == set(WOULD)
    assert {reason.code for reason in judge(inputs(), CONF, TRUST).reasons} == set(CONDITIONS)
