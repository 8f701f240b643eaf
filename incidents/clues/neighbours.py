"""What may explain an alert: what its things need, the machines and places that its labels name, partners, names in its text."""

import re
from collections.abc import Iterable, Sequence

from incidents import labels as spellings
from incidents.clues.clue import Draft
from incidents.clues.things import PLACES
from incidents.labels import Reporter
from incidents.topology import is_address, thing

MAX_MENTIONS = 12

# Labels by which a sender names another thing that has to do with the trouble.
_PARTNERS = frozenset((
    "dependency", "upstream", "downstream", "backend", "consumer", "producer", "consumergroup", "consumer_group", "client",
    "peer", "remote", "database", "broker", "cache", "provider", "destination_workload", "destination_service_name",
    "source_workload", "application", "app", "service", "project", "topic", "queue", "primary", "master", "storage", "server",
    "load_balancer",
))  # fmt: skip
_WHERE = frozenset((*spellings.NODE, *PLACES))
_REPORTER_S_OWN = frozenset({"application", "app", "service"})
_AFFIX = re.compile(r"-(?:ingress|svc|service|lb|exporter|metrics)$")
_GENERIC_HOSTS = frozenset({"", "www", "api", "app", "web", "static", "cdn", "m"})
_GENERIC_STEPS = frozenset((
    "", "healthz", "health", "ping", "status", "ready", "live", "metrics", "v1", "v2", "v3", "api", "index",
))  # fmt: skip
_NAME_LIKE = re.compile(r"[-/.]|[a-z]\d|\d[a-z]")
_NUMBERED = re.compile(r"[a-z].*-.*\d|-\d")
_LETTER = re.compile(r"[a-z]")


def find_needs(draft: Draft) -> None:
    """Fill in what the alert's things need, through the topology and through what its labels say about where it is."""
    topology = draft.topology
    starts = dict.fromkeys(draft.about, 0)
    for name in tuple(draft.about):
        if not draft.everywhere and not topology.knows(name):
            for other in _namesakes(draft, name):
                starts.setdefault(other, 1)
                draft.may_need(other, 1)
    for label, value in draft.labels.items():
        if label in _WHERE and value and "@" not in value:
            name = thing(value)
            if name not in draft.about:
                draft.may_need(name, 1)
                starts.setdefault(name, 1)
    for name in tuple(draft.about):
        _declared_by_bare_name(draft, name)
    if topology:
        whole = not draft.everywhere and not any(name in topology.placed for name in draft.about)
        for name, hops in topology.reach(starts, whole=whole).items():
            draft.may_need(name, hops)


def _declared_by_bare_name(draft: Draft, name: str) -> None:
    """`web` needs `orders-db`, as somebody wrote it, means those two of each namespace."""
    namespace, _, base = name.rpartition("/")
    if namespace and base in draft.topology.needs:
        for other, hops in draft.topology.reach({base: 0}).items():
            draft.may_need(other if "/" in other else f"{namespace}/{other}", hops)


def _namesakes(draft: Draft, name: str) -> Iterable[str]:
    """What an unknown name stands for: parts that carry it in front, or itself without affixes (`shop/shop-web`: `shop/web`)."""
    namespace, _, base = name.rpartition("/")
    if not namespace:
        found = draft.topology.find(base)
        return (found,) if found else ()
    names: list[str] = []
    for candidate in dict.fromkeys((base, base.removeprefix(f"{namespace}-"), base.removeprefix("kube-"), _AFFIX.sub("", base))):
        full = f"{namespace}/{candidate}"
        if candidate != base and (draft.kind == "Ingress" or draft.topology.knows(full)):
            names.append(full)
        names += draft.topology.members(full)
    return names


def find_partners(draft: Draft) -> None:
    """Other things that labels name: the consumer of a queue, the dependency that is waited for, the application."""
    for label, value in draft.labels.items():
        if label not in _PARTNERS or not value or len(value) > 200:
            continue
        if label in _REPORTER_S_OWN and draft.reporter is not Reporter.ITSELF:
            continue
        if draft.topology:
            _mention(draft, thing(value), 1, namespace=draft.namespace)
        if label == "dependency":
            draft.may_need(thing(value), 1)
    if draft.kind == "Endpoint" and draft.reading.target is not None:
        _endpoint(draft, draft.reading.target.name.lower())


def head_of(url: str) -> str:
    """The first part of a host's name where it tells something: `shop` of `https://shop.example.com/`; else empty."""
    head = thing(url).split(".", 1)[0]
    return "" if head in _GENERIC_HOSTS else head


def _endpoint(draft: Draft, url: str) -> None:
    """`https://shop.example.com/checkout` is answered by `shop/checkout`, if there is such a thing; or by what is called shop."""
    head = head_of(url)
    if not head:
        return
    for step in re.split(r"[/?#]", url.split("://", 1)[-1])[1:4]:
        if step not in _GENERIC_STEPS:
            draft.may_need(thing(f"{head}/{step}"), 1)
    for name in (head, *draft.topology.members(f"{head}/{head}")):
        _mention(draft, name, 2)


def _mention(draft: Draft, name: str, hops: int, *, namespace: str = "") -> None:
    """A thing that is named may explain the alert, and so may whatever that needs."""
    found = draft.topology.find(name, namespace) if name else None
    if found is not None and found not in draft.about:
        draft.may_need(found, hops)
        for other, further in draft.topology.reach({found: hops}).items():
            draft.may_need(other, further)


def find_mentions(draft: Draft, tokens: Sequence[str]) -> None:
    """Names in the text that can be nothing but names: with a slash, a digit, a dot or a dash, and known or written out."""
    for token in [token for token in tokens if not token.isalpha() and _NAME_LIKE.search(token)][:MAX_MENTIONS]:
        name = thing(token)
        if not name or name in draft.about:
            continue
        _mention(draft, name, 2)
        host = name.split("/", 1)[0]
        if host.count(".") >= 2 and host not in draft.about and not is_address(host):
            draft.may_need(host, 3)
        if _LETTER.search(name) and _NUMBERED.search(name):
            draft.may_need(name, 3)
