"""What a pod reports of itself, worked out from what its kubelet knows."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from aiops.sandbox.cluster.documents import Document, Ref, stamp, with_condition


class Stage(StrEnum):
    UNPLACED = "unplaced"
    CREATING = "creating"  # pulling the image, starting the container
    RUNNING = "running"
    WAITING = "waiting"  # between two tries: back-off, or a reason that no retry cures
    DONE = "done"


@dataclass(slots=True)
class PodRuntime:
    """One pod as its kubelet sees it. Times are simulated seconds, stamps are the wall's."""

    uid: str
    workload: Ref  # what a person would name: the Deployment, not its ReplicaSet
    born_at: float
    ip: str
    memory_limit: float | None = None  # bytes
    stage: Stage = Stage.UNPLACED
    next_at: float | None = None  # when the stage moves on by itself
    started_at: float | None = None  # of the running container
    started_stamp: str = ""
    ready: bool = False
    ready_at: float | None = None
    crash_at: float | None = None
    exit_code: int = 0
    restarts: int = 0
    waiting_reason: str = "ContainerCreating"
    waiting_message: str = ""
    last_reason: str = ""  # of the container before this one
    last_exit_code: int = 0
    last_stamps: tuple[str, str] = ("", "")
    gone_at: float | None = None  # a terminating pod disappears then
    memory: float = 0.0  # bytes in use
    cpu: float = 0.0  # cores in use
    cpu_s: float = 0.0  # core seconds since the pod began
    served: float = 0.0  # requests answered well, and badly, since the container began
    failed: float = 0.0
    p50_s: float = 0.0
    p99_s: float = 0.0
    silent: bool = False  # its metrics cannot be scraped
    hung: bool = False  # a fault keeps it from working though it runs
    is_reported: bool = False  # its status says that it is ready
    told_at: float = -1e9  # when its log last told of errors
    logs: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=300))  # stamp and line
    previous_logs: tuple[tuple[str, str], ...] = ()

    @property
    def is_steady(self) -> bool:
        """Running and ready, with nothing due: nothing happens to it unless somebody does something."""
        return self.stage is Stage.RUNNING and self.ready and self.crash_at is None and self.gone_at is None and self.is_reported

    def running_for(self, elapsed: float) -> float:
        return elapsed - self.started_at if self.started_at is not None and self.stage is Stage.RUNNING else 0.0


def status_of(pod: Document, runtime: PodRuntime, now: datetime, host_ip: str, *, lost: bool = False) -> Document:
    """`lost`: its node is silent, so nothing of it is known to be ready."""
    old: Document = pod.get("status") or {}
    status: Document = {key: old[key] for key in ("qosClass", "startTime") if key in old}
    placed = runtime.stage is not Stage.UNPLACED
    ready = runtime.ready and not lost
    status["phase"] = _phase(runtime)
    conditions: list[Document] = old.get("conditions") or []
    for kind, true in (
        ("PodReadyToStartContainers", placed),
        ("Initialized", placed),
        ("Ready", ready),
        ("ContainersReady", ready),
        ("PodScheduled", placed),
    ):
        if not placed and kind != "PodScheduled":
            continue
        reason, message = "", ""
        if not true:
            reason = _unready_reason(kind, runtime)
            message = (
                f"containers with unready status: [{pod['spec']['containers'][0]['name']}]"
                if reason == "ContainersNotReady"
                else ""
            )
        conditions = with_condition(conditions, kind, "True" if true else "False", at=now, reason=reason, message=message)
    status["conditions"] = conditions
    if not placed:
        return status
    status.setdefault("startTime", stamp(now))
    status["hostIP"] = host_ip
    status["hostIPs"] = [{"ip": host_ip}]
    status["podIP"] = runtime.ip
    status["podIPs"] = [{"ip": runtime.ip}]
    if runtime.stage is Stage.CREATING and not runtime.restarts:
        del status["podIP"], status["podIPs"]
    status["containerStatuses"] = [
        _container_status(container, runtime, main=i == 0) for i, container in enumerate(pod["spec"]["containers"])
    ]
    return status


def _phase(runtime: PodRuntime) -> str:
    if runtime.stage is Stage.DONE:
        return "Succeeded" if runtime.exit_code == 0 else "Failed"
    if runtime.stage is Stage.RUNNING or runtime.restarts:
        return "Running"
    return "Pending"


def _unready_reason(kind: str, runtime: PodRuntime) -> str:
    if kind == "PodScheduled":
        return "Unschedulable"
    return "PodCompleted" if runtime.stage is Stage.DONE and runtime.exit_code == 0 else "ContainersNotReady"


def _container_status(container: Document, runtime: PodRuntime, *, main: bool) -> Document:
    image = container["image"]
    status: Document = {
        "name": container["name"],
        "image": image,
        "imageID": f"{image.partition(':')[0]}@sha256:{_digest(image)}" if runtime.started_at is not None else "",
        "ready": runtime.ready,
        "started": runtime.stage is Stage.RUNNING and (runtime.ready or runtime.ready_at is None or not main),
        "restartCount": runtime.restarts if main else 0,
        "state": _state(runtime),
        "lastState": {},
    }
    if runtime.started_at is not None:
        status["containerID"] = f"containerd://{_digest(runtime.uid + str(runtime.restarts))}"
    if main and runtime.last_reason:
        status["lastState"] = {"terminated": _terminated(runtime.last_reason, runtime.last_exit_code, runtime.last_stamps)}
    return status


def _state(runtime: PodRuntime) -> Document:
    if runtime.stage is Stage.RUNNING:
        return {"running": {"startedAt": runtime.started_stamp}}
    if runtime.stage is Stage.DONE:
        reason = "Completed" if runtime.exit_code == 0 else "Error"
        return {"terminated": _terminated(reason, runtime.exit_code, runtime.last_stamps)}
    waiting = {"reason": runtime.waiting_reason}
    if runtime.waiting_message:
        waiting["message"] = runtime.waiting_message
    return {"waiting": waiting}


def _terminated(reason: str, exit_code: int, stamps: tuple[str, str]) -> Document:
    return {"exitCode": exit_code, "reason": reason, "startedAt": stamps[0], "finishedAt": stamps[1]}


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
