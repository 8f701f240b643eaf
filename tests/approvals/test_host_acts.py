"""An act on a machine: the same protocol as for a cluster, begun once by a marker, against a real sshd."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.utils import timezone

from aiops.connectors.errors import Ambiguous
from aiops.core.actions import CleanDisk, RestartServiceHost
from aiops.core.clusters import Cluster
from aiops.core.errors import Conflict
from aiops.core.targets import Target
from approvals import assessment
from approvals import execution as executions
from approvals.means import Host
from approvals.models import Execution
from approvals.reach import has_executor
from tests import factories
from tests.approvals.acting import let_pass, signed
from tests.approvals.outside import agreed, carry_out, concluded, planned_for
from tests.machine import Machine, needs_sshd
from tests.product import wait_for
from tests.threads import together

pytestmark = [pytest.mark.sshd, pytest.mark.django_db]
S = Execution.Status
NGINX = RestartServiceHost(target=Target(kind="Host", name="web-1", unit="nginx"))
SHORT = {
    "readback_after_s": (0.05, 0.1),
    "readback_every_s": 0.1,
    "retry_backoff_s": 0.1,
    "read_timeout_s": 30.0,
    "act_within_s": 120.0,
    "ssh_timeout_s": 30.0,
    "stable_for_s": 0.2,
    "alert_clears_within_s": 30.0,
    "verify_every_s": 0.0,
}


@pytest.fixture
def machine(tmp_path: Path, settings) -> Iterator[Machine]:
    """`web-1` of cluster `sandbox` with service nginx and container app, set up as an admin does."""
    needs_sshd()
    with Machine(tmp_path) as running:
        running.service("nginx")
        running.container("app")
        conf = django_settings.AIOPS
        approvals = conf.approvals.model_copy(update=SHORT)
        settings.AIOPS = conf.model_copy(update={"approvals": approvals, "ssh_key_file": running.key})
        settings.CLUSTERS = (Cluster(name="sandbox", in_cluster=True, shadow=False),)
        host = Host(
            cluster="sandbox",
            name="web-1",
            address="127.0.0.1",
            port=running.port,
            user=running.user,
            host_key=running.host_key,
            services=["nginx"],
            containers=["app"],
            clean_paths=[str(running.files)],
            marker_dir=str(running.markers),
        )
        host.full_clean()
        host.save()
        yield running


def test_a_service_is_restarted_once_and_seen_to_be_up(machine):
    done = concluded(carry_out(agreed(NGINX)))
    assert machine.effects == ["restart nginx"]
    assert (done.status, done.verification_result) == (S.SUCCEEDED, "success")
    assert (machine.markers / done.mark).is_dir()


def test_a_container_is_restarted(machine):
    done = concluded(carry_out(agreed(NGINX.model_copy(update={"manager": "docker", "target": target("app")}))))
    assert (done.verification_result, machine.effects) == ("success", ["restart app"])


def target(unit: str) -> Target:
    return Target(kind="Host", name="web-1", unit=unit)


def test_a_disk_is_cleaned_where_most_can_be_freed(machine):
    old = machine.old_file("a.log", 5_000)
    exact = planned_for(CleanDisk(target=Target(kind="Host", name="web-1")))
    assert exact.action.path == str(machine.files)
    done = carry_out(executions.plan_execution(signed(exact), autonomous=False, at=timezone.now()))
    assert (done.status, old.exists()) == (S.SUCCEEDED, False)


def test_a_service_that_does_not_come_back_is_verified_as_failed(machine):
    machine.fault("restart", "broken")
    done = concluded(carry_out(agreed(NGINX)))
    assert (done.verification_result, done.verification_reason) == ("failed", "rollout_failed")


def test_a_lost_answer_is_found_by_marker_and_changed_value(machine):
    machine.fault("restart", "late")
    machine.cut_when_held()
    done = carry_out(agreed(NGINX))
    assert done.status == S.SUCCEEDED
    assert done.attempts.get().outcome == "applied"
    assert machine.effects == ["restart nginx"]


def test_what_has_begun_and_is_not_done_is_never_sent_again(machine):
    """The command hangs before it does anything: whether it still will nobody knows, so a person is asked."""
    machine.fault("restart", "held")
    machine.cut_when_held()
    execution = agreed(NGINX)
    executions.execute(execution.pk, who="test")
    execution.refresh_from_db()
    assert execution.status == S.AMBIGUOUS
    let_pass(execution, 700)
    executions.execute(execution.pk, who="test")
    execution.refresh_from_db()
    assert execution.escalated_at is not None
    assert execution.attempts.filter(is_fence=False).count() == 1
    machine.release()
    wait_for(lambda: machine.effects == ["restart nginx"], within_s=60)
    let_pass(execution, 20)
    assert carry_out(execution).status == S.SUCCEEDED
    assert machine.effects == ["restart nginx"]


def test_what_never_began_is_kept_from_beginning_and_told(machine):
    """The worker ends between its note and the marker: whoever comes next takes the marker away from it."""
    execution = agreed(NGINX)
    executions.execute(execution.pk, who="test", connect=lambda _: Lost(machine))
    execution.refresh_from_db()
    assert (execution.status, execution.reason) == (S.FAILED, "not_begun")
    assert machine.effects == []
    assert (machine.markers / execution.mark / "fenced").is_dir()


class Lost:
    """The machine as it is, but the first request to change something is lost on the way."""

    def __init__(self, machine: Machine) -> None:
        self._real, self._lost = executions.connector(django_settings.AIOPS.approvals)(django_settings.CLUSTERS[0]), False

    def __getattr__(self, name: str):
        return getattr(self._real, name)

    def send(self, request, *, dry_run: bool = False):
        if not dry_run and not self._lost:
            self._lost = True
            raise Ambiguous("restart nginx on web-1", "connection reset")
        return self._real.send(request, dry_run=dry_run)


@pytest.mark.django_db(transaction=True)
def test_of_two_workers_with_one_act_one_restarts(machine):
    execution = agreed(NGINX)
    machine.fault("restart", "held")

    def second() -> None:
        wait_for((machine.state / "held").exists, within_s=60)
        let_pass(execution, 40)  # the first one's lease is over
        machine.release()
        executions.execute(execution.pk, who="second")

    together([lambda: executions.execute(execution.pk, who="first"), second])
    execution.refresh_from_db()
    assert machine.effects == ["restart nginx"]
    assert execution.status == S.SUCCEEDED


def test_a_unit_file_that_was_exchanged_is_a_drift(machine):
    execution = agreed(NGINX)
    machine.service("nginx", FragmentPath="/etc/systemd/system/nginx.service")
    done = carry_out(execution)
    assert (done.status, done.reason, machine.effects) == (S.CANCELLED, "drifted", [])


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"CanStart": "no"}, "masked"),
        ({"NeedDaemonReload": "yes"}, "needs_reload"),
        ({"ActiveState": "activating"}, "nothing_to_do"),
    ],
)
def test_what_must_not_be_restarted_is_refused_with_the_reason(machine, fields, code):
    machine.service("nginx", **fields)
    with pytest.raises(Conflict) as refused:
        planned_for(NGINX)
    assert refused.value.code == code


@pytest.mark.parametrize("unit", ["sshd", "app"])
def test_what_is_not_on_the_list_is_not_planned(machine, unit):
    with pytest.raises(Conflict) as refused:
        planned_for(NGINX.model_copy(update={"target": target(unit)}))
    assert refused.value.code == "not_allowed"


def test_a_machine_that_nobody_set_up_has_no_executor(machine):
    other = NGINX.model_copy(update={"target": Target(kind="Host", name="db-1", unit="nginx")})
    assert has_executor(NGINX, "sandbox")
    assert not has_executor(NGINX, "another")
    incident = factories.make_incident(target=other.target)
    assert assessment.not_here(incident, other).code == "executor"


def test_the_only_machine_of_a_service_leaves_nothing_and_two_leave_one(machine):
    assert planned_for(NGINX).surroundings.replicas_left == 0
    Host.objects.create(cluster="sandbox", name="web-2", host_key="x", services=["nginx", "php-fpm"])
    around = planned_for(NGINX).surroundings
    assert (around.pods_affected, around.pods_total, around.replicas_left) == (1, 2, 1)


def test_what_is_logged_and_kept_holds_no_key(machine, caplog):
    done = carry_out(agreed(NGINX))
    secret = machine.key.read_text().splitlines()[1]
    kept = f"{caplog.text} {done.before} {done.dry_run} {[a.body for a in done.attempts.all()]}"
    assert secret not in kept
    assert "canary" not in kept
