"""F8 and F11 to F16: repeated messages, drift, lost and late answers, refusals, races. The mutation log is the referee."""

from collections.abc import Callable, Iterator
from random import Random

import pytest
from django.utils import timezone

from aiops.core.actions import DeletePod, RestartWorkload, ScaleUp
from aiops.core.errors import Conflict
from aiops.core.targets import Target
from approvals import execution as executions
from approvals.models import Execution
from tests import factories
from tests.faults.conftest import times
from tests.faults.processes import Child
from tests.faults.scenes import agree, carry_on, conclude, planned, target, told, use
from tests.sandbox_server import SandboxServer
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)
S = Execution.Status


@pytest.fixture(scope="module")
def _running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=100) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(_running: SandboxServer, settings) -> Iterator[SandboxServer]:
    use(_running, settings)
    yield _running
    _running.release()
    _running.misbehave()
    _running.outage(False)


def test_f8_every_message_comes_ten_times(sandbox, figure):
    acts = [planned(n) for n in range(times(2, full=6))]
    together([lambda pk=act.pk: executions.execute(pk, who="worker") for act in acts for _ in range(10)])
    effects = [len(sandbox.effects(mark=carry_on(act, sandbox).mark)) for act in acts]
    assert effects == [1] * len(acts)
    figure(f"{10 * len(acts)} messages, {sum(effects)} effects", rounds=len(acts))


# F11: drift before the send

