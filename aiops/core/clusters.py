"""Clusters and environments: which cluster an alert belongs to, and how strict its environment is."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_KEPT = 300  # names of senders fill no memory; the environment of a longer one is found anew each time
_WORDS = (("prod", "production"), ("live", "production"), ("stag", "staging"), ("dev", "development"), ("test", "development"))


class Cluster(BaseModel):
    """One configured cluster. `match` are labels that an alert of it carries; `shadow` decides without acting alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")]
    environment: str = ""
    kubeconfig: Path | None = None
    in_cluster: bool = False
    match: Mapping[str, str] = Field(default_factory=dict)
    shadow: bool = True
    read_only: bool = False

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        if (self.kubeconfig is None) == (not self.in_cluster):
            raise ValueError("give either kubeconfig or in_cluster")
        return self


def cluster_of(labels: Mapping[str, str], clusters: Sequence[Cluster]) -> Cluster | None:
    """The cluster whose matchers all fit; one without matchers takes alerts that name no cluster of another kind.

    None: people only, nothing is executable.
    """
    fitting = [c for c in clusters if c.match and all(labels.get(k) == v for k, v in c.match.items())]
    if fitting:
        return max(fitting, key=lambda c: len(c.match))
    named = labels.get("cluster", "")
    open_ones = [c for c in clusters if not c.match]
    if named:
        return next((c for c in open_ones if c.name == named), None)
    return open_ones[0] if len(open_ones) == 1 else None


def environment_of(labels: Mapping[str, str], cluster: Cluster | None, namespace: str | None) -> str:
    """The label, else the cluster's, else by words in cluster and namespace, else production, the strictest."""
    given = labels.get("environment") or labels.get("env") or (cluster.environment if cluster else "")
    if given:
        return normal_environment(given)
    return environment_by_words(labels.get("cluster", ""), namespace or "")


def environment_by_words(cluster: str, namespace: str) -> str:
    """What the names of a cluster and a namespace say about their environment: `shop-staging` is staging."""
    text = f"{cluster} {namespace}".lower()
    return _by_words(text) if len(text) <= MAX_KEPT else _by_words.__wrapped__(text)


@lru_cache(maxsize=4096)
def _by_words(text: str) -> str:
    words = re.split(r"[^a-z0-9]+", text)
    return next((environment for start, environment in _WORDS if any(w.startswith(start) for w in words)), "production")


def normal_environment(given: str) -> str:
    """`prod`, `PROD-eu` and `live` are one environment; an unknown word stays itself, bounded."""
    lowered = given.strip().lower()
    return next((environment for word, environment in _WORDS if lowered.startswith(word)), lowered[:40])
