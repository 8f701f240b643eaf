"""What our account may do on each cluster: `manage.py clusters check`, and what follows for acting alone."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError, call_command

from aiops.core.actions import RestartWorkload
from aiops.core.clusters import Cluster
from approvals import cluster_checks, policy_in_force, surveys
from approvals.means import ClusterCheck
from approvals.planning import plan
from approvals.policy import judge
from tests import factories
from tests.sandbox_server import SandboxServer

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SandboxServer]:
    with SandboxServer(tmp_path_factory.mktemp("sandbox"), speed=100) as running:
        yield running


def as_account(sandbox: SandboxServer, folder: Path, account: str, **fields) -> Cluster:
    """The sandbox as a cluster of its own name, by another account of its kubeconfig."""
    known = yaml.safe_load(sandbox.kubeconfig.read_text())
    path = folder / f"{account}.kubeconfig"
    known["contexts"] = [{"name": "it", "context": {"cluster": "sandbox", "user": account}}]
    path.write_text(yaml.safe_dump(known | {"current-context": "it"}))
    return Cluster(name=account, kubeconfig=path, environment="production", **fields)


def test_the_account_of_the_console_may_what_it_needs(sandbox, tmp_path):
    report = cluster_checks.check(as_account(sandbox, tmp_path, "aiops-console"))
    assert report.is_well, report.sentence
    assert set(report.acting.values()) == {("*",)}
    assert "delete pods" in report.unneeded


def test_an_account_that_may_only_look_is_well_where_it_is_connected_read_only(sandbox, tmp_path):
    report = cluster_checks.check(as_account(sandbox, tmp_path, "aiops-viewer", read_only=True))
    assert report.is_well
    assert set(report.acting.values()) == {()}
    assert "nothing is changed" in report.sentence


def test_an_account_of_one_namespace_may_act_there_and_lacks_the_rest(sandbox, tmp_path):
    report = cluster_checks.check(as_account(sandbox, tmp_path, "aiops-shop"))
    assert "list deployments.apps" in report.lacks
    assert not report.is_well


def test_an_account_that_may_everything_runs_nothing_alone(sandbox, tmp_path, settings):
    cluster = as_account(sandbox, tmp_path, "cluster-admin", shadow=False)
    report = cluster_checks.check(cluster)
    assert {"read secrets", "run commands in pods", "widen its own rights"} <= set(report.too_many)
    settings.CLUSTERS = (cluster,)
    assert not _executor(cluster, settings).met
    assert "read secrets" in _executor(cluster, settings).detail


def test_an_account_with_no_more_than_it_needs_meets_the_condition(sandbox, tmp_path, settings):
    cluster = as_account(sandbox, tmp_path, "aiops-console", shadow=False)
    settings.CLUSTERS = (cluster,)
    assert _executor(cluster, settings).met


def _executor(cluster: Cluster, settings):
    """The condition `executor` of a restart there."""
    action = RestartWorkload(target=factories.WEB)
    decision = factories.make_decision(factories.make_incident(cluster=cluster.name), action=action)
    made = plan(action, cluster, conf=settings.AIOPS.approvals)
    policy = policy_in_force.now()
    inputs = surveys.inputs_for(decision, made, policy=policy, at=decision.ready_at, broker_up=True)
    verdict = judge(inputs, policy.approvals, policy.trust)
    return next(reason for reason in verdict.reasons if reason.code == "executor")


def test_several_clusters_stand_side_by_side_and_the_one_that_is_down_is_named(sandbox, tmp_path, settings, capsys):
    gone = tmp_path / "gone.kubeconfig"
    gone.write_text(sandbox.kubeconfig.read_text().replace(sandbox.cluster_url, "https://127.0.0.1:1"))
    settings.CLUSTERS = (
        as_account(sandbox, tmp_path, "aiops-console"),
        as_account(sandbox, tmp_path, "aiops-viewer", read_only=True),
        Cluster(name="gone", kubeconfig=gone),
    )
    with pytest.raises(CommandError, match="gone"):
        call_command("clusters", "check", "--json")
    told = {one["cluster"]: one for one in json.loads(capsys.readouterr().out)}
    assert [one["reachable"] for one in told.values()] == [True, True, False]
    assert told["gone"]["detail"]
    assert [one.cluster for one in cluster_checks.latest()] == ["aiops-console", "aiops-viewer", "gone"]


def test_the_command_says_it_in_words(sandbox, tmp_path, settings, capsys):
    settings.CLUSTERS = (as_account(sandbox, tmp_path, "aiops-console"),)
    call_command("clusters", "check")
    told = capsys.readouterr().out
    assert "may look at all it needs" in told
    assert "restart_workload: everywhere" in told


def test_what_was_never_asked_is_not_said_to_be_well(settings, sandbox, tmp_path):
    settings.CLUSTERS = (as_account(sandbox, tmp_path, "aiops-console"),)
    assert cluster_checks.is_due()
    assert not cluster_checks.latest()[0].reachable
    cluster_checks.check_all()
    assert not cluster_checks.is_due()
    assert ClusterCheck.objects.count() == 1
