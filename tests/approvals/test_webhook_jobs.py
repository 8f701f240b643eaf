"""A job that somebody else runs: asked for once, found again by its key, and never believed to have helped."""

import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from aiops.connectors import egress
from aiops.core.actions import Failover, RunWebhookJob, Undo
from aiops.core.clusters import Cluster
from aiops.core.errors import Conflict
from aiops.core.scales import DataImpact, Risk
from approvals import execution as executions
from approvals import rollbacks
from approvals.means import JobCall, WebhookJob
from approvals.models import Execution
from approvals.planning import plan
from approvals.reach import has_executor, undo_of
from approvals.verification import verify
from tests import factories
from tests.approvals.acting import let_pass, signed
from tests.approvals.outside import agreed, carry_out, concluded
from tests.receiver import Receiver, receiving
from tests.threads import together

pytestmark = pytest.mark.django_db(transaction=True)  # the callback comes in by another thread
S = Execution.Status
SECRET = "a secret of both sides"
FIX = RunWebhookJob(target=factories.WEB, job="fix-web", arguments={"version": "41"})
SHORT = {
    "request_timeout_s": 8.0,
    "readback_after_s": (0.05, 0.1),
    "readback_every_s": 0.1,
    "retry_backoff_s": 0.1,
    "stable_for_s": 0.2,
    "alert_clears_within_s": 30.0,
    "verify_every_s": 0.0,
}


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    conf = django_settings.AIOPS
    settings.AIOPS = conf.model_copy(
        update={
            "approvals": conf.approvals.model_copy(update=SHORT),
            "egress_hosts": ("127.0.0.1",),
            "base_url": "https://aiops.example",
        }
    )
    settings.CLUSTERS = (Cluster(name="sandbox", in_cluster=True, shadow=False),)
    with receiving() as running:
        yield running


def job(receiver: Receiver, **fields) -> WebhookJob:
    given = {
        "name": "fix-web",
        "url": receiver.url,
        "status_url": f"{receiver.url}/{{key}}",
        "secret": SECRET,
        "headers": {"Authorization": "Bearer canary-91c2"},
        "arguments_field": "extra_vars",
        "argument_names": ["version"],
        "risk": "medium",
    }
    made = WebhookJob(**(given | fields))
    made.full_clean()
    made.save()
    return made


def once(execution: Execution) -> Execution:
    executions.execute(execution.pk, who="test")
    execution.refresh_from_db()
    return execution


def call_back(client, key, status: str, *, secret: str = SECRET, detail: str = ""):
    body = json.dumps({"idempotency_key": str(key), "status": status, "detail": detail}).encode()
    signature = egress.signature(secret, body)
    return client.post("/api/v1/webhooks/job", body, content_type="application/json", headers={"X-Aiops-Signature": signature})


# Asked for


def test_a_job_is_asked_for_once_signed_with_our_key(receiver):
    job(receiver)
    done = carry_out(agreed(FIX))
    assert (done.status, receiver.effects) == (S.SUCCEEDED, [done.mark])
    (asked,) = receiver.requests
    assert asked["headers"]["X-Aiops-Signature"] == egress.signature(SECRET, asked["raw"])
    assert asked["headers"]["Authorization"] == "Bearer canary-91c2"
    assert asked["body"] == {
        "idempotency_key": done.mark,
        "job": "fix-web",
        "direction": "forward",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "extra_vars": {"version": "41"},
        "incident": done.incident.ref,
        "callback_url": "https://aiops.example/api/v1/webhooks/job",
    }


def test_its_secrets_are_kept_nowhere(receiver, caplog):
    job(receiver, url=f"{receiver.url}?token=canary-7733")
    done = carry_out(agreed(FIX))
    kept = f"{caplog.text} {done.before} {done.dry_run} {done.detail} {[a.body for a in done.attempts.all()]}"
    assert not any(secret in kept for secret in ("canary", SECRET))


def test_it_has_helped_only_once_it_succeeded_and_the_alert_cleared(receiver):
    job(receiver)
    done = carry_out(agreed(FIX))
    verify(done.pk)
    done.refresh_from_db()
    assert done.verification["waiting_for"] == "the job runs"
    receiver.finish(done.mark, "successful")
    assert concluded(done).verification_result == "success"


