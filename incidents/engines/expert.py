"""The rules engine: local, deterministic, always an answer, never worse than telling a person.

Three pure steps, each testable alone: `incidents.targets` says what the alert is about, `incidents.classification` which
category it has, and this module chooses the first rule of the catalogue that fits and can be aimed.
"""

from collections.abc import Iterator

from pydantic import JsonValue

from aiops.core.actions import HARMLESS, Action, ActionClass, Undo, build
from aiops.core.categories import Category
from aiops.core.errors import Invalid
from aiops.core.scales import DataImpact, Risk
from aiops.core.targets import CLUSTER_SCOPED, OUTSIDE_KUBERNETES, Target
from incidents.engines.catalogue.guards import GUARDS
from incidents.engines.catalogue.machines import MACHINES
from incidents.engines.catalogue.rule import Rule
from incidents.engines.catalogue.services import SERVICES
from incidents.engines.catalogue.waiting import PEOPLE, TICKETS
from incidents.engines.catalogue.workloads import WORKLOADS
from incidents.engines.sign import Sign
from incidents.engines.signs import EVIDENCE_KINDS, Case, case_of, signs_of
from incidents.proposals import Alternative, Facts, Proposal, Source, tell_people

RULES = (*GUARDS, *WORKLOADS, *MACHINES, *SERVICES, *TICKETS, *PEOPLE)
ALTERNATIVES_MAX = 2
# With any of these, a person agrees to every change.
_NEVER_ALONE = frozenset(
    {Sign.SYSTEM, Sign.INFRASTRUCTURE, Sign.PLACELESS, Sign.GITOPS, Sign.TAMPERED, Sign.TEST, Sign.MANY_NODES, Sign.MAINTENANCE}
)


class ExpertEngine:
    """`propose` is a pure function of the facts; whatever is not understood is told to people."""

    name = Source.EXPERT_SYSTEM.value

    def propose(self, facts: Facts) -> Proposal:
        case = case_of(facts)
        rule, action = next(fitting(case))  # the last rule of the catalogue fits everything
        if action.pattern in facts.in_vain:
            return _look_further(rule, action, case)
        return Proposal(
            source=Source.EXPERT_SYSTEM,
            action=action,
            description=describe(action, case.name),
            reasoning=_reasoning(rule, case),
            category=facts.category,
            alternatives=tuple(_alternatives(case, action)),
            evidence_ids=tuple(_cited(rule, facts)),
        )


def when_broken(engine: str, target: Target | None, category: Category) -> Proposal:
    """What is proposed where the rules themselves break."""
    return tell_people(
        "Tell people about this alert",
        f"The engine {engine} broke on it, so nothing is proposed and a person looks.",
        target=target,
        category=category,
    )


def _look_further(rule: Rule, action: Action, case: Case) -> Proposal:
    """The act of the rule did not help, so what the rule believes is not the whole cause. No other act is guessed instead."""
    words = f"{action.spec.words} was tried lately and did not help, so it is not proposed again."
    return tell_people(
        f"Find another cause for {case.name}",
        f"{rule.because.format(**_words(case))} {words}",
        target=case.target,
        category=case.category,
    )


def may_run_alone(proposal: Proposal, facts: Facts) -> bool:
    """Whether the rules see no doubt about act and target, so that a machine with a flawless record could do it alone.

    All of: proposed by these rules; low risk, or medium and reversible or idempotent; no data written; a complete target that
    neither the cluster nor other teams depend on, that Git does not own and nobody is working on; and a rule whose condition
    leaves no second reading (`Rule.sure`). Policy asks far more than this.
    """
    action = proposal.action
    if not action.is_change or action.target is None or proposal.source is not Source.EXPERT_SYSTEM:
        return False
    if action.risk not in (Risk.LOW, Risk.MEDIUM) or action.data_impact is not DataImpact.NONE:
        return False
    if action.spec.undo not in (Undo.INVERSE, Undo.IDEMPOTENT):
        return False
    case = case_of(facts)
    rule, same = next(fitting(case))
    return rule.sure and same == action and not case.signs & _NEVER_ALONE


def describe(action: Action, name: str) -> str:
    """What would be done, as a person says it: `Restart web`, `Restart nginx on web-07`."""
    target = action.target
    if action.action_class is ActionClass.RESTART_SERVICE_HOST and target is not None and target.unit:
        return f"Restart {target.unit} on {target.name}"
    return f"{action.spec.words} {target.name if target else name}"


def fitting(case: Case) -> Iterator[tuple[Rule, Action]]:
    """Every rule that fits, best first, with its action on this case's target; the last one of the catalogue always does."""
    for rule in RULES:
        if rule.fits(case) and (action := _action(rule, case)) is not None:
            yield rule, action


def _cited(rule: Rule, facts: Facts) -> Iterator[int]:
    """The evidence that shows what the rule asks for; all that could have, where none does."""
    read = [item for item in facts.evidence if item.kind in EVIDENCE_KINDS]
    asked = rule.when | rule.any_of
    showing = [item for item in read if asked & set(signs_of(item, facts))]
    yield from (item.id for item in showing or read)


def _alternatives(case: Case, chosen: Action) -> Iterator[Alternative]:
    """What else would fit, where a change is proposed at all."""
    seen = {chosen.action_class, *HARMLESS}
    for rule, action in fitting(case) if chosen.is_change else ():
        if action.action_class not in seen:
            seen.add(action.action_class)
            yield Alternative(action=action, reasoning=rule.because.format(**_words(case)))
        if len(seen) > len(HARMLESS) + ALTERNATIVES_MAX:
            return


def _action(rule: Rule, case: Case) -> Action | None:
    """The typed action of the rule on this case's target; None where it cannot be aimed at it."""
    if rule.act in HARMLESS:
        return build(rule.act, case.target)
    target = _replaceable_pod(case) if rule.act is ActionClass.DELETE_POD else case.target
    parameters: dict[str, JsonValue] = {}
    if target is None or target.is_system or not _is_complete(target):
        return None
    if rule.act is ActionClass.RESTART_SERVICE_HOST:
        unit = target.unit or rule.unit
        if not unit:
            return None
        target = Target(kind=target.kind, name=target.name, unit=unit.removesuffix(".service"))
    if rule.act is ActionClass.CLEAN_DISK and (mount := case.labels.get("mountpoint", "")).startswith("/var/log"):
        parameters["path"] = mount
    try:
        return build(rule.act, target, **parameters)
    except Invalid:
        return None


def _replaceable_pod(case: Case) -> Target | None:
    """The pod, where the workload that the case is about would make it again."""
    made = case.pod is not None and case.target is not None and case.pod.name.startswith(f"{case.target.name}-")
    return case.pod if made else None


def _is_complete(target: Target) -> bool:
    return target.kind in CLUSTER_SCOPED | OUTSIDE_KUBERNETES or target.namespace is not None


def _reasoning(rule: Rule, case: Case) -> str:
    """The rule's own sentence; for a change also what it was read from."""
    because = rule.because.format(**_words(case))
    if rule.act in HARMLESS:
        return because
    reason, signs = case.labels.get("reason", ""), sorted(rule.any_of & case.signs)
    seen = f", reason {reason[:60]}" if reason else ""
    told = f": {', '.join(signs)}" if signs else ""
    return f"{because} Seen in {case.facts.alert_name}{seen}{told}."


def _words(case: Case) -> dict[str, str]:
    return {
        "name": case.name,
        "pod": case.pod.name if case.pod else case.name,
        "unit": (case.target.unit if case.target else None) or "its unit",
        "mount": case.labels.get("mountpoint", "a filesystem"),
    }
