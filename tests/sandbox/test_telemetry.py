"""Series, queries, rules and notifications, without a cluster."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiops.sandbox.telemetry.evaluation import Sample, evaluate, vector
from aiops.sandbox.telemetry.notifications import GROUP_INTERVAL_S, GROUP_WAIT_S, REPEAT_S, Notifier
from aiops.sandbox.telemetry.promql import QueryError, parse
from aiops.sandbox.telemetry.rules import Rule, RuleEngine, fingerprint
from aiops.sandbox.telemetry.series import Samples, labels

CORPUS = Path(__file__).parent.parent.parent / "bench" / "corpus" / "alerts.jsonl"
NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def samples() -> Samples:
    """Ten minutes every 15 s: two counters of 10/s and 1/s, a gauge that falls by 2 a second, one target of two up."""
    made = Samples()
    for i in range(41):
        made.scrape(
            i * 15.0,
            iter(
                [
                    ("requests_total", labels(app="web", code="200"), i * 150.0),
                    ("requests_total", labels(app="web", code="500"), i * 15.0),
                    ("free", labels(disk="a"), 10_000.0 - i * 30.0),
                    ("up", labels(job="a", pod="a-1"), 1.0),
                    ("up", labels(job="a", pod="a-2"), 0.0),
                ]
            ),
        )
    return made


def only(value) -> float:
    assert isinstance(value, list)
    assert len(value) == 1
    return value[0].value


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ('requests_total{code="500"}', 600.0),
        ('requests_total{code=~"5..", app!="x"} offset 5m', 300.0),
        ('rate(requests_total{code="200"}[5m])', 10.0),
        ('increase(requests_total{code="500"}[1m])', 60.0),
        ('sum by (app) (rate(requests_total{code="500"}[5m])) / sum by (app) (rate(requests_total[5m]))', 1 / 11),
        ("sum(requests_total)", 6600.0),
        ("avg(up)", 0.5),
        ("count by (job) (up == 0)", 1.0),
        ("sum by (job) (up == bool 0) / count by (job) (up)", 0.5),
        ("predict_linear(free[5m], 600)", 7600.0),
        ("deriv(free[5m])", -2.0),
        ("delta(free[5m])", -600.0),
        ("changes(up{pod='a-1'}[5m])", 0.0),
        ("max_over_time(free[1m])", 8890.0),
        ("clamp_max(free, 5)", 5.0),
        ("absent(nothing)", 1.0),
        ("vector(3) * 2 ^ 3 - 4 % 3", 23.0),
        ("topk(1, up)", 1.0),
        ("quantile(0.5, up)", 0.5),
        ("scalar(free) / time()", 8800.0 / 600),
        ("up{pod='a-1'} and on (job) free offset 1w or vector(7)", 7.0),
    ],
)
def test_queries_give_what_prometheus_would(samples, query, expected):
    value = evaluate(query, samples, 600.0)
    assert (value if isinstance(value, float) else only(value)) == pytest.approx(expected)


def test_operators_bind_as_in_prometheus(samples):
    assert evaluate("-2 ^ 2", samples, 0) == -4
    assert evaluate("2 ^ 3 ^ 2", samples, 0) == 512
    assert evaluate("1 + 2 * 3 == bool 7", samples, 0) == 1
    assert math.isnan(evaluate("0 / 0", samples, 0))


def test_comparison_filters_and_keeps_labels(samples):
    assert vector("up > 0", samples, 600) == [Sample({"__name__": "up", "job": "a", "pod": "a-1"}, 1.0)]
    assert vector("up unless up > 0", samples, 600)[0].labels["pod"] == "a-2"


def test_group_left_takes_labels_from_the_one_side(samples):
    found = vector('up * on (job) group_left (owner) label_replace(vector(1), "job", "a", "", "")', samples, 600)
    assert {sample.labels["pod"] for sample in found} == {"a-1", "a-2"}


def test_series_that_ends_is_gone_at_once_and_old_ones_after_the_lookback(samples):
    samples.scrape(615.0, iter([]))
    assert vector("free", samples, 615.0) == []
    assert vector("free", samples, 600.0)
    fresh = Samples()
    fresh.scrape(0.0, iter([("x", labels(), 1.0)]))
    assert vector("x", fresh, 299.0)
    assert vector("x", fresh, 301.0) == []


def test_counter_resets_are_added_up():
    samples = Samples()
    for i, value in enumerate([100, 110, 5, 15]):
        samples.scrape(i * 15.0, iter([("c", labels(), float(value))]))
    assert only(evaluate("resets(c[1m])", samples, 45)) == 1
    assert only(evaluate("increase(c[45s])", samples, 45)) > 15


@pytest.mark.parametrize(
    "query", ["", "up{", "up[5m]", "rate(up)", "sum(", "nope(up)", "up + 'a'", "1 == 1", "up offset", 'up{a=~"("}', "a b"]
)
def test_bad_queries_are_refused_with_words(samples, query):
    with pytest.raises(QueryError):
        evaluate(query, samples, 600)


@given(st.text(max_size=40))
def test_parser_answers_or_refuses_any_text(query):
    try:
        parse(query)
    except QueryError:
        return


# rules


def engine(expr: str, wait: str = "1m") -> RuleEngine:
    rule = {
        "alert": "Down",
        "expr": expr,
        "for": wait,
        "severity": "critical",
        "annotations": {"summary": "$labels_pod is down ($value)"},
    }
    return RuleEngine((Rule.model_validate(rule),))


def test_alert_is_pending_then_firing_then_resolved(samples):
    rules = engine("up == 0")
    assert rules.evaluate(samples, 500, NOW) == []
    assert rules.evaluate(samples, 559, NOW) == []
    [alert] = rules.evaluate(samples, 560, NOW)
    assert alert.is_firing
    assert alert.labels["alertname"] == "Down"
    assert (alert.labels["cluster"], alert.labels["pod"]) == ("sandbox", "a-2")
    assert alert.annotations == {"summary": "a-2 is down (0)"}
    samples.scrape(615, iter([("up", labels(job="a", pod="a-2"), 1.0)]))
    [ended] = rules.evaluate(samples, 615, NOW + timedelta(minutes=1))
    assert (ended is alert, ended.is_firing) == (True, False)
    assert rules.evaluate(samples, 630, NOW) == []


def test_alert_that_stops_while_pending_was_never_there(samples):
    rules = engine("up == 0")
    rules.evaluate(samples, 590, NOW)
    samples.scrape(615, iter([("up", labels(job="a", pod="a-2"), 1.0)]))
    assert rules.evaluate(samples, 615, NOW) == []
    assert rules.is_quiet


def test_fingerprints_are_those_of_prometheus():
    for line in CORPUS.read_text().splitlines():
        alert = json.loads(line)["alert"]
        assert fingerprint(alert["labels"]) == alert["fingerprint"]


# notifications


def fired(samples: Samples, at: float = 600.0):
    rules = engine("up == 0", "0s")
    return rules, rules.evaluate(samples, at, NOW)


def test_group_waits_then_tells_then_is_silent(samples):
    _, alerts = fired(samples)
    notifier = Notifier()
    notifier.take(alerts, 0)
    assert notifier.due(GROUP_WAIT_S - 1) == []
    [body] = notifier.due(GROUP_WAIT_S)
    assert (body["version"], body["status"], body["groupKey"]) == ("4", "firing", '{}:{alertname="Down"}')
    assert body["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"
    assert body["commonLabels"]["alertname"] == "Down"
    notifier.delivered(body, GROUP_WAIT_S)
    notifier.take(alerts, 20)
    assert notifier.due(GROUP_WAIT_S + GROUP_INTERVAL_S) == []
    [again] = notifier.due(GROUP_WAIT_S + REPEAT_S + GROUP_INTERVAL_S)
    assert again["alerts"][0]["startsAt"] == body["alerts"][0]["startsAt"]


def test_resolved_is_told_once_with_its_end(samples):
    rules, alerts = fired(samples)
    notifier = Notifier()
    notifier.take(alerts, 0)
    notifier.delivered(notifier.due(GROUP_WAIT_S)[0], GROUP_WAIT_S)
    samples.scrape(615, iter([("up", labels(job="a", pod="a-2"), 1.0)]))
    notifier.take(rules.evaluate(samples, 615, NOW + timedelta(minutes=5)), 30)
    [body] = notifier.due(GROUP_WAIT_S + GROUP_INTERVAL_S)
    assert (body["status"], body["alerts"][0]["endsAt"]) == ("resolved", "2026-03-01T00:05:00.000Z")
    notifier.delivered(body, 80)
    assert notifier.due(10_000) == []


def test_nothing_new_is_told_while_the_last_is_on_its_way_and_a_failure_is_told_again(samples):
    _, alerts = fired(samples)
    notifier = Notifier()
    notifier.take(alerts, 0)
    [body] = notifier.due(GROUP_WAIT_S)
    assert notifier.due(GROUP_WAIT_S + GROUP_INTERVAL_S) == []
    notifier.failed(body, 100)
    assert notifier.due(100 + GROUP_INTERVAL_S) == [body]


def test_alert_that_ended_before_anybody_was_told_is_not_told(samples):
    rules, alerts = fired(samples)
    notifier = Notifier()
    notifier.take(alerts, 0)
    samples.scrape(615, iter([("up", labels(job="a", pod="a-2"), 1.0)]))
    notifier.take(rules.evaluate(samples, 615, NOW), 5)
    assert notifier.due(GROUP_WAIT_S) == []
    assert notifier.groups == []
