"""What an alert is about, as things (`topology.thing`)."""

import re

from incidents import targets
from incidents.clues.clue import Draft
from incidents.labels import Labels, Reporter
from incidents.topology import is_address, thing

PLACES = (
    "rack",
    "zone",
    "availability_zone",
    "topology_kubernetes_io_zone",
    "failure_domain",
    "switch",
    "datacenter",
    "hypervisor",
)

_SCHEDULE = re.compile(r"-\d{8,10}$")
_ORDINAL = re.compile(r"-\d{1,3}$")
_DNS_NAMES = ("kube-system/coredns", "kube-system/kube-dns")


def find_things(draft: Draft) -> None:
    """Fill in what the alert is about."""
    target, namespace = draft.reading.target, draft.namespace
    match draft.kind:
        case "":
            _unnamed(draft)
        case "Endpoint" | "Host" | "Node":
            draft.is_about(draft.topology.machine(thing(target.name if target else "")))
        case "Queue":
            name = target.name.lower() if target else ""
            draft.is_about(f"queue:{namespace or machine_of(draft.labels)}/{name}"[:200])
            if draft.topology.knows(f"queue:{name}"):
                draft.is_about(f"queue:{name}")
        case "Namespace":
            draft.is_about(f"namespace:{target.name if target else ''}")
        case _ if target is not None and target.namespace:
            _namespaced(draft, target.kind, target.namespace, target.resource)
        case _:
            name = thing(target.name if target else "")
            draft.is_about(draft.topology.find(name) or name)
            if namespace:
                draft.is_about(thing(f"{namespace}/{name}"))
    _system(draft)
    signal = draft.reading.signal
    if signal.is_grouped and draft.reporter is Reporter.ITSELF:
        draft.is_about(f"group:{signal.group_key}")
    if draft.kind not in ("Node", "Host") and (pod := targets.pod_of(draft.labels)) is not None and pod.namespace:
        draft.is_about(thing(f"{pod.namespace}/{pod.name}"))


def _namespaced(draft: Draft, kind: str, namespace: str, name: str) -> None:
    draft.is_about(thing(f"{namespace}/{name}"))
    if kind in ("Job", "Pod", "Service"):
        draft.is_about(thing(f"{namespace}/{_SCHEDULE.sub('', name)}"))
    if kind == "PersistentVolumeClaim":
        draft.hurts |= _claimants(namespace, name)


def _claimants(namespace: str, claim: str) -> set[str]:
    """A StatefulSet's claim is called template-pod: `data-orders-db-0` is that of `orders-db-0` of `orders-db`."""
    parts = claim.split("-") if _ORDINAL.search(claim) else []
    pods = ["-".join(parts[cut:]) for cut in range(1, min(len(parts) - 1, 4))]
    return {thing(f"{namespace}/{name}") for pod in pods for name in (pod, _ORDINAL.sub("", pod))}


def _system(draft: Draft) -> None:
    """A dependency may be declared on a system by its bare name: `mq/rabbitmq` is whatever runs RabbitMQ in `mq`."""
    namespace = draft.namespace or draft.labels.get("namespace", "")
    for system in draft.own:
        if namespace and draft.topology.knows(f"{namespace}/{system}"):
            draft.is_about(f"{namespace}/{system}")
    if "dns" in draft.own and namespace == "kube-system" and draft.kind != "DaemonSet":
        for name in _DNS_NAMES:
            draft.is_about(name)


def _unnamed(draft: Draft) -> None:
    """Without a target only alerts of the same name and reporter are the same thing."""
    labels = draft.labels
    place, name = labels.get("namespace", ""), labels.get("service") or draft.job
    draft.is_about(f"alert:{draft.reading.name}|{place}|{name}"[:200])
    for label in PLACES:
        if value := labels.get(label):
            draft.is_about(thing(value))


def machine_of(labels: Labels) -> str:
    """The machine under `instance`, where it has a name: what tells queues of one name on two brokers apart."""
    host = thing(labels.get("instance", "")[:200])
    return "" if is_address(host) else host
