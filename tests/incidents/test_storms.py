"""Outages as they were recorded: which alerts are one incident, and which one names the cause. Scored as `make score` does."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.corpus import score
from incidents import recorded, storms
from incidents.conf import IncidentsConf
from incidents.recorded import RecordedStorm
from incidents.storms import StormAnswer

CONF = IncidentsConf()
FOLDER = Path(score.__file__).parent
TIMES = {"startsAt": datetime(2026, 3, 1, 10, tzinfo=UTC).isoformat()}


def answers(corpus: str) -> dict[str, StormAnswer]:
    with (FOLDER / corpus).open(encoding="utf-8") as lines:
        return {storm.id: storms.answer(storm, conf=CONF) for storm in recorded.read(lines) if isinstance(storm, RecordedStorm)}


@pytest.mark.parametrize(
    ("corpus", "least", "roots_missed"), [("storms.jsonl", 0.98, 0), ("storms_more.jsonl", 0.97, 0)], ids=["storms", "more"]
)
def test_the_storms_are_understood(corpus, least, roots_missed):
    rows, found = score.read_jsonl(FOLDER / corpus), answers(corpus)
    scores, roots = [], 0
    for row in rows:
        expect, given = row["expect"], found[row["id"]]
        wanted, _ = score.pairs(expect["grouping"])
        got, _ = score.pairs(given.grouping)
        hit = len(wanted & got)
        scores.append(2 * hit / (len(wanted) + len(got)) * score.kept_apart(expect["grouping"], given.grouping))
        prints = {entry["id"]: entry["alert"]["fingerprint"] for entry in row["alerts"]}
        roots += given.root in expect.get("root_alt", []) or prints.get(given.root) == prints[expect["root"]]
        leaked = [key for key, label in expect["grouping"].items() if label is None and given.grouping[key] is not None]
        assert not leaked, row["title"]
    assert sum(scores) / len(scores) >= least
    assert roots >= len(rows) - roots_missed


@pytest.mark.parametrize("corpus", ["storms.jsonl", "storms_more.jsonl"])
def test_the_corpus_itself_is_valid(corpus):
    assert score.validate([str(FOLDER / corpus)])


def storm(*alerts: tuple[float, dict[str, str]], **topology: object) -> StormAnswer:
    """Alerts as (offset in seconds, labels), called 1, 2, 3, …"""
    entries = [
        {"id": str(n), "offset_s": offset_s, "alert": {"labels": labels, "annotations": {}, **TIMES}}
        for n, (offset_s, labels) in enumerate(alerts, 1)
    ]
    return storms.answer(RecordedStorm.model_validate({"id": "s", "alerts": entries, "topology": topology}), conf=CONF)


def together(answer: StormAnswer, *keys: str) -> bool:
    return len({answer.grouping[key] for key in keys}) == 1


NODE_DOWN = {"alertname": "KubeNodeNotReady", "node": "worker-3", "severity": "critical", "job": "kube-state-metrics"}
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


def crash(pod: str, namespace: str = "shop") -> dict[str, str]:
    return {"alertname": "KubePodCrashLooping", "namespace": namespace, "pod": pod, "severity": "warning"}


def errors(service: str, namespace: str = "shop") -> dict[str, str]:
    return {
        "alertname": "HighErrorRate",
        "namespace": namespace,
        "service": service,
        "deployment": service,
        "severity": "critical",
    }


def test_a_cause_that_fires_late_becomes_the_root_and_joins_its_effects():
    web, api = "web-7d9f8b6c5-x2xkz", "api-5d8c7b9f4-kq2vw"
    placed = {f"shop/{web}": "worker-3", f"shop/{api}": "worker-3"}
    answer = storm((0, crash(web)), (20, crash(api)), (150, NODE_DOWN), runs_on=placed)
    assert together(answer, "1", "2", "3")
    assert answer.root == "3"


def test_two_crashes_without_a_common_cause_stay_apart():
    answer = storm((0, crash("web-7d9f8b6c5-x2xkz")), (5, crash("api-5d8c7b9f4-kq2vw")))
    assert not together(answer, "1", "2")


def test_a_declared_dependency_explains_errors_of_whoever_needs_it():
    down = {"alertname": "PostgresqlDown", "namespace": "shop", "statefulset": "orders-db", "severity": "critical"}
    answer = storm((0, errors("orders")), (40, errors("reviews")), (90, down), depends_on=[["shop/orders", "shop/orders-db"]])
    assert together(answer, "1", "3")
    assert not together(answer, "2", "3")
    assert answer.root == "3"


def test_a_symptom_with_two_possible_causes_never_makes_them_one():
    needs = [["shop/web", "shop/orders-db"], ["shop/web", "shop/cache"]]
    database = {"alertname": "PostgresqlDown", "namespace": "shop", "statefulset": "orders-db", "severity": "critical"}
    cache = {"alertname": "RedisDown", "namespace": "shop", "statefulset": "cache", "severity": "critical"}
    answer = storm((0, database), (10, cache), (20, errors("web")), depends_on=needs)
    assert not together(answer, "1", "2")


def test_a_dead_mans_switch_is_no_part_of_anything():
    answer = storm((0, WATCHDOG), (5, crash("web-7d9f8b6c5-x2xkz")))
    assert answer.grouping["1"] is None
    assert answer.grouping["2"] is not None


def test_the_same_alert_notified_again_stays_where_it_is():
    answer = storm((0, NODE_DOWN), (240, NODE_DOWN))
    assert together(answer, "1", "2")


def test_the_same_thing_in_trouble_an_hour_later_is_another_incident():
    pod = "web-7d9f8b6c5-x2xkz"
    answer = storm((0, crash(pod)), (3600, {**crash(pod), "alertname": "KubePodNotReady"}))
    assert not together(answer, "1", "2")


def test_two_clusters_are_two_places():
    answer = storm((0, {**NODE_DOWN, "cluster": "eu"}), (5, {**NODE_DOWN, "cluster": "us"}))
    assert not together(answer, "1", "2")


def test_a_storm_is_read_from_a_line_as_the_scorer_reads_its_answer():
    line = json.dumps({"id": "s-9", "alerts": [{"id": "a", "offset_s": 0, "alert": {"labels": NODE_DOWN, **TIMES}}]})
    (read,) = recorded.read([line])
    assert isinstance(read, RecordedStorm)
    assert storms.answer(read, conf=CONF).to_json() == {"id": "s-9", "grouping": {"a": "s-9-1"}, "root": "a"}
