"""Causes that many share and nobody declares: cluster DNS, the control plane, a lost node to the agents on it, a quota.

They are classes, found by what an alert suffers from and by what it is. A class explains only while it is the one
explanation at hand (`correlation`).
"""

import re

from aiops.core.categories import Category as C
from incidents.clues import systems
from incidents.clues.clue import WEAK, Draft
from incidents.clues.neighbours import head_of
from incidents.clues.things import PLACES
from incidents.clues.trouble import Trouble
from incidents.labels import Reporter
from incidents.topology import thing
from incidents.vocabulary import phrases

_CUES = re.compile(
    r"(?P<dns>cannot resolve|could not resolve|no such host|name resolution|nxdomain|servfail|look-?ups?\b|resolve host"
    r"|getaddrinfo|\bdns\b)"
    r"|(?P<tls>x509|certificate (?:has )?expired|expired certificate|tls handshake|certificate verify)"
    r"|(?P<registry>image ?pull|errimagepull|cannot be pulled|pull image)"
    r"|(?P<capacity>insufficient (?:cpu|memory|pods)|nodes are available|unschedulable)"
)
# Without one of these there is no cue in a text: looking for them is much cheaper.
_HINTS = (
    "resol", "host", "dns", "nxdomain", "servfail", "look", "addrinfo", "x509", "certificate", "tls", "pull", "insufficient",
    "available", "unschedulable",
)  # fmt: skip
_NO_SUCH_IMAGE = re.compile(r"does not exist|not found|manifest unknown|no such image|invalid")
_UNSCHEDULED = phrases("not scheduled, unschedulable, pending, failed scheduling")
_GROWTH = phrases("autoscaler \\w+( \\w+)*, scale ?ups?, too many pods, node ?pool \\w+, no capacity")
_DNS_NAME = phrases("dns, coredns, kube dns, nameserver, resolver")
_OF_ITSELF = ("memory", "cpu", "disk")


def find_shared_causes(draft: Draft, tokens: list[str]) -> None:
    """Fill in the classes that may explain the alert."""
    trouble, category, own, text = draft.nature.trouble, draft.reading.category, draft.own, draft.text
    found: set[str] = set()
    if any(hint in text for hint in _HINTS):
        found.update(match.lastgroup or "" for match in _CUES.finditer(text))
    if (trouble is Trouble.SYMPTOM or category in (C.ERROR_RATE, C.LATENCY)) and draft.kind not in ("Node", "Host"):
        found.add("dns")
    if "imagepull" in draft.labels.get("reason", "").lower():
        found.add("registry")
    if "registry" in found and _NO_SUCH_IMAGE.search(draft.text):
        found.discard("registry")
    if _UNSCHEDULED.search(draft.words):
        found.add("capacity")
    if draft.everywhere and trouble is Trouble.UNREADY:
        found.add("lost-node")
    if category is C.CONTROL_PLANE and "etcd" not in own:
        found |= {"etcd", "apiserver"}
    if "pooler" in own:
        found.add(f"postgres:{draft.nature.resource}")
    if draft.kind == "Queue":
        found |= {f"{system}:{draft.namespace}" for system in own}
    found |= systems.spoken_of(tokens).difference(own)
    if draft.namespace and trouble is Trouble.UNREADY:
        found.add(f"quota:{draft.namespace}")
    if draft.namespace and trouble >= Trouble.UNREADY:
        found.add(f"inside:{draft.namespace}")
    if draft.namespace and trouble is Trouble.SYMPTOM and not any(map(draft.topology.knows, draft.about)):
        found.add(f"namespace:{draft.namespace}")
    for name in found:
        draft.may_need(draft.shared(name), WEAK)


def find_side_effects(draft: Draft) -> None:
    """Fill in what the alert brings down beside the things it is about: classes, strained machines, what hangs on a device."""
    if not draft.nature.harms:
        draft.hurts.clear()
        return
    draft.classes |= {draft.shared(name) for name in _classes(draft)}
    if draft.namespace:
        draft.touches.add(draft.namespace)
    if draft.kind == "Endpoint" and draft.reading.target is not None and (head := head_of(draft.reading.target.name.lower())):
        draft.touches.add(head)
    _strain(draft)
    _bring_down(draft)


def _classes(draft: Draft) -> set[str]:
    trouble, category, kind, own = draft.nature.trouble, draft.reading.category, draft.kind, draft.own
    found: set[str] = set()
    if (category is C.NETWORK and _DNS_NAME.search(draft.words)) or ("dns" in own and trouble in (Trouble.CRASH, Trouble.CHANGE)):
        found.add("dns")
    if category is C.CERTIFICATE and trouble is Trouble.LOSS:
        found.add("tls")
    if kind == "ResourceQuota" and trouble is Trouble.EXHAUSTED:
        found.add(f"quota:{draft.namespace}")
    if kind == "Namespace" and trouble in (Trouble.CHANGE, Trouble.LOSS):
        found.add(f"inside:{draft.namespace}")
    if kind != "HorizontalPodAutoscaler" and _GROWTH.search(draft.words):
        found.add("capacity")
    if trouble is Trouble.LOSS and (kind == "Node" or draft.reporter is Reporter.KUBELET):
        found.add("lost-node")
    if kind == "Queue" or "pooler" in own:
        return found
    found |= systems.SINGLE.intersection(own) | {f"{system}:{draft.namespace}" for system in own}
    if draft.namespace == "harbor":
        found.add("registry")
    if "postgres" in own:
        found.add(f"postgres:{draft.nature.resource}")
    return found


def _strain(draft: Draft) -> None:
    """Who asks too much strains what it needs: a growing container its machine, a surge the services behind it."""
    machines = {name for name, hops in draft.needs.items() if hops == 1 and "/" not in name and ":" not in name}
    if draft.nature.trouble is Trouble.LOAD and draft.nature.resource not in _OF_ITSELF:
        near = {name for name, hops in draft.needs.items() if hops <= 3}
        draft.strains |= {name for name in near if "/" in name or "." in name or name in machines}
    elif draft.nature.trouble is Trouble.LOAD or (draft.nature.heavy_use and draft.namespace):
        draft.strains |= machines


def _bring_down(draft: Draft) -> None:
    """A network agent that crashes takes its machine along; a switch, power supply or zone whatever is part of its place."""
    target = draft.reading.target
    name = target.name.lower() if target is not None else ""
    if draft.nature.trouble is Trouble.CRASH and systems.is_node_agent(name):
        draft.hurts |= {need for need, hops in draft.needs.items() if hops == 1 and "/" not in need and ":" not in need}
    if draft.nature.trouble is Trouble.LOSS and systems.is_device(f"{draft.words} {draft.job} {name}"):
        places = {place for thing_ in draft.about for place in draft.topology.groups.get(thing_, ())}
        places |= {thing(value) for label in PLACES if (value := draft.labels.get(label))}
        draft.hurts |= places
        for place in places:
            draft.needs.pop(place, None)