CHANGES: dict[str, Callable[[SandboxServer, Target], object]] = {
    "image": lambda sandbox, t: sandbox.kubectl("set", "image", f"deploy/{t.name}", "*=other:1", "-n", t.namespace or ""),
    "env": lambda sandbox, t: sandbox.kubectl("set", "env", f"deploy/{t.name}", "-n", t.namespace or "", "A=1"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_f11_a_change_before_or_under_the_send_is_left_alone(sandbox, change, figure):
    rounds = times(1, full=75)
    for n in range(rounds):
        for is_under_way in (False, True):
            execution = planned(n)
            if is_under_way:
                sandbox.hold("after", dry_run=True)
                worker = Child(lambda pk=execution.pk: executions.execute(pk, who="first"))
                sandbox.wait_for(lambda: sandbox.held)
                CHANGES[change](sandbox, target(n))
                sandbox.release()
                worker.wait()
            else:
                CHANGES[change](sandbox, target(n))
            done = carry_on(execution, sandbox)
            assert (done.status, done.reason) in {("cancelled", "drifted"), ("cancelled", "superseded")}, told(done)
            assert not sandbox.effects(mark=execution.mark)
            sandbox.kubectl("rollout", "undo", f"deploy/{target(n).name}", "-n", target(n).namespace or "")
    figure(f"{change}: 0 mutations of a target that others changed", rounds=2 * rounds)


def test_f11_another_object_of_the_same_name_is_left_alone(sandbox):
    gone = Target(kind="Deployment", namespace="edge", name="static-site")
    execution = planned(RestartWorkload(target=gone))
    sandbox.kubectl("delete", "deploy", gone.name, "-n", "edge", context="sandbox-cluster-admin")
    assert carry_on(execution, sandbox).reason == "drifted"


def test_f11_churn_and_autoscalers_do_not_stop_it(sandbox, figure):
    rounds = times(3, full=100)
    sandbox.misbehave(churn=0.3)
    for n in range(rounds):
        execution = planned(n)
        sandbox.kubectl("scale", f"deploy/{target(n).name}", "-n", target(n).namespace or "", f"--replicas={3 + n % 2}")
        done = carry_on(execution, sandbox)
        assert done.status == S.SUCCEEDED, told(done)
        assert len(sandbox.effects(mark=done.mark)) == 1
    figure("churn and autoscalers: all done, 1 effect each", rounds=rounds)


# F12 and F13: the answer is lost, late or wrong

LOST = {
    "504 after it was applied": {"timeout_after": 1.0, "timeout_s": 0.05},
    "reset after it was applied": {"reset_after": 1.0},
    "applied late": {"late_apply_s": 1.0},
    "reset before it arrived": {"reset_before": 1.0},
}


@pytest.mark.parametrize("loss", LOST)
def test_f12_a_lost_answer_makes_at_most_one_effect(sandbox, loss, figure):
    rounds = times(1, full=50)
    for n in range(rounds):
        execution = planned(n)
        sandbox.hold("after", dry_run=True)
        worker = Child(lambda pk=execution.pk: executions.execute(pk, who="first"))
        sandbox.wait_for(lambda: sandbox.held)
        sandbox.misbehave(**LOST[loss], only={"verb": "patch"})
        sandbox.release()
        sandbox.wait_for(lambda pk=execution.pk: Execution.objects.get(pk=pk).status == S.AMBIGUOUS or _is_over(pk))
        sandbox.misbehave()
        worker.wait()
        done = carry_on(execution, sandbox)
        assert done.status == S.SUCCEEDED, told(done)
        assert len(sandbox.effects(mark=done.mark)) == 1
    figure(f"{loss}: 1 effect each", rounds=rounds)


def _is_over(pk: object) -> bool:
    return Execution.objects.get(pk=pk).status in (S.SUCCEEDED, S.FAILED, S.CANCELLED)


def test_f13_everything_goes_wrong_at_random(sandbox, figure):
    rounds, alone, chance = times(8, full=300), 0, Random(13)
    for n in range(rounds):
        execution = planned(chance.randrange(6))
        sandbox.misbehave(
            timeout_after=0.2, timeout_s=0.02, reset_before=0.1, conflict=0.1, rate_limit=0.1, server_error=0.05,
            late_apply_s=0.5, late_apply=0.1, only={"verb": "patch"},
        )  # fmt: skip
        done = carry_on(execution, sandbox, within_s=60)
        sandbox.misbehave()
        effects = len(sandbox.effects(mark=done.mark))
        assert effects <= 1, told(done)
        assert effects == (1 if done.status == S.SUCCEEDED else 0), told(done)
        alone += done.status == S.SUCCEEDED
        del n
    figure(f"at most 1 effect each, all over, {alone} done alone, records agree with the log", rounds=rounds)


# F14: refusals, and a cluster that goes away


def test_f14_a_disruption_budget_that_refuses_is_never_bypassed(sandbox, figure):
    pods = sandbox.kubectl("get", "pods", "-n", "data", "-l", "app.kubernetes.io/name=orders-db", "-o", "name").split()
    pod = Target(kind="Pod", namespace="data", name=pods[0].removeprefix("pod/"))
    done = carry_on(planned(DeletePod(target=pod)), sandbox)
    assert done.status == S.FAILED
    assert "disruption budget" in done.detail
    assert not [one for one in sandbox.mutations() if one["object"]["name"] == pod.name and one["applied"] and one["effect"]]
    figure("a disruption budget refuses: 0 plain deletes")


def test_f14_what_cannot_be_read_back_is_nobodys_guess(sandbox, figure):
    rounds = times(1, full=20)
    for n in range(rounds):
        execution = planned(n)
        sandbox.hold("after")
        worker = Child(lambda pk=execution.pk: executions.execute(pk, who="first"))
        sandbox.wait_for(lambda: sandbox.held)
        sandbox.outage(True)
        sandbox.release()
        worker.wait()
        execution.refresh_from_db()
        assert execution.status == S.AMBIGUOUS, told(execution)
        with pytest.raises(Conflict):
            executions.plan_execution(_other_approval(execution), autonomous=False, at=timezone.now())
        sandbox.outage(False)
        assert carry_on(execution, sandbox).status == S.SUCCEEDED
        assert len(sandbox.effects(mark=execution.mark)) == 1
    figure("outage in read-back: 0 guesses, target locked meanwhile", rounds=rounds)


def _other_approval(execution: Execution):
    incident = factories.make_incident(target=execution.action.target)
    decision = factories.make_decision(incident, action=execution.action)
    return factories.make_approval(decision, action=execution.action, status="approved")


# F15 and F16: races


def test_f15_two_incidents_never_act_on_one_target_at_once(sandbox, figure):
    rounds = times(5, full=100)
    for n in range(rounds):
        action = RestartWorkload(target=target(n))
        pair = [agree(action), agree(action)]
        answers = together(
            [lambda approval=a: executions.plan_execution(approval, autonomous=False, at=timezone.now()) for a in pair]
        )
        refused = [answer for answer in answers if isinstance(answer, Conflict)]
        assert [answer.code for answer in refused] == ["target_busy"]
        assert Execution.objects.active().count() == 1
        executions.request_stop(Execution.objects.active().get(), factories.make_principal("lead"))
    figure("pairs: never 2 active", rounds=rounds)


def test_f16_a_rollback_never_undoes_what_a_person_deployed(sandbox, figure):
    rounds = times(1, full=50)
    for n in range(rounds):
        act = carry_on(planned(ScaleUp(target=target(n), replicas=6)), sandbox)
        failed = conclude(act, sandbox, cured=False)
        undoing = failed.reversed_by.get()
        sandbox.hold("before")
        worker = Child(lambda pk=undoing.pk: executions.execute(pk, who="first"))
        sandbox.wait_for(lambda: sandbox.held)
        sandbox.kubectl("scale", f"deploy/{target(n).name}", "-n", target(n).namespace or "", f"--replicas={7 + n % 2}")
        sandbox.release()
        worker.wait()
        done = carry_on(undoing, sandbox)
        assert done.status == S.CANCELLED, told(done)
        assert not sandbox.effects(mark=undoing.mark)
        sandbox.kubectl("scale", f"deploy/{target(n).name}", "-n", target(n).namespace or "", "--replicas=3")
    figure("0 human changes undone", rounds=rounds)
