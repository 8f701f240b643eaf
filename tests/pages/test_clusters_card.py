"""The system page tells of each cluster whether it answers, and what our account may do there."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from aiops.core.clusters import Cluster
from approvals.cluster_checks import Report
from approvals.means import ClusterCheck
from tests.factories import make_user


@pytest.fixture
def told(db, visit, settings):
    def of(*reports: Report) -> str:
        settings.CLUSTERS = tuple(Cluster(name=report.cluster, kubeconfig=Path("/none"), shadow=False) for report in reports)
        for report in reports:
            kept = report.model_dump(mode="json", exclude={"checked_at"})
            ClusterCheck.objects.create(cluster=report.cluster, at=datetime.now(UTC), report=kept)
        html = visit(make_user("viewer")).get("/system").content.decode()
        return str(html.split('id="clusters"')[1].split("</section>")[0])

    return of


def report(name: str = "edge", **changed: object) -> Report:
    given = {
        "cluster": name,
        "environment": "production",
        "shadow": False,
        "read_only": False,
        "reachable": True,
        "detail": "",
        "version": "v1.32.1",
    }
    return Report(**(given | {"acting": {"restart_workload": ("*",), "cordon_drain_node": ()}} | changed))


def test_what_the_account_may_and_may_not(told):
    html = told(report(namespaces=4, lacks=("list events",), unneeded=("get secrets",)))
    assert "Answers" in html
    assert "v1.32.1, 4 namespaces" in html
    assert '<span class="mono">restart_workload</span> in every namespace</dd>' in html
    assert '<span class="mono">cordon_drain_node</span>: people act by their own means' in html
    assert "It lacks: list events" in html
    assert "get secrets" in html


def test_too_many_rights_say_that_nothing_runs_alone(told):
    html = told(report(too_many=("delete namespaces",)))
    assert "Nothing runs alone here." in html
    assert "delete namespaces. Take these rights away." in html


def test_what_does_not_answer_says_why(told):
    html = told(report("down", reachable=False, detail="connection refused"), report("up"))
    assert "Does not answer" in html
    assert "connection refused" in html
    assert "Answers" in html


def test_read_only_is_no_lack(told):
    html = told(report(read_only=True))
    assert "Look only: it is connected read-only" in html
    assert "May not" not in html


def test_without_a_cluster_it_says_what_goes_on(told):
    assert "people act by their own means" in told()
