import io
import json

import pytest
from django.core.management import CommandError, call_command

from incidents.conf import IncidentsConf
from incidents.recorded import Single, read
from incidents.replay import Judged, by_the_rules, rehearse, replay
from incidents.replay_report import report
from incidents.topology import Topology

CONF = IncidentsConf()
CRASHING = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "web-7d9f8b6c5-x2xkz", "severity": "warning"}
ALERT = {"status": "firing", "labels": CRASHING, "annotations": {}, "startsAt": "2026-03-01T10:00:00Z"}


def line(entry: object) -> str:
    return json.dumps(entry)


@pytest.mark.parametrize(
    ("entry", "ids"),
    [
        (ALERT, ["1"]),
        ({"id": "a-7", "alert": ALERT}, ["a-7"]),
        ({"receiver": "x", "version": "4", "alerts": [ALERT, ALERT]}, ["1.1", "1.2"]),
        ({"id": "s-1", "alerts": [{"id": "s-1-a01", "offset_s": 0, "alert": ALERT}]}, ["s-1"]),
    ],
)
def test_all_shapes_of_recorded_alerts_are_read(entry, ids):
    found = list(read([line(entry), "", "  "]))
    assert [entry.id for entry in found] == ids
    assert all(entry.alert.labels == CRASHING for entry in found if isinstance(entry, Single))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "line 2: "),
        ("[]", "line 2: not a JSON object"),
        ("{}", "line 2: neither an alert nor a webhook body"),
        ('{"labels": {"pod": 7}}', "line 2: labels.pod: "),
    ],
)
def test_a_line_that_is_no_alert_is_named(text, reason):
    with pytest.raises(ValueError, match=reason):
        list(read([line(ALERT), text]))


def test_an_answer_is_what_the_scorer_reads():
    (answer,) = replay([line({"id": "a-7", "alert": ALERT})])
    assert answer.to_json() == {
        "id": "a-7",
        "category": "workload_crash",
        "action_class": "restart_workload",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "auto": True,
    }


def test_replacing_a_pod_counts_for_its_workload():
    (answer,) = replay([line({**ALERT, "labels": {**CRASHING, "alertname": "KubePodNotReady"}})])
    assert answer.to_json()["action_class"] == "delete_pod"
    assert answer.to_json()["target"]["name"] == "web"


def test_what_runs_alone_is_for_the_caller_to_judge():
    (answer,) = replay([line(ALERT)], judge=lambda proposal, facts: Judged(False))
    assert not answer.auto


def told(*entries: object, judge=by_the_rules) -> str:
    lines = [line(entry) for entry in entries]
    return "\n".join(report(rehearse(lines, conf=CONF, topology=Topology(), judge=judge), assumed="by the rules"))


def test_the_report_says_what_why_and_how_many():
    text = told(ALERT)
    assert "1  P2        KubePodCrashLooping  Deployment shop/web  Restart web  alone" in text
    assert "web crashes and restarts" in text
    assert "1 alerts, 1 incidents, 1 with a change, 1 that could run alone (by the rules)" in text


def test_the_report_puts_a_history_together_by_the_time_it_happened():
    later = {"labels": CRASHING | {"alertname": "KubePodNotReady"}, "startsAt": "2026-03-01T10:03:00Z"}
    much_later = {"labels": CRASHING | {"alertname": "KubePodNotReady"}, "startsAt": "2026-03-01T15:00:00Z", "fingerprint": "x"}
    watchdog = {"labels": {"alertname": "Watchdog", "severity": "none"}, "startsAt": "2026-03-01T09:00:00Z"}
    text = told({"alerts": [much_later, ALERT]}, later, watchdog)
    assert "4 alerts, 2 incidents (1 dead man's switches)" in text


def test_the_report_says_why_a_person_is_asked():
    text = told(ALERT, judge=lambda proposal, facts: Judged(False, "autonomy is off"))
    assert "A person: autonomy is off" in text
    assert "a person is asked because" in text


def test_ten_thousand_alerts_of_one_day_are_put_together():
    days = [
        {"labels": CRASHING | {"pod": f"web{n % 977}-7d9f8b6c5-x2xkz"}, "startsAt": f"2026-03-01T{n // 420:02}:{n // 7 % 60:02}:00Z",
         "fingerprint": f"f{n}"}
        for n in range(10_000)
    ]  # fmt: skip
    (rehearsal,) = rehearse(map(line, days), conf=CONF, topology=Topology(), judge=by_the_rules)
    assert rehearsal.alerts == sum(len(one.facts.alerts) for one in rehearsal.incidents) == 10_000


def test_the_command_reads_a_file_without_touching_the_database(tmp_path):
    path, out = tmp_path / "alerts.jsonl", io.StringIO()
    path.write_text(line(ALERT) + "\n")
    call_command("replay", str(path), "--json", stdout=out)
    assert json.loads(out.getvalue())["action_class"] == "restart_workload"


@pytest.mark.parametrize(("content", "reason"), [(None, "cannot be read"), ("nonsense", "line 1")])
def test_the_command_says_what_is_wrong_with_a_file(tmp_path, content, reason):
    path = tmp_path / "alerts.jsonl"
    if content is not None:
        path.write_text(content)
    with pytest.raises(CommandError, match=reason):
        call_command("replay", str(path), "--json", stdout=io.StringIO())
