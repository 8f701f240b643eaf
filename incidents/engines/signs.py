"""The signs that the rules look for, and where each is read.

Evidence of the live system goes before the labels of the alert, and labels before words. What the collectors have to write
into `EvidenceFacts.facts`, by the item's `kind`; every key may be missing:

| kind       | facts                                                                                                   |
|------------|---------------------------------------------------------------------------------------------------------|
| `owner`    | `kind`, `namespace`, `name`: the controller at the top of the pod's or object's owners                   |
| `workload` | `replicas`, `ready`, `managed_by` (`argocd`, `flux`; empty: nobody), `hpa` (its name), `stateless` (bool)  |
| `pods`     | `reasons`: waiting and terminated reasons of all containers, such as `OOMKilled`                          |
| `events`   | `reasons`: reasons of recent events, such as `FailedScheduling`                                          |
| `rollouts` | `age_s` of the last one, `revision`, `previous_revision`, `stuck` (bool)                                  |
| `metrics`  | `cpu_ratio`, `memory_ratio` (used / limit, 0..1), `rps`, `rps_before`                                     |
| `nodes`    | `not_ready`: how many nodes of the cluster are not ready                                                 |
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import JsonValue

from aiops.core.categories import Category
from aiops.core.scales import Severity
from aiops.core.targets import SYSTEM_NAMESPACES, Target, is_name, is_namespace
from incidents.classification import is_deadman
from incidents.proposals import Facts
from incidents.tampering import is_tampered
from incidents.targets import namespace_of, pod_of
from incidents.vocabulary import words_of

MAX_TEXT = 4_000
RECENT_S = 3600  # a rollout this old can still be the cause


class Sign(StrEnum):
    """One thing that is true of an incident and bears on what may be done."""

    # What the alert is
    RESOLVED = "it is over"
    DEADMAN = "it fires on purpose"
    TEST = "it is a test"
    TAMPERED = "somebody may have written it"
    INFORMATIONAL = "it is information"
    CRITICAL = "it is marked critical"
    # What it is about
    PLACELESS = "the namespace is not known"
    STATEFUL = "it keeps state"
    SYSTEM = "it belongs to the cluster itself"
    INFRASTRUCTURE = "others depend on its namespace"
    BARE_POD = "nothing would make the pod again"
    POD_KNOWN = "one pod is named"
    GITOPS = "Git owns it"
    IRREVERSIBLE_JOB = "the job must not run twice"
    STATEFUL_UNIT = "the unit keeps state"
    DISPOSABLE_MOUNT = "the filesystem holds what can be made again"
    MANY_NODES = "more than one node is affected"
    # What happened to it
    OOM_KILLED = "killed for memory"
    IMAGE_MISSING = "the image cannot be pulled"
    CONFIG_MISSING = "a referenced object is missing"
    CRASH_LOOP = "crashes and restarts"
    RELEASED = "a release came just before"
    CONFIG_CHANGED = "its configuration changed just before"
    SECRET_ROTATED = "its secret was rotated"
    SURGE = "traffic rose"
    CPU_BOUND = "its CPU is used up"
    NOT_LEADER = "another member holds the lease"


@dataclass(frozen=True, slots=True)
class Case:
    """Facts with everything that rules ask about read out of them once."""

    facts: Facts
    target: Target | None
    pod: Target | None
    words: str
    text: str
    signs: frozenset[Sign]

    @property
    def category(self) -> Category:
        return self.facts.category

    @property
    def labels(self) -> Mapping[str, str]:
        return self.facts.root.labels

    @property
    def name(self) -> str:
        return self.target.name if self.target else self.facts.alert_name or "this alert"


def case_of(facts: Facts) -> Case:
    target = _owner(facts) or facts.target
    pod = pod_of(facts.root.labels)
    words = words_of(facts.alert_name)
    text = " ".join([facts.alert_name, *facts.root.annotations.values()])[:MAX_TEXT].lower()
    draft = Case(facts=facts, target=target, pod=pod, words=words, text=text, signs=frozenset())
    return Case(facts=facts, target=target, pod=pod, words=words, text=text, signs=frozenset(_signs(draft)))


def _values(facts: Facts, kind: str) -> Iterator[Mapping[str, JsonValue]]:
    return (item.facts for item in facts.evidence if item.kind == kind)


def _owner(facts: Facts) -> Target | None:
    """What the live cluster says owns the target. It has to lie in the alert's own namespace to be believed."""
    for owner in _values(facts, "owner"):
        kind, namespace, name = owner.get("kind"), owner.get("namespace"), owner.get("name")
        if not (isinstance(kind, str) and isinstance(name, str) and isinstance(namespace, str) and is_namespace(namespace)):
            continue
        believed = facts.target.namespace if facts.target else namespace_of(facts.root.labels)
        if namespace == believed and re.fullmatch(r"[A-Z][A-Za-z]{1,62}", kind) and is_name(name):
            return Target(kind=kind, namespace=namespace, name=name)
    return None