def test_a_job_that_fails_is_a_failed_act(receiver):
    job(receiver)
    done = carry_out(agreed(FIX))
    receiver.finish(done.mark, "error")
    assert (concluded(done).verification_result, done.verification["words"]) == ("failed", "the job has failed")


def test_a_job_may_run_as_long_as_it_says(receiver):
    job(receiver, runs_within_s=3600)
    done = carry_out(agreed(FIX))
    assert (done.verify_until - done.finished_at).total_seconds() == pytest.approx(3600, abs=60)


# Answers that say nothing


@pytest.mark.parametrize("answer", ["500 after", "garbage", "409 after"])
def test_an_unclear_answer_is_looked_up_by_the_key(receiver, answer):
    job(receiver)
    if answer == "409 after":
        receiver.answers, receiver.before_answer = (
            ["409"],
            lambda key: receiver.runs.setdefault(key, {"id": 1, "status": "running"}),
        )
    else:
        receiver.answers = [answer]
    done = carry_out(agreed(FIX))
    assert (done.status, done.attempts.count()) == (S.SUCCEEDED, 1)
    assert receiver.effects == [done.mark]


@pytest.mark.parametrize("answer", ["never", "drip"])
def test_a_receiver_that_keeps_us_waiting_is_left_at_the_deadline(receiver, settings, answer):
    job(receiver)
    receiver.answers = [answer]
    execution = agreed(FIX)
    conf = settings.AIOPS
    settings.AIOPS = conf.model_copy(update={"approvals": conf.approvals.model_copy(update={"request_timeout_s": 1.0})})
    assert carry_out(execution).status == S.SUCCEEDED, "found by its key"
    assert receiver.repeats == 0


def test_what_a_receiver_does_not_know_is_never_sent_again(receiver):
    """It may still be on its way: a callback settles it, or a person."""
    job(receiver)
    receiver.answers = ["500"]
    execution = agreed(FIX)
    assert once(execution).status == S.AMBIGUOUS
    let_pass(execution, 700)
    assert once(execution).escalated_at is not None
    assert len(receiver.requests) == 1


def test_a_receiver_that_is_declared_idempotent_is_asked_again_with_the_same_request(receiver):
    job(receiver, idempotent=True)
    receiver.answers = ["500", "ok"]
    done = carry_out(agreed(FIX))
    first, second = receiver.requests
    assert done.status == S.SUCCEEDED
    assert first["raw"] == second["raw"]
    assert receiver.effects == [done.mark]


@pytest.mark.parametrize("answer", ["404", "redirect"])
def test_a_refusal_surely_had_no_effect(receiver, answer):
    job(receiver)
    receiver.answers = [answer]
    assert carry_out(agreed(FIX)).status == S.FAILED
    assert receiver.effects == []


# Callbacks


def test_a_callback_before_the_answer_is_known_already(receiver, client):
    job(receiver, status_url="")
    said = []

    def call() -> None:
        said.append(call_back(client, receiver.effects[0], "succeeded", detail="3 hosts changed").json())

    receiver.before_answer = lambda key: together([call])
    done = carry_out(agreed(FIX))
    assert said == [{"status": "accepted"}]
    assert (done.status, JobCall.objects.get().state) == (S.SUCCEEDED, "succeeded")
    assert concluded(done).verification_result == "success"
    assert "execution.job" in done.incident.timeline.values_list("kind", flat=True)


def test_a_callback_settles_what_nobody_answered(receiver, client):
    job(receiver, status_url="")
    receiver.answers = ["500 after"]
    execution = agreed(FIX)
    assert once(execution).status == S.AMBIGUOUS
    assert call_back(client, execution.mark, "running").status_code == 200
    assert carry_out(execution).status == S.SUCCEEDED


def test_the_first_end_counts_however_often_and_late_another_comes(receiver, client):
    job(receiver)
    done = carry_out(agreed(FIX))
    answers = [call_back(client, done.mark, status).json()["status"] for status in ("failed", "failed", "succeeded", "running")]
    assert answers == ["accepted", "ignored", "ignored", "ignored"]
    assert JobCall.objects.get().state == "failed"


def test_a_callback_nobody_signed_is_refused_and_moves_nothing(receiver, client):
    job(receiver)
    done = carry_out(agreed(FIX))
    before = JobCall.objects.values().get()
    assert call_back(client, done.mark, "succeeded", secret="another").status_code == 401
    assert call_back(client, uuid4(), "succeeded").status_code == 401
    assert client.post("/api/v1/webhooks/job", b"{", content_type="application/json").status_code == 401
    assert JobCall.objects.values().get() == before


