"""Webhook jobs as objects that the protocol of execution reads and changes: the job as it is set up, and its runs."""

import hashlib
import json
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from pydantic import JsonValue

from aiops.connectors import webhook_job
from aiops.connectors.errors import Permanent
from aiops.connectors.kubernetes import Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.connectors.webhook_job import Receiver
from aiops.core.actions import dump
from approvals.conf import ApprovalsConf
from approvals.means import JobCall, WebhookJob
from approvals.models import Execution
from approvals.operations.webhook_jobs import ANY, CALL, JOB

CALLBACK_PATH = "/api/v1/webhooks/job"


@dataclass(frozen=True)
class Jobs:
    """The receivers of webhook jobs for one cluster."""

    cluster: str
    conf: ApprovalsConf

    def get(self, ref: Ref) -> KubeObject | None:
        """The job; or its run with that key, None where it was never asked for."""
        if ref.kind == JOB:
            job = job_named(self.cluster, ref.name)
            return _job_object(job) if job else None
        call = JobCall.objects.select_related("job").filter(pk=UUID(ref.name)).first()
        return _call_object(self._asked(call)) if call else None

    def need(self, ref: Ref) -> KubeObject:
        if (found := self.get(ref)) is None:
            raise Permanent(f"find job {ref.name}", "no such job is set up here", code="not_found")
        return found

    def find(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[KubeObject]:
        """A job is looked at by name only."""
        return []

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        """Ask for the run. Its row stands before the request leaves: a callback may be faster than the answer."""
        body = KubeObject(request.body if isinstance(request.body, dict) else {})
        job = job_named(self.cluster, body.text("job"))
        if job is None:
            raise Permanent(f"run job {body.text('job')}", "no such job is set up here", code="not_found")
        receiver, key = self._receiver(job), body.text("mark")
        if dry_run:
            return self._rehearsed(job, receiver, key, body)
        call, _ = JobCall.objects.get_or_create(pk=UUID(key), defaults={"job": job})
        report = webhook_job.start(receiver, key, _message(job, body))
        call.learn(report.state, detail=report.detail, receiver_id=report.id)
        return _call_object(call)

    def _rehearsed(self, job: WebhookJob, receiver: Receiver, key: str, body: KubeObject) -> KubeObject:
        """A job that knows no rehearsal is only checked for its address, and says so."""
        webhook_job.check(receiver)
        if job.rehearses:
            report = webhook_job.start(receiver, f"{key}-dry-run", {**_message(job, body), "dry_run": True})
            if report.state == "failed":
                raise Permanent(f"rehearse job {job.name}", report.detail or "the job says that it would fail")
            return _job_object(job)
        return KubeObject({"kind": JOB, "status": {"unrehearsed": f"job {job.name} has no dry run"}})

    def _asked(self, call: JobCall) -> JobCall:
        """What the receiver says now, where it can be asked and the run is not over."""
        if call.state not in JobCall.FINAL:
            report = webhook_job.look_up(self._receiver(call.job), str(call.key), call.receiver_id)
            if report is not None:
                call.learn(report.state, detail=report.detail, receiver_id=report.id)
        return call

    def _receiver(self, job: WebhookJob) -> Receiver:
        return Receiver(
            name=job.name,
            url=job.url,
            status_url=job.status_url,
            secret=job.secret,
            headers=job.headers,
            allowed_hosts=settings.AIOPS.egress_hosts,
            timeout_s=self.conf.request_timeout_s,
        )


def job_named(cluster: str, name: str) -> WebhookJob | None:
    """The enabled job of that name; for `/failover` the only one that is set up for this class."""
    if not name.startswith(ANY):
        return jobs_of(cluster).filter(name=name).first()
    found = list(jobs_of(cluster).filter(carries=name.removeprefix(ANY))[:2])
    return found[0] if len(found) == 1 else None


def jobs_of(cluster: str) -> QuerySet[WebhookJob]:
    return WebhookJob.objects.filter(cluster__in=("", cluster), is_enabled=True)


def _message(job: WebhookJob, body: KubeObject) -> dict[str, JsonValue]:
    """What the receiver reads. Arguments of ours that are on the job's list are filled in, for receivers that hand on
    arguments alone. An undoing names the run that it undoes, and carries what that one carried."""
    key = body.text("mark")
    execution = Execution.objects.select_related("incident", "reverses").filter(pk=UUID(key)).first()
    told = (
        dump(execution.action) if execution else {"target": body.at("target"), "parameters": {"arguments": body.at("arguments")}}
    )
    said = KubeObject(told)
    callback_url = f"{settings.AIOPS.base_url.rstrip('/')}{CALLBACK_PATH}" if settings.AIOPS.base_url else ""
    given = said.at("parameters", "arguments")
    own: dict[str, JsonValue] = {
        "aiops_key": key,
        "aiops_callback_url": callback_url,
        "aiops_incident": execution.incident.ref if execution else "",
        "aiops_target": said.text("target", "name"),
    }
    message: dict[str, JsonValue] = {
        **job.body,
        "idempotency_key": key,
        "job": job.name,
        "direction": body.text("direction"),
        "target": said.at("target"),
        job.arguments_field: {
            **(given if isinstance(given, dict) else {}),
            **{name: value for name, value in own.items() if name in job.argument_names},
        },
        "incident": execution.incident.ref if execution else None,
    }
    if execution is not None and execution.reverses_id is not None:
        message["undoes"] = str(execution.reverses_id)
    if callback_url:
        message["callback_url"] = callback_url
    return message


def _job_object(job: WebhookJob) -> KubeObject:
    """What is signed of a job is all that decides what it does; its address and headers hold secrets, so only their hash."""
    told = json.dumps([job.url, job.body, job.arguments_field], sort_keys=True)
    spec: dict[str, JsonValue] = {
        "does": hashlib.sha256(told.encode()).hexdigest()[:16],
        "carries": job.carries,
        "risk": job.risk,
        "data_impact": job.data_impact,
        "undo": job.undo,
        "idempotent": job.idempotent,
        "arguments": [*job.argument_names],
        "runs_within_s": job.runs_within_s,
    }
    return KubeObject({"kind": JOB, "metadata": {"name": job.name, "uid": f"job-{job.pk}"}, "spec": spec})


def _call_object(call: JobCall) -> KubeObject:
    status: dict[str, JsonValue] = {"state": call.state, "id": call.receiver_id, "detail": call.detail}
    return KubeObject({"kind": CALL, "metadata": {"name": str(call.key), "uid": str(call.key)}, "status": status})
