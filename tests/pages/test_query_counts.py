"""The number of queries of a page does not grow with what it shows."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from aiops.access.models import ApiToken, AuditEntry
from aiops.outbox.models import Channel, Notification
from approvals.models import Attempt, Signature
from governance.models import GovernanceEvent
from incidents.models import Delivery, Evidence, Incident, Opinion, QuarantinedAlert, TimelineEvent
from learning.models import TrustEvent, TrustGrant, TrustRecord
from tests.factories import make_alert, make_approval, make_decision, make_execution, make_incident, make_playbook, make_user
from tests.pages.scene import assessment


def add_incidents(user, numbers: range) -> None:
    """One of each a number: waiting for signatures, acted alone, closed, put aside, sent, recorded."""
    now = timezone.now()
    channel = Channel.objects.get_or_create(name="ops", defaults={"address": "https://example.com"})[0]
    for n in numbers:
        waiting = make_incident(anomaly_key="a" * 16, owner=user)
        make_alert(waiting, anomaly_key="a" * 16, status="stale", source=f"source{n}")
        approval = make_approval(
            make_decision(waiting, assessment=assessment(), assessed_at=now), required_signatures=3, author=make_user()
        )
        for name in (f"one{n}", f"two{n}"):
            Signature.objects.create(approval=approval, user=make_user("lead", username=name), by=name, via="api", digest="x")
        done = make_incident(status="resolved", resolved_at=now, anomaly_key="a" * 16)
        signed = make_approval(make_decision(done, state="COMPLETED"), status="approved", decided_at=now)
        Signature.objects.create(approval=signed, by="autonomy", via="system", digest="x")
        make_execution(signed, status="succeeded", autonomous=True, verified_at=now, verification_result="success")
        Delivery.objects.create(source=f"source{n}", accepted=1)
        QuarantinedAlert.objects.create(source=f"source{n}", raw="{}", digest=str(n), reason="bad")
        Notification.objects.create(fact=f"f{n}", channel=channel, kind="k", status="dead")
        AuditEntry.objects.create(user=user, actor="x", via="api", act="read", object_kind="incident", object_id=str(n))
        ApiToken.issue(f"token{n}", user=user)
        record = TrustRecord.objects.create(pattern=f"restart:web-{n}-*", environment="production", namespace=f"n{n}")
        TrustGrant.objects.create(record=record, kind="revoke", by=user, reason="r", until=now + timedelta(days=1))
        add_ledger(record, 2)
        for resolved_at in (None, now):
            GovernanceEvent.objects.create(kind="k", key=f"{n}", level="critical", title=f"event {n}", resolved_at=resolved_at)
        make_playbook(name=f"Restart it {n}", steps=("restart_workload", "delete_pod"))


def add_ledger(record: TrustRecord, number: int) -> None:
    for _ in range(number):
        TrustEvent.objects.create(
            record=record, kind="outcome", at=timezone.now(), ds=1.0, dscore=1, execution=uuid4(), successes=1.0, failures=0.0,
            score=1, step=0,
        )  # fmt: skip


def fill(incident: Incident, number: int) -> None:
    """`number` of everything that an incident's page lists."""
    decision = incident.decisions.get()
    for n in range(number):
        make_alert(incident)
        Opinion.objects.create(decision=decision, engine=f"engine{n}", status="nothing")
        Evidence.objects.create(incident=incident, decision=decision, kind="logs", title="t")
        TimelineEvent.record(incident, "decision.ready", "t")
        name = f"{incident.ref}-{n}"
        Signature.objects.create(approval=decision.approval, user=make_user(username=name), by=name, via="api", digest="x")
        execution = make_execution(decision.approval, step=n + 1, status="failed")
        Attempt.objects.create(execution=execution, n=1, body_digest="x")


def queries(client, address: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len(captured)


@pytest.mark.parametrize(
    "address",
    [
        "/", "/incidents", "/incidents?show=all", "/incidents?show=closed", "/approvals", "/approvals?show=decided", "/trust", "/playbooks", "/system", "/audit", "/settings",
        f"/anomalies/{'a' * 16}", "/find?q=rest", "/live?topic=overview", "/live?topic=approvals", "/live?topic=overview&page=incidents",
    ],
)  # fmt: skip
def test_a_list_asks_as_much_for_thirty_rows_as_for_two(db, visit, address):
    person = make_user("lead")
    client = visit(person)
    add_incidents(person, range(2))
    with_two = queries(client, address)
    add_incidents(person, range(2, 30))
    assert queries(client, address) == with_two


def test_an_incidents_page_asks_as_much_for_thirty_rows_as_for_two(db, visit):
    client = visit(make_user("lead"))
    small, large = (make_approval(make_decision(make_incident(), assessment=assessment())).incident for _ in range(2))
    fill(small, 2)
    fill(large, 30)
    assert queries(client, large.get_absolute_url()) == queries(client, small.get_absolute_url())


def test_a_trust_row_and_a_playbook_ask_as_much_for_many_lines_as_for_two(db, visit):
    person = make_user("lead")
    client = visit(person)
    add_incidents(person, range(2))
    small, large = TrustRecord.objects.order_by("pk")
    add_ledger(large, 28)
    TrustGrant.objects.bulk_create(
        TrustGrant(record=large, kind="grant", by=person, reason="r", until=timezone.now() + timedelta(days=1)) for _ in range(28)
    )
    assert queries(client, f"/trust?row={large.pk}") == queries(client, f"/trust?row={small.pk}")
    short, long = make_playbook(), make_playbook(steps=("restart_workload",) * 12)
    assert queries(client, long.get_absolute_url()) == queries(client, short.get_absolute_url())
