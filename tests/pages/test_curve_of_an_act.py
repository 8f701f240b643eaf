"""The chart of the alert's own metric around an act."""

from datetime import UTC, datetime, timedelta

from approvals.curves import curve_of

AT = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)


def metric(*values: float | None, **changed: object) -> dict[str, object]:
    curve = [[AT.timestamp() + n * 30, value] for n, value in enumerate(values) if value is not None]
    return {"name": "ErrorRate", "low": None, "high": 0.02, "words": "0.004, at most 0.02", "curve": curve} | changed


def test_the_curve_of_the_alerts_own_metric_shows_the_act_and_the_limit():
    curve = curve_of(metric(0.004, 0.09, 0.09, 0.004), AT + timedelta(seconds=45))
    assert curve is not None
    assert 'aria-label="ErrorRate over 2 min: 0.004 at first, 0.004 at last. 0.004, at most 0.02"' in curve.chart
    assert 'class="mark tone-accent" x1="50%"' in curve.chart
    assert "before the incident" in curve.chart


def test_a_gap_in_the_curve_stays_a_gap():
    whole, torn = (curve_of(metric(0.1, 0.2, middle, 0.2, 0.1), None) for middle in (0.3, None))
    assert whole is not None
    assert torn is not None
    assert (whole.chart.count('class="line'), torn.chart.count('class="line')) == (1, 2)


def test_there_is_no_chart_of_what_was_not_measured():
    assert curve_of(None, AT) is None
    assert curve_of(metric(0.1), AT) is None
    assert curve_of({"curve": "broken"}, AT) is None
    flat = curve_of(metric(0.0, 0.0, high=None), AT)
    assert flat is not None


def test_the_outcome_shows_the_curve(night, visit):
    html = visit(night.people["vera"]).get(night.done.get_absolute_url()).content.decode()
    outcome = html.split('id="outcome"')[1].split("</section>")[0]
    assert "WebErrorRate over" in outcome
    assert "0.004, before the incident at most 0.012" in outcome