_INFRASTRUCTURE = re.compile(
    r"kube-.+|openshift.*|.+-system|monitoring|observability|cert-manager|ingress.*|istio.*|linkerd.*|argocd|argo-cd|flux.*|vault"
    r"|external-secrets|gatekeeper.*|kyverno|velero|rook.*|longhorn.*|metallb.*|calico.*|cilium.*|keda|karpenter|traefik"
)
_STATEFUL_NAME = re.compile(
    r"(?:^|[-_.])(?:postgres\w*|pg|pgsql|mysql\w*|mariadb|mongo\w*|redis\w*|kafka|zookeeper|rabbit\w*|elastic\w*|opensearch|es|etcd|consul"
    r"|vault|minio|cassandra|scylla|clickhouse|nats|pulsar|influx\w*|ceph\w*|nfs|ldap|slapd|db|database|mssql\w*|oracle\w*|neo4j"
    r"|couchdb|memcached|solr|galera|patroni|slurm\w*|mysqld|postgresql)(?:$|[-_.@\d])"
)
_CORE_UNIT = re.compile(
    r"^(?:sshd?|dbus|systemd-(?!timesyncd)|network|NetworkManager|docker|containerd|crio|kubelet|libvirt|firewalld|iptables|auditd)"
)
# Work that must not be done twice, or cannot be undone: money, messages to people, data that is moved or removed.
_IRREVERSIBLE = re.compile(
    r"pay|settle|billing|invoic|charg|payroll|migrat|ledger|transfer|refund|e?mail|newsletter|notif|sms|send|delet|purg|cleanup-data"
    r"|drop|truncat|archiv|retention|gdpr|erasure|anonymi|fulfil|order|ship|dispatch|tax|fund|wire|bank|debit|credit|checkout|subscription|renewal"
    r"|schema|seed|restore|import"
)
_DISPOSABLE_MOUNT = re.compile(
    r"/|/var|/var/log|/var/cache|/tmp|/var/tmp"
    r"|/var/lib/(?:docker|containerd|containers|kubelet)(?:/.*)?|/var/log/.*"
)
_DATA_HOST = re.compile(
    r"(?:^|[-_.])(?:db|sql|pg|postgres\w*|mysql\w*|mongo\w*|nas|san|store|storage|backup|es|elastic\w*|kafka|ceph|minio|data)(?:[-_.\d]|$)"
)
_OOM = re.compile(r"oom ?kill|out ?of ?memory: kill|\boomkilled\b")
_CRASH_LOOP = re.compile(r" (?:crash\w*|pods? restart\w*|restart(?:ing|s)? too \w+|container restart\w*|restarts?) ")
_RELEASED = re.compile(
    r" (?:after|since|post) (?:the )?(?:deploy\w*|release|rollout|upgrade|update) "
    r"| (?:bad|broken|faulty) (?:deploy\w*|release|rollout) "
)
_CONFIG_CHANGED = re.compile(
    r" (?:after|since) (?:the )?(?:config\w*|configuration) (?:map )?(?:change|update) | config\w* (?:map )?change "
)
_ROTATED = re.compile(r" (?:rotated|rotation) | stale (?:secret|credentials?|token|password) ")
_SURGE = re.compile(r" (?:surge|spike|flash crowd|traffic (?:doubled|tripled|peak|jump)) ")
_CPU_TEXT = re.compile(r"cpu[- ]bound|full cpu|at \d{2,3} ?% (?:of (?:its |their )?)?cpu|cpu (?:is )?(?:saturated|exhausted)")
_INFORMATIONAL = frozenset({"info", "information", "informational", "notice", "none", "low", "ticket"})
_CRITICAL = frozenset({"critical", "crit", "page", "emergency", "disaster", "p0", "p1"})
_CONFIG_REASONS = frozenset(
    {"CreateContainerConfigError", "CreateContainerError", "InvalidImageName", "FailedMount", "RunContainerError"}
)
_IMAGE_REASONS = frozenset({"ImagePullBackOff", "ErrImagePull", "ErrImageNeverPull", "RegistryUnavailable"})


def _reasons(case: Case) -> set[str]:
    """Container and event reasons: of the live cluster where it was asked, else of the label."""
    found: set[str] = set()
    for kind in ("pods", "events"):
        for values in _values(case.facts, kind):
            listed = values.get("reasons")
            found |= {str(reason) for reason in listed} if isinstance(listed, list) else set()
    return found or ({case.labels["reason"]} if case.labels.get("reason") else set())


def _number(values: Mapping[str, JsonValue], key: str) -> float | None:
    value = values.get(key)
    return float(value) if isinstance(value, int | float) else None


def _label_number(case: Case, *keys: str) -> float | None:
    for key in keys:
        if re.fullmatch(r"\d{1,9}(?:\.\d{1,6})?", text := case.labels.get(key, "")):
            return float(text)
    return None


def _signs(case: Case) -> Iterator[Sign]:
    yield from _alert_signs(case)
    yield from _target_signs(case)
    yield from _history_signs(case)


