"""Proven repairs: the approved playbook whose symptoms fit this incident clearly.

Similarity is computed from typed fields only, each a number from 0 to 1 with a fixed weight; a playbook is judged on the
fields that it states. The explanation says which ones matched.
"""

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

from pydantic import JsonValue, ValidationError

from aiops.core import actions
from aiops.core.actions import Action
from aiops.core.errors import Invalid
from aiops.core.targets import Target
from incidents.conf import IncidentsConf
from incidents.engines.forbidden import FORBIDS, forbidden
from incidents.engines.sign import Sign
from incidents.engines.signs import Case, case_of
from incidents.proposals import Facts, Proposal, Source, View
from incidents.targets import pod_of
from learning.models import Playbook

WEIGHTS = {"alert names": 0.45, "category": 0.20, "service": 0.15, "severity": 0.10, "labels": 0.10}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


# No playbook leads on these: over, on purpose, only a test, perhaps written by somebody, not to be found, or worked on.
NEVER = frozenset(
    {
        Sign.RESOLVED, Sign.DEADMAN, Sign.TEST, Sign.TAMPERED, Sign.PLACELESS, Sign.SYSTEM, Sign.MANY_NODES, Sign.MAINTENANCE,
        Sign.ATTACK,
    }
)  # fmt: skip
# Only one that names the service may: it keeps state, others depend on it, its work must not be done twice, or what is
# broken is something below it.
NAMED_ONLY = frozenset({Sign.STATEFUL, Sign.INFRASTRUCTURE, Sign.IRREVERSIBLE_JOB, Sign.ELSEWHERE})


@dataclass(frozen=True, slots=True)
class Step:
    """`target_kind` and `target_name` are empty where the incident's own target is meant."""

    action_class: str
    parameters: dict[str, JsonValue]
    target_kind: str = ""
    target_name: str = ""


@dataclass(frozen=True, slots=True)
class Symptoms:
    """One approved playbook, as it is matched. `rate` is its success rate, None while it has no runs."""

    id: int
    name: str
    description: str
    target_kind: str
    alert_names: frozenset[str]
    categories: frozenset[str]
    severities: frozenset[str]
    services: frozenset[str]
    labels: dict[str, str]
    steps: tuple[Step, ...]
    runs: int
    rate: float | None
    needs: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Match:
    """How well a playbook fits, field by field; `reason` says why it may not lead, `stopped` that it must not even be tried."""

    playbook: Symptoms
    similarity: float
    fields: dict[str, float]
    reason: str = ""
    stopped: bool = False

    @property
    def explanation(self) -> str:
        matched = [name for name, score in self.fields.items() if score >= 0.99]
        partly = [f"{name} {score:.2f}" for name, score in self.fields.items() if 0 < score < 0.99]
        missed = [name for name, score in self.fields.items() if score == 0]
        parts = [("matched: ", matched), ("in part: ", partly), ("not: ", missed)]
        return "; ".join(lead + ", ".join(names) for lead, names in parts if names)


def similarity(playbook: Symptoms, facts: Facts) -> dict[str, float]:
    """The score of every field that the playbook states."""
    names = {alert.name for alert in facts.alerts} | {facts.alert_name}
    fields: dict[str, float] = {}
    if playbook.alert_names:
        fields["alert names"] = max((_alike(a, b) for a in names for b in playbook.alert_names), default=0.0)
    if playbook.categories:
        fields["category"] = float(facts.category.value in playbook.categories)
    if playbook.services:
        fields["service"] = float(bool(set(facts.services) & playbook.services))
    if playbook.severities:
        fields["severity"] = float(facts.severity.value in playbook.severities)
    if playbook.labels:
        root = facts.alerts[0].labels if facts.alerts else {}
        fields["labels"] = sum(root.get(k) == v for k, v in playbook.labels.items()) / len(playbook.labels)
    return fields


