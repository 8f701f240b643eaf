"""Pod disruption budgets: what they allow now, and spending it on an eviction."""

from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.documents import Document, dig, is_terminating, is_true, labels_of, name_of, namespace_of, stamp
from aiops.sandbox.cluster.refusals import Refused, disruption_budget
from aiops.sandbox.cluster.selectors import matches_labels
from aiops.sandbox.cluster.store import Store


def budgets_of(store: Store, pod: Document) -> list[Document]:
    return [
        budget
        for budget in store.all(r.BUDGETS, namespace_of(pod))
        if matches_labels(labels_of(pod), dig(budget, "spec", "selector"))
    ]


def spend(store: Store, pod: Document, *, dry_run: bool) -> None:
    """Take one disruption from the budget that covers `pod`; Refused where none is left.

    A pod that does not serve anyway goes free while its budget is met (`IfHealthyBudget`).
    """
    if dig(pod, "status", "phase") in ("Pending", "Succeeded", "Failed"):
        return
    covering = budgets_of(store, pod)
    if len(covering) > 1:
        raise Refused(
            500,
            "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        )
    for budget in covering:
        status = budget.get("status") or {}
        healthy, wanted = int(status.get("currentHealthy", 0)), int(status.get("desiredHealthy", 0))
        allowed = int(status.get("disruptionsAllowed", 0))
        if not is_true(pod, "Ready") and 0 < wanted <= healthy:
            continue
        if allowed <= 0:
            raise disruption_budget(name_of(budget), healthy, wanted)
        if not dry_run:
            disrupted = (status.get("disruptedPods") or {}) | {name_of(pod): stamp(store.now())}
            store.put_status(r.BUDGETS, budget, status | {"disruptionsAllowed": allowed - 1, "disruptedPods": disrupted})


def portion(value: int | str, total: int, *, up: bool = True) -> int:
    """An absolute number, or a percentage of `total` rounded up or down."""
    if isinstance(value, int):
        return value
    percent = int(value.rstrip("%"))
    return -(-total * percent // 100) if up else total * percent // 100


def budget_status(store: Store, budget: Document) -> Document:
    """What a disruption controller writes: how many of the covered pods serve, must serve, and may be taken."""
    spec = budget["spec"]
    pods = [pod for pod in store.all(r.PODS, namespace_of(budget)) if matches_labels(labels_of(pod), spec.get("selector"))]
    pods = [pod for pod in pods if dig(pod, "status", "phase") not in ("Succeeded", "Failed")]
    expected = _expected(store, namespace_of(budget), pods)
    if "maxUnavailable" in spec:
        wanted = max(0, expected - portion(spec["maxUnavailable"], expected))
    else:
        wanted = portion(spec.get("minAvailable", 1), expected)
    disrupted = {
        name: at
        for name, at in (dig(budget, "status", "disruptedPods") or {}).items()
        if any(name_of(pod) == name and not is_terminating(pod) for pod in pods)
    }
    healthy = sum(is_true(pod, "Ready") and not is_terminating(pod) and name_of(pod) not in disrupted for pod in pods)
    return {
        "currentHealthy": healthy,
        "desiredHealthy": wanted,
        "disruptionsAllowed": max(0, healthy - wanted) if expected else 0,
        "expectedPods": expected,
        "observedGeneration": budget["metadata"].get("generation", 1),
    } | ({"disruptedPods": disrupted} if disrupted else {})


def _expected(store: Store, namespace: str, pods: list[Document]) -> int:
    """The sum of what the pods' controllers want, for percentages are of that and not of what is left."""
    wanted: dict[str, int] = {}
    for pod in pods:
        owner = next((one for one in pod["metadata"].get("ownerReferences") or [] if one.get("controller")), None)
        if owner is None:
            wanted[name_of(pod)] = 1
            continue
        found = store.find(r.BY_KIND[owner["kind"]], namespace, owner["name"]) if owner["kind"] in r.BY_KIND else None
        top = next((one for one in dig(found, "metadata", "ownerReferences") or [] if one.get("controller")), None)
        if top is not None and top["kind"] == "Deployment":
            found = store.find(r.DEPLOYMENTS, namespace, top["name"]) or found
        if found is not None:
            wanted[str(found["metadata"]["uid"])] = int(dig(found, "spec", "replicas") or 0)
    return sum(wanted.values())
