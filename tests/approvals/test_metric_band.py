"""The alert's own metric against its band from before the incident."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import httpx
import pytest
import respx

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.prometheus import Prometheus
from approvals import metric_band
from approvals.curves import curve_of
from approvals.judgement import Signals
from approvals.metric_band import band, measure_of
from approvals.signals import metric_of
from incidents.models import Alert

URL = "http://prometheus.test"
OPENED = datetime(2026, 1, 1, 3, 0, tzinfo=UTC)
SENT, NOW = OPENED + timedelta(minutes=5), OPENED + timedelta(minutes=10)
ERRORS = 'sum by (namespace, deployment) (rate(errors{job="web"}[5m])) > 0.05'


def alert(expression: str = ERRORS, **labels: str) -> Alert:
    return Alert(
        name="HighErrorRate",
        labels={"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "severity": "critical"} | labels,
        generator_url=f"{URL}/graph?g0.expr={quote(expression)}&g0.tab=1",
    )


def answer(series: list[tuple[dict[str, str], list[float]]], *, from_: datetime, step_s: float = 30) -> dict[str, object]:
    result = [
        {"metric": labels, "values": [[from_.timestamp() + n * step_s, str(value)] for n, value in enumerate(values)]}
        for labels, values in series
    ]
    return {"status": "success", "data": {"resultType": "matrix", "result": result}}


def instant(*series: tuple[dict[str, str], float]) -> dict[str, object]:
    result = [{"metric": labels, "value": [NOW.timestamp(), str(value)]} for labels, value in series]
    return {"status": "success", "data": {"resultType": "vector", "result": result}}


WEB = {"namespace": "shop", "deployment": "web"}
OTHER = {"namespace": "shop", "deployment": "cart"}


def read(now: float, *, before: list[float] | None = None, **labels: str):
    usual = before if before is not None else [0.01, 0.02] * 60
    with respx.mock(base_url=URL) as prometheus:
        start = OPENED - metric_band.QUIET - metric_band.WINDOW
        prometheus.get("/api/v1/query_range").side_effect = [
            httpx.Response(200, json=answer([(WEB, usual), (OTHER, [9.0] * 120)], from_=start)),
            httpx.Response(200, json=answer([(WEB, [0.02, 0.4, now])], from_=SENT - timedelta(seconds=30))),
        ]
        prometheus.get("/api/v1/query").respond(json=instant((WEB, now), (OTHER, 9.0)))
        return metric_band.read(alert(**labels), Prometheus(URL), opened_at=OPENED, sent_at=SENT, now=NOW)


@pytest.mark.parametrize(
    ("expression", "left", "is_upper"),
    [
        (ERRORS, 'sum by (namespace, deployment) (rate(errors{job="web"}[5m]))', True),
        ("kube_deployment_status_replicas_available < 3", "kube_deployment_status_replicas_available", False),
        ("a / b >= bool 1e-3", "a / b", True),
    ],
)
def test_the_threshold_is_cut_off(expression, left, is_upper):
    measure = measure_of(alert(expression))
    assert (measure.expression, measure.is_upper) == (left, is_upper)


@pytest.mark.parametrize("expression", ["up == 0", "absent(up)", "a > 1 and b > 2", "a > b", ""])
def test_what_compares_more_than_one_thing_with_a_number_is_left_alone(expression):
    assert measure_of(alert(expression)) is None


def test_a_metric_back_in_its_band_is_back():
    metric = read(0.015)
    assert metric.is_back
    assert metric.at_act == 0.4
    assert metric.curve


def test_its_curve_and_its_band_are_kept_for_people():
    kept = metric_of(Signals(sent_at=SENT, converge_by=NOW, progress=None, metric=read(0.015)))
    curve = curve_of(kept, SENT)
    assert kept["high"] == read(0.015).high
    assert "act" in curve.chart
    assert curve.words == "0.015, before the incident at most 0.022"


def test_a_metric_above_its_band_is_not_back():
    assert not read(0.04).is_back


def test_a_metric_below_a_band_that_only_has_a_top_is_back():
    assert read(0.0).is_back


def test_too_little_from_before_says_nothing():
    assert read(0.01, before=[0.01] * 5) is None


def test_a_metric_that_is_gone_is_no_pass():
    with respx.mock(base_url=URL) as prometheus:
        prometheus.get("/api/v1/query_range").respond(json=answer([(WEB, [0.01] * 60)], from_=OPENED))
        prometheus.get("/api/v1/query").respond(json=instant())
        gone = metric_band.read(alert(), Prometheus(URL), opened_at=OPENED, sent_at=SENT, now=NOW)
    assert gone is not None
    assert gone.now is None
    assert not gone.is_back


def test_the_pods_of_before_do_not_stand_in_for_those_of_now():
    measure = measure_of(alert("memory > 5", pod="web-old-abcde"))
    with respx.mock(base_url=URL) as prometheus:
        prometheus.get("/api/v1/query").respond(
            json=instant(({**WEB, "pod": "web-new-1"}, 2.0), ({**WEB, "pod": "web-new-2"}, 4.0), (OTHER, 9.0))
        )
        found = Prometheus(URL).at(measure.expression, NOW)
    assert list(measure.of(found).values()) == [4.0]


def test_the_band_leaves_a_tenth_of_room():
    low, high = band([float(n) for n in range(101)])
    assert low == pytest.approx(5 - 9)
    assert high == pytest.approx(95 + 9.5)


def test_prometheus_tells_the_for_of_a_rule():
    groups = [{"rules": [{"name": "HighErrorRate", "duration": 900}, {"name": "Other", "duration": 5}]}]
    with respx.mock(base_url=URL) as prometheus:
        prometheus.get("/api/v1/rules").respond(json={"status": "success", "data": {"groups": groups}})
        assert Prometheus(URL).alert_for_s("HighErrorRate") == 900.0
        assert Prometheus(URL).alert_for_s("Unknown") is None


@pytest.mark.parametrize(
    ("response", "error"),
    [
        (httpx.Response(503, text="down"), Transient),
        (httpx.Response(200, text="<html>"), Transient),
        (httpx.Response(400, json={"status": "error", "error": "parse error"}), Permanent),
    ],
)
def test_an_answer_that_is_none_is_said_to_be_so(response, error):
    with respx.mock(base_url=URL) as prometheus:
        prometheus.get("/api/v1/query").mock(return_value=response)
        with pytest.raises(error):
            Prometheus(URL).at("up", NOW)
