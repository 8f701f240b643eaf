"""Ask the receiver of a webhook job to run it, and ask how it went. Signed, with the execution's id as idempotency key.

Answers are those of AWX, Rundeck, StackStorm and of anything that says `{"id", "status"}` in JSON.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from aiops.connectors import egress
from aiops.connectors.egress import Answer
from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes_objects import KubeObject

# How receivers spell it. What is not here is running: only what is surely over counts as over.
STATES: Mapping[str, str] = {
    **dict.fromkeys(("succeeded", "successful", "success", "completed", "ok"), "succeeded"),
    **dict.fromkeys(
        ("failed", "failure", "error", "canceled", "cancelled", "aborted", "timeout", "timedout", "abandoned"), "failed"
    ),
}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
# Answers that do not say whether it was begun: it is known already, or was not read in time.
_UNCLEAR = ("http_408", "http_409", "http_425")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Where a job is asked for. `status_url` may hold `{key}` and `{id}`; empty where nothing can be looked up."""

    name: str
    url: str = field(repr=False)  # receivers put tokens into it
    status_url: str = field(repr=False)
    secret: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    allowed_hosts: Sequence[str] = ()
    timeout_s: float = 8.0


@dataclass(frozen=True, slots=True)
class Report:
    """What a receiver says of a run: `running`, `succeeded` or `failed`, its own name for it, and why."""

    state: str
    id: str = ""
    detail: str = ""


def start(receiver: Receiver, key: str, message: Mapping[str, JsonValue]) -> Report:
    """POST `message` once. Transient or Permanent where it surely was not begun, Ambiguous for everything unclear."""
    body = json.dumps(message, sort_keys=True).encode()
    headers = {
        **receiver.headers,
        "Content-Type": "application/json",
        "User-Agent": "aiops-console",
        "Idempotency-Key": key,
        "X-Aiops-Signature": egress.signature(receiver.secret, body),
    }
    attempted = f"run job {receiver.name}"
    try:
        answer = egress.post(
            receiver.url, body, headers=headers, timeout_s=receiver.timeout_s, allowed_hosts=receiver.allowed_hosts
        )
    except Permanent as error:
        if error.code in _UNCLEAR:
            raise Ambiguous(attempted, error.why, status=int(error.code.removeprefix("http_"))) from None
        raise
    if (report := _report(answer)) is None:
        raise Ambiguous(attempted, f"answered {answer.status} with something that is no object", status=answer.status)
    return report


def look_up(receiver: Receiver, key: str, run_id: str) -> Report | None:
    """What the receiver knows of a run; None where it cannot be asked, or knows of none."""
    url = receiver.status_url.replace("{key}", key)
    if not url or ("{id}" in url and not run_id):
        return None
    try:
        answer = egress.get(
            url.replace("{id}", run_id),
            headers={**receiver.headers, "Accept": "application/json", "User-Agent": "aiops-console"},
            timeout_s=receiver.timeout_s,
            allowed_hosts=receiver.allowed_hosts,
        )
    except Permanent as error:
        if error.code == "http_404":
            return None
        raise
    if (report := _report(answer)) is None:
        raise Transient(f"look up job {receiver.name}", f"answered {answer.status} with something that is no object")
    return report


def check(receiver: Receiver) -> None:
    """Whether its address may be asked at all; Permanent where not."""
    egress.checked_address(receiver.url, allowed_hosts=receiver.allowed_hosts)


def _report(answer: Answer) -> Report | None:
    """None where the answer is no JSON object; an empty body with 2xx says that it was taken."""
    if not answer.body.strip():
        return Report("running") if answer.status in (202, 204) else None
    try:
        told = json.loads(answer.body)
    except ValueError:
        return None
    if not isinstance(told, dict):
        return None
    said = KubeObject(told)
    found = said.at("id")
    run_id = str(found) if isinstance(found, int | str) and _ID.fullmatch(str(found)) else ""
    state = STATES.get(said.text("status").lower().replace("_", "").replace("-", ""), "running")
    detail = said.text("detail") or said.text("message") or said.text("result_traceback")
    return Report(state, run_id, detail[:500])
