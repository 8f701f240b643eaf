"""Jobs that run a pod until one succeeds or enough have failed, and the schedules that make them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiops.sandbox.clock import Clock
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.admission import with_identity
from aiops.sandbox.cluster.documents import Document, clone, dig, is_true, name_of, namespace_of, owned_by, stamp, with_condition
from aiops.sandbox.cluster.events import Recorder
from aiops.sandbox.cluster.store import Store
from aiops.sandbox.controllers.pods import is_active, is_ready, pod_of
from aiops.sandbox.controllers.replicas import Terminate

COMPONENT = "job-controller"
RETRY_S = 10.0


class JobController:
    def __init__(self, store: Store, events: Recorder, terminate: Terminate) -> None:
        self._store = store
        self._events = events
        self._terminate = terminate

    def reconcile(self, job: Document) -> float | None:
        if is_true(job, "Complete") or is_true(job, "Failed"):
            return None
        pods = self._store.owned(job, r.PODS)
        succeeded = [pod for pod in pods if dig(pod, "status", "phase") == "Succeeded"]
        failed = [pod for pod in pods if dig(pod, "status", "phase") == "Failed"]
        active = [pod for pod in pods if is_active(pod)]
        status: Document = dict(job.get("status") or {})
        status.setdefault("startTime", stamp(self._store.now()))
        limit = int(job["spec"].get("backoffLimit", 6))
        wanted = min(int(job["spec"].get("parallelism") or 1), int(job["spec"].get("completions") or 1))
        if len(succeeded) >= int(job["spec"].get("completions") or 1):
            self._finish(job, status, "Complete", "CompletionsReached", "Reached expected number of succeeded pods")
            status["completionTime"] = stamp(self._store.now())
        elif len(failed) > limit:
            self._finish(job, status, "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit")
            for pod in active:
                self._terminate(pod)
        elif not job["spec"].get("suspend"):
            for _ in range(wanted - len(active)):
                pod = self._store.add(r.PODS, pod_of(job, f"{name_of(job)}-{self._store.suffix()}"))
                self._events.normal(job, "SuccessfulCreate", f"Created pod: {name_of(pod)}", COMPONENT)
                active.append(pod)
        counts = {"active": len(active), "ready": sum(map(is_ready, active)), "succeeded": len(succeeded), "failed": len(failed)}
        if is_finished := any(one["type"] in ("Complete", "Failed") for one in status.get("conditions") or []):
            counts["active"] = counts["ready"] = 0
        status = {key: value for key, value in status.items() if key not in counts} | {
            k: v for k, v in counts.items() if v or k == "ready"
        }
        if found := self._store.find(r.JOBS, namespace_of(job), name_of(job)):
            self._store.put_status(r.JOBS, found, status)
        return None if is_finished else RETRY_S

    def _finish(self, job: Document, status: Document, kind: str, reason: str, message: str) -> None:
        conditions = status.get("conditions") or []
        status["conditions"] = with_condition(conditions, kind, "True", at=self._store.now(), reason=reason, message=message)
        if kind == "Complete":
            self._events.normal(job, "Completed", "Job completed", COMPONENT)
        else:
            self._events.warning(job, reason, message, COMPONENT)


@dataclass
class CronJobs:
    """Looks once a minute at what is due by the stamps' time."""

    store: Store
    events: Recorder
    clock: Clock
    _minute: datetime = field(default=datetime.min.replace(tzinfo=UTC))

    def step(self) -> None:
        minute = self.clock.now().astimezone(UTC).replace(second=0, microsecond=0)
        if minute <= self._minute:
            return
        # A clock that jumped ahead runs what it passed once, like a controller that was away.
        passed = [minute] if self._minute.year == 1 else _minutes(max(self._minute, minute - timedelta(hours=1)), minute)
        self._minute = minute
        for cron in self.store.all(r.CRON_JOBS):
            due = [at for at in passed if is_due(str(cron["spec"]["schedule"]), at)]
            if due and not cron["spec"].get("suspend"):
                self.run(cron, due[-1])
        self._report()

    def run(self, cron: Document, at: datetime) -> Document:
        """Make the job of that run; the name is the minute, so that a run is made once."""
        name = f"{name_of(cron)}-{int(at.timestamp()) // 60}"
        if (there := self.store.find(r.JOBS, namespace_of(cron), name)) is not None:
            return there
        job = job_of(cron, name)
        made = self.store.add(r.JOBS, with_identity(job, self.store.new_uid()))
        status = (cron.get("status") or {}) | {"lastScheduleTime": stamp(at)}
        self.store.put_status(r.CRON_JOBS, self.store.find(r.CRON_JOBS, namespace_of(cron), name_of(cron)) or cron, status)
        self.events.normal(cron, "SuccessfulCreate", f"Created job {name}", "cronjob-controller")
        return made

    def _report(self) -> None:
        """Active jobs, last success, and the history limits."""
        for cron in self.store.all(r.CRON_JOBS):
            jobs = self.store.owned(cron, r.JOBS)
            done = [job for job in jobs if is_true(job, "Complete")]
            failed = [job for job in jobs if is_true(job, "Failed")]
            status: Document = {key: value for key, value in (cron.get("status") or {}).items() if key != "active"}
            active = [job for job in jobs if job not in done and job not in failed]
            if active:
                about = ("apiVersion", "kind")
                status["active"] = [
                    {key: job[key] for key in about} | {key: job["metadata"][key] for key in ("name", "namespace", "uid")}
                    for job in active
                ]
            if done:
                status["lastSuccessfulTime"] = max(str(dig(job, "status", "completionTime")) for job in done)
            self.store.put_status(r.CRON_JOBS, cron, status)
            for kept, field_name in ((done, "successfulJobsHistoryLimit"), (failed, "failedJobsHistoryLimit")):
                limit = int(cron["spec"].get(field_name, 1))
                for job in kept[: max(0, len(kept) - limit)]:
                    self.store.remove(r.JOBS, namespace_of(job), name_of(job))


def job_of(cron: Document, name: str) -> Document:
    template = dig(cron, "spec", "jobTemplate") or {}
    meta = clone(template.get("metadata") or {})
    meta |= {"name": name, "namespace": namespace_of(cron), "ownerReferences": owned_by(cron)}
    spec = {"parallelism": 1, "completions": 1, "completionMode": "NonIndexed", "suspend": False} | clone(template["spec"])
    return {"metadata": meta, "spec": spec, "status": {}}


def _minutes(after: datetime, until: datetime) -> list[datetime]:
    count = int((until - after).total_seconds() // 60)
    return [after + timedelta(minutes=n + 1) for n in range(count)]


def is_due(schedule: str, at: datetime) -> bool:
    """Whether a five-field schedule names that minute. Lists, ranges and steps are read; names of months are not."""
    minute, hour, day, month, weekday = schedule.split()
    return (
        _names(minute, at.minute, 0, 59)
        and _names(hour, at.hour, 0, 23)
        and _names(day, at.day, 1, 31)
        and _names(month, at.month, 1, 12)
        and _names(weekday, at.isoweekday() % 7, 0, 6)
    )


def _names(field_text: str, value: int, least: int, most: int) -> bool:
    for part in field_text.split(","):
        span, _, step = part.partition("/")
        low, high = least, most
        if span != "*":
            first, _, last = span.partition("-")
            low, high = int(first), int(last or (most if step else first))
        if low <= value <= high and (value - low) % int(step or 1) == 0:
            return True
    return False
