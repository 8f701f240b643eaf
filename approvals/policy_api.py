"""The policy over HTTP: what holds, and what a change would do. Saving asks for a fresh login in the dashboard."""

from datetime import datetime

from ninja import Router, Schema
from pydantic import JsonValue

from aiops.access import policy_versions, roles
from aiops.access.authentication import ApiRequest
from aiops.access.roles import Act
from aiops.problems import REFUSALS, Problem
from approvals import policy_editing, policy_in_force, replay

router = Router(tags=["policy"])
Section = dict[str, JsonValue]


class PolicyIn(Schema):
    """The values to set; those left out stay as they are."""

    approvals: Section = {}
    learning: Section = {}


class SaveIn(PolicyIn):
    reason: str
    seen: str


class PolicyOut(Schema):
    """What holds now. `saved` says by whom; None where nothing was saved and the environment holds."""

    approvals: Section
    learning: Section
    saved: "SavedOut | None"


class SavedOut(Schema):
    version: int
    by: str
    at: datetime
    reason: str


class DifferenceOut(Schema):
    decision: str
    incident: str
    was: str
    becomes: str
    because: list[str]


class PreviewOut(Schema):
    """`seen` is what saving these values has to name."""

    looked_at: int
    differences: list[DifferenceOut]
    seen: str


PolicyOut.model_rebuild()


@router.get("/policy", response={200: PolicyOut, REFUSALS: Problem})
def policy_state(request: ApiRequest) -> PolicyOut:
    roles.check(request.principal.role, Act.READ)
    return _out()


@router.post("/policy/preview", response={200: PreviewOut, REFUSALS: Problem})
def policy_preview(request: ApiRequest, body: PolicyIn) -> PreviewOut:
    """Which of the last 500 judged decisions would come out differently."""
    roles.check(request.principal.role, Act.POLICY)
    version = policy_versions.newest()
    current = policy_in_force.under(version)
    changed = policy_editing.checked(_whole(body))
    shown = replay.preview(current, changed)
    return PreviewOut(
        looked_at=shown.looked_at,
        differences=[
            DifferenceOut(
                decision=each.decision.token,
                incident=each.decision.incident.ref,
                was=each.was,
                becomes=each.becomes,
                because=list(each.because),
            )
            for each in shown.differences
        ],
        seen=policy_editing.seal(policy_editing.values_of(changed), policy_editing.base_of(version)),
    )


@router.put("/policy", response={200: PolicyOut, REFUSALS: Problem})
def policy_save(request: ApiRequest, body: SaveIn) -> PolicyOut:
    """Save what was previewed: only in the dashboard with a fresh login (403 `step_up` here)."""
    policy_editing.save(_whole(body), request.principal, reason=body.reason, seen=body.seen)
    return _out()


def _whole(body: PolicyIn) -> policy_editing.Values:
    """The values that hold, with those that are given."""
    held = policy_editing.values_of(policy_in_force.now())
    return {"approvals": {**held["approvals"], **body.approvals}, "learning": {**held["learning"], **body.learning}}


def _out() -> PolicyOut:
    version = policy_versions.newest()
    values = policy_editing.values_of(policy_in_force.under(version))
    saved = SavedOut(version=version.pk, by=version.by, at=version.at, reason=version.reason) if version else None
    return PolicyOut(approvals=dict(values["approvals"]), learning=dict(values["learning"]), saved=saved)
