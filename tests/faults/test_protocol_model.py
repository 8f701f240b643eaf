"""Schedules of kills, zombies, late effects and other people's changes, run through the protocol's own code.

Executors are greenlets that stop before and after everything they ask of the cluster, so a schedule decides who goes on,
who is killed there, and what happens meanwhile. The rows are in PostgreSQL; the cluster's own log of effects is the
referee.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from random import Random
from typing import Any

import pytest
from django.conf import settings as django_settings
from greenlet import GreenletExit, getcurrent, greenlet
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from aiops.access.principals import Principal
from aiops.connectors.kubernetes import Kubernetes, Request
from aiops.connectors.kubernetes_objects import KubeObject, Ref
from aiops.core.actions import AdjustResources, DeletePod, RerunJob, RestartWorkload, Rollback, ScaleUp
from aiops.core.targets import Target
from approvals import execution as executions
from approvals.models import Execution
from incidents.models import Alert
from tests import factories
from tests.approvals.acting import SANDBOX, let_pass, planned
from tests.approvals.memory_cluster import Fault, MemoryCluster, deployment
from tests.faults.conftest import times

FAULT = "model"
S = Execution.Status
OVER = {S.SUCCEEDED, S.FAILED, S.CANCELLED}
# What may happen after a worker's steps, as often as it stands here.
EVENTS = (
    *("nothing",) * 10, *("killed",) * 4, *("time 21",) * 5, "time 3", "time 9", *("time 35",) * 3, "time 601",
    *("late_arrival",) * 4, *("undone_then_late",) * 3, *("churn",) * 3, *("autoscaled",) * 2, "deployed", *("put_back_and_wiped",) * 3, "outage",
    "pod_deleted", "stopped", "resolved", "settled",
)  # fmt: skip
# Spread evenly by a generator of its own: hypothesis itself prefers small and repeated values, and so tame schedules.
DICE = st.integers(0, 2**32)
KINDS = ("restart", "scale", "rollback", "resources", "evict", "job")


class Pause(Enum):
    """Where a worker stands while others act."""

    READING = auto()
    WAITING = auto()
    BEFORE_SEND = auto()
    AFTER_SEND = auto()


def pause(where: Pause) -> None:
    getcurrent().parent.switch(where)


@dataclass(frozen=True)
class PausingClient(Kubernetes):
    """The product's client, whose user stops before and after what it asks."""

    def get(self, ref: Ref) -> KubeObject | None:
        pause(Pause.READING)
        return super().get(ref)

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        if dry_run:
            return super().send(request, dry_run=True)
        pause(Pause.BEFORE_SEND)
        try:
            return super().send(request)
        finally:
            pause(Pause.AFTER_SEND)


class Executor(greenlet):
    """One worker at work on the execution, which may be killed wherever it stops."""

    def go_on_to(self, where: Pause | None) -> None:
        """As far as the next stop of that kind, or just to the next one; to the end if there is none."""
        while not self.dead:
            if self.switch() in (where, None) or where is None:
                return

    def kill(self) -> None:
        self.throw(GreenletExit)


@dataclass
class Tally:
    schedules: int = 0
    ends: Counter[str] = field(default_factory=Counter)


