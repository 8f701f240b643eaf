"""What a model may choose from: typed actions that code finds possible, before any model is asked.

An action is here because the rules, a playbook or history bring it, or because it is a usual repair for this kind of target
and nothing known about the incident forbids it. Its target is the incident's own, its owner in the live cluster, the pod that
the alert names, or something that evidence shows (an item's `facts` may list it under `targets`). Nothing else can be chosen.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from pydantic import JsonValue, ValidationError

from aiops.core.actions import Action, ActionClass, CreateTicket, NotifyOnly, build
from aiops.core.errors import Invalid
from aiops.core.targets import CLUSTER_SCOPED, OUTSIDE_KUBERNETES, Target, owner_of_pod
from incidents.engines.forbidden import unfit
from incidents.engines.playbook import NAMED_ONLY, NEVER
from incidents.engines.signs import Case, case_of
from incidents.proposals import EngineAnswer, Facts

MOST = 12
A = ActionClass

# The usual repairs of a kind. Stateful sets, bare pods and claims have none: there only who knows the case may propose one.
USUAL: Mapping[str, tuple[ActionClass, ...]] = {
    "Deployment": (A.RESTART_WORKLOAD, A.ROLLBACK, A.SCALE_UP, A.ADJUST_RESOURCES),
    "DaemonSet": (A.RESTART_WORKLOAD, A.ROLLBACK, A.ADJUST_RESOURCES),
    "Node": (A.CORDON_DRAIN_NODE,),
    "Job": (A.RERUN_JOB,),
    "CronJob": (A.RERUN_JOB,),
    "Certificate": (A.RENEW_CERTIFICATE,),
    "Host": (A.RESTART_SERVICE_HOST,),
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that can be chosen. `brought_by` says who brought it and why, for the model to weigh."""

    id: str
    action: Action
    steps: tuple[Action, ...] = ()
    playbook: int | None = None
    brought_by: tuple[str, ...] = ()


def candidates(facts: Facts, answers: Iterable[EngineAnswer]) -> tuple[Candidate, ...]:
    """What can be chosen, telling people first; `answers` are those of the engines that ask no model."""
    case = case_of(facts)
    known = known_targets(case)
    found: dict[tuple[Action, tuple[Action, ...]], Candidate] = {}
    for candidate in [*_harmless(case), *_brought(answers), *_usual(case)]:
        if not _is_known(candidate, {_place(target) for target in known}) or (candidate.action.is_change and case.signs & NEVER):
            continue
        if facts.in_vain & {action.pattern for action in (candidate.action, *candidate.steps)}:
            continue
        key = (candidate.action, candidate.steps)
        same = found.get(key)
        found[key] = replace(same, brought_by=(*same.brought_by, *candidate.brought_by)) if same else candidate
    return tuple(replace(candidate, id=f"c{n}") for n, candidate in enumerate([*found.values()][:MOST], 1))


def known_targets(case: Case) -> frozenset[Target]:
    """Everything that an action may be aimed at: resolved by code, or shown by evidence."""
    own = {target for target in (case.facts.target, case.target) if target is not None}
    pod = case.pod
    if pod is not None and owner_of_pod(pod.namespace, pod.name) in own:
        own.add(pod)
    return frozenset(own | set(_shown(case.facts)))


def _shown(facts: Facts) -> Iterator[Target]:
    for item in facts.evidence:
        listed: JsonValue = item.facts.get("targets")
        for entry in listed if isinstance(listed, list) else ():
            try:
                yield Target.model_validate(entry)
            except ValidationError:
                continue  # no such object can exist, so it is no target


def _is_known(candidate: Candidate, places: Set[tuple[str, ...]]) -> bool:
    """Every step that changes something is aimed at what is known. Telling people needs no target."""
    changes = [action for action in (candidate.action, *candidate.steps) if action.is_change]
    return all(action.target is not None and _place(action.target) in places for action in changes)


def _place(target: Target) -> tuple[str, ...]:
    """A unit is named by a rule or a playbook; the machine that it runs on has to be known."""
    return target.kind, target.namespace or "", target.name


def _harmless(case: Case) -> Iterator[Candidate]:
    yield Candidate("", NotifyOnly(target=case.target), brought_by=("always possible: a person looks first",))
    yield Candidate("", CreateTicket(target=case.target), brought_by=("always possible: the owners plan it in working hours",))


def _brought(answers: Iterable[EngineAnswer]) -> Iterator[Candidate]:
    for answer in answers:
        proposal = answer.proposal
        if proposal is None or answer.is_model:
            continue
        name = answer.engine.replace("_", " ")
        yield Candidate("", proposal.action, proposal.steps, proposal.matched_playbook, (f"{name}: {answer.reasoning}",))
        for other in proposal.alternatives:
            trial = "on trial, " if other.on_trial else ""
            yield Candidate("", other.action, brought_by=(f"{name}, as an alternative: {trial}{other.reasoning}",))


def _usual(case: Case) -> Iterator[Candidate]:
    """The usual repairs of the target's kind, as far as nothing that is known forbids them."""
    target = case.target
    if target is None or target.is_system or case.signs & NAMED_ONLY or not _is_complete(target):
        return
    possible = [(act, target) for act in USUAL.get(target.kind, ())]
    if case.pod is not None and target.kind in ("Deployment", "DaemonSet"):
        possible.append((A.DELETE_POD, case.pod))
    for act, aim in possible:
        if unfit(act, case.signs) or (aim.kind == "Host" and not aim.unit):
            continue
        try:
            yield Candidate("", build(act, aim), brought_by=(f"usual for a {target.kind}",))
        except Invalid:
            continue  # this object cannot take such an act


def _is_complete(target: Target) -> bool:
    return target.kind in CLUSTER_SCOPED | OUTSIDE_KUBERNETES or target.namespace is not None


def named(found: Sequence[Candidate], id: str) -> Candidate | None:
    """The candidate that a model named; None where there is no such one."""
    wanted = id.strip().lower()
    return next((candidate for candidate in found if candidate.id == wanted), None)
