"""Past decisions judged again from the inputs that were stored with them, to see what a changed policy would change."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import JsonValue, ValidationError

from aiops.core.scales import Tier
from approvals.policy import Inputs, Verdict, judge, together
from approvals.policy_in_force import Policy
from incidents.models import Decision

LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class Difference:
    """One past decision that would come out differently; `because` names the conditions that turn."""

    decision: Decision
    was: str
    becomes: str
    because: Sequence[str]

    @property
    def loosens(self) -> bool:
        return STRICTNESS.index(self.becomes) < STRICTNESS.index(self.was)


@dataclass(frozen=True, slots=True)
class Preview:
    """`looked_at` decisions were judged under both policies."""

    looked_at: int
    differences: Sequence[Difference]

    @property
    def loosened(self) -> int:
        return sum(difference.loosens for difference in self.differences)


ALONE, WATCHES, ONE, TWO, NEVER = "runs alone", "runs alone after watching", "asks one person", "asks two people", "never runs"
STRICTNESS = (ALONE, WATCHES, ONE, TWO, NEVER)


def preview(current: Policy, changed: Policy, *, limit: int = LOOKED_AT) -> Preview:
    """Which of the newest `limit` judged decisions come out differently under `changed` than under `current`."""
    looked_at, differences = 0, []
    for decision in judged(limit):
        inputs = inputs_of(decision.assessment or {})
        if not inputs:
            continue
        looked_at += 1
        was, becomes = (judged_under(policy, inputs) for policy in (current, changed))
        if outcome(was) != outcome(becomes):
            differences.append(Difference(decision, outcome(was), outcome(becomes), tuple(_turned(was, becomes))))
    return Preview(looked_at, differences)


def judged(limit: int) -> Iterable[Decision]:
    """The newest decisions that policy has judged."""
    rows = Decision.objects.filter(assessed_at__isnull=False, assessment__has_key="inputs").select_related("incident")
    return rows.order_by("-pk")[:limit]


def inputs_of(assessment: Mapping[str, JsonValue]) -> Sequence[Inputs]:
    """What was judged then, step by step; empty for a decision that was stored in a shape that is no longer read."""
    following = assessment.get("following_inputs") or []
    assert isinstance(following, list)
    try:
        return [Inputs.model_validate(given) for given in (assessment["inputs"], *following)]
    except ValidationError:
        return []


def judged_under(policy: Policy, steps: Sequence[Inputs]) -> Verdict:
    """The verdict on all steps under `policy`."""
    return together([judge(inputs, policy.approvals, policy.trust) for inputs in steps])


def outcome(verdict: Verdict) -> str:
    """The verdict in words, as far as it differs for people."""
    if verdict.tier is Tier.BLOCKED:
        return NEVER
    if verdict.alone:
        return ALONE
    if verdict.watches:
        return WATCHES
    return TWO if verdict.required_signatures > 1 else ONE


def _turned(was: Verdict, becomes: Verdict) -> Iterable[str]:
    """The conditions that are met under one policy and not under the other, with the new numbers."""
    before = {reason.code: reason.met for reason in was.reasons}
    for reason in becomes.reasons:
        if before.get(reason.code) != reason.met:
            yield f"{reason.code}: {reason.detail}"
