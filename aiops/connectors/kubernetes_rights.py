"""What an account may do on a cluster, asked of the cluster itself: what it needs, what it lacks, and what is too much."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from aiops.connectors.errors import Permanent, Transient
from aiops.connectors.kubernetes import Kubernetes
from aiops.connectors.kubernetes_objects import KubeObject
from aiops.core.actions import ActionClass

GROUP = "authorization.k8s.io"


@dataclass(frozen=True, slots=True)
class Right:
    """One verb on one resource (`pods/eviction` names a subresource)."""

    verb: str
    group: str
    resource: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{f'.{self.group}' if self.group else ''}"


def _each(verbs: str, group: str, *resources: str) -> tuple[Right, ...]:
    return tuple(Right(verb, group, resource) for resource in resources for verb in verbs.split())


# Without these nothing can be decided on the live state.
READING = (
    *_each("get list", "", "pods", "namespaces", "nodes", "events", "persistentvolumeclaims"),
    *_each("get", "", "pods/log"),
    *_each("get list", "apps", "deployments", "replicasets", "statefulsets", "daemonsets"),
    *_each("get list", "batch", "jobs", "cronjobs"),
    *_each("list", "autoscaling", "horizontalpodautoscalers"),
    *_each("list", "policy", "poddisruptionbudgets"),
)
_WORKLOADS = _each("patch", "apps", "deployments", "statefulsets", "daemonsets")
# What each class of action needs beside that.
ACTING: Mapping[ActionClass, tuple[Right, ...]] = {
    ActionClass.RESTART_WORKLOAD: _WORKLOADS,
    ActionClass.SCALE_UP: _WORKLOADS[:2],
    ActionClass.SCALE_DOWN: _WORKLOADS[:2],
    ActionClass.ROLLBACK: _WORKLOADS,
    ActionClass.ADJUST_RESOURCES: _WORKLOADS,
    ActionClass.DELETE_POD: _each("create", "", "pods/eviction"),
    ActionClass.CORDON_DRAIN_NODE: (*_each("patch", "", "nodes"), *_each("create", "", "pods/eviction")),
    ActionClass.RERUN_JOB: _each("create", "batch", "jobs"),
    ActionClass.EXPAND_STORAGE: _each("patch", "", "persistentvolumeclaims"),
    ActionClass.RENEW_CERTIFICATE: _each("patch", "cert-manager.io", "certificates/status"),
}
# What no repair needs and everything else can be had by: with one of these nothing runs alone (`reliability.md` S16).
DANGEROUS: Mapping[str, tuple[Right, ...]] = {
    "read secrets": _each("get list watch", "", "secrets"),
    "run commands in pods": _each("create get", "", "pods/exec", "pods/attach"),
    "enter pods by another way": (
        *_each("create get", "", "pods/portforward", "nodes/proxy"),
        *_each("patch update", "", "pods/ephemeralcontainers"),
    ),
    "act as somebody else": _each("impersonate", "", "users", "groups", "serviceaccounts"),
    "make tokens": _each("create", "", "serviceaccounts/token"),
    "widen its own rights": (
        *_each("escalate bind create patch update", "rbac.authorization.k8s.io", "roles", "clusterroles"),
        *_each("create patch update", "rbac.authorization.k8s.io", "rolebindings", "clusterrolebindings"),
    ),
    "change what admits changes": _each(
        "create patch update delete",
        "admissionregistration.k8s.io",
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ),
    "delete whole workloads": (
        *_each("delete deletecollection", "apps", "deployments", "statefulsets", "daemonsets"),
        *_each("delete", "", "namespaces", "nodes", "persistentvolumeclaims"),
    ),
}


@dataclass(frozen=True, slots=True)
class Rules:
    """What the cluster says that the account may do in one namespace, cluster-wide grants among it."""

    rules: tuple[KubeObject, ...]
    incomplete: bool

    def allow(self, right: Right) -> bool:
        return any(_fits(rule, right) for rule in self.rules)

    def dangerous(self) -> tuple[str, ...]:
        return tuple(words for words, rights in DANGEROUS.items() if any(self.allow(right) for right in rights))


def _fits(rule: KubeObject, right: Right) -> bool:
    resources = _listed(rule, "resources")
    by_name = bool(_listed(rule, "resourceNames"))  # some objects only, which is no right to the rest
    sub = f"*/{right.resource.partition('/')[2]}" if "/" in right.resource else ""
    return (
        not by_name
        and bool({right.verb, "*"} & _listed(rule, "verbs"))
        and bool({right.group, "*"} & _listed(rule, "apiGroups"))
        and bool({right.resource, "*", sub} & resources)
    )


def _listed(rule: KubeObject, name: str) -> set[str]:
    values = rule.at(name)
    return {str(value) for value in values} if isinstance(values, list) else set()


def rules_in(api: Kubernetes, namespace: str) -> Rules:
    """By SelfSubjectRulesReview; the connector's errors where the cluster does not say."""
    answer = api.review("SelfSubjectRulesReview", {"namespace": namespace})
    return Rules(tuple(answer.each("status", "resourceRules")), answer.flag("status", "incomplete"))


