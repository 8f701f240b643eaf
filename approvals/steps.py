"""Several steps that are agreed to at once: what each of them may meet, and how far they have come."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pydantic import JsonValue

from aiops.core.actions import Action, load
from aiops.core.commands import render
from approvals.models import Approval, Execution
from approvals.plans import digest_of


def action_of(approval: Approval, number: int) -> Action:
    """The action of step `number`, from 1."""
    return load(approval.steps[number - 1]["action"]) if approval.steps else approval.action


def agreed(approval: Approval, number: int, *, done: Sequence[Execution]) -> dict[str, JsonValue]:
    """What step `number` has to find: its target as it was signed, or as the steps before it have left it.

    `done` are those steps, in their order. Empty for a single action, for which the approval says so itself.
    """
    if not approval.steps:
        return {}
    step = approval.steps[number - 1]
    action, uid, expected = load(step["action"]), str(step["uid"]), step["touched"]
    for before in done:
        made = before.made.get("touched")
        if isinstance(expected, dict) and isinstance(made, dict) and before.made.get("uid") == uid:
            expected = {name: made.get(name, value) for name, value in expected.items()}
    return {"uid": uid, "digest": digest_of(action, uid, expected)}


def standing(execution: Execution) -> dict[str, JsonValue]:
    """What undoing `execution` has to find: its change, as the later steps of the same approval have left it.

    Empty for a single action, which says so itself.
    """
    expected, uid = execution.made.get("touched"), execution.made.get("uid")
    if not execution.approval.steps or not isinstance(expected, dict):
        return {}
    since = execution.approval.executions.filter(finished_at__gt=execution.finished_at)
    for later in since.exclude(status=Execution.Status.FAILED).order_by("finished_at"):
        made = later.made.get("touched")
        if isinstance(made, dict) and later.made.get("uid") == uid:
            expected = {name: made.get(name, value) for name, value in expected.items()}
    return {"touched": expected}


class Progress(NamedTuple):
    """One step for people: `state` is a word of the execution's status, `not begun` or `not reached`."""

    number: int
    words: str
    command: str
    state: str
    css: str
    is_undone: bool


CSS: Mapping[str, str] = {"success": "ok", "failed": "bad", "degraded": "wait", "timeout": "wait"}


def progress(approval: Approval, runs: Sequence[Execution]) -> list[Progress]:
    """The steps of an approval with how far each has come; empty for a single action."""
    forward = {run.step: run for run in runs if run.direction == Execution.Direction.FORWARD}
    undone = {run.step for run in runs if run.direction == Execution.Direction.ROLLBACK}
    reached = max(forward, default=0)
    is_over = reached > 0 and not _goes_on(forward[reached])
    shown = []
    for number, step in enumerate(approval.steps, start=1):
        action = load(step["action"])
        state, css = _state(forward.get(number), is_over=is_over)
        words = f"{action.spec.words} {action.target.name if action.target else ''}".strip()
        shown.append(Progress(number, words, render(action) or "", state, css, number in undone))
    return shown


def _goes_on(run: Execution) -> bool:
    """Whether a later step can still follow this one."""
    if run.verified_at is not None:
        return run.verification_result == Execution.Verdict.SUCCESS
    return run.is_active or run.status == Execution.Status.SUCCEEDED


def _state(run: Execution | None, *, is_over: bool) -> tuple[str, str]:
    if run is None:
        return ("not reached", "") if is_over else ("not begun", "")
    if run.verified_at is not None:
        return f"verified: {run.get_verification_result_display().lower()}", CSS[run.verification_result]
    if run.status == Execution.Status.SUCCEEDED:
        return "being verified", "work"
    return run.get_status_display().lower(), "work" if run.is_active else "bad"
