"""An act that was agreed to is carried out once, or not at all, and its row says which."""

import pytest

from aiops.core.actions import DeletePod, RestartWorkload, Rollback, ScaleUp
from aiops.core.errors import Conflict
from aiops.core.targets import Target
from approvals import execution as executions
from approvals.models import Execution
from incidents.models import Decision, Incident
from tests import factories
from tests.approvals.acting import agree, carry_out, let_pass, planned
from tests.approvals.memory_cluster import EXECUTION, Fault, MemoryCluster

pytestmark = pytest.mark.django_db
S = Execution.Status
WEB = factories.WEB


def test_a_restart_changes_its_target_once_and_leaves_its_mark(cluster):
    done = carry_out(planned(cluster), cluster)
    web = cluster.get("Deployment", "web")
    assert done.status == S.SUCCEEDED
    assert len(cluster.effects(done.mark)) == 1
    assert web["metadata"]["annotations"][EXECUTION] == done.mark
    assert web["spec"]["template"]["metadata"]["annotations"][EXECUTION] == done.mark


def test_what_was_made_is_kept_for_verification_and_undoing(cluster):
    done = carry_out(planned(cluster, ScaleUp(target=WEB, replicas=5)), cluster)
    assert done.made["generation"] == 2
    assert done.made["touched"]["replicas"] == 5
    assert done.before["touched"]["replicas"] == 3
    assert ["replicas", 3, 5] in done.dry_run["changes"]


def test_the_decision_executes_and_the_incident_is_mitigated(cluster):
    done = carry_out(planned(cluster), cluster)
    assert done.decision.state == Decision.State.EXECUTING
    assert done.incident.status == Incident.Status.MITIGATING
    assert "execution.succeeded" in done.incident.timeline.values_list("kind", flat=True)


def test_a_message_that_comes_twice_does_nothing_the_second_time(cluster):
    execution = planned(cluster)
    for _ in range(10):
        carry_out(execution, cluster)
    assert len(cluster.effects(execution.mark)) == 1
    assert execution.attempts.count() == 1


def test_only_the_last_three_marks_are_kept(cluster):
    for _ in range(4):
        done = carry_out(planned(cluster), cluster)
    kept = cluster.get("Deployment", "web")["metadata"]["annotations"]["aiops.dev/executions"].split(",")
    assert len(kept) == 3
    assert kept[-1] == done.mark


# Drift


@pytest.mark.parametrize(
    "edit",
    [
        lambda web: web["spec"]["template"]["spec"]["containers"][0].update(image="web:2"),
        lambda web: web["spec"]["template"]["spec"]["containers"][0].update(env=[{"name": "A", "value": "1"}]),
        lambda web: web["metadata"].update(uid="another"),
    ],
    ids=["image", "env", "uid"],
)
def test_a_target_that_was_changed_since_is_left_alone(cluster, edit):
    execution = planned(cluster)
    cluster.change("Deployment", "web", edit)
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "drifted")
    assert done.decision.reason == Decision.Reason.DRIFTED
    assert not cluster.effects(done.mark)


def test_a_target_that_is_gone_is_a_drift(cluster):
    execution = planned(cluster)
    cluster.delete("Deployment", "web")
    assert carry_out(execution, cluster).reason == "drifted"


def test_replicas_are_a_drift_for_scaling_only(cluster):
    restart = planned(cluster)
    cluster.change("Deployment", "web", lambda web: web["spec"].update(replicas=4))
    assert carry_out(restart, cluster).status == S.SUCCEEDED
    scale = planned(cluster, ScaleUp(target=WEB, replicas=6))
    cluster.change("Deployment", "web", lambda web: web["spec"].update(replicas=5))
    assert carry_out(scale, cluster).reason == "drifted"


def test_status_churn_is_no_drift(cluster):
    execution = planned(cluster)
    cluster.change("Deployment", "web", lambda web: web["status"].update(readyReplicas=1))
    assert carry_out(execution, cluster).status == S.SUCCEEDED


def test_churn_between_reading_and_sending_takes_the_new_version(cluster):
    execution, churned = planned(cluster), []

    def churn() -> None:
        if not churned:
            churned.append(True)
            cluster.change("Deployment", "web", lambda web: web["status"].update(readyReplicas=1))

    cluster.before_change = churn
    done = carry_out(execution, cluster)
    assert done.status == S.SUCCEEDED
    assert [a.outcome for a in done.attempts.all()] == ["no_effect", "applied"]
    assert len(cluster.effects(done.mark)) == 1


