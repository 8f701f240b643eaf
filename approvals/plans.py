"""What would be done to the live object, and what lies around it: what policy judges, people sign and execution runs."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue

from aiops.core.actions import Action, dump


@dataclass(frozen=True, slots=True)
class DryRun:
    """The server's answer to the final body sent with `dryRun=All`. `changes` are `(path, before, after)`."""

    clean: bool
    ms: int = 0
    changes: tuple[tuple[str, JsonValue, JsonValue], ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The target's real state, as far as it bears on the blast radius (`domain.md` §11). None is what could not be read."""

    pods_affected: int | None = None
    pods_total: int | None = None
    rolling: bool = False
    replicas_left: int | None = None  # at the worst moment
    pdb_allows: int | None = None  # disruptions that the tightest budget allows; None: there is no budget
    downtime_s: float = 0.0
    criticality: int | None = None  # 1 is the most critical; None is unknown
    dependants: tuple[str, ...] = ()
    burn_rate: float | None = None  # error-budget burn now, 1.0 spends it exactly; None is unknown
    gitops_owner: str = ""
    hpa: str = ""
    too_many_rights: tuple[str, ...] = ()  # what our account may do there that forbids it to act alone
    unread: tuple[str, ...] = ()  # what about the target could not be read, in words


@dataclass(frozen=True, slots=True)
class Plan:
    """An action with absolute values against the object as it stands.

    `touched` is the part of the spec that the action changes (pod template; for scaling the replicas too; for a node
    its taints). `digest` binds a signature to all of it: an autoscaler's move voids nothing but a scaling.
    """

    action: Action
    cluster: str
    target_uid: str
    touched: JsonValue
    dry_run: DryRun
    surroundings: Surroundings = field(default_factory=Surroundings)
    following: tuple["Plan", ...] = ()  # the later steps of a playbook, each as its target stands before the first

    @property
    def steps(self) -> tuple["Plan", ...]:
        return (self, *self.following)

    @property
    def step_digest(self) -> str:
        """Of this step alone: what its execution has to meet."""
        return digest_of(self.action, self.target_uid, self.touched)

    @property
    def digest(self) -> str:
        """Of all that is agreed to at once: with several steps, of their digests in their order."""
        if not self.following:
            return self.step_digest
        return hashlib.sha256(" ".join(step.step_digest for step in self.steps).encode()).hexdigest()


def digest_of(action: Action, target_uid: str, touched: JsonValue) -> str:
    """SHA-256 in hex over the canonical JSON of what is signed."""
    signed: Mapping[str, JsonValue] = {"action": dump(action), "uid": target_uid, "touched": touched}
    return hashlib.sha256(json.dumps(signed, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
