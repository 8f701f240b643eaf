"""The steps of target extraction that end outside Kubernetes: machines, endpoints, queues and other named things.

Their order stands in `targets.py`.
"""

import re

from aiops.core.targets import Target
from incidents import labels as spellings
from incidents.kubernetes_targets import Unusable, about, node
from incidents.labels import MAX_NAME, Labels, Reporter, first

_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_PORT = re.compile(r":\d{1,5}$")
_URL = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?(?:/[A-Za-z0-9._~/%:@?&=+,-]*)?", re.IGNORECASE)
_IP = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]+")
_HOST = re.compile(r"[A-Za-z0-9](?:[-A-Za-z0-9_.:]*[A-Za-z0-9])?")
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1", "0.0.0.0"})  # noqa: S104  (compared with, not bound to)
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,120}\.(?:service|timer|mount|socket|path|slice|scope)")
_THING = re.compile(r"[\w./:@#+=~-][\w ./:@#+=~-]{0,252}")
_BROKER = re.compile(r"rabbit|kafka|burrow|kminion|pulsar|nats|activemq|mq|sqs|exporter", re.IGNORECASE)
_SEARCH = re.compile(r"elastic|opensearch", re.IGNORECASE)
_CERTIFICATE = re.compile(r"cert", re.IGNORECASE)
_OF_QUEUES = frozenset({*spellings.CONSUMER_GROUP, *spellings.QUEUE, "group"})
_OF_MANAGED = frozenset({*spellings.CLOUD_MACHINE, *spellings.MANAGED})
_BEHIND_A_PROXY = ("proxy", "backend", "upstream")


def unit(labels: Labels, reporter: Reporter) -> Target | None:
    """A systemd unit: `name` holds the unit, `instance` the machine."""
    name = labels.get("name", "")
    if reporter is Reporter.KUBE_STATE_METRICS or not _UNIT.fullmatch(name):
        return None
    host = machine(labels)
    return Target(kind="Host", name=host, unit=name) if host else None


def device(labels: Labels, reporter: Reporter) -> Target | None:
    """Hardware belongs to its node; the pod that used it is a victim."""
    return node(labels, reporter) or _named_host(labels) if reporter is Reporter.HARDWARE else None


def queue(labels: Labels, reporter: Reporter) -> Target | None:
    if _OF_QUEUES.isdisjoint(labels):
        return None
    name = first(labels, spellings.CONSUMER_GROUP)
    if name is None and "group" in labels and "topic" in labels:
        name = labels["group"]
    name = name or first(labels, spellings.QUEUE)
    if name is None or ("pod" in labels and not _BROKER.search(about(labels))):
        return None
    return _thing("Queue", name)


def search_cluster(labels: Labels, reporter: Reporter) -> Target | None:
    """One exporter asks a whole search cluster, and calls it `cluster`."""
    name = labels.get("cluster")
    return _thing("External", name) if name and reporter is Reporter.EXPORTER and _SEARCH.search(about(labels)) else None


def measured_machine(labels: Labels, reporter: Reporter) -> Target | None:
    if reporter not in (Reporter.MACHINE, Reporter.KUBELET) or not (host := machine(labels)):
        return None
    container = labels.get("name") if labels.get("job") == "cadvisor" else None
    return Target(kind="Host", name=host, unit=container)


def managed(labels: Labels, reporter: Reporter) -> Target | None:
    if _OF_MANAGED.isdisjoint(labels):
        return None
    if name := first(labels, spellings.CLOUD_MACHINE):
        host = bare_host(name)
        return Target(kind="Host", name=host) if host else None
    for key in spellings.MANAGED:
        if not (name := labels.get(key)) or (key == "exported_job" and reporter is not Reporter.EXPORTER):
            continue
        host = machine(labels) if key in _BEHIND_A_PROXY else None
        return Target(kind="Host", name=host) if host else _thing("External", name)
    return None


def address(labels: Labels, reporter: Reporter) -> Target | None:
    """Whatever was scraped or probed, unless only the exporter's own address is there."""
    given = first(labels, spellings.ADDRESS)
    if given and len(given) <= MAX_NAME and _URL.fullmatch(given):
        return Target(kind="Endpoint", name=given)
    if labels.get("host") and _CERTIFICATE.match(labels.get("alertname", "")):
        return _thing("External", labels["host"])  # a certificate authority that was called
    host = machine(labels)
    if host and not (reporter is Reporter.EXPORTER and _is_exporters_own(host, given or "", labels)):
        return Target(kind="Host", name=host)
    return None if given and reporter is not Reporter.EXPORTER else _named_host(labels)


def _is_exporters_own(host: str, given: str, labels: Labels) -> bool:
    """A bare IP with a port is where the exporter was scraped; what it measures has a name, a scheme or `server`."""
    return _IP.fullmatch(host) is not None and not _SCHEME.match(given) and "server" not in labels


def machine(labels: Labels) -> str | None:
    """The machine under `server` (what a database exporter measures) or `instance`, without scheme and port."""
    for key in ("server", "exported_instance", "instance", "target", "addr"):
        value = labels.get(key)
        if value and (key != "server" or "." in value or ":" in value or "instance" not in labels) and (host := bare_host(value)):
            return host
    return None


def bare_host(text: str) -> str | None:
    """The host of an address; None for this machine itself and for what cannot be one."""
    if len(text) > MAX_NAME:
        return None
    text = _SCHEME.sub("", text).split("/", 1)[0]
    host = _PORT.sub("", text).strip("[]") if text.count(":") == 1 or "]" in text else text
    return host if host not in _LOCAL and _HOST.fullmatch(host) else None


def _named_host(labels: Labels) -> Target | None:
    name = first(labels, spellings.HOST)
    host = bare_host(name) if name else None
    return Target(kind="Host", name=host) if host else None


def _thing(kind: str, name: str) -> Target:
    if not _THING.fullmatch(name):
        raise Unusable
    return Target(kind=kind, name=name)
