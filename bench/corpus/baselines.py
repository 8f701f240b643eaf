"""What to be better than: the reference engines and correlators."""

import re

def four_rules(text, labels):
    """The four substring rules of the first design, first match wins; its only target is a Deployment."""
    for pattern, category, action in (
        (r"crash|restart|oom|killed|failed", "workload_crash", "restart_workload"),
        (r"latency|slow|timeout|p99", "latency", "scale_up"),
        (r"error|5xx|fail|exception", "error_rate", "rollback"),
        (r"cpu|memory|resource|quota", "saturation_cpu", "scale_up"),
    ):
        if re.search(pattern, text.lower()):
            break
    else:
        category, action = "other", "restart_workload"
    name = labels.get("deployment") or labels.get("service") or labels.get("app") or labels.get("job") or "unknown"
    namespace = labels.get("namespace") or "default"
    return {
        "category": category,
        "action_class": action,
        "target": {"kind": "Deployment", "namespace": namespace, "name": name},
    }


def baseline_rules(row):
    labels = row["alert"]["labels"]
    return four_rules(labels.get("alertname", ""), labels)


def baseline_rules_text(row):
    alert = row["alert"]
    text = " ".join([alert["labels"].get("alertname", ""), *alert["annotations"].values()])
    return four_rules(text, alert["labels"])


def baseline_notify(row):
    return {"category": "other", "action_class": "notify_only", "target": None}


BASELINES = {
    "four rules, alert name": baseline_rules,
    "four rules, name and text": baseline_rules_text,
    "always notify_only": baseline_notify,
}


def first_alarm(storm):
    return next((e["id"] for e in storm["alerts"] if e["alert"]["labels"].get("severity") != "none"), None)


def correlate_single(storm):
    return {"grouping": {e["id"]: e["alert"]["fingerprint"] for e in storm["alerts"]}, "root": first_alarm(storm)}


def correlate_one(storm):
    return {"grouping": {e["id"]: "all" for e in storm["alerts"]}, "root": first_alarm(storm)}


def correlate_namespace(storm):
    """Same namespace label within five minutes of the previous alert of that namespace."""
    last, label, grouping = {}, {}, {}
    for entry in storm["alerts"]:
        labels = entry["alert"]["labels"]
        key = labels.get("namespace", labels.get("instance", ""))
        if key not in last or entry["offset_s"] - last[key] > 300:
            label[key] = f"{key}@{entry['offset_s']}"
        last[key] = entry["offset_s"]
        grouping[entry["id"]] = label[key]
    return {"grouping": grouping, "root": first_alarm(storm)}


CORRELATORS = {
    "one incident per alert": correlate_single,
    "one incident for all": correlate_one,
    "namespace and time": correlate_namespace,
}
