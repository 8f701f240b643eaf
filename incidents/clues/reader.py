"""Reading a clue out of an alert, step by step."""

import re

from aiops.core.clusters import environment_by_words
from incidents.clues.clue import MAX_TEXT, Clue, Draft, Scope
from incidents.clues.neighbours import find_mentions, find_needs, find_partners
from incidents.clues.shared import find_shared_causes, find_side_effects
from incidents.clues.systems import names_data_cluster, runs_everywhere, systems_in
from incidents.clues.things import find_things
from incidents.clues.trouble import nature_of
from incidents.intake.reading import Reading
from incidents.labels import reporter_of
from incidents.topology import Topology
from incidents.vocabulary import phrases, words_of

_TEXTS = ("summary", "description", "message")
_TARGETS_DOWN = phrases("target down, targets? (missing|down)")
_TOKEN = re.compile(r"[a-z0-9](?:[-a-z0-9._/]*[a-z0-9])?")


def clue_of(reading: Reading, topology: Topology) -> Clue:
    """The clue that an alert gives, with what is known beforehand about its surroundings. Never raises."""
    labels, annotations = reading.signal.labels, reading.signal.annotations
    words, job = words_of(reading.name), labels.get("job", "")[:100].lower()
    target = reading.target.name.lower()[:100] if reading.target is not None else ""
    daemon = reading.target is not None and reading.target.kind == "DaemonSet"
    draft = Draft(
        reading=reading,
        nature=nature_of(labels, reading.category, reading.target),
        scope=scope_of(reading),
        reporter=reporter_of(labels),
        topology=topology,
        words=words,
        job=job,
        text=" ".join(annotations.get(name, "")[:MAX_TEXT] for name in _TEXTS).lower(),
        own=tuple(dict.fromkeys((*systems_in(f"{words}{job}"), *systems_in(target)))),
        everywhere=daemon or (_TARGETS_DOWN.search(words) is not None and runs_everywhere(job)),
    )
    find_things(draft)
    find_needs(draft)
    if draft.nature.suffers:
        tokens = list(dict.fromkeys(_TOKEN.findall(draft.text)))
        find_partners(draft)
        find_mentions(draft, tokens)
        find_shared_causes(draft, tokens)
    find_side_effects(draft)
    return draft.clue()


def scope_of(reading: Reading) -> Scope:
    """The cluster that was configured or that the labels name, and that cluster's environment.

    A namespace's own words (`shop-staging`) are left aside: its name tells it apart, and the machines below are shared.
    """
    labels = reading.signal.labels
    named = labels.get("cluster", "")[:100]
    said = "environment" in labels or "env" in labels
    if not reading.cluster and named and names_data_cluster(labels.get("job", "")[:100].lower(), named):
        return Scope("", reading.environment if said else "", reading.is_test)
    by_words = not said and reading.environment == environment_by_words(named, reading.namespace)
    environment = environment_by_words(named, "") if by_words else reading.environment
    return Scope(reading.cluster or named, environment, reading.is_test)
