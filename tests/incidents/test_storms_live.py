"""Outages as they arrive: several webhooks, out of order, into real tables."""

import json
import random
from collections import defaultdict
from pathlib import Path

import pytest
from django.utils import timezone

from bench.corpus import score
from incidents import analysis, decisions, merging, sweeping
from incidents.models import Alert, ClusterMap, Decision, Dependency, Incident, PendingMerge
from incidents.topology import edges_of_record
from tests.factories import make_principal, make_proposal
from tests.incidents.senders import ByToken
from tests.threads import together

pytestmark = pytest.mark.django_db
FOLDER = Path(score.__file__).parent
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}
NODE_DOWN = {"alertname": "KubeNodeNotReady", "node": "worker-3", "severity": "critical", "job": "kube-state-metrics"}


@pytest.fixture
def post():
    return ByToken("alertmanager")


def pod(n):
    return f"svc{n}-7d9f8b6c5-x2xk{'bcdfghjklm'[n % 10]}"


def message(*labels):
    now = timezone.now().isoformat()
    alerts = [
        {"status": "firing", "labels": one, "annotations": {}, "startsAt": now, "endsAt": "0001-01-01T00:00:00Z"}
        for one in labels
    ]
    return {"version": "4", "groupKey": "{}:{}", "status": "firing", "receiver": "aiops", "alerts": alerts}


def crash(n):
    return {"alertname": "KubePodNotReady", "namespace": "shop", "pod": pod(n), "severity": "warning"}


def knows(**record):
    edges = [[edge.relation.value, edge.source, edge.target] for edge in edges_of_record(record)]
    ClusterMap.objects.create(cluster="c", edges=edges)


def carry_out_merges():
    for incident in list(PendingMerge.objects.order_by("pk").values_list("incident", flat=True)):
        merging.carry_out(incident)


def live():
    return Incident.objects.live().order_by("pk")


def test_forty_alerts_of_one_cause_end_in_one_incident_with_the_right_root(post):
    knows(runs_on={f"shop/{pod(n)}": "worker-3" for n in range(36)}, depends_on=[["shop/web", "shop/svc7"]])
    errors = [
        {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "severity": "critical"},
        {"alertname": "SlowRequests", "namespace": "shop", "deployment": "svc7", "severity": "warning"},
        {"alertname": "NodeHighLoad", "instance": "worker-3:9100", "job": "node-exporter", "severity": "warning"},
    ]
    unrelated = {"alertname": "CertificateExpiringSoon", "namespace": "billing", "name": "billing-tls", "severity": "warning"}
    storm = [crash(n) for n in range(36)] + errors
    random.Random(7).shuffle(storm)
    post(message(*storm[:9]))
    post(message(WATCHDOG, *storm[9:20]))
    post(message(unrelated))
    post(message(NODE_DOWN, *storm[20:31]))
    post(message(*storm[31:]))
    carry_out_merges()
    outage, other = sorted(live(), key=lambda incident: -incident.alerts.count())
    assert outage.alerts.count() == 40
    assert outage.root_alert.labels["alertname"] == "KubeNodeNotReady"
    assert (outage.target_kind, outage.target_name, outage.category) == ("Node", "worker-3", "node")
    assert [alert.name for alert in other.alerts.all()] == ["CertificateExpiringSoon"]
    assert Alert.objects.get(name="Watchdog").incident is None
    assert Decision.objects.live().filter(incident=outage).count() == 1


