"""What people do on an incident's page: by a plain form, and by htmx."""

import pytest

from aiops.access.models import AuditEntry
from incidents.models import Alert, Decision, Hold, Incident, QuarantinedAlert
from tests.factories import make_user

HTMX = {"HX-Request": "true", "HX-Current-URL": "http://testserver/incidents/INC-1"}


def post_forms(html: str) -> list[str]:
    return [part.split('action="')[1].split('"')[0] for part in html.split("<form ")[1:] if 'method="post"' in part.split(">")[0]]


def test_a_viewer_is_offered_nothing(night, visit):
    client = visit(night.people["vera"])
    for incident in (night.ready, night.single, night.done, night.told):
        html = client.get(incident.get_absolute_url()).content.decode()
        assert post_forms(html) == [], incident
    assert post_forms(client.get("/approvals").content.decode()) == []
    assert post_forms(client.get("/system").content.decode()) == []


def test_a_responder_is_offered_what_one_person_may_sign(night, visit):
    client = visit(night.people["jonas"])
    assert f"/approvals/{night.approval.pk}/approve" not in client.get(night.ready.get_absolute_url()).content.decode()
    single = client.get(night.single.get_absolute_url()).content.decode()
    assert f"/approvals/{night.single.approvals.get().pk}/approve" in single
    assert "Override" not in single
    assert "needs the role lead. You are responder" in client.get(night.ready.get_absolute_url()).content.decode()


def test_whoever_has_signed_waits_for_another(night, visit):
    html = visit(night.people["aisha"]).get(night.ready.get_absolute_url()).content.decode()
    assert "You have signed. Another person has to as well." in html
    assert f"/approvals/{night.approval.pk}/approve" not in html


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_taking_an_incident_and_giving_it_back(night, visit, headers):
    client = visit(night.people["jonas"])
    address = night.single.get_absolute_url()
    answer = client.post(f"{address}/own", headers=headers)
    night.single.refresh_from_db()
    assert night.single.owner == night.people["jonas"]
    if headers:
        assert 'id="head"' in answer.content.decode()
        assert "You have it." in answer.content.decode()
    else:
        assert answer["Location"] == address
        assert "You have it." in client.get(address).content.decode()
    client.post(f"{address}/release", headers=headers)
    night.single.refresh_from_db()
    assert night.single.owner is None


def test_resolving_by_hand_keeps_the_note(night, visit):
    client = visit(night.people["jonas"])
    client.post(f"{night.single.get_absolute_url()}/resolve", {"note": "scaled it myself"})
    html = client.get(night.single.get_absolute_url()).content.decode()
    assert Incident.objects.get(pk=night.single.pk).status == "resolved"
    assert "scaled it myself" in html


def test_analyzing_again_begins_a_new_decision(night, visit):
    visit(night.people["jonas"]).post(f"{night.ready.get_absolute_url()}/reanalyze")
    newest = Decision.objects.filter(incident=night.ready).first()
    assert (newest.state, Decision.objects.filter(incident=night.ready).count()) == ("INIT", 2)


@pytest.mark.parametrize("act", ["own", "release", "resolve", "close", "reanalyze"])
def test_a_viewer_who_posts_anyway_is_refused_with_the_role_that_is_needed(night, visit, act):
    before = Incident.objects.filter(pk=night.single.pk).values().get()
    answer = visit(night.people["vera"]).post(f"{night.single.get_absolute_url()}/{act}", headers=HTMX)
    assert answer.status_code == 403
    assert "needs the role responder" in answer.content.decode()
    assert Incident.objects.filter(pk=night.single.pk).values().get() == before


def test_a_refusal_by_a_plain_form_is_a_page_that_leads_back(night, visit):
    answer = visit(night.people["vera"]).post(
        f"{night.single.get_absolute_url()}/own", headers={"Referer": "http://testserver/incidents/INC-3"}
    )
    html = answer.content.decode()
    assert "<html" in html
    assert 'href="http://testserver/incidents/INC-3"' in html


def test_a_refusal_never_leads_back_to_another_host(night, visit):
    answer = visit(night.people["vera"]).post(
        f"{night.single.get_absolute_url()}/own", headers={"Referer": "https://evil.example/"}
    )
    assert "evil.example" not in answer.content.decode()


def test_a_conflict_says_how_it_stands_now(night, visit):
    answer = visit(night.people["mira"]).post(f"{night.done.get_absolute_url()}/resolve", headers=HTMX)
    assert answer.status_code == 409
    assert "is resolved already" in answer.content.decode()


def test_a_quarantined_alert_is_discarded_or_tried_again(db, visit):
    client = visit(make_user("responder"))
    bad = QuarantinedAlert.objects.create(source="alertmanager", raw='{"labels": 7}', digest="1", reason="labels")
    good = QuarantinedAlert.objects.create(
        source="alertmanager", digest="2", reason="?",
        raw='{"status": "firing", "labels": {"alertname": "Up"}, "annotations": {}, "startsAt": "2026-01-01T00:00:00Z"}',
    )  # fmt: skip
    assert client.post(f"/quarantine/{bad.pk}/retry", headers=HTMX).status_code == 422
    client.post(f"/quarantine/{bad.pk}/discard")
    client.post(f"/quarantine/{good.pk}/retry")
    assert set(QuarantinedAlert.objects.values_list("status", flat=True)) == {"discarded", "retried"}
    assert Alert.objects.filter(name="Up").exists()