# What it is set up for


def test_its_own_set_up_decides_risk_and_data_impact_whatever_was_proposed(receiver):
    job(receiver, risk="high", data_impact="destructive")
    lied = FIX.model_copy(update={"declared_risk": Risk.LOW, "declared_data": DataImpact.NONE})
    exact = plan(lied, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals)
    assert (exact.action.own_risk, exact.action.risk) == (Risk.HIGH, Risk.CRITICAL)


def test_a_job_that_was_set_up_otherwise_since_is_a_drift(receiver):
    made = job(receiver)
    execution = agreed(FIX)
    made.url = f"{receiver.url}/other"
    made.save()
    assert (carry_out(execution).reason, receiver.requests) == ("drifted", [])


def test_arguments_that_it_does_not_take_are_refused(receiver):
    job(receiver)
    with pytest.raises(Conflict) as refused:
        agreed(FIX.model_copy(update={"arguments": {"become": "root"}}))
    assert refused.value.code == "arguments"


def test_arguments_of_ours_are_filled_in_where_the_job_lists_them(receiver):
    job(receiver, argument_names=["version", "aiops_key", "aiops_target"])
    done = carry_out(agreed(FIX.model_copy(update={"arguments": {"version": "41", "aiops_key": "forged"}})))
    assert receiver.requests[0]["body"]["extra_vars"] == {"version": "41", "aiops_key": done.mark, "aiops_target": "web"}


def test_without_a_dry_run_of_its_own_it_never_counts_as_rehearsed(receiver):
    made = job(receiver)
    around = plan(FIX, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals)
    assert not around.dry_run.clean
    assert around.surroundings.unread
    made.rehearses = True
    made.save()
    assert plan(FIX, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals).dry_run.clean
    assert receiver.requests[-1]["body"]["dry_run"] is True
    assert receiver.effects == []


def test_a_failover_takes_the_only_job_that_is_set_up_for_it(receiver):
    action = Failover(target=factories.WEB)
    assert not has_executor(action, "sandbox")
    job(receiver, name="db-failover", carries="failover", argument_names=[], undo="inverse")
    assert has_executor(action, "sandbox")
    assert undo_of(action, "sandbox") is Undo.INVERSE
    done = carry_out(agreed(action))
    assert (done.status, receiver.requests[0]["body"]["job"]) == (S.SUCCEEDED, "db-failover")


def test_a_job_that_can_put_it_back_is_asked_to(receiver):
    job(receiver, undo="inverse")
    receiver.answers = ["done"]
    done = concluded(carry_out(agreed(FIX)))
    undone = carry_out(rollbacks.roll_back(done, factories.make_principal("lead"), "it did not help"))
    body = receiver.requests[-1]["body"]
    assert undone.status == S.SUCCEEDED
    assert (body["direction"], body["undoes"], body["extra_vars"]) == ("rollback", done.mark, {"version": "41"})


def test_a_job_without_a_target_runs_for_its_incident(receiver):
    job(receiver)
    exact = plan(FIX.model_copy(update={"target": None}), django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals)
    incident = factories.make_incident()
    factories.make_alert(incident)
    approval = signed(exact, incident=incident)
    execution = executions.plan_execution(approval, autonomous=False, at=timezone.now())
    assert (carry_out(execution).status, execution.target_key) == (S.SUCCEEDED, f"sandbox/{incident.ref}")


@pytest.mark.parametrize("host", ["169.254.169.254", "127.0.0.2", "[::1]", "0.0.0.0"])
def test_an_address_that_is_not_allowed_is_never_asked(receiver, host):
    job(receiver, url=f"http://{host}:{receiver.port}/jobs")
    exact = plan(FIX, django_settings.CLUSTERS[0], conf=django_settings.AIOPS.approvals)
    assert not exact.dry_run.clean
    execution = executions.plan_execution(signed(exact), autonomous=False, at=timezone.now())
    assert (carry_out(execution).status, receiver.requests) == (S.FAILED, [])


def test_a_weak_secret_is_not_taken(receiver):
    with pytest.raises(ValidationError, match="at least 16"):
        job(receiver, secret="short")
