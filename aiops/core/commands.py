"""Typed action ↔ command text. Rendering is for people to read; parsing takes nothing that is not understood whole.

No command is ever handed to a shell: executors work from the typed action. `parse` refuses with the reason.
"""

import re
import shlex
from collections.abc import Iterable

from pydantic import JsonValue

from aiops.core import actions
from aiops.core.actions import Action, ActionClass
from aiops.core.errors import Invalid
from aiops.core.targets import Target, is_name

_KINDS = {
    "deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment", "deployment.apps": "Deployment",
    "deployments.apps": "Deployment", "statefulset": "StatefulSet", "statefulsets": "StatefulSet", "sts": "StatefulSet",
    "statefulset.apps": "StatefulSet", "daemonset": "DaemonSet", "daemonsets": "DaemonSet", "ds": "DaemonSet",
    "daemonset.apps": "DaemonSet", "pod": "Pod", "pods": "Pod", "po": "Pod", "node": "Node", "nodes": "Node", "no": "Node",
    "job": "Job", "jobs": "Job", "job.batch": "Job", "cronjob": "CronJob", "cronjobs": "CronJob", "cj": "CronJob",
    "cronjob.batch": "CronJob",
}  # fmt: skip


def _place(target: Target) -> str:
    return f" -n {target.namespace}" if target.namespace else ""


def render(action: Action) -> str | None:
    """The command that a person would type for the same effect; None where there is none."""
    target = action.target
    if target is None:
        return f"job run {action.job}" if isinstance(action, actions.RunWebhookJob) else None
    name = f"{target.kind.lower()}/{target.name}"
    match action:
        case actions.RestartWorkload():
            return f"kubectl rollout restart {name}{_place(target)}"
        case actions.DeletePod():
            return f"kubectl delete pod {target.name}{_place(target)}"
        case actions.Scale():
            return f"kubectl scale {name}{_place(target)} --replicas={'N' if action.replicas is None else action.replicas}"
        case actions.Rollback():
            to = f" --to-revision={action.revision}" if action.revision else ""
            return f"kubectl rollout undo {name}{_place(target)}{to}"
        case actions.AdjustResources():
            limits = ",".join(f"{k}={v}" for k, v in (("cpu", action.cpu), ("memory", action.memory)) if v)
            which = f" -c {action.container}" if action.container else ""
            return f"kubectl set resources {name}{_place(target)}{which} --limits={limits or 'memory=N'}"
        case actions.CordonDrainNode():
            return f"kubectl drain {target.name} --ignore-daemonsets"
        case actions.RerunJob():
            return f"kubectl create job {target.name}-rerun --from={name}{_place(target)}"
        case actions.ExpandStorage():
            return f"kubectl patch pvc {target.name}{_place(target)} storage={action.size or 'N'}"
        case actions.RenewCertificate():
            return f"cmctl renew {target.name}{_place(target)}"
        case actions.RestartServiceHost() if action.manager == "docker":
            return f"docker -H ssh://{target.name} restart {target.unit or 'CONTAINER'}"
        case actions.RestartServiceHost():
            return f"systemctl -H {target.name} restart {target.unit or 'UNIT'}"
        case _:
            return None


def parse(text: str) -> Action:
    """The typed action of a kubectl, systemctl or docker command; Invalid with the reason for everything else."""
    if len(text) > 500 or not text.isprintable():
        raise Invalid("a command is one line of at most 500 printable characters", loc=("command",))
    # Quotes, expansions and operators mean something to a shell only; none of them belongs to a name or a number.
    if odd := re.search(r"[;&|<>$`\\(){}*?!#'\"\[\]~]", text):
        raise Invalid(f"{odd[0]!r} is shell syntax, and no shell is used here", loc=("command",))
    words = shlex.split(text)
    if words[:1] == ["sudo"]:
        words = words[1:]
    match words:
        case ["kubectl", *rest]:
            return _kubectl(rest)
        case ["systemctl", *rest]:
            return _on_host(rest, "systemd")
        case ["docker", *rest]:
            return _on_host(rest, "docker")
        case _:
            raise Invalid("commands of kubectl, systemctl and docker are understood", loc=("command",))


def _on_host(words: list[str], manager: str) -> Action:
    """`systemctl -H web-1 restart nginx`, `docker -H ssh://web-1 restart app`: the tools' own way to name a machine."""
    plain, given = _flags(words, {"-H": "host", "--host": "host"})
    tool = "systemctl" if manager == "systemd" else "docker"
    if manager == "docker" and plain[:1] == ["container"]:
        plain = plain[1:]
    if len(plain) != 2 or plain[0] != "restart":
        raise Invalid(f"of {tool}, only the restart of one unit is an action here", loc=("command",))
    if not given.get("host"):
        raise Invalid(f"name the machine: {tool} -H HOST restart {plain[1]}", loc=("command",))
    host = given["host"].removeprefix("ssh://")
    if "@" in host or ":" in host:
        raise Invalid("user and port are set up with the machine; name the machine alone", loc=("command",))
    try:
        target = Target(kind="Host", name=host, unit=plain[1].removesuffix(".service"))
    except ValueError:
        raise Invalid(f"no machine is named {host!r} or no unit {plain[1]!r}", loc=("command",)) from None
    return actions.build(ActionClass.RESTART_SERVICE_HOST, target, manager=manager)


