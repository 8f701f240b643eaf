"""May it run alone, and if not, who has to agree: one pure function of stored inputs.

Every condition is answered each time, met or not, with its numbers (`domain.md` §4). The same inputs under the same
settings give the same verdict for ever, so a changed policy can be tried on past decisions.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import BaseModel, ConfigDict, JsonValue

from aiops.core.actions import Action, ActionClass, Undo
from aiops.core.reasons import Reason
from aiops.core.scales import DataImpact, Risk, Severity, Tier
from approvals import blast_radius
from approvals.blast_radius import BlastRadius
from approvals.conf import ApprovalsConf
from approvals.plans import Surroundings
from incidents.proposals import ActionField
from learning.conf import LearningConf
from learning.judgement import Brakes, Granted, Row, Standing
from learning.judgement import judge as judge_trust
from learning.scopes import Scope

# What a GitOps controller would put back; a restart or an eviction changes nothing that it holds.
FOUGHT_BY_GITOPS = frozenset(
    {ActionClass.SCALE_UP, ActionClass.SCALE_DOWN, ActionClass.ROLLBACK, ActionClass.ADJUST_RESOURCES, ActionClass.EXPAND_STORAGE}
)
SCALING = frozenset({ActionClass.SCALE_UP, ActionClass.SCALE_DOWN})


class Inputs(BaseModel):
    """Everything that the verdict depends on, as it was when policy looked. Stored with the decision."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    action: ActionField
    environment: str
    severity: Severity
    scope: Scope
    around: Surroundings
    dry_run_clean: bool
    dry_run_error: str = ""
    undo: Undo  # what can be done about this action, a webhook job's as it declares
    is_test: bool = False
    alert_fires: bool = True
    cluster: str = ""
    read_only: bool = False
    executor: bool = True
    autonomy_on: bool = True
    autonomy_reason: str = ""
    hold: str = ""
    autonomous_last_hour: int = 0
    failed_autonomous: int = 0
    repaired_ago_s: float | None = None
    ineffective_tries: int = 0
    broker_up: bool = True
    model_led: bool = False
    row: Row
    grants: tuple[Granted, ...] = ()
    brakes: Brakes

    @property
    def typed_action(self) -> Action:
        return self.action


@dataclass(frozen=True, slots=True)
class Verdict:
    """`alone`: it runs at once without a person. `watches`: it would, after watching whether the alert clears."""

    blast: BlastRadius
    risk: Risk
    tier_before: Tier
    tier: Tier
    alone: bool
    watches: bool
    required_signatures: int
    reasons: tuple[Reason, ...]
    standing: Standing


def judge(inputs: Inputs, conf: ApprovalsConf, trust: LearningConf) -> Verdict:
    """The verdict on one action amid its surroundings."""
    action = inputs.typed_action
    risk = risk_of(action, conf)
    blast = blast_radius.measure(inputs.around, environment=inputs.environment, data=action.data_impact, conf=conf)
    tier_before = blast.tier.worse(risk.tier)
    standing = judge_trust(inputs.row, inputs.grants, tier_before, inputs.brakes, scope=inputs.scope, conf=trust, at=inputs.at)
    own = _conditions(inputs, risk, blast, tier_before, standing, conf)
    may = all(reason.met for reason in own) and standing.may_run_alone
    alone = may and not standing.watch_first
    return Verdict(
        blast=blast,
        risk=risk,
        tier_before=tier_before,
        tier=standing.tier,
        alone=alone,
        watches=may and standing.watch_first,
        required_signatures=0 if alone else signatures_needed(standing.tier),
        reasons=(*own, *standing.reasons),
        standing=standing,
    )


def together(verdicts: Sequence[Verdict]) -> Verdict:
    """One verdict for steps that are agreed to as one: as strict as the strictest of them, each reason named by its step."""
    if len(verdicts) == 1:
        return verdicts[0]
    hardest = max(verdicts, key=lambda verdict: (verdict.tier.rank, verdict.tier_before.rank, verdict.blast.score))
    alone = all(verdict.alone for verdict in verdicts)
    may = all(verdict.alone or verdict.watches for verdict in verdicts)
    return replace(
        hardest,
        risk=max((verdict.risk for verdict in verdicts), key=lambda risk: risk.rank),
        alone=alone,
        watches=may and not alone,
        required_signatures=0 if alone else signatures_needed(hardest.tier),
        reasons=tuple(_of_steps(verdicts, hardest)),
    )


def _of_steps(verdicts: Sequence[Verdict], hardest: Verdict) -> Iterator[Reason]:
    """Each reason of the hardest step, or that of the first step in which it is unmet."""
    unmet: dict[str, Reason] = {}
    for number, verdict in enumerate(verdicts, start=1):
        for reason in verdict.reasons:
            if not reason.met and reason.code not in unmet:
                unmet[reason.code] = reason.model_copy(update={"detail": f"step {number}: {reason.detail}"})
    for reason in hardest.reasons:
        yield unmet.pop(reason.code, reason)
    yield from unmet.values()


def risk_of(action: Action, conf: ApprovalsConf) -> Risk:
    """The action's own risk; in a namespace on the deny list it is critical."""
    denied = action.is_change and action.target is not None and action.target.namespace in conf.denied_namespaces
    return Risk.CRITICAL if denied else action.risk