def _alike(a: str, b: str) -> float:
    """Share of words that two alert names have in common: KubePodCrashLooping and PodCrashLooping are alike."""
    if a == b:
        return 1.0
    left, right = ({word.lower() for word in _WORD.findall(name)} for name in (a, b))
    return len(left & right) / len(left | right) if left | right else 0.0


def rank(playbooks: Sequence[Symptoms], facts: Facts, conf: IncidentsConf) -> list[Match]:
    """Playbooks for this kind of target, most alike first, each with the reason why it may not lead."""
    found = []
    case = case_of(facts)
    for playbook in playbooks:
        if case.target is None or playbook.target_kind != case.target.kind or not playbook.steps:
            continue
        fields = similarity(playbook, facts)
        weight = sum(WEIGHTS[name] for name in fields)
        total = sum(WEIGHTS[name] * score for name, score in fields.items()) / weight if weight else 0.0
        found.append(Match(playbook, round(total, 4), fields))
    found.sort(key=lambda match: (-match.similarity, match.playbook.id))
    signs, seen = case.signs, shown(case)
    found = [
        replace(match, reason=reason, stopped=bool(reason))
        for match in found
        for reason in [_in_vain(match.playbook, case) or _unfit(match, signs, seen)]
    ]
    rivals = [match for match in found if not match.reason]
    return [match if match.reason else _judged(match, rivals, conf) for match in found]


def shown(case: Case) -> frozenset[str]:
    """What playbooks may need beside the alert, as far as evidence, labels and words show it."""
    signs = case.signs
    needs = {
        Playbook.Need.RECENT_ROLLOUT: Sign.RELEASED in signs,
        Playbook.Need.NO_RECENT_ROLLOUT: Sign.RELEASED not in signs,
        Playbook.Need.OOM_KILLED: Sign.OOM_KILLED in signs,
        Playbook.Need.ONE_POD: Sign.BARE_POD not in signs and _is_one_pod(case),
        Playbook.Need.SATURATED: bool(signs & {Sign.SURGE, Sign.CPU_BOUND}),
    }
    return frozenset(need.value for need, is_shown in needs.items() if is_shown)


def _is_one_pod(case: Case) -> bool:
    """All alerts name the same pod, or one stands out among its siblings; no more than one of the workload is missing."""
    facts = case.facts
    pods = {pod_of(alert.labels) for alert in facts.alerts}
    counts = [item.facts for item in facts.evidence if item.kind == "workload"]
    missing = [_whole(values.get("replicas")) - _whole(values.get("ready")) for values in counts]
    is_one = (len(pods) == 1 and None not in pods) or (case.pod is not None and Sign.ONE_OF_MANY in case.signs)
    return is_one and all(number <= 1 for number in missing)


def _whole(value: JsonValue) -> int:
    return value if isinstance(value, int) else 0


def _in_vain(playbook: Symptoms, case: Case) -> str:
    if not case.facts.in_vain:
        return ""
    try:
        tried = {action.pattern for action in steps_of(playbook, case)} & case.facts.in_vain
    except (Invalid, ValidationError):
        return ""  # cannot be aimed, so it will not be proposed either
    return f"tried lately without success: {', '.join(sorted(tried))}" if tried else ""


def _unfit(match: Match, signs: Set[Sign], seen: Set[str]) -> str:
    """Why a playbook cannot lead here however alike it is; empty where nothing speaks against it."""
    playbook = match.playbook
    stops = signs & NEVER or (not playbook.services and signs & NAMED_ONLY)
    if stops:
        return f"keeps away: {', '.join(sorted(sign.value for sign in stops))}"
    if missing := playbook.needs - seen:
        return f"needs {', '.join(sorted(Playbook.Need(need).label for need in missing))}, which nothing shows"
    acts = {step.action_class for step in playbook.steps} & forbidden(signs)
    if acts:
        against = sorted(sign.value for sign in signs if FORBIDS.get(sign, frozenset()) & acts)
        return f"{', '.join(sorted(acts)).replace('_', ' ')} cannot work: {', '.join(against)}"
    if match.fields.get("labels", 1.0) < 1.0:
        return "a label that it asks for is not there"
    return ""


