"""The scripted people of the closed loop: who answers when, what they notice, and what all of it costs.

They are the same under every policy: what somebody notices about a proposal is drawn from the incident and the action.
"""

from dataclasses import dataclass, field
from random import Random

from aiops.core.actions import Action, ChangeAction
from aiops.core.scales import Severity, Tier
from aiops.sandbox.faults.book import Injected

# `trust-model.md` §11: 1 is one interruption of a person.
ASKED, REPAIRED_BY_HAND = 1.0, 3.0
RUN = {Tier.AUTO: 0.05, Tier.HUMAN: 0.3, Tier.DUAL: 2.0, Tier.BLOCKED: 10.0}
HARMFUL_RUN = {Tier.AUTO: 3.0, Tier.HUMAN: 20.0, Tier.DUAL: 120.0, Tier.BLOCKED: 600.0}
MINUTE_OPEN = {Severity.P0: 0.30, Severity.P1: 0.10, Severity.P2: 0.03, Severity.P3: 0.01}

# Of our own choosing, the same for all policies.
ANSWERS_AFTER_S = {Severity.P0: 120.0, Severity.P1: 180.0, Severity.P2: 600.0, Severity.P3: 900.0}
BY_HAND_S = 1200.0
NOTICES = 0.7  # the share of proposals that would not help which a person rejects


@dataclass
class Bill:
    """What one incident has cost, by what it was for."""

    asked: float = 0.0
    by_hand: float = 0.0
    runs: float = 0.0
    harm: float = 0.0
    open: float = 0.0

    @property
    def total(self) -> float:
        return self.asked + self.by_hand + self.runs + self.harm + self.open


@dataclass(frozen=True)
class People:
    """Two leads on call, who take turns in signing first."""

    seed: int
    notices: float = field(default=NOTICES)

    def rejects(self, incident: int, action: Action, injected: Injected) -> bool:
        """Whether whoever answers sees that `action` would not help."""
        drawn = Random(f"{self.seed} {incident} {action.action_class} {action.target}").random()
        return not helps(action, injected) and drawn < self.notices


def helps(action: Action, injected: Injected) -> bool:
    """Whether `action` cures the fault or relieves it for a while, by what its scenario claims."""
    scenario = injected.scenario
    if action.action_class in scenario.sure_harms or not isinstance(action, ChangeAction):
        return False
    if action.action_class in scenario.relieves or action.action_class in {cure.action for cure in scenario.cures}:
        return concerns(action, injected)
    return False


def concerns(action: ChangeAction, injected: Injected) -> bool:
    """Whether it is done to what is broken: the workload itself, one of its pods, a job of the broken cron job."""
    ref, target = injected.target, action.target
    if (target.namespace or "") != ref.namespace:
        return False
    return target.name == ref.name or (target.kind in ("Pod", "Job") and target.name.startswith(f"{ref.name}-"))