def _flags(words: Iterable[str], known: dict[str, str]) -> tuple[list[str], dict[str, str]]:
    """Split into positional words and flags; a flag not in `known` (spelling → name) is refused."""
    plain: list[str] = []
    given: dict[str, str] = {}
    rest = iter(words)
    for word in rest:
        if not word.startswith("-"):
            plain.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in known:
            raise Invalid(f"{flag} is not understood here", loc=("command",))
        name = known[flag]
        if name in given:
            raise Invalid(f"{flag} is given twice", loc=("command",))
        if name.startswith("!") and value not in ("", "true"):
            raise Invalid(f"{flag} is a yes here, not {value}", loc=("command",))
        if not equals and not name.startswith("!"):
            value = next(rest, "")
        given[name] = value
    return plain, given


_NAMESPACE = {"-n": "namespace", "--namespace": "namespace"}


def _one(words: list[str], namespace: str | None) -> Target:
    """`kind/name` or `kind name`, exactly one."""
    if len(words) == 1 and words[0].count("/") == 1:
        words = words[0].split("/")
    if len(words) != 2:
        raise Invalid("name exactly one object, as in deployment/web", loc=("command",))
    kind, name = words
    if kind.lower() not in _KINDS:
        raise Invalid(f"{kind!r} is not a kind that can be acted on", loc=("command",))
    if not is_name(name):
        raise Invalid(f"no object can be named {name!r}", loc=("command",))
    kind = _KINDS[kind.lower()]
    if kind != "Node" and not namespace:
        raise Invalid("name the namespace with -n; none is assumed", loc=("command",))
    try:
        return Target(kind=kind, namespace=None if kind == "Node" else namespace, name=name)
    except ValueError:
        raise Invalid(f"no namespace can be named {namespace!r}", loc=("command",)) from None


def _whole(given: dict[str, str], flag: str) -> int:
    value = given.get(flag, "")
    if not re.fullmatch(r"[0-9]{1,6}", value):
        raise Invalid(f"--{flag} is a whole number", loc=("command",))
    return int(value)


def _kubectl(words: list[str]) -> Action:
    match _verb_first(words):
        case ["rollout", "restart", *rest]:
            plain, given = _flags(rest, _NAMESPACE)
            return actions.build(ActionClass.RESTART_WORKLOAD, _one(plain, given.get("namespace")))
        case ["rollout", "undo", *rest]:
            plain, given = _flags(rest, _NAMESPACE | {"--to-revision": "to-revision"})
            revision = _whole(given, "to-revision") if "to-revision" in given else None
            return actions.build(ActionClass.ROLLBACK, _one(plain, given.get("namespace")), revision=revision)
        case ["scale", *rest]:
            plain, given = _flags(rest, _NAMESPACE | {"--replicas": "replicas", "--current-replicas": "current"})
            if "current" not in given:
                return _scale(_one(plain, given.get("namespace")), _whole(given, "replicas"), None)
            return _scale(_one(plain, given.get("namespace")), _whole(given, "replicas"), _whole(given, "current"))
        case ["delete", *rest]:
            plain, given = _flags(rest, _NAMESPACE)
            target = _one(plain, given.get("namespace"))
            if target.kind != "Pod":
                raise Invalid(f"deleting a {target.kind} is no repair; only pods are deleted", loc=("command",))
            return actions.build(ActionClass.DELETE_POD, target)
        case ["drain", *rest]:
            plain, _ = _flags(rest, {"--ignore-daemonsets": "!ignore", "--delete-emptydir-data": "!emptydir"})
            return actions.build(ActionClass.CORDON_DRAIN_NODE, _one(["node", *plain], None))
        case ["set", "resources", *rest]:
            known = _NAMESPACE | {"-c": "container", "--containers": "container", "--limits": "limits"}
            plain, given = _flags(rest, known)
            target = _one(plain, given.get("namespace"))
            limits = _limits(given.get("limits", ""))
            return actions.build(ActionClass.ADJUST_RESOURCES, target, container=given.get("container"), **limits)
        case ["create", "job", name, *rest] if is_name(name):
            plain, given = _flags(rest, _NAMESPACE | {"--from": "from"})
            if plain or "from" not in given:
                raise Invalid("a job is run again with --from=cronjob/NAME or --from=job/NAME", loc=("command",))
            return actions.build(ActionClass.RERUN_JOB, _one([given["from"]], given.get("namespace")))
        case [("cordon" | "uncordon") as verb, *_]:
            raise Invalid(f"kubectl {verb} alone is no action here; kubectl drain takes a node out of service", loc=("command",))
        case [verb, *_]:
            raise Invalid(f"kubectl {verb} is not one of the actions here", loc=("command",))
        case _:
            raise Invalid("kubectl needs a command", loc=("command",))


def _verb_first(words: list[str]) -> list[str]:
    """A namespace may stand before the verb; whatever else does names another cluster or another person."""
    leading: list[str] = []
    while words and words[0].startswith("-"):
        flag, equals, _ = words[0].partition("=")
        if flag not in _NAMESPACE:
            raise Invalid(f"{flag} is not understood here; the cluster is the incident's own", loc=("command",))
        taken = 1 if equals else 2
        leading, words = [*leading, *words[:taken]], words[taken:]
    return [*words, *leading]


def _limits(text: str) -> dict[str, JsonValue]:
    """`memory=512Mi,cpu=500m`, each at most once and nothing else."""
    pairs = [part.partition("=") for part in text.split(",")]
    limits: dict[str, JsonValue] = {name: value for name, _, value in pairs}
    if len(limits) != len(pairs) or not set(limits) <= {"cpu", "memory"}:
        raise Invalid("--limits takes cpu and memory, each once, as in --limits=memory=512Mi", loc=("command",))
    return limits


def _scale(target: Target, replicas: int, current: int | None) -> Action:
    """Up or down is decided by the live object when nobody says; a bare target count of zero is down."""
    down = replicas == 0 or (current is not None and replicas < current)
    return actions.build(ActionClass.SCALE_DOWN if down else ActionClass.SCALE_UP, target, replicas=replicas)