@pytest.mark.parametrize("line", (FOLDER / "storms.jsonl").read_text().splitlines(), ids=lambda line: json.loads(line)["id"])
def test_recorded_storms_are_understood_as_they_arrive(post, line):
    storm = json.loads(line)
    knows(**storm["topology"])
    batches = defaultdict(list)
    for entry in storm["alerts"]:
        batches[entry["offset_s"] // 30].append(entry["alert"] | {"startsAt": timezone.now().isoformat()})
    for batch in batches.values():
        post(message() | {"alerts": batch})
        carry_out_merges()
    homes = dict(Alert.objects.values_list("fingerprint", "incident"))
    grouping = {entry["id"]: homes[entry["alert"]["fingerprint"]] for entry in storm["alerts"]}
    assert score.pairs(grouping)[0] == score.pairs(storm["expect"]["grouping"])[0]
    assert all(grouping[key] is None for key, label in storm["expect"]["grouping"].items() if label is None)


# A cause that fires late


def web_and_node(post):
    """A crash with its decision, and after it the node that explains it."""
    knows(runs_on={f"shop/{pod(1)}": "worker-3"})
    post(message(crash(1)))
    return Incident.objects.get()


def test_a_late_cause_becomes_what_the_incident_is_about(post):
    incident = web_and_node(post)
    post(message(NODE_DOWN))
    incident.refresh_from_db()
    assert (incident.alert_name, incident.target_kind, incident.severity) == ("KubeNodeNotReady", "Node", "P0")
    assert incident.timeline.get(kind="root.changed").title == "Most likely root is now KubeNodeNotReady"
    assert incident.timeline.get(kind="root.changed").detail == "It explains KubePodNotReady"


def analysed(incident):
    decision = Decision.objects.live().get(incident=incident)
    analysis.decide(decision.pk)
    decision.refresh_from_db()
    return decision


def test_what_is_ready_about_an_effect_is_decided_again_about_the_cause(post):
    incident = web_and_node(post)
    old = analysed(incident)
    post(message(NODE_DOWN))
    assert sweeping.follow_roots() == 1
    old.refresh_from_db()
    assert (old.state, old.reason) == ("WITHDRAWN", "reanalysed")
    assert Decision.objects.live().get(incident=incident).cause == "root_moved"
    assert analysed(incident).action.target.kind == "Node"
    assert sweeping.follow_roots() == 0


def test_an_analysis_that_is_overtaken_begins_again_when_it_is_ready(post):
    incident = web_and_node(post)
    Decision.objects.update(state="ANALYZING", about_alert=incident.root_alert_id)
    overtaken = Decision.objects.get()
    post(message(NODE_DOWN))
    assert not decisions.follow_root(overtaken)
    assert analysis.ready(overtaken, make_proposal(), [])
    overtaken.refresh_from_db()
    assert overtaken.reason == "reanalysed"
    assert Decision.objects.live().get(incident=incident).cause == "root_moved"


def test_a_decision_that_nobody_has_looked_at_yet_simply_looks_at_the_cause(post):
    incident = web_and_node(post)
    post(message(NODE_DOWN))
    assert sweeping.follow_roots() == 0
    assert analysed(incident).action.target.kind == "Node"
    assert Decision.objects.count() == 1


def test_an_act_under_way_is_left_alone(post):
    incident = web_and_node(post)
    decision = analysed(incident)
    Decision.objects.filter(pk=decision.pk).update(state="EXECUTING")
    post(message(NODE_DOWN))
    assert not decisions.follow_root(decision)
    assert Decision.objects.get().state == "EXECUTING"


# Two incidents that turn out to be one


def two_effects(post):
    knows(runs_on={f"shop/{pod(1)}": "worker-3", f"shop/{pod(2)}": "worker-3"})
    post(message(crash(1)))
    post(message(crash(2)))
    return live()


def test_incidents_that_one_cause_explains_become_one(post):
    older, younger = two_effects(post)
    post(message(NODE_DOWN))
    assert PendingMerge.objects.get().incident == younger
    assert sweeping.carry_out_merges() == 0  # its own task is given a moment
    carry_out_merges()
    older.refresh_from_db()
    younger.refresh_from_db()
    assert (younger.status, younger.merged_into) == ("closed", older)
    assert younger.decisions.get().reason == "merged"
    assert older.alerts.count() == 3
    assert older.alert_name == "KubeNodeNotReady"
    assert older.timeline.get(kind="incident.merged").actor == "system"
    assert Decision.objects.live().get().incident == older


def test_a_merge_that_is_found_twice_is_carried_out_once(post):
    _, younger = two_effects(post)
    post(message(NODE_DOWN))
    assert merging.carry_out(younger.pk)
    assert not merging.carry_out(younger.pk)


def test_an_incident_that_is_acted_on_takes_the_other_in(post):
    older, younger = two_effects(post)
    Decision.objects.filter(incident=younger).update(state="EXECUTING")
    post(message(NODE_DOWN))
    carry_out_merges()
    older.refresh_from_db()
    assert older.merged_into == younger
    assert Decision.objects.live().get().state == "EXECUTING"


def test_two_acts_under_way_stay_two_incidents(post):
    two_effects(post)
    Decision.objects.update(state="EXECUTING")
    post(message(NODE_DOWN))
    assert not PendingMerge.objects.exists()
    assert live().count() == 2


def test_an_act_that_begins_before_the_merge_keeps_its_incident(post):
    _, younger = two_effects(post)
    post(message(NODE_DOWN))
    Decision.objects.filter(incident=younger).update(state="EXECUTING")
    carry_out_merges()
    assert live().count() == 2
    assert not PendingMerge.objects.exists()


def test_what_a_person_took_apart_stays_apart(post):
    older, _ = two_effects(post)
    post(message(NODE_DOWN))
    carry_out_merges()
    apart = merging.split(older, [older.alerts.get(labels__pod=pod(2)).pk], make_principal("lead"), reason="its own bug")
    post(message(NODE_DOWN | {"alertname": "KubeNodeUnreachable"}))
    carry_out_merges()
    assert set(live()) == {older, apart}


def test_a_declared_dependency_puts_both_ends_together(post):
    Dependency.objects.create(downstream="shop/web", upstream="shop/orders-db")
    post(message({"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "severity": "critical"}))
    post(message({"alertname": "PostgresqlDown", "namespace": "shop", "statefulset": "orders-db", "severity": "critical"}))
    assert live().get().alert_name == "PostgresqlDown"


def test_what_its_sender_groups_by_service_is_one_incident(post):
    database = {"alertname": "SlowQueries", "namespace": "data", "statefulset": "orders-db", "team": "orders"}
    errors = {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web", "team": "orders"}
    post(message(database, errors) | {"groupKey": '{}:{app="orders"}', "groupLabels": {"app": "orders"}})
    assert live().get().alerts.count() == 2


@pytest.mark.parametrize("labels", [{"namespace": "shop"}, {"alertname": "HighErrorRate"}, {"service": "kube-state-metrics"}])
def test_a_group_by_anything_else_says_nothing(post, labels):
    one = {"alertname": "HighErrorRate", "namespace": "shop", "deployment": "web"}
    post(message(one, one | {"deployment": "cart"}) | {"groupKey": "{}:{x}", "groupLabels": labels})
    assert live().count() == 2


def test_a_test_alert_is_never_put_to_real_trouble(post):
    knows(runs_on={f"shop/{pod(1)}": "worker-3"})
    post(message(crash(1) | {"testalert": "true"}))
    post(message(NODE_DOWN))
    assert sorted(incident.is_test for incident in live()) == [False, True]


def until_taken(post, body):
    """As a sender does it: what is answered 503, because a busy machine kept it waiting, is sent again."""
    for _ in range(20):
        if (answer := post(body)).status_code != 503:
            return answer.status_code
    return 503


@pytest.mark.django_db(transaction=True)
def test_cause_and_effect_that_arrive_at_the_same_moment_are_one_incident(post):
    knows(runs_on={f"shop/{pod(n)}": f"worker-{n}" for n in range(4)})
    for n in range(4):
        bodies = [message(crash(n)), message(NODE_DOWN | {"node": f"worker-{n}"})]
        assert together([lambda body=body: until_taken(post, body) for body in bodies]) == [200, 200]
    assert [incident.alerts.count() for incident in live()] == [2] * 4