def _judged(match: Match, rivals: Sequence[Match], conf: IncidentsConf) -> Match:
    """`rivals` could lead here as well."""
    reason = ""
    playbook = match.playbook
    others = [m for m in rivals if m is not match and m.playbook.steps != playbook.steps]
    if match.similarity < conf.playbook_similarity:
        reason = f"fits at {match.similarity:.2f}; {conf.playbook_similarity:.2f} is needed to lead"
    elif playbook.rate is not None and playbook.rate < conf.playbook_success_rate:
        reason = f"worked in {playbook.rate:.0%} of {playbook.runs} runs; {conf.playbook_success_rate:.0%} is needed to lead"
    elif others and match.similarity - max(m.similarity for m in others) < conf.playbook_margin:
        reason = "no clear lead over another playbook with other steps"
    return replace(match, reason=reason)


@dataclass(frozen=True, slots=True)
class PlaybookEngine:
    """Proposes the steps of the one playbook that fits clearly; nothing otherwise."""

    playbooks: Sequence[Symptoms]
    conf: IncidentsConf
    name: str = "playbook"

    def propose(self, facts: Facts) -> Proposal | None:
        view = self.view(facts)
        return view.proposal if view.leads else None

    def view(self, facts: Facts) -> View:
        """The playbook that fits clearly; otherwise the one that comes nearest, which only informs."""
        ranked = [match for match in rank(self.playbooks, facts, self.conf) if not match.stopped]
        best = next((match for match in ranked if not match.reason), None)
        nearest = best or next((match for match in ranked if match.similarity >= self.conf.playbook_informs), None)
        if nearest is None:
            return View()
        try:
            steps = steps_of(nearest.playbook, case_of(facts))
        except (Invalid, ValidationError):
            return View()  # written for another kind of target than its own name says, or for a pod that nobody named
        playbook = nearest.playbook
        record = "no runs yet" if playbook.rate is None else f"{playbook.rate:.0%} of {playbook.runs} runs"
        proposal = Proposal(
            source=Source.PLAYBOOK,
            action=steps[0],
            steps=steps,
            description=playbook.name,
            reasoning=f"{playbook.description} Playbook “{playbook.name}” ({record}); {nearest.explanation}.".strip(),
            category=facts.category,
            matched_playbook=playbook.id,
            similarity=nearest.similarity,
        )
        return View(
            proposal,
            leads=nearest is best,
            because=f"It does not lead: {nearest.reason}." if nearest.reason else "",
            record=record,
            right=(playbook.rate or 0.0) * playbook.runs,
            asked=playbook.runs,
        )


def steps_of(playbook: Symptoms, case: Case) -> tuple[Action, ...]:
    """Its steps as typed actions on this case's target. Invalid, ValidationError: they cannot be aimed or built.

    Parameters are what the playbook's author wrote, checked by the action's own types; nothing of an alert enters them.
    """
    if case.target is None:
        raise Invalid("nothing is known to act on", loc=("action", "target"))
    return tuple(
        actions.build(step.action_class, _aimed(step, case.target, case.pod), **step.parameters) for step in playbook.steps
    )


def _aimed(step: Step, target: Target, pod: Target | None) -> Target:
    """The incident's own target, its pod where the step is for one, or what the step names in the same place."""
    if step.target_kind == "Pod" and target.kind != "Pod":
        if pod is None or pod.namespace != target.namespace:
            raise Invalid("no pod of the target is named", loc=("action", "target"))
        return pod
    if not (step.target_kind or step.target_name):
        return target
    return Target(kind=step.target_kind or target.kind, namespace=target.namespace, name=step.target_name or target.name)
