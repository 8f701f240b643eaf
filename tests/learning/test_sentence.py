from datetime import UTC, datetime

import pytest

from aiops.core.scales import Tier
from learning.conf import LearningConf
from learning.evidence import Evidence
from learning.judgement import Brakes, Row, judge
from learning.scopes import Scope
from learning.sentences import percent, percent_down

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WEB = Scope("restart:web-*", "production", "shop", "HighMemory")


def sentence(row, tier=Tier.HUMAN, *, scope=WEB, brakes=None, conf=None):
    return judge(row, [], tier, brakes or Brakes(), scope=scope, conf=conf or LearningConf(), at=NOW).sentence


def row(s, f, score, *, worked, runs, **more):
    return Row(Evidence(s, f, NOW, score), verified_days=9, people=2, worked=worked, runs=runs, **more)


def test_a_row_that_may_run_alone():
    assert sentence(row(12.6906, 0, 10, worked=14, runs=14)) == (
        "14 of 14 verified restarts of web-* for HighMemory in production/shop (90 days): 80 % sure it works ≥ 88 %; "
        "medium blast needs 80 %; score 10/10 → may run alone."
    )


def test_a_row_that_asks_says_the_first_thing_that_is_missing():
    scope = Scope("rollback:checkout-*", "production", "shop", "CheckoutLatencyHigh")
    assert sentence(row(12.0, 1.0, 8, worked=14, runs=15), Tier.DUAL, scope=scope) == (
        "14 of 15 verified rollbacks of checkout-* for CheckoutLatencyHigh in production/shop (90 days): "
        "80 % sure it works ≥ 80 %; high blast needs 90 %; score 8/10 → asks two people: 80 % sure it works ≥ 80 %, needs 90 %."
    )


def test_a_row_with_a_low_score():
    assert sentence(row(12.6906, 0, 4, worked=14, runs=14)).endswith("score 4/10 → asks one person: score 4 of 10, needs 5.")


def test_high_blast_with_proof():
    assert sentence(row(20, 0, 10, worked=20, runs=20), Tier.DUAL).endswith("→ asks one person instead of two.")


def test_no_evidence_yet():
    assert sentence(Row()) == (
        "0 of 0 verified restarts of web-* for HighMemory in production/shop (90 days): 80 % sure it works ≥ 20 %; "
        "medium blast needs 80 %; score 0/10 → asks one person: score 0 of 10, needs 5."
    )


def test_low_blast_needs_no_proof():
    assert sentence(Row(), Tier.AUTO).endswith("low blast needs no proof; score 0/10 → may run alone.")


def test_low_blast_that_does_not_work():
    assert sentence(row(1, 2, 0, worked=1, runs=3), Tier.AUTO).endswith(
        "low blast needs no proof; score 0/10 → asks one person: 82 % sure it works ≤ 60 %, asks at 80 %."
    )


def test_what_is_blocked():
    assert sentence(Row(), Tier.BLOCKED).endswith("critical blast is never lowered; score 0/10 → never runs here.")


def test_shadow_mode():
    assert sentence(Row(agreed=6), Tier.AUTO, brakes=Brakes(in_shadow=True)).endswith(
        "→ people act in shadow mode: 6 of 6 answers agreed, leaves shadow mode with 10 of 10."
    )


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (
            Scope("drain:node-1-*", "production", "", "KubeNodeNotReady"),
            "drains of node-1-* for KubeNodeNotReady in production (",
        ),
        (Scope("flush-cdn:*", "staging", "", "StaleCache"), "flush-cdn runs for StaleCache in staging ("),
        (Scope("delete_pod:web-*", "production", "shop", ""), "pod deletions of web-* in production/shop ("),
    ],
)
def test_what_was_run_where(scope, words):
    assert f"verified {words}" in sentence(Row(), scope=scope)


def test_a_strict_profile_says_how_sure_it_wants_to_be():
    conf = LearningConf(sure=0.95)
    assert "95 % sure it works ≥ 81 %" in sentence(row(14, 0, 10, worked=14, runs=14), conf=conf)


@pytest.mark.parametrize(("share", "shown"), [(0.29, "29 %"), (0.8999, "89 %"), (0.7999999, "79 %"), (1.0, "100 %")])
def test_bounds_are_rounded_down(share, shown):
    assert percent_down(share) == shown


def test_limits_are_shown_as_they_are():
    assert (percent(0.8), percent(0.875)) == ("80 %", "87.5 %")
