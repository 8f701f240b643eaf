"""What an incident's page shows of proposals, signatures and acts: loaded once for all its live parts."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, cast

from django.conf import settings
from pydantic import JsonValue

from aiops.core.actions import Action, load
from approvals import escalation, explanation, steps, words
from approvals.curves import curve_of
from approvals.models import Approval, Execution, Signature
from approvals.rail import Stop, rail
from incidents.hearing import engine_words, missing_words
from incidents.models import Decision, Incident
from incidents.page import cited

RUNS_SHOWN = 10
CHANGES_SHOWN = 40
SCORES = range(1, 6)


class Condition(NamedTuple):
    """One reason of policy, met or not, with its number against its limit, and what would have to be true."""

    code: str
    words: str
    met: bool
    detail: str
    would: str


class Change(NamedTuple):
    """One field that a dry run changes; None on a side where it is not there."""

    path: str
    before: str | None
    after: str | None


class Factor(NamedTuple):
    """What adds to the blast score."""

    label: str
    points: int
    most: int
    detail: str


class Engine(NamedTuple):
    """Who proposes, in words."""

    words: str
    icon: str


class Verdict(NamedTuple):
    css: str
    icon: str
    title: str
    sentence: str


class Wording(NamedTuple):
    """What the class of an action means, in words."""

    approve: str
    sign: str
    way_back: str
    data: str
    runs_by: str
    risk: str


class Assessed(NamedTuple):
    """What policy wrote about a decision, in the shapes that the templates show."""

    assessment: Mapping[str, JsonValue]
    blast: Mapping[str, JsonValue]
    factors: Sequence[Factor]
    unmet: Sequence[Condition]
    met: Sequence[Condition]
    dry_run: Mapping[str, JsonValue]
    changes: Sequence[Change]
    verdict: Verdict | None
    words: Wording | None


def facts(key: str) -> dict[str, object] | None:
    """The newest decision of the incident with that id, what waits for it and what was done; None where there is none."""
    incident = Incident.objects.filter(pk=key).first()
    if incident is None:
        return None
    decision = incident.decisions.select_related("approval__author", "approval__supersedes").first()
    approval = approval_of(decision)
    signatures = list(approval.signatures.select_related("user")) if approval else []
    runs = list(incident.executions.prefetch_related("attempts")[:RUNS_SHOWN])
    own_runs = [run for run in runs if decision is not None and run.decision_id == decision.pk]
    forward = [run for run in own_runs if run.direction == Execution.Direction.FORWARD]
    return {
        "incident": incident,
        "decision": decision,
        "proposal": decision.proposal if decision else None,
        "cited": cited(incident, decision) if decision else [],
        "source": Engine(*engine_words(decision.proposal.source)) if decision and decision.proposal else None,
        "missing": missing_words(decision.proposal.engine_degraded) if decision and decision.proposal else (),
        "approval": approval,
        "action": action_of(decision, approval),
        "signatures": signatures,
        "steps": steps.progress(approval, own_runs) if approval else [],
        "asks_next": escalation.following(approval, escalation.contact_list()) if approval and approval.is_pending else None,
        "open_signatures": range(max(0, approval.required_signatures - len(signatures))) if approval else (),
        "stops": _stops(incident, decision, approval, signatures, forward),
        "run": forward[0] if forward else None,
        "curve": curve_of(forward[0].verification.get("metric"), forward[0].started_at) if forward else None,
        "rollback": next((run for run in own_runs if run.direction == Execution.Direction.ROLLBACK), None),
        "rated_run": next((run for run in runs if _is_rated(run)), None),
        "scores": SCORES,
        "earlier_runs": [run for run in runs if run not in own_runs],
        "ready_within_s": settings.AIOPS.incidents.ready_within_s,
        **assessed(decision, approval)._asdict(),
    }


def _is_rated(run: Execution) -> bool:
    """Whether a rating is about this run, if it is the newest such."""
    return run.verified_at is not None and run.direction == Execution.Direction.FORWARD


def action_of(decision: Decision | None, approval: Approval | None) -> Action | None:
    """What would run: as it is signed, else as policy filled it in from the live object, else as it was proposed."""
    if approval is not None:
        return approval.action
    if decision is None:
        return None
    planned = (decision.assessment or {}).get("action")
    return load(planned) if planned else decision.action


def approval_of(decision: Decision | None) -> Approval | None:
    return cast(Approval | None, getattr(decision, "approval", None)) if decision else None


def _stops(
    incident: Incident,
    decision: Decision | None,
    approval: Approval | None,
    signatures: Sequence[Signature],
    runs: Sequence[Execution],
) -> tuple[Stop, ...]:
    if decision is None:
        return ()
    return rail(decision, incident.alerts.count(), approval, [signature.by for signature in signatures], runs)


def assessed(decision: Decision | None, approval: Approval | None) -> Assessed:
    assessment: Mapping[str, JsonValue] = (decision.assessment or {}) if decision else {}
    blast = _mapping(assessment.get("blast_radius"))
    reasons = [_condition(_mapping(row)) for row in _rows(assessment.get("reasons"))]
    plan = _mapping(assessment.get("plan")) or (_mapping(approval.plan) if approval else {})
    dry_run = _mapping(plan.get("dry_run"))
    action = action_of(decision, approval)
    return Assessed(
        assessment=assessment,
        blast=blast,
        factors=sorted(_factors(blast), key=lambda factor: -factor.points),
        unmet=[reason for reason in reasons if not reason.met],
        met=[reason for reason in reasons if reason.met],
        dry_run=dry_run,
        changes=list(_changes(dry_run))[:CHANGES_SHOWN],
        verdict=verdict(decision, assessment),
        words=worded(action) if action else None,
    )


def worded(action: Action) -> Wording:
    approve, sign = words.buttons(action.action_class)
    return Wording(
        approve=approve,
        sign=sign,
        way_back=words.way_back(action.spec),
        data=words.DATA[action.data_impact],
        runs_by=words.RUNS_BY[action.spec.executor],
        risk=action.risk,
    )


def verdict(decision: Decision | None, assessment: Mapping[str, JsonValue]) -> Verdict | None:
    """The one sentence that stands under the command, its verdict first; None before policy has spoken."""
    if decision is None or not assessment:
        return None
    sentence = str(assessment.get("sentence") or "")
    if assessment.get("unreadable"):
        return Verdict("wait", "plug", "Not assessed yet.", sentence)
    if assessment.get("not_here"):
        return Verdict("", "bell", "Tells people, nothing runs.", sentence)
    css, icon, title = words.VERDICTS.get(str(assessment.get("level")), ("", "info", ""))
    return Verdict(css, icon, title, sentence)


def _condition(reason: Mapping[str, JsonValue]) -> Condition:
    code = str(reason.get("code", ""))
    label = words.CONDITIONS.get(code, code.replace("_", " ").capitalize())
    return Condition(code, label, bool(reason.get("met")), str(reason.get("detail") or ""), explanation.would(code))


def _factors(blast: Mapping[str, JsonValue]) -> Iterable[Factor]:
    for row in map(_mapping, _rows(blast.get("factors"))):
        label = str(row.get("label") or row.get("code") or "")
        yield Factor(label, _int(row.get("points")), _int(row.get("most")), str(row.get("detail") or ""))


def _changes(dry_run: Mapping[str, JsonValue]) -> Iterable[Change]:
    for row in _rows(dry_run.get("changes")):
        if isinstance(row, list) and len(row) == 3:
            yield Change(str(row[0]), _text(row[1]), _text(row[2]))


def _text(value: JsonValue) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    return value if isinstance(value, dict) else {}


def _rows(value: JsonValue) -> Sequence[JsonValue]:
    return value if isinstance(value, list) else []


def _int(value: JsonValue) -> int:
    return int(value) if isinstance(value, int | float) else 0