class Schedule(RuleBasedStateMachine):
    tally = Tally()
    lead: Principal

    @initialize(dice=DICE)
    def agree(self, dice: int) -> None:
        chance = Random(dice)
        kind, faults = chance.choice(KINDS), [chance.choice(list(Fault)) for _ in range(chance.randrange(5))]
        self.cluster, self.name = MemoryCluster(), f"web{Schedule.tally.schedules}"
        deployment(self.cluster, self.name)
        self.kind = kind
        self.execution = planned(self.cluster, self._action(kind))
        self.cluster.faults.extend(faults)
        self.executors: list[Executor] = []
        self.was_wiped = self.pod_deleted_by_others = False
        Schedule.tally.schedules += 1

    def _action(self, kind: str) -> Any:
        web = Target(kind="Deployment", namespace="shop", name=self.name)
        match kind:
            case "restart":
                return RestartWorkload(target=web)
            case "scale":
                return ScaleUp(target=web, replicas=5)
            case "resources":
                return AdjustResources(target=web, container="app", memory="512Mi")
            case "rollback":
                self._old_revision()
                return Rollback(target=web, revision=1, template_hash="old")
            case "evict":
                self.cluster.put("Pod", f"{self.name}-7d9f8b6c5-x2xkz")
                return DeletePod(target=Target(kind="Pod", namespace="shop", name=f"{self.name}-7d9f8b6c5-x2xkz"))
        self.cluster.put("Job", self.name, spec={"template": {"spec": {"containers": [{"name": "job"}]}}})
        return RerunJob(target=Target(kind="Job", namespace="shop", name=self.name))

    def _old_revision(self) -> None:
        uid = self.cluster.get("Deployment", self.name)["metadata"]["uid"]
        container = {"name": "app", "image": "web:0", "resources": {"limits": {"memory": "256Mi"}}}
        self.cluster.put(
            "ReplicaSet",
            f"{self.name}-old",
            metadata={
                "labels": {"app": self.name, "pod-template-hash": "old"},
                "annotations": {"deployment.kubernetes.io/revision": "1"},
                "ownerReferences": [{"controller": True, "uid": uid}],
            },
            spec={"template": {"metadata": {"labels": {"app": self.name}}, "spec": {"containers": [container]}}},
        )

    @rule(dice=DICE)
    def go_on(self, dice: int) -> None:
        """A worker takes it or goes on, as far as one of its requests; then something happens."""
        chance = Random(dice)
        who, where, event = chance.choice((0, 0, 0, 1, 2)), chance.choice((None, *Pause)), chance.choice(EVENTS)
        self.executors = [e for e in self.executors if not e.dead]
        if who >= len(self.executors):
            self.executors.append(Executor(self._work))
            who = len(self.executors) - 1
        executor = self.executors[who]
        executor.go_on_to(where)
        if event == "killed":
            executor.kill()
        elif event.startswith("time"):
            let_pass(self.execution, int(event.split()[1]))
        else:
            getattr(self, f"_{event}")()

    def _work(self) -> None:
        executions.execute(self.execution.pk, who="model", connect=lambda _: self._client(), wait=self._wait)

    def _client(self) -> Kubernetes:
        plain = self.cluster.client
        return PausingClient(config=plain.config, transport=plain.transport)

    def _wait(self, _: float) -> None:
        pause(Pause.WAITING)

    # What happens meanwhile

    def _nothing(self) -> None:
        pass

    def _late_arrival(self) -> None:
        if self.cluster.late:
            self.cluster.release_late()

    def _undone_then_late(self) -> None:
        """Somebody undoes what was done, then what was on its way arrives."""
        if self.cluster.late:
            self._edit(lambda web: web.update(spec=deployment(MemoryCluster(), self.name)["spec"]))
            self._late_arrival()

    def _outage(self) -> None:
        self.cluster.is_down = not self.cluster.is_down

    def _churn(self) -> None:
        self._edit(lambda web: web["status"].update(readyReplicas=len(self.cluster.mutations)))

    def _autoscaled(self) -> None:
        self._edit(lambda web: web["spec"].update(replicas=2 + len(self.cluster.mutations) % 5))

    def _deployed(self) -> None:
        image = f"web:{1 + len(self.cluster.mutations) % 2}"
        self._edit(lambda web: web["spec"]["template"]["spec"]["containers"][0].update(image=image))

    def _put_back_and_wiped(self) -> None:
        """Somebody replaces the object by what it was, without the notes that anybody left on it."""

        def replace(web: dict[str, Any]) -> None:
            web["spec"] = deployment(MemoryCluster(), self.name)["spec"]
            web["metadata"].pop("annotations", None)

        self.was_wiped = True
        self._edit(replace)

    def _pod_deleted(self) -> None:
        if self.kind == "evict":
            self.pod_deleted_by_others = True
            self.cluster.delete("Pod", f"{self.name}-7d9f8b6c5-x2xkz")

    def _edit(self, change: Callable[[dict[str, Any]], object]) -> None:
        self.cluster.change("Deployment", self.name, change)

    def _stopped(self) -> None:
        self.execution.refresh_from_db()
        if self.execution.is_active:
            executions.request_stop(self.execution, Schedule.lead)

    def _resolved(self) -> None:
        self.execution.incident.alerts.update(status=Alert.Status.RESOLVED)

    def _settled(self) -> None:
        """By a lead who has looked, and knows that nothing is on its way any more."""
        self.execution.refresh_from_db()
        if self.execution.status == S.AMBIGUOUS and not self.cluster.late:
            executions.settle(self.execution, Schedule.lead, effect=bool(self._effects()), reason="looked at it")

    # What always holds

    @invariant()
    def at_most_one_effect(self) -> None:
        if hasattr(self, "execution"):
            assert len(self._effects()) <= 1, self._story()

    @invariant()
    def nothing_is_sent_without_its_row(self) -> None:
        if hasattr(self, "execution") and self._effects():
            assert self.execution.attempts.exists(), self._story()

    def teardown(self) -> None:
        """Everybody gets their time; then whatever was late arrives; then the record agrees with the cluster."""
        if not hasattr(self, "execution"):
            return
        for executor in self.executors:
            if not executor.dead:
                executor.kill()
        self.cluster.is_down = False
        self.cluster.faults.clear()
        for seconds in (*[35] * 8, django_settings.AIOPS.approvals.unreadable_s):  # by then a person is called
            self.execution.refresh_from_db()
            if self.execution.status in OVER:
                break
            let_pass(self.execution, seconds)
            worker = Executor(self._work)
            while not worker.dead:
                worker.switch()
        while self.cluster.late:
            self.cluster.release_late()
        if self.execution.status == S.AMBIGUOUS:
            let_pass(self.execution, 35)
            worker = Executor(self._work)
            while not worker.dead:
                worker.switch()
        self.execution.refresh_from_db()
        self._check_the_record()
        Schedule.tally.ends[f"{self.execution.status} {self.execution.reason}".strip()] += 1

    def _check_the_record(self) -> None:
        effects, status = len(self._effects()), self.execution.status
        assert effects <= 1, self._story()
        if status == S.SUCCEEDED:
            # A pod that others deleted while ours was on its way counts as done: the uid is gone.
            assert effects == 1 or self.pod_deleted_by_others, self._story()
        elif status == S.FAILED or (status == S.CANCELLED and self.execution.reason not in ("superseded", "stopped")):
            assert effects == 0, self._story()
        elif status == S.CANCELLED:
            # Others put everything back and removed the mark: whether ours was there before, nobody can tell any more.
            assert effects == 0 or self.was_wiped, self._story()
        else:
            assert status == S.AMBIGUOUS, self._story()
            assert self.execution.escalated_at is not None or self.execution.stop_requested, self._story()

    def _effects(self) -> list[Any]:
        return self.cluster.effects(self.execution.mark)

    def _story(self) -> str:
        self.execution.refresh_from_db()
        sent = [(a.n, a.resource_version, a.outcome, a.status, a.is_fence) for a in self.execution.attempts.all()]
        return f"{self.kind} {self.execution.status}/{self.execution.reason} {self.execution.detail}\n{sent}\n{self._effects()}"


@pytest.mark.django_db
def test_no_schedule_doubles_an_effect_or_contradicts_the_cluster(settings_of_schedules, figure):
    Schedule.tally, Schedule.lead = Tally(), factories.make_principal("lead")
    run_state_machine_as_test(Schedule, settings=settings_of_schedules)
    ends = ", ".join(f"{count} {end}" for end, count in Schedule.tally.ends.most_common())
    figure(f"schedules without a contradiction ({ends})", rounds=Schedule.tally.schedules)


@pytest.fixture
def settings_of_schedules(settings_for_django) -> settings:
    return settings(
        max_examples=times(60, full=3000),
        stateful_step_count=20,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        print_blob=True,
    )


@pytest.fixture
def settings_for_django(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(django_settings, "CLUSTERS", (SANDBOX,))