def _alert_signs(case: Case) -> Iterator[Sign]:
    facts, labels = case.facts, case.labels
    if all(alert.status == "resolved" for alert in facts.alerts):
        yield Sign.RESOLVED
    if is_deadman(labels, facts.root.annotations):
        yield Sign.DEADMAN
    if facts.is_test:
        yield Sign.TEST
    if any(is_tampered(alert.labels, alert.annotations) for alert in facts.alerts):
        yield Sign.TAMPERED
    word = (labels.get("severity") or labels.get("sloth_severity") or labels.get("priority") or "").lower()
    if facts.severity is Severity.P3 or word in _INFORMATIONAL:
        yield Sign.INFORMATIONAL
    if word in _CRITICAL or facts.severity is Severity.P0:
        yield Sign.CRITICAL


def _target_signs(case: Case) -> Iterator[Sign]:
    target, labels = case.target, case.labels
    if case.pod is not None:
        yield Sign.POD_KNOWN
    nodes = {str(alert.target) for alert in case.facts.alerts if alert.target and alert.target.kind == "Node"}
    not_ready = max((_number(values, "not_ready") or 0 for values in _values(case.facts, "nodes")), default=0)
    if len(nodes) > 1 or not_ready > 1:
        yield Sign.MANY_NODES
    if target is None:
        return
    namespaced = target.kind not in ("Node", "Host", "Endpoint", "Queue", "External", "Namespace", "PersistentVolume")
    if namespaced and target.namespace is None:
        yield Sign.PLACELESS
    namespace = target.namespace or ""
    if namespace in SYSTEM_NAMESPACES:
        yield Sign.SYSTEM
    if _INFRASTRUCTURE.fullmatch(namespace):
        yield Sign.INFRASTRUCTURE
    if target.kind == "StatefulSet" or (target.kind in ("Deployment", "Pod") and _STATEFUL_NAME.search(target.name)):
        yield Sign.STATEFUL
    if target.kind == "Pod":
        yield Sign.BARE_POD
    if any(values.get("managed_by") for values in _values(case.facts, "workload")):
        yield Sign.GITOPS
    if target.kind in ("Job", "CronJob") and _IRREVERSIBLE.search(f"{namespace}/{target.name}"):
        yield Sign.IRREVERSIBLE_JOB
    if target.unit and (_STATEFUL_NAME.search(target.unit.lower()) or _CORE_UNIT.match(target.unit)):
        yield Sign.STATEFUL_UNIT
    mount = labels.get("mountpoint", "")
    if _DISPOSABLE_MOUNT.fullmatch(mount) and not (mount in ("/", "/var") and _DATA_HOST.search(target.name)):
        yield Sign.DISPOSABLE_MOUNT
    leader = labels.get("lease_holder") or labels.get("leader") or ""
    if leader and case.pod is not None and leader != case.pod.name:
        yield Sign.NOT_LEADER


def _history_signs(case: Case) -> Iterator[Sign]:
    labels, reasons = case.labels, _reasons(case)
    if "OOMKilled" in reasons or _OOM.search(case.words):
        yield Sign.OOM_KILLED
    if reasons & _IMAGE_REASONS:
        yield Sign.IMAGE_MISSING
    if reasons & _CONFIG_REASONS:
        yield Sign.CONFIG_MISSING
    if "CrashLoopBackOff" in reasons or _CRASH_LOOP.search(case.words):
        yield Sign.CRASH_LOOP
    ages = [age for values in _values(case.facts, "rollouts") if (age := _number(values, "age_s")) is not None]
    revisions = labels.get("revision") and labels.get("previous_revision")
    if any(age <= RECENT_S for age in ages) or (not ages and (revisions or _RELEASED.search(case.words))):
        yield Sign.RELEASED
    if _CONFIG_CHANGED.search(case.words) or labels.get("change", "").startswith("configmap/"):
        yield Sign.CONFIG_CHANGED
    if _ROTATED.search(case.words):
        yield Sign.SECRET_ROTATED
    yield from _load_signs(case)


def _load_signs(case: Case) -> Iterator[Sign]:
    before = _label_number(case, "rps_baseline", "rps_yesterday", "rps_before", "baseline_rps")
    now = _label_number(case, "rps")
    cpu = _label_number(case, "cpu_utilisation", "cpu_utilization", "cpu_ratio", "cpu_usage")
    for values in _values(case.facts, "metrics"):
        before, now = _number(values, "rps_before") or before, _number(values, "rps") or now
        cpu = _number(values, "cpu_ratio") if _number(values, "cpu_ratio") is not None else cpu
    if _SURGE.search(case.words) or (before and now and now >= 1.5 * before):
        yield Sign.SURGE
    if (cpu is not None and (0.85 <= cpu <= 1.5 or 85 <= cpu <= 150)) or (cpu is None and _CPU_TEXT.search(case.text)):
        yield Sign.CPU_BOUND
