"""The rules engine: local, deterministic, always an answer, never worse than telling a person.

Three pure steps, each testable alone: `incidents.targets` says what the alert is about, `incidents.classification` which
category it has, and this module chooses the first rule of the catalogue that fits and can be aimed.
"""

import structlog
from pydantic import JsonValue

from aiops.core.actions import Action, ActionClass, Undo, build
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
from incidents.engines.signs import Case, case_of
from incidents.proposals import Facts, Proposal, Source, tell_people

log = structlog.get_logger(__name__)

RULES = (*GUARDS, *WORKLOADS, *MACHINES, *SERVICES, *TICKETS, *PEOPLE)


class ExpertEngine:
    """`propose` is a pure function of the facts; whatever is not understood is told to people."""

    name = Source.EXPERT_SYSTEM.value

    def propose(self, facts: Facts) -> Proposal:
        case = case_of(facts)
        for rule in RULES:
            if rule.fits(case) and (action := _action(rule, case)) is not None:
                return Proposal(
                    source=Source.EXPERT_SYSTEM,
                    action=action,
                    description=_description(action, case),
                    reasoning=_reasoning(rule.because, case),
                    category=facts.category,
                )
        return tell_people(
            f"Tell people about {case.name}",
            "No rule says that a change would help here, so a person looks first.",
            target=case.target,
            category=facts.category,
        )


def safe_propose(engine: ExpertEngine, facts: Facts) -> Proposal:
    """What the rules propose, or the word that people have to look where they break. A process boundary: nothing gets past."""
    try:
        return engine.propose(facts)
    except Exception as error:
        log.error("engine.crashed", engine=engine.name, incident=facts.ref, error=type(error).__name__, exc_info=True)
        return tell_people(
            "Tell people about this alert",
            f"The engine {engine.name} broke on it, so nothing is proposed and a person looks.",
            target=facts.target,
            category=facts.category,
        )


def may_run_alone(proposal: Proposal, facts: Facts) -> bool:
    """Whether the alert leaves no doubt about act and target, so that a machine with a flawless record could do it alone.

    Low risk or reversible at medium risk, no data written, a complete target outside of everything that others depend on,
    and a rule that needs no second look. Policy asks far more; this only says that the rules have no objection.
    """
    action, case = proposal.action, case_of(facts)
    if not action.is_change or action.target is None or proposal.source is not Source.EXPERT_SYSTEM:
        return False
    if action.risk not in (Risk.LOW, Risk.MEDIUM) or action.data_impact is not DataImpact.NONE:
        return False
    if action.spec.undo not in (Undo.INVERSE, Undo.IDEMPOTENT):
        return False
    if case.signs & {Sign.SYSTEM, Sign.INFRASTRUCTURE, Sign.PLACELESS, Sign.GITOPS, Sign.TAMPERED, Sign.TEST, Sign.MANY_NODES}:
        return False
    rule = next((rule for rule in RULES if rule.fits(case) and _action(rule, case) is not None), None)
    return rule is not None and rule.sure


def _action(rule: Rule, case: Case) -> Action | None:
    """The typed action of the rule on this case's target; None where it cannot be aimed at it."""
    if rule.act in (ActionClass.NOTIFY_ONLY, ActionClass.CREATE_TICKET, ActionClass.SILENCE):
        return build(rule.act, case.target)
    target = _replaceable_pod(case) if rule.act is ActionClass.DELETE_POD else case.target
    parameters: dict[str, JsonValue] = {}
    if target is None or not _is_complete(target):
        return None
    if rule.act is ActionClass.RESTART_SERVICE_HOST:
        unit = rule.unit or target.unit
        if unit is None:
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


def _description(action: Action, case: Case) -> str:
    target = action.target or case.target
    return f"{action.spec.words} {target.unit or target.name if target else case.name}"


def _reasoning(because: str, case: Case) -> str:
    return because.format(
        name=case.name,
        pod=case.pod.name if case.pod else case.name,
        unit=(case.target.unit if case.target else None) or "its unit",
        mount=case.labels.get("mountpoint", "a filesystem"),
    )