def test_somebody_else_changing_it_while_it_is_sent_overtakes_it(cluster):
    execution = planned(cluster)
    cluster.before_change = lambda: cluster.change(
        "Deployment", "web", lambda web: web["spec"]["template"]["spec"]["containers"][0].update(image="web:2")
    )
    done = carry_out(execution, cluster)
    assert (done.status, done.reason) == (S.CANCELLED, "superseded")
    assert not cluster.effects(done.mark)


# Refusals


def test_a_refused_dry_run_sends_nothing(cluster):
    cluster.refuse_dry_run = "admission webhook denied the request"
    done = carry_out(planned(cluster), cluster)
    assert (done.status, done.reason) == (S.FAILED, "dry_run_refused")
    assert "admission webhook denied" in done.detail
    assert not done.attempts.exists()
    assert done.decision.state == Decision.State.ERROR


def test_a_paused_rollout_is_not_restarted(cluster):
    execution = planned(cluster)
    cluster.change("Deployment", "web", lambda web: web["spec"].update(paused=True))
    assert carry_out(execution, cluster).reason == "paused"


def test_what_an_autoscaler_scales_is_not_scaled_by_us(cluster):
    execution = planned(cluster, ScaleUp(target=WEB, replicas=5))
    cluster.put("HorizontalPodAutoscaler", "web", spec={"scaleTargetRef": {"kind": "Deployment", "name": "web"}})
    assert carry_out(execution, cluster).reason == "hpa_owner"


def test_what_gitops_keeps_is_not_rolled_back(cluster):
    cluster.put(
        "ReplicaSet",
        "web-old",
        metadata={
            "labels": {"app": "web", "pod-template-hash": "old"},
            "annotations": {"deployment.kubernetes.io/revision": "1"},
            "ownerReferences": [{"controller": True, "uid": cluster.get("Deployment", "web")["metadata"]["uid"]}],
        },
        spec={"template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "web:0"}]}}},
    )
    execution = planned(cluster, Rollback(target=WEB, revision=1, template_hash="old"))
    cluster.change("Deployment", "web", lambda web: web["metadata"].update(labels={"argocd.argoproj.io/instance": "shop"}))
    assert carry_out(execution, cluster).reason == "gitops_owner"


def test_a_disruption_budget_is_asked_and_never_bypassed(cluster):
    pod = Target(kind="Pod", namespace="shop", name="web-7d9f8b6c5-x2xkz")
    cluster.put("Pod", pod.name)
    cluster.put("PodDisruptionBudget", "web", status={"disruptionsAllowed": 0})
    done = carry_out(planned(cluster, DeletePod(target=pod)), cluster)
    assert done.status == S.FAILED
    assert "disruption budget" in done.detail
    assert ("Pod", "shop", pod.name) in cluster.objects


# Errors on the way


def test_an_eviction_that_something_on_the_way_sends_twice_is_done_although_the_second_finds_nothing(cluster):
    pod = Target(kind="Pod", namespace="shop", name="web-7d9f8b6c5-x2xkz")
    cluster.put("Pod", pod.name)
    execution = planned(cluster, DeletePod(target=pod))
    cluster.faults.append(Fault.APPLIED_409)
    done = carry_out(execution, cluster)
    assert (done.status, done.attempts.count()) == (S.SUCCEEDED, 1)
    assert [mutation.is_effect for mutation in cluster.mutations if mutation.mark == done.mark] == [True]


def test_what_surely_had_no_effect_is_tried_again_twice_at_most(cluster):
    execution = planned(cluster)
    cluster.faults.extend([Fault.REFUSED, Fault.RATE_LIMIT, Fault.REFUSED])
    for tries in (1, 2):
        carry_out(execution, cluster)
        assert (execution.status, execution.retries) == (S.PLANNED, tries)
        let_pass(execution, 31)
    carry_out(execution, cluster)
    assert (execution.status, execution.reason) == (S.FAILED, "unreachable")
    assert [a.transient for a in execution.attempts.all()] == [True, True, True]
    assert not cluster.effects(execution.mark)


def test_it_goes_on_once_the_cluster_is_there_again(cluster):
    execution = planned(cluster)
    cluster.is_down = True
    carry_out(execution, cluster)
    assert execution.status == S.PLANNED
    cluster.is_down = False
    carry_out(execution, cluster)
    assert execution.status == S.PLANNED, "not before its time"
    let_pass(execution, 31)
    assert carry_out(execution, cluster).status == S.SUCCEEDED


@pytest.mark.parametrize("fault", [Fault.APPLIED_LOST, Fault.APPLIED_504])
def test_a_lost_answer_is_found_by_its_mark(cluster, fault):
    execution = planned(cluster)
    cluster.faults.append(fault)
    done = carry_out(execution, cluster)
    assert done.status == S.SUCCEEDED
    assert done.attempts.get().outcome == "applied"
    assert len(cluster.effects(done.mark)) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.ERROR_500, Fault.CONFLICT])
