"""Notes of earlier incidents that bear on this one: what an engine may ask of a knowledge base."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from incidents.proposals import Facts


@dataclass(frozen=True, slots=True)
class KnowledgeEntry:
    """One note. `similarity` to the incident is 0..1."""

    id: int
    title: str
    text: str
    similarity: float


class Knowledge(Protocol):
    """Searches PostgreSQL alone, so that the caller's statement timeout bounds it."""

    def find(self, facts: Facts, *, top: int, similarity: float) -> Sequence[KnowledgeEntry]:
        """At most `top` notes of at least that similarity, most alike first."""
        ...


class NoKnowledge:
    """There is no knowledge base: nothing is found, and no prompt speaks of one."""

    def find(self, facts: Facts, *, top: int, similarity: float) -> Sequence[KnowledgeEntry]:
        return ()