WHY = {"reason": "Both are the cart cache"}


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_merging_leads_to_the_incident_that_goes_on(night, visit, headers):
    client, address = visit(night.people["mira"]), night.told.get_absolute_url()
    html = client.get(address).content.decode()
    assert f'value="{night.single.ref}"' in html, "offered by its reference"
    answer = client.post(f"{address}/merge", {"into": night.single.ref.lower(), **WHY}, headers=headers)
    assert answer["HX-Redirect" if headers else "Location"] == night.single.get_absolute_url()
    html = client.get(night.single.get_absolute_url()).content.decode()
    assert f"{night.told.ref} was merged into this." in html
    assert WHY["reason"] in html
    night.told.refresh_from_db()
    assert (night.told.merged_into, night.told.status) == (night.single, "closed")
    assert "Open again" not in client.get(address).content.decode()


def test_chosen_alerts_are_split_off_into_an_incident_of_their_own(night, visit):
    client, address = visit(night.people["mira"]), night.ready.get_absolute_url()
    chosen = night.ready.alerts.get(name="ErrorBudgetBurn")
    assert f'name="alerts" value="{chosen.pk}"' in client.get(address).content.decode()
    answer = client.post(f"{address}/split", {"alerts": [chosen.pk], **WHY})
    chosen.refresh_from_db()
    assert answer["Location"] == chosen.incident.get_absolute_url()
    assert chosen.incident.split_from == night.ready
    assert WHY["reason"] in client.get(answer["Location"]).content.decode()
    again = client.post(f"{address}/split", {"alerts": [chosen.pk], **WHY}, headers=HTMX)
    assert "choose alerts of this incident" in again.content.decode()


def test_a_silence_is_as_long_as_the_role_allows(night, visit):
    address = night.single.get_absolute_url()
    responder = visit(night.people["jonas"])
    html = responder.get(address).content.decode()
    assert ('<option value="14400"' in html, '<option value="86400"' in html) == (True, False)
    assert responder.post(f"{address}/silence", {"for_s": "86400"}, headers=HTMX).status_code == 403
    assert responder.post(f"{address}/silence", {"for_s": "soon"}, headers=HTMX).status_code == 422
    answer = responder.post(f"{address}/silence", {"for_s": "3600", "comment": "Known, a fix rolls out"}, headers=HTMX)
    assert "Silenced until" in answer.content.decode()
    assert "Known, a fix rolls out" in responder.get(address).content.decode()
    assert Hold.objects.get().stops == ["notify"]


def test_what_was_resolved_too_early_is_opened_again(night, visit):
    client, address = visit(night.people["jonas"]), night.single.get_absolute_url()
    client.post(f"{address}/resolve")
    assert f'action="{address}/reopen"' in client.get(address).content.decode()
    client.post(f"{address}/reopen", {"note": "The lag grows again"})
    night.single.refresh_from_db()
    assert night.single.status == "open"
    assert night.single.decisions.first().state == "INIT"
    assert "The lag grows again" in client.get(address).content.decode()
    assert AuditEntry.objects.get(incident_ref=night.single.ref, detail__outcome="reopened").actor == "jonas"
    assert client.post(f"{address}/reopen", headers=HTMX).status_code == 409


def test_it_is_not_opened_again_beside_another_about_the_same(night, visit):
    client, address = visit(night.people["jonas"]), night.single.get_absolute_url()
    client.post(f"{address}/resolve")
    for incident in (night.single, night.told):
        Incident.objects.filter(pk=incident.pk).update(anomaly_key="0123456789abcdef")
    answer = client.post(f"{address}/reopen", headers=HTMX)
    assert answer.status_code == 409
    assert f"{night.told.ref} is open about the same" in answer.content.decode()


@pytest.mark.parametrize("act", ["merge", "split"])
def test_a_responder_neither_merges_nor_splits(night, visit, act):
    client, address = visit(night.people["jonas"]), night.ready.get_absolute_url()
    assert f'action="{address}/{act}"' not in client.get(address).content.decode()
    fields = {"into": night.single.ref, "alerts": [night.ready.root_alert_id], **WHY}
    answer = client.post(f"{address}/{act}", fields, headers=HTMX)
    assert answer.status_code == 403
    assert "needs the role lead" in answer.content.decode()


def test_the_draft_of_a_postmortem_is_a_link_away(night, visit):
    client = visit(night.people["vera"])
    draft = f"/api/v1/incidents/{night.ready.ref}/postmortem"
    assert f'href="{draft}"' in client.get(night.ready.get_absolute_url()).content.decode()
    assert night.ready.title in client.get(draft).content.decode()
