"""A real Alertmanager, configured with the file that the README names, sends to the running product."""

from collections.abc import Iterator

import pytest

from tests.alertmanager import PROGRAM, Alertmanager, free_port
from tests.product import Product, wait_for

pytestmark = [
    pytest.mark.alertmanager,
    pytest.mark.skipif(
        PROGRAM is None, reason="prometheus-alertmanager is not installed: apt-get install prometheus-alertmanager"
    ),
]
PORT = free_port()
LONG = 120.0  # a busy machine


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """It knows where the Alertmanagers of this module listen, and looks at their list often."""
    environment = {"AIOPS_ALERTMANAGER_URL": f"http://127.0.0.1:{PORT}", "AIOPS_INCIDENTS__RECONCILE_EVERY_S": "2"}
    with Product(sandbox=False, environment=environment) as running:
        yield running


@pytest.fixture
def alertmanager(product: Product) -> Iterator[Alertmanager]:
    with Alertmanager(product_url=product.base_url, token=product.bootstrap["webhook_token"], port=PORT) as running:
        yield running


def alert(namespace: str, deployment: str = "web", **more: str) -> dict[str, str]:
    labels = {"alertname": "KubePodCrashLooping", "namespace": namespace, "deployment": deployment, "severity": "warning"}
    return labels | more


def episodes(product: Product, namespace: str) -> dict[str, str]:
    """Fingerprint and status of every episode in a namespace; fails where one alert has two."""
    query = f"select fingerprint, status from incidents_alert where labels->>'namespace' = '{namespace}'"
    rows = product.ask_database(query)
    assert len({fingerprint for fingerprint, _ in rows}) == len(rows), f"an alert is there twice: {rows}"
    return dict(rows)


def statuses(product: Product, namespace: str) -> list[str]:
    return sorted(episodes(product, namespace).values())


def incidents(product: Product, namespace: str) -> list[dict[str, object]]:
    with product.client() as client:
        items: list[dict[str, object]] = client.get("/api/v1/incidents", params={"namespace": namespace, "limit": 200}).json()[
            "items"
        ]
    return items


def test_an_alert_is_followed_from_firing_by_its_repeats_to_its_end(product: Product, alertmanager: Alertmanager) -> None:
    alertmanager.fire(alert("one"))
    wait_for(lambda: incidents(product, "one"), within_s=LONG, why=alertmanager.said)
    (incident,) = incidents(product, "one")
    assert (incident["status"], incident["target"]) == ("open", {"kind": "Deployment", "namespace": "one", "name": "web"})
    heard = "select occurrences from incidents_alert where labels->>'namespace' = 'one'"
    wait_for(lambda: int(product.ask_database(heard)[0][0]) > 1, within_s=LONG, why="it is repeated")
    assert len(incidents(product, "one")) == 1
    alertmanager.resolve(alert("one"))
    wait_for(lambda: incidents(product, "one")[0]["status"] == "resolved", within_s=LONG, why="it ended")
    assert incidents(product, "one")[0]["disposition"] == "self_resolved"


def test_a_group_arrives_in_one_message_and_ends_alert_by_alert(product: Product, alertmanager: Alertmanager) -> None:
    group = [alert("group", f"web{n}") for n in range(12)]
    alertmanager.fire(*group)
    wait_for(lambda: statuses(product, "group") == ["firing"] * 12, within_s=LONG, why=alertmanager.said)
    assert product.ask_database("select 1 from incidents_delivery where accepted = 12")
    alertmanager.resolve(*group[:5])
    alertmanager.fire(*group[5:], alert("group", "late"))
    wait_for(lambda: statuses(product, "group") == ["firing"] * 8 + ["resolved"] * 5, within_s=LONG, why="a mixed batch arrived")
    alertmanager.resolve(*group[5:], alert("group", "late"))
    wait_for(lambda: statuses(product, "group") == ["resolved"] * 13, within_s=LONG, why="all ended")
    assert {incident["status"] for incident in incidents(product, "group")} == {"resolved"}


def test_nothing_is_lost_or_doubled_when_web_is_killed_in_the_middle(product: Product, alertmanager: Alertmanager) -> None:
    storm = [alert(f"kill{n % 6}", f"web{n}") for n in range(60)]
    for n in range(0, 60, 10):
        alertmanager.fire(*storm[n : n + 10])
        if n in (10, 30):
            product.kill("web")
    namespaces = [f"kill{n}" for n in range(6)]
    wait_for(lambda: sum(len(episodes(product, name)) for name in namespaces) == 60, within_s=LONG, why=alertmanager.said)
    alertmanager.resolve(*storm[:30])
    product.kill("web")
    alertmanager.resolve(*storm[30:])

    def all_over() -> bool:
        return all(status == "resolved" for name in namespaces for status in statuses(product, name))

    wait_for(all_over, within_s=LONG, why=alertmanager.said)
    opened = product.ask_database(
        "select count(*), count(distinct target_name) from incidents_incident where namespace like 'kill%'"
    )
    assert opened == [["60", "60"]]


def test_an_end_that_alertmanager_told_nobody_is_found_in_its_list(product: Product, alertmanager: Alertmanager) -> None:
    """Whatever resolves while it is silenced is told to nobody."""
    alertmanager.fire(alert("missed"), alert("missed", "cart"))
    listed = "select count(listed_at) from incidents_alert where labels->>'namespace' = 'missed'"
    wait_for(lambda: product.ask_database(listed) == [["2"]], within_s=LONG, why=product.said)
    alertmanager.silence(deployment="web", namespace="missed")
    alertmanager.resolve(alert("missed"))
    wait_for(lambda: statuses(product, "missed") == ["firing", "resolved"], within_s=LONG, why=product.said)
    over = (
        "select e.title from incidents_timelineevent e join incidents_incident i on i.id = e.incident_id"
        " where e.kind = 'alert.reconciled' and i.namespace = 'missed'"
    )
    assert product.ask_database(over) == [["KubePodCrashLooping is not in Alertmanager's list any more"]]


def test_what_a_group_leaves_out_is_taken_from_the_list(product: Product) -> None:
    cut = {"max_alerts: 0": "max_alerts: 1"}
    with Alertmanager(product_url=product.base_url, token=product.bootstrap["webhook_token"], port=PORT, changes=cut) as running:
        running.fire(*[alert("cut", f"web{n}") for n in range(5)])
        wait_for(lambda: statuses(product, "cut") == ["firing"] * 5, within_s=LONG, why=running.said)
    left_out = "select 1 from governance_governanceevent where kind = 'alerts_truncated'"
    wait_for(lambda: product.ask_database(left_out), within_s=LONG, why=product.said)
