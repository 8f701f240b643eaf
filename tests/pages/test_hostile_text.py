"""Texts from outside are data: escaped, cut, and without a hidden character, on every page that shows them."""

from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.outbox.models import Channel, Notification
from aiops.rendering import visible
from approvals.models import Signature
from governance.conditions import Condition, observe, recover
from governance.models import GovernanceEvent
from incidents.models import Evidence, Incident, Opinion, QuarantinedAlert, TimelineEvent
from learning import playbook_versions
from learning.models import Playbook, TrustEvent, TrustGrant, TrustRecord
from tests.factories import (
    make_alert,
    make_approval,
    make_decision,
    make_execution,
    make_incident,
    make_playbook,
    make_proposal,
    make_user,
)
from tests.pages.scene import assessment

TEXT = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'&\u202erm -rf /\u2066\x1b[31m\u200b"
LONG = "x" * 10_240


def everything_says(text: str) -> Incident:
    """An incident all of whose texts are `text`, with an act that was done about it."""
    incident = make_incident(
        title=text[:300], alert_name=text[:200], namespace="shop", services=[text[:200]], notes=text, environment=text[:40]
    )
    alert = make_alert(
        incident, name=text[:200], labels={text[:60]: text, "a": LONG}, annotations={text[:60]: text}, source=text[:100]
    )
    Incident.objects.filter(pk=incident.pk).update(root_alert=alert)
    proposal = make_proposal(description=text, reasoning=text, model=text, provider=text, engine_degraded=(text,), confidence=0.5)
    reasons = [{"code": text, "met": False, "detail": text}, {"code": "tier", "met": True, "detail": text}]
    blast = assessment()["blast_radius"] | {
        "related_services": [text],
        "factors": [{"label": text, "points": 3, "most": 5, "detail": text}],
    }
    dry_run = {"clean": False, "ms": 3, "error": text, "changes": [[text, text, {"a": text}]]}
    decision = make_decision(
        incident, proposal_data=proposal.to_json(), error=text, assessed_at=timezone.now(),
        assessment={"blast_radius": blast, "reasons": reasons, "sentence": text, "level": "two people", "plan": {"dry_run": dry_run}},
    )  # fmt: skip
    Opinion.objects.create(decision=decision, engine="llm", status="answered", reasoning=text, proposal_data=proposal.to_json())
    Evidence.objects.create(incident=incident, decision=decision, kind="logs", title=text, content=text)
    Evidence.objects.create(incident=incident, decision=decision, kind="logs", title=text, error=text)
    TimelineEvent.record(incident, "decision.ready", text[:200], detail=text, actor=text[:100])
    approval = make_approval(decision, required_signatures=2, reason=text)
    Signature.objects.create(approval=approval, by=text[:100], via="api", digest="x", comment=text)
    make_execution(
        approval, status="failed", detail=text, reason=text[:40], autonomous=True,
        verification={"checks": [{"name": text, "met": False, "detail": text}], "before": {text: text}, "after": {text: text}},
        dry_run={"clean": False, "ms": 1, "error": text},
    )  # fmt: skip
    QuarantinedAlert.objects.create(source=text[:100], raw=text + LONG, digest="d", reason=text)
    channel = Channel.objects.create(name=text[:90], address="https://example.com")
    Notification.objects.create(fact="f", channel=channel, kind=text[:40], status="dead", error=text)
    make_alert(status="stale", name=text[:200], source=text[:100])
    observe(
        Condition("k", text[:200], text, text + LONG, text + LONG, text, GovernanceEvent.Level.CRITICAL), seen_at=timezone.now()
    )
    observe(Condition("over", "", text, text, text, text), seen_at=timezone.now())
    recover("over", still=())
    everything_learned_says(text)
    return incident


def everything_learned_says(text: str) -> None:
    now = timezone.now()
    record = TrustRecord.objects.create(
        pattern=text, environment=text[:40], namespace=text[:200], alert_name=text[:200], cluster=text[:60]
    )
    TrustEvent.objects.create(
        record=record, kind="reject", at=now, df=0.5, dscore=-2, decision=1, actor=text, reason=text, successes=0, failures=0.5,
        score=0, step=0,
    )  # fmt: skip
    lead = make_user("lead", name=text[:100])
    TrustGrant.objects.create(record=record, kind="revoke", by=lead, reason=text, until=now + timedelta(days=1))
    playbook = make_playbook(name=text, description=text, alert_names=[text], services=[text], labels={text: text})
    playbook.steps.update(parameters={text: text}, expected_effect=text, verify=text, rollback=text, target_name=text)
    playbook_versions.keep(playbook, by=text)


@pytest.fixture
def pages(db, visit):
    """Every page that shows such an incident, as its HTML."""
    incident = everything_says(TEXT)
    client = visit(make_user("lead", name=TEXT[:100]))
    learned = (f"/trust?row={TrustRecord.objects.get().pk}", Playbook.objects.get().get_absolute_url())
    addresses = [
        "/trust", *learned, "/playbooks", "/approvals?show=decided", "/actions/preview?command=%3Cscript%3Ealert(1)",
        "/", "/incidents", "/incidents?q=%3Cscript%3Ealert(1)%3C/script%3E", "/approvals", "/system", "/audit", "/settings",
        incident.get_absolute_url(), f"/anomalies/{incident.anomaly_key}", "/find?q=script", f"/live?topic={incident.topic}",
        "/live?topic=overview", "/live?topic=approvals", "/incidents/INC-%3Cscript%3E", "/audit?q=%22%3E%3Cscript%3Ealert(1)",
    ]  # fmt: skip
    return {address: client.get(address).content.decode() for address in addresses}


def test_no_markup_from_outside_reaches_a_page(pages):
    for address, html in pages.items():
        for payload in ("<script>alert", "<img src=x", '<script>"', '"><script'):
            assert payload not in html, (address, payload)


def test_hidden_characters_are_shown(pages):
    for address, html in pages.items():
        assert visible(html) == html, address
    assert "[U+202E]rm -rf /" in pages["/"]
    assert "␛[31m" in pages["/approvals"]


def test_long_values_are_cut_where_a_line_is_shown(pages):
    for address, html in pages.items():
        assert LONG not in html, address
    assert "(10,240 characters)" in next(html for address, html in pages.items() if address.startswith("/incidents/INC-"))


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("a\x00b", "a␀b"),
        ("tab\tline\n", "tab\tline\n"),
        ("a\r\nb", "a\nb"),
        ("\u202eabc", "[U+202E]abc"),
        ("Köln 日本 שלום", "Köln 日本 שלום"),
    ],
)
def test_only_what_cannot_be_seen_is_replaced(given, shown):
    assert visible(given) == shown