def signatures_needed(tier: Tier) -> int:
    return 2 if tier is Tier.DUAL else 1


def _conditions(
    inputs: Inputs, risk: Risk, blast: BlastRadius, before: Tier, standing: Standing, conf: ApprovalsConf
) -> list[Reason]:
    action, around = inputs.typed_action, inputs.around
    lowered = f", lowered by trust from {before}" if standing.step < 0 else ", raised by trust" if standing.step > 0 else ""
    gitops = around.gitops_owner if action.action_class in FOUGHT_BY_GITOPS else ""
    hpa = around.hpa if action.action_class in SCALING else ""
    ago = inputs.repaired_ago_s
    facts: Sequence[tuple[str, bool, str]] = [
        ("autonomy_switch", inputs.autonomy_on, "autonomy is on" if inputs.autonomy_on else f"off: {inputs.autonomy_reason}"),
        ("tier", standing.tier is Tier.AUTO and not inputs.model_led, _tier_words(inputs, blast, standing, lowered)),
        ("risk", risk is not Risk.CRITICAL, f"{risk} risk; critical never runs alone"),
        ("data_impact", action.data_impact is not DataImpact.DESTRUCTIVE, f"data: {action.data_impact}"),
        ("reversible", inputs.undo in (Undo.INVERSE, Undo.IDEMPOTENT), _undo_words(inputs.undo)),
        ("dry_run", inputs.dry_run_clean, "clean" if inputs.dry_run_clean else inputs.dry_run_error or "not clean"),
        ("digest", True, "target unchanged since the proposal"),
        ("hold", not inputs.hold, f"held: {inputs.hold}" if inputs.hold else "no hold"),
        (
            "budget",
            inputs.autonomous_last_hour < conf.autonomy_per_hour,
            f"{inputs.autonomous_last_hour} of {conf.autonomy_per_hour} autonomous acts this hour",
        ),
        (
            "breaker",
            inputs.failed_autonomous < conf.breaker_failures,
            f"{inputs.failed_autonomous} failed autonomous runs in {conf.breaker_window_s // 60} min; "
            f"stops at {conf.breaker_failures}",
        ),
        (
            "cooldown",
            ago is None or ago >= conf.cooldown_s,
            "not repaired lately" if ago is None else f"repaired {ago / 60:.0f} min ago; needs {conf.cooldown_s // 60}",
        ),
        (
            "third_try",
            inputs.ineffective_tries < conf.ineffective_tries,
            f"{inputs.ineffective_tries} ineffective tries; stops at {conf.ineffective_tries}",
        ),
        ("gitops_owner", not gitops, f"{gitops} would undo it; change it in Git" if gitops else "no controller would undo it"),
        ("hpa_owner", not hpa, f"the autoscaler {hpa} decides the replicas" if hpa else "no autoscaler decides this"),
        ("stale_alert", inputs.alert_fires, "the alert fires" if inputs.alert_fires else "the alert is not heard any more"),
        ("test_alert", not inputs.is_test, "a test alert is never acted on" if inputs.is_test else "not a test"),
        (
            "cluster_unknown",
            bool(inputs.cluster),
            f"cluster {inputs.cluster}" if inputs.cluster else "no configured cluster fits",
        ),
        ("read_only", not inputs.read_only, "the cluster is connected read-only" if inputs.read_only else "may be changed"),
        ("executor", inputs.executor and not around.too_many_rights, _executor_words(inputs)),
        ("broker_down", inputs.broker_up, "the queue answers" if inputs.broker_up else "the queue is down; autonomy pauses"),
    ]
    return [Reason(code=code, met=met, detail=detail) for code, met, detail in facts]


def _tier_words(inputs: Inputs, blast: BlastRadius, standing: Standing, lowered: str) -> str:
    """What only models propose is for a person first, whatever its tier: text that a model reads makes nothing run alone."""
    if inputs.model_led:
        return "only language models propose this; a person agrees first"
    return f"blast radius {blast.score}, tier {standing.tier}{lowered}; needs auto"


def _executor_words(inputs: Inputs) -> str:
    if not inputs.executor:
        return "nothing here can carry this out"
    if rights := inputs.around.too_many_rights:
        return f"its account may {', '.join(rights)}; with such rights nothing runs alone"
    return "ready"


def _undo_words(undo: Undo) -> str:
    return {
        Undo.INVERSE: "can be put back",
        Undo.IDEMPOTENT: "nothing to put back, harmless to repeat",
        Undo.HALF: "can be put back only in part",
        Undo.NONE: "cannot be put back",
        Undo.DECLARED: "the job does not say that it can be put back",
    }[undo]


def assessment_of(verdict: Verdict) -> dict[str, JsonValue]:
    """The verdict as it is stored with the decision and shown."""
    standing = verdict.standing
    return {
        "risk": verdict.risk.value,
        "tier_before": verdict.tier_before.value,
        "tier": verdict.tier.value,
        "blast_score": verdict.blast.score,
        "factors": [factor.model_dump() for factor in verdict.blast.factors],
        "reasons": [reason.model_dump() for reason in verdict.reasons],
        "alone": verdict.alone,
        "watches": verdict.watches,
        "required_signatures": verdict.required_signatures,
        "sentence": standing.sentence,
        "level": standing.level.value,
        "step": standing.step,
        "mean": standing.mean,
    }