def may(api: Kubernetes, right: Right, namespace: str = "") -> bool:
    """By SelfSubjectAccessReview; everywhere where no namespace is given."""
    resource, _, sub = right.resource.partition("/")
    asked: dict[str, JsonValue] = {"verb": right.verb, "group": right.group, "resource": resource, "namespace": namespace}
    if sub:
        asked["subresource"] = sub
    return api.review("SelfSubjectAccessReview", {"resourceAttributes": asked}).flag("status", "allowed")


def too_many(api: Kubernetes, namespace: str) -> tuple[str, ...]:
    """What the account may do in `namespace` that forbids it to act alone; an account that cannot be judged counts as such.

    Clusters whose rights come from elsewhere than RBAC list only a part of them; there the worst are asked for one by one.
    """
    try:
        rules = rules_in(api, namespace)
        found = rules.dangerous()
        if not rules.incomplete:
            return found
        return tuple(dict.fromkeys((*found, *_asked_one_by_one(api, namespace))))
    except (Permanent, Transient) as error:
        return (f"do what cannot be told ({error.why})",)


def _asked_one_by_one(api: Kubernetes, namespace: str) -> Iterable[str]:
    return [words for words, rights in DANGEROUS.items() if may(api, rights[0], namespace)]


@dataclass(frozen=True, slots=True)
class Standing:
    """What the account may do on the whole cluster, put together from its namespaces.

    `acting`: where each class of action may be done, `*` for everywhere. `unneeded` are rights that no action here uses.
    """

    lacks: tuple[str, ...]
    acting: Mapping[ActionClass, tuple[str, ...]]
    dangerous: tuple[str, ...]
    unneeded: tuple[str, ...]


def standing(api: Kubernetes, namespaces: Sequence[str]) -> Standing:
    """Over `namespaces`, each asked once. The connector's errors where the cluster does not say."""
    by_namespace = {namespace: rules_in(api, namespace) for namespace in namespaces}
    needed = dict.fromkeys((*READING, *(right for rights in ACTING.values() for right in rights)))
    everywhere = {right: may(api, right) for right in needed}
    acting = {
        action_class: ("*",)
        if all(everywhere[right] for right in rights)
        else tuple(name for name, rules in by_namespace.items() if all(rules.allow(right) for right in rights))
        for action_class, rights in ACTING.items()
    }
    found = [words for rules in by_namespace.values() for words in rules.dangerous()]
    if any(rules.incomplete for rules in by_namespace.values()):
        found += _asked_one_by_one(api, "")
    return Standing(
        lacks=tuple(str(right) for right in READING if not everywhere[right]),
        acting=acting,
        dangerous=tuple(dict.fromkeys(found)),
        unneeded=tuple(sorted({words for rules in by_namespace.values() for words in _unneeded(rules, needed)})),
    )


def _unneeded(rules: Rules, needed: Container[Right]) -> Iterable[str]:
    """Rights to change something that no action here needs."""
    harmless = {"get", "list", "watch"}
    for rule in rules.rules:
        if GROUP in _listed(rule, "apiGroups"):
            continue
        for group in sorted(_listed(rule, "apiGroups")):
            for resource in sorted(_listed(rule, "resources")):
                for verb in sorted(_listed(rule, "verbs") - harmless):
                    if Right(verb, group, resource) not in needed:
                        yield str(Right(verb, group, resource))
