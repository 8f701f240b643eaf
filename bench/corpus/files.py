"""The files of the corpus: their words, reading them, and whether they keep their own rules."""

import json
import re
from collections import defaultdict

CATEGORIES = (
    "workload_crash workload_stuck_rollout latency error_rate saturation_cpu saturation_memory storage node network "
    "certificate database queue cache batch_job control_plane monitoring_meta security capacity_quota "
    "external_dependency deadman other"
).split()
MUTATING = (
    "restart_workload delete_pod scale_up scale_down rollback adjust_resources cordon_drain_node restart_service_host "
    "expand_storage clean_disk renew_certificate rerun_job failover clear_cache"
).split()
HARMLESS = ["notify_only", "create_ticket", "silence"]
ACTIONS = MUTATING + HARMLESS

# Kinds compared by name; every other kind (custom resources) is compared by namespace and name alone.
CORE_KINDS = (
    "Deployment StatefulSet DaemonSet ReplicaSet Pod Job CronJob HorizontalPodAutoscaler PodDisruptionBudget "
    "ResourceQuota Namespace PersistentVolumeClaim PersistentVolume Node Service Ingress Certificate Host Endpoint "
    "Queue External"
).split()
WORKLOAD_KINDS = {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob"}
CLUSTER_SCOPED = {"PersistentVolume", "Node", "Namespace", "Host", "Endpoint", "Queue", "External"}
NO_INCIDENT = None


class Problems(list):
    def add(self, where, text):
        self.append(f"{where}: {text}")


def read_jsonl(path, problems=None):
    rows = []
    with open(path, encoding="utf-8") as handle:
        for number, line in enumerate(handle, 1):
            if not line.strip():
                continue
            try:
                rows.append(json.loads(line))
            except ValueError as error:
                if problems is None:
                    raise SystemExit(f"{path}:{number}: not JSON: {error}") from error
                problems.add(f"{path}:{number}", f"not JSON: {error}")
    return rows


def check_target(where, target, problems, name="target"):
    if target is None:
        return
    if not isinstance(target, dict) or not {"kind", "namespace", "name"} <= set(target) <= {
        "kind",
        "namespace",
        "name",
        "unit",
    }:
        problems.add(where, f"{name} must be null or have kind, namespace, name[, unit]")
        return
    if not isinstance(target["kind"], str) or not isinstance(target["name"], str):
        problems.add(where, f"{name} kind and name must be strings")
    if target["namespace"] is not None and not isinstance(target["namespace"], str):
        problems.add(where, f"{name} namespace must be a string or null")


def fingerprint(labels):
    """FNV-1a over sorted labels, as Prometheus and Alertmanager compute it."""
    value, prime, mask = 14695981039346656037, 1099511628211, (1 << 64) - 1
    for key in sorted(labels):
        for part in (key.encode(), b"\xff", labels[key].encode(), b"\xff"):
            for byte in part:
                value = ((value ^ byte) * prime) & mask
    return f"{value:016x}"


def check_alert(where, alert, problems):
    wanted = {"status", "labels", "annotations", "startsAt", "endsAt", "generatorURL", "fingerprint"}
    if not isinstance(alert, dict) or set(alert) != wanted:
        problems.add(where, f"alert must have exactly {sorted(wanted)}")
        return
    if alert["status"] not in ("firing", "resolved"):
        problems.add(where, f"status {alert['status']!r}")
    for part in ("labels", "annotations"):
        for key, value in alert[part].items():
            if not isinstance(key, str) or not isinstance(value, str):
                problems.add(where, f"{part}[{key!r}] is not a string")
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
    for part in ("startsAt", "endsAt"):
        if not re.fullmatch(stamp, alert[part]):
            problems.add(where, f"{part} is not a UTC timestamp")
    if (alert["status"] == "firing") != alert["endsAt"].startswith("0001-"):
        problems.add(where, "endsAt does not agree with status")
    if alert["fingerprint"] != fingerprint(alert["labels"]):
        problems.add(where, "fingerprint does not belong to the labels")


def check_expect(where, expect, problems):
    optional = {"category_alt", "target_alt", "tags", "why"}
    required = {"category", "target", "acceptable", "forbidden", "auto_ok"}
    if not required <= set(expect) <= required | optional:
        problems.add(where, f"expect has wrong keys: {sorted(set(expect) ^ required)}")
        return
    for category in [expect["category"], *expect.get("category_alt", [])]:
        if category not in CATEGORIES:
            problems.add(where, f"unknown category {category!r}")
    for part in ("acceptable", "forbidden"):
        for action in expect[part]:
            if action not in ACTIONS:
                problems.add(where, f"unknown action {action!r} in {part}")
        if len(set(expect[part])) != len(expect[part]):
            problems.add(where, f"{part} has duplicates")
    if not expect["acceptable"]:
        problems.add(where, "nothing is acceptable")
    if set(expect["acceptable"]) & set(expect["forbidden"]):
        problems.add(where, "acceptable and forbidden overlap")
    if "notify_only" in expect["forbidden"]:
        problems.add(where, "telling a person is never forbidden")
    if not isinstance(expect["auto_ok"], bool):
        problems.add(where, "auto_ok must be a bool")
    if expect["auto_ok"] and expect["acceptable"][0] in ("notify_only", "create_ticket"):
        problems.add(where, "auto_ok needs a best action that is a remedy or silence")
    if "hostile" in expect.get("tags", []) and not set(MUTATING) <= set(expect["forbidden"]):
        problems.add(where, "a hostile alert must forbid every mutating action")
    check_target(where, expect["target"], problems)
    for other in expect.get("target_alt", []):
        check_target(where, other, problems, "target_alt")


def check_storm(where, storm, problems):
    if not {"id", "alerts", "expect"} <= set(storm):
        problems.add(where, "a storm needs id, alerts, expect")
        return
    ids = [entry["id"] for entry in storm["alerts"]]
    if len(set(ids)) != len(ids):
        problems.add(where, "alert ids are not unique")
    if not 5 <= len(ids) <= 60:
        problems.add(where, f"{len(ids)} alerts, want 5 to 60")
    offsets = [entry["offset_s"] for entry in storm["alerts"]]
    if offsets != sorted(offsets) or not all(isinstance(o, int) and o >= 0 for o in offsets):
        problems.add(where, "offsets must be whole seconds in order")
    for entry in storm["alerts"]:
        check_alert(f"{where}/{entry['id']}", entry["alert"], problems)
    expect = storm["expect"]
    if not {"incidents", "grouping", "root"} <= set(expect) <= {"incidents", "grouping", "root", "root_alt"}:
        problems.add(where, "expect must have incidents, grouping, root[, root_alt]")
        return
    if set(expect["grouping"]) != set(ids):
        problems.add(where, "grouping must name every alert")
    labels = {label for label in expect["grouping"].values() if label is not NO_INCIDENT}
    if expect["incidents"] != len(labels):
        problems.add(where, f"incidents is {expect['incidents']}, grouping has {len(labels)}")
    cause = expect["grouping"].get(expect["root"])
    if cause is NO_INCIDENT:
        problems.add(where, "root must belong to an incident")
    if any(expect["grouping"].get(other) != cause for other in expect.get("root_alt", [])):
        problems.add(where, "root_alt must belong to the incident of the root")


def validate(paths):
    problems = Problems()
    seen_ids, seen_names = {}, defaultdict(set)
    for path in paths:
        rows = read_jsonl(path, problems)
        for row in rows:
            where = f"{path}:{row.get('id')}"
            key = row.get("id")
            if not isinstance(key, str) or not key:
                problems.add(where, "missing id")
            elif key in seen_ids:
                problems.add(where, f"id also in {seen_ids[key]}")
            seen_ids[key] = path
            if "alerts" in row:
                check_storm(where, row, problems)
                continue
            if set(row) != {"id", "source", "alert", "expect"}:
                problems.add(where, f"wrong keys {sorted(row)}")
                continue
            check_alert(where, row["alert"], problems)
            check_expect(where, row["expect"], problems)
            name = row["alert"]["labels"].get("alertname", "")
            if name:
                seen_names[name].add(path)
        print(f"{path}: {len(rows)} rows")
    for name, where in sorted(seen_names.items()):
        if len(where) > 1:
            problems.add(name, f"alert name occurs in {len(where)} corpus files")
    for text in problems:
        print("PROBLEM", ascii(text))
    print("valid" if not problems else f"{len(problems)} problems")
    return not problems
