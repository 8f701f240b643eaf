"""Policy judged offline: what would run alone, with flawless records and with today's."""

import io
import json
from datetime import UTC, datetime

import httpx
import pytest
import respx
from django.core.management import CommandError, call_command

from aiops.core.clusters import Cluster
from approvals import rehearsal
from incidents.recorded import RecordedAlert
from incidents.replay import Answer, facts_of, replay

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CRASHING = {"alertname": "KubePodCrashLooping", "namespace": "shop", "pod": "web-7d9f8b6c5-x2xkz", "severity": "warning"}


def answer(judge, **labels) -> Answer:
    (found,) = replay([json.dumps({"labels": CRASHING | labels})], now=AT, judge=judge)
    assert isinstance(found, Answer)
    return found


def test_with_flawless_records_a_safe_restart_runs_alone():
    found = answer(rehearsal.flawless(AT))
    assert found.auto
    assert "may run alone" in found.judged.why


def test_what_cannot_be_put_back_never_runs_alone():
    facts = facts_of(
        RecordedAlert(
            labels={"alertname": "KubeJobFailed", "namespace": "etl", "job_name": "load-29386080", "severity": "warning"}
        ),
        now=AT,
    )
    found = answer(rehearsal.flawless(AT), **facts.root.labels)
    assert not found.auto


@pytest.mark.django_db
def test_with_the_records_of_today_nothing_is_proven_yet(settings, tmp_path):
    settings.CLUSTERS = (Cluster(name="eu", kubeconfig=tmp_path, match={"cluster": "eu"}, shadow=False),)
    found = answer(rehearsal.current(AT), cluster="eu")
    assert not found.auto
    assert found.judged.why


@pytest.mark.django_db
def test_with_the_records_of_today_an_unknown_cluster_is_for_people():
    assert not answer(rehearsal.current(AT), cluster="elsewhere").auto


def test_the_command_writes_one_line_an_alert_and_one_a_storm(tmp_path):
    path, out = tmp_path / "mixed.jsonl", io.StringIO()
    storm = {"id": "s-1", "alerts": [{"id": "s-1-a", "offset_s": 0, "alert": {"labels": CRASHING}}]}
    path.write_text(json.dumps({"id": "a-1", "alert": {"labels": CRASHING}}) + "\n" + json.dumps(storm) + "\n")
    call_command("replay", str(path), "--json", stdout=out)
    alert, grouped = map(json.loads, out.getvalue().splitlines())
    assert (alert["id"], alert["action_class"]) == ("a-1", "restart_workload")
    assert grouped == {"id": "s-1", "grouping": {"s-1-a": "s-1-1"}, "root": "s-1-a"}


def test_the_command_says_how_to_call_it():
    with pytest.raises(CommandError, match="either a file or --from-alertmanager"):
        call_command("replay", stdout=io.StringIO())


def test_an_alertmanager_that_does_not_answer_is_named():
    with pytest.raises(CommandError, match="127.0.0.1:9"):
        call_command("replay", "--from-alertmanager", "http://127.0.0.1:9", stdout=io.StringIO())


def listed(labels: dict[str, str], *, state: str = "active"):
    return {"labels": labels, "annotations": {}, "startsAt": AT.isoformat(), "fingerprint": labels["alertname"],
            "receivers": [{"name": "aiops"}], "status": {"state": state}}  # fmt: skip


def test_what_fires_in_an_alertmanager_is_rehearsed():
    out, url = io.StringIO(), "http://alertmanager.test:9093"
    silenced = listed({"alertname": "KubeNodeNotReady", "node": "worker-3"}, state="suppressed")
    answer = [listed(CRASHING), listed({"alertname": "Watchdog", "severity": "none"}), silenced]
    with respx.mock() as router:
        router.get(f"{url}/api/v2/alerts").mock(return_value=httpx.Response(200, json=answer))
        call_command("replay", "--from-alertmanager", url, stdout=out)
    assert "2 alerts, 1 incidents (1 dead man's switches)" in out.getvalue()
