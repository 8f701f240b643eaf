"""What worked before for this very anomaly. Enough verified successes lead; fewer inform the others (`domain.md` §3)."""

from dataclasses import dataclass

from aiops.core.actions import Action
from incidents.engines.forbidden import ASKS_AGAIN, unfit
from incidents.engines.playbook import NEVER
from incidents.engines.sign import Sign
from incidents.engines.signs import Case, case_of
from incidents.proposals import Alternative, Facts, Proposal, Source, View
from learning.ranking import Basis, Option, Recommendation, Trial


@dataclass(frozen=True, slots=True)
class HistoryEngine:
    """Proposes the best proven repair of the anomaly; it leads with tier 1 alone (`trust-model.md` §8)."""

    recommendation: Recommendation
    name: str = "history"

    def view(self, facts: Facts) -> View:
        case, found = case_of(facts), self.recommendation
        if case.signs & NEVER:
            return View(because=f"It keeps away: {', '.join(sorted(sign.value for sign in case.signs & NEVER))}.")
        if found.best is None:
            return View(because=f"{found.basis[:1].upper()}{found.basis[1:]}.")
        if reason := _out_of_place(found.best.action, case):
            return View(because=reason)
        action = aimed(found.best.action, case)
        if action is None:
            return View(because="What worked before was done to something that this alert does not name.")
        record = _record(found.best)
        proposal = Proposal(
            source=Source.HISTORY,
            action=action,
            description=f"{action.spec.words} {action.target.name if action.target else case.name}",
            reasoning=f"For this anomaly {record}.",
            category=facts.category,
            alternatives=tuple(alternatives(found, case)),
        )
        leads = found.tier is Basis.EXCELLENT
        because = "" if leads else "It informs only: not yet sure enough to lead."
        return View(proposal, leads, because, record, right=found.best.successes, asked=found.best.runs)


def _out_of_place(action: Action, case: Case) -> str:
    """Why what worked before is not to be done now, as far as it can be seen; empty where nothing speaks against it."""
    act, words = action.action_class, action.spec.words
    if action.pattern in case.facts.in_vain:
        return f"{words} did not help lately, however often it did before."
    if Sign.ELSEWHERE in case.signs:
        return "The fault lies with what it depends on, which what worked before does not mend."
    reason = unfit(act, case.signs, ASKS_AGAIN)
    return f"{words} worked before, but now {reason}." if reason else ""


def alternatives(found: Recommendation, case: Case) -> list[Alternative]:
    """What else was tried or could be, on what the alert is about now."""
    return [
        Alternative(action=action, reasoning=f"{_record(option)}.", on_trial=option.trial is Trial.ON_TRIAL)
        for option in found.alternatives
        if option.runs and not _out_of_place(option.action, case) and (action := aimed(option.action, case)) is not None
    ]


def aimed(action: Action, case: Case) -> Action | None:
    """The same repair on what the alert is about now; None where it was done to something else.

    A pod of then is gone: its place takes the pod that the alert names, where the same workload made both.
    """
    target = action.target
    if target is None or target in (case.target, case.facts.target):
        return action
    pod = case.pod
    if target.kind == "Pod" and pod is not None and (pod.namespace, pod.resource) == (target.namespace, target.resource):
        return action.model_copy(update={"target": pod})
    return None


def _record(option: Option) -> str:
    worked = f"{option.successes:g} of {option.runs:g} verified runs worked"
    return worked if option.average_seconds is None else f"{worked}, {option.average_seconds:.0f} s on average"