def test_a_lost_request_is_sent_again_as_it_was(cluster, fault):
    execution = planned(cluster)
    cluster.faults.append(fault)
    done = carry_out(execution, cluster)
    first, second = done.attempts.all()
    assert done.status == S.SUCCEEDED
    assert first.body_digest == second.body_digest
    assert len(cluster.effects(done.mark)) == 1


def test_a_request_that_arrives_late_loses_against_its_repeat(cluster):
    execution = planned(cluster)
    cluster.faults.append(Fault.LATE)
    done = carry_out(execution, cluster)
    cluster.release_late()
    assert done.status == S.SUCCEEDED
    assert len(cluster.effects(done.mark)) == 1


def test_what_cannot_be_read_back_stays_unclear_and_keeps_its_target(cluster):
    execution = planned(cluster)
    cluster.faults.append(Fault.APPLIED_LOST)

    def outage(_: float) -> None:
        cluster.is_down = True

    carry_out(execution, cluster, wait=outage)
    assert execution.status == S.AMBIGUOUS
    with pytest.raises(Conflict) as busy:
        planned(cluster)
    assert busy.value.code == "target_busy"
    assert execution.incident.ref in busy.value.detail


def test_after_ten_minutes_a_person_is_called_once_and_reading_goes_on(cluster):
    execution = planned(cluster)
    cluster.faults.append(Fault.APPLIED_LOST)
    cluster.before_change = lambda: setattr(cluster, "is_down", True)
    carry_out(execution, cluster)
    for _ in range(3):
        let_pass(execution, 601)
        carry_out(execution, cluster)
    told = execution.incident.timeline.filter(kind="execution.unclear")
    assert execution.status == S.AMBIGUOUS
    assert told.count() == 1
    assert execution.approval.signatures.get().by in told.get().detail
    cluster.is_down = False
    let_pass(execution, 16)
    assert carry_out(execution, cluster).status == S.SUCCEEDED


# One at a time


def test_one_act_at_a_time_on_a_target(cluster):
    first = planned(cluster)
    with pytest.raises(Conflict) as busy:
        planned(cluster)
    assert (busy.value.code, busy.value.state) == ("target_busy", "planned")
    carry_out(first, cluster)
    assert planned(cluster).status == S.PLANNED


def test_a_pod_and_its_workload_are_one_target(cluster):
    cluster.put("Pod", "web-7d9f8b6c5-x2xkz")
    planned(cluster)
    with pytest.raises(Conflict) as busy:
        planned(cluster, DeletePod(target=Target(kind="Pod", namespace="shop", name="web-7d9f8b6c5-x2xkz")))
    assert busy.value.code == "target_busy"


def test_an_approval_is_planned_once(cluster):
    approval = agree(cluster)
    done = carry_out(executions.plan_execution(approval, autonomous=False, at=approval.created_at), cluster)
    with pytest.raises(Conflict) as again:
        executions.plan_execution(done.approval, autonomous=False, at=approval.created_at)
    assert again.value.code == "already_planned"


def test_a_cluster_that_is_not_configured_changes_nothing(cluster, settings):
    execution = planned(cluster)
    settings.CLUSTERS = ()
    assert carry_out(execution, cluster).reason == "cluster_unknown"


def test_a_cluster_connected_read_only_is_not_changed(cluster, settings):
    execution = planned(cluster)
    settings.CLUSTERS = (settings.CLUSTERS[0].model_copy(update={"read_only": True}),)
    assert carry_out(execution, cluster).reason == "read_only"
    assert not cluster.mutations


def test_restarting_is_recorded_by_the_account_that_asks(cluster: MemoryCluster):
    execution = planned(cluster, RestartWorkload(target=WEB))
    done = carry_out(execution, cluster, who="worker-1")
    assert done.claimed_by == "worker-1"
