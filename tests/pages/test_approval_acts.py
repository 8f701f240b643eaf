"""Signing, rejecting, replacing, stopping and undoing on pages: by a plain form, and by htmx."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from aiops.access.authentication import LOGIN_AT
from aiops.core.clusters import Cluster
from approvals import autonomy
from approvals.models import Approval, Execution, Signature
from incidents.models import Decision
from learning.models import TrustRecord
from tests.factories import make_approval, make_decision, make_incident, make_principal, make_user
from tests.pages import scene
from tests.sandbox_server import SandboxServer

HTMX = {"HX-Request": "true"}
REASON = {"reason": "The cart service answers too late"}


def from_page(address: str) -> dict[str, str]:
    return {**HTMX, "HX-Current-URL": f"http://testserver{address}"}


def digest_on(html: str, approval: Approval) -> str:
    dialog = html.split(f'<dialog id="approve-{approval.pk}"')[1].split("</dialog>")[0]
    return re.search(r'name="digest" value="(\w+)"', dialog)[1]


def test_the_second_signature_by_a_plain_form_starts_the_act(night, visit):
    client, address = visit(night.people["mira"]), night.ready.get_absolute_url()
    digest = digest_on(client.get(address).content.decode(), night.approval)
    answer = client.post(f"/approvals/{night.approval.pk}/approve", {"digest": digest, "comment": "as in the log"})
    assert (answer.status_code, answer["Location"]) == (302, address)
    html = client.get(address).content.decode()
    assert "Signed. It starts at once." in html
    assert "It starts within seconds." in html
    assert Execution.objects.get(incident=night.ready).status == "planned"
    assert Signature.objects.get(by="mira").comment == "as in the log"


def test_signing_by_htmx_answers_with_the_parts_that_changed(night, visit):
    client, address = visit(night.people["mira"]), night.ready.get_absolute_url()
    answer = client.post(f"/approvals/{night.approval.pk}/approve", {"digest": night.approval.digest}, headers=from_page(address))
    html = answer.content.decode()
    assert 'id="approval"' in html
    assert 'id="decision-rail"' in html
    assert 'id="timeline"' in html
    assert f"approve-{night.approval.pk}" not in html, "its dialog is gone"
    assert "Signed. It starts at once." in html


def test_from_the_queue_it_leads_back_to_the_queue(night, visit):
    client = visit(night.people["jonas"])
    approval = night.single.approvals.get()
    html = client.get("/approvals").content.decode()
    answer = client.post(
        f"/approvals/{approval.pk}/approve",
        {"digest": digest_on(html, approval)},
        headers={"Referer": "http://testserver/approvals"},
    )
    assert answer["Location"] == "/approvals"
    html = client.get("/approvals").content.decode()
    assert f'id="approval-{approval.pk}"' not in html
    assert f'id="decided-{approval.pk}"' in html


def test_what_has_changed_since_it_was_read_is_not_signed(night, visit):
    answer = visit(night.people["mira"]).post(
        f"/approvals/{night.approval.pk}/approve", {"digest": "0" * 64}, headers=from_page("/approvals")
    )
    assert answer.status_code == 409
    assert "what you saw is not what stands now; read it again" in answer.content.decode()
    assert not Execution.objects.filter(incident=night.ready).exists()


def test_of_two_signatures_one_wants_a_fresh_login_and_says_where_to_get_it(night, visit):
    client = visit(night.people["mira"])
    session = client.session
    session[LOGIN_AT] = (timezone.now() - timedelta(hours=1)).isoformat()
    session.save()
    address = night.ready.get_absolute_url()
    answer = client.post(
        f"/approvals/{night.approval.pk}/approve",
        {"digest": night.approval.digest},
        headers={**from_page(address), "Referer": f"http://testserver{address}"},
    )
    assert answer.status_code == 403
    assert "/login?again=1&amp;next=" in answer.content.decode()
    assert night.approval.signatures.count() == 1


def test_whoever_signs_very_often_is_told_so(night, visit):
    jonas = night.people["jonas"]
    earlier = night.single.approvals.get()
    for _ in range(9):
        incident = make_incident()
        done = make_approval(make_decision(incident, state="COMPLETED"), status="approved", decided_at=timezone.now())
        Signature.objects.create(approval=done, user=jonas, by="jonas", via="dashboard", digest=done.digest)
    answer = visit(jonas).post(f"/approvals/{earlier.pk}/approve", {"digest": earlier.digest}, headers=from_page("/approvals"))
    assert "your 11 signatures within an hour" in answer.content.decode()


def test_rejecting_ends_it_with_its_reason(night, visit):
    client = visit(night.people["mira"])
    client.post(f"/approvals/{night.approval.pk}/reject", {"kind": "wrong_cause", "reason": "It is the database"})
    night.approval.refresh_from_db()
    assert (night.approval.status, night.approval.reject_kind) == ("rejected", "wrong_cause")
    assert "It is the database" in client.get(night.ready.get_absolute_url()).content.decode()


def test_a_rejection_without_a_kind_is_refused(night, visit):
    answer = visit(night.people["mira"]).post(f"/approvals/{night.approval.pk}/reject", {}, headers=from_page("/approvals"))
    assert answer.status_code == 422
    assert "kind is one of" in answer.content.decode()


@pytest.mark.parametrize(
    ("person", "act", "role"),
    [("vera", "approve", "lead"), ("jonas", "approve", "lead"), ("jonas", "reject", "lead"), ("jonas", "override", "lead")],
)
def test_whoever_may_not_is_refused_with_the_role_that_is_needed(night, visit, person, act, role):
    fields = {"digest": night.approval.digest, "kind": "other", "command": "kubectl delete pod web-1 -n shop", **REASON}
    answer = visit(night.people[person]).post(f"/approvals/{night.approval.pk}/{act}", fields, headers=from_page("/approvals"))
    assert answer.status_code == 403
    assert f"needs the role {role}" in answer.content.decode()
    night.approval.refresh_from_db()
    assert (night.approval.status, night.approval.signatures.count()) == ("pending", 1)


def test_a_command_is_understood_while_it_is_typed_and_nothing_is_kept(night, visit):
    client = visit(night.people["mira"])
    understood = client.get("/actions/preview", {"command": "kubectl scale deployment/checkout -n shop --replicas=4"})
    assert "Understood as <b>scale" in understood.content.decode()
    refused = client.get("/actions/preview", {"command": "kubectl delete pod web-1 -n shop; rm -rf /"})
    assert "is shell syntax, and no shell is used here" in refused.content.decode()
    assert "It becomes a typed action" in client.get("/actions/preview", {"command": " "}).content.decode()
    assert Decision.objects.filter(incident=night.ready).count() == 1


def test_a_command_that_is_not_understood_replaces_nothing(night, visit):
    answer = visit(night.people["mira"]).post(
        f"/approvals/{night.approval.pk}/override", {"command": "reboot everything", **REASON}, headers=from_page("/approvals")
    )
    assert answer.status_code == 422
    night.approval.refresh_from_db()
    assert night.approval.is_pending


def test_another_action_on_the_live_target_takes_the_place_of_the_proposal(night, visit, settings, tmp_path):
    with SandboxServer(tmp_path) as sandbox:
        settings.CLUSTERS = (Cluster(name="sandbox", kubeconfig=sandbox.kubeconfig, shadow=False),)
        client, address = visit(night.people["mira"]), night.ready.get_absolute_url()
        command = "kubectl rollout restart deployment/cart -n shop"
        client.post(f"/approvals/{night.approval.pk}/override", {"command": command, **REASON}, headers=from_page(address))
        night.approval.refresh_from_db()
        assert night.approval.status == "overridden"
        own = Approval.objects.get(supersedes=night.approval)
        html = client.get(address).content.decode()
        assert "deployment/cart" in html
        assert "You proposed this. Somebody else has to sign it." in html

        client.post(f"{night.told.get_absolute_url()}/propose", {"command": command.replace("cart", "web"), **REASON})
        assert Approval.objects.get(incident=night.told).author == own.author == night.people["mira"]


def test_an_act_is_stopped_settled_and_not_twice(night, visit):
    client = visit(night.people["mira"])
    running = Execution.objects.get(incident=night.executing)
    answer = client.post(f"/executions/{running.pk}/stop", {"reason": "Wrong pod"}, headers=from_page("/"))
    running.refresh_from_db()
    assert running.stop_requested
    assert "A stop is asked for." in answer.content.decode()

    unclear = scene.pod_restart()[1]
    answer = client.post(f"/executions/{unclear.pk}/settle", {"effect": "perhaps", **REASON}, headers=from_page("/"))
    assert answer.status_code == 422
    answer = client.post(f"/executions/{unclear.pk}/settle", {"effect": "no", **REASON}, headers=from_page("/"))
    unclear.refresh_from_db()
    assert (unclear.status, "Settled as failed." in answer.content.decode()) == ("failed", True)
    again = client.post(f"/executions/{unclear.pk}/settle", {"effect": "no", **REASON}, headers=from_page("/"))
    assert again.status_code == 409


@pytest.mark.parametrize("act", ["stop", "settle", "rollback"])
def test_a_responder_does_not_touch_an_act(night, visit, act):
    running = Execution.objects.get(incident=night.executing)
    fields = {"effect": "yes", **REASON}
    answer = visit(night.people["jonas"]).post(f"/executions/{running.pk}/{act}", fields, headers=from_page("/"))
    assert answer.status_code == 403
    running.refresh_from_db()
    assert not running.stop_requested


def test_what_nothing_undoes_is_not_rolled_back(night, visit):
    run = Execution.objects.get(incident=night.done)
    answer = visit(night.people["mira"]).post(f"/executions/{run.pk}/rollback", REASON, headers=from_page("/"))
    assert answer.status_code == 409
    assert "nothing undoes delete_pod" in answer.content.decode()


def test_autonomy_is_turned_off_with_a_reason_that_every_page_shows(night, visit):
    lead = visit(night.people["mira"])
    assert lead.post("/autonomy", {"enabled": "no", "reason": " "}, headers=from_page("/trust")).status_code == 422
    lead.post("/autonomy", {"enabled": "no", "reason": "Freeze for the release"})
    assert not autonomy.is_on()
    assert "Freeze for the release" in visit(night.people["vera"]).get("/incidents").content.decode()
    assert "Switch autonomy on?" in lead.get("/trust").content.decode()
    lead.post("/autonomy", {"enabled": "yes", "reason": "Released"})
    assert autonomy.is_on()


def test_autonomy_is_turned_on_again_with_a_fresh_login_only(night, visit):
    autonomy.turn(False, make_principal("lead"), reason="Freeze")
    client = visit(night.people["mira"])
    session = client.session
    session[LOGIN_AT] = (timezone.now() - timedelta(hours=1)).isoformat()
    session.save()
    answer = client.post("/autonomy", {"enabled": "yes", "reason": "Released"}, headers=from_page("/trust"))
    assert answer.status_code == 403
    assert "/login?again=1" in answer.content.decode()
    assert not autonomy.is_on()


def test_a_verified_act_is_rated_and_shows_it(night, visit):
    client, address = visit(night.people["jonas"]), night.done.get_absolute_url()
    assert f'action="{address}/feedback"' in client.get(address).content.decode()
    client.post(f"{address}/feedback", {"score": "2", "notes": "It came back after an hour"})
    html = client.get(address).content.decode()
    assert "Rated 2 of 5" in html
    assert "It came back after an hour" in html
    assert 'value="2" required checked' in html
    assert client.post(f"{address}/feedback", {"score": "6"}, headers=from_page(address)).status_code == 422
    viewers = visit(night.people["vera"]).get(address).content.decode()
    assert "Rated 2 of 5" in viewers
    assert f'action="{address}/feedback"' not in viewers


def test_nothing_is_rated_before_it_is_verified(night, visit):
    client, address = visit(night.people["jonas"]), night.executing.get_absolute_url()
    assert "/feedback" not in client.get(address).content.decode()
    assert client.post(f"{address}/feedback", {"score": "4"}, headers=from_page(address)).status_code == 409


def test_a_trust_step_is_granted_and_revoked_for_a_while(night, visit):
    client, record = visit(night.people["mira"]), TrustRecord.objects.get()
    until = (timezone.now() + timedelta(days=3)).strftime("%Y-%m-%dT%H:%M")
    fields = {"kind": "revoke", "until": until, "reason": "A migration runs"}
    answer = client.post(f"/trust/{record.pk}/grants", fields, headers=from_page(f"/trust?row={record.pk}"))
    assert "It asks a person for a while." in answer.content.decode()
    assert "A migration runs" in client.get(f"/trust?row={record.pk}").content.decode()
    assert client.post(f"/trust/{record.pk}/grants", {**fields, "until": "soon"}, headers=HTMX).status_code == 422
    assert visit(make_user("responder")).post(f"/trust/{record.pk}/grants", fields, headers=HTMX).status_code == 403


@pytest.mark.parametrize("address", ["/approvals/999/approve", "/executions/00000000-0000-0000-0000-000000000000/stop"])
def test_what_is_not_there_is_said(night, visit, address):
    assert visit(night.people["mira"]).post(address, headers=HTMX).status_code == 404


def test_nothing_that_is_typed_breaks_a_page(night, visit):
    client = visit(night.people["mira"])
    odd = "a\0b‮" + "x" * 9000
    answer = client.post(f"/approvals/{night.approval.pk}/reject", {"kind": "other", "reason": odd})
    assert answer.status_code == 302
    assert client.get(night.ready.get_absolute_url()).status_code == 200
    for place in ("/incidents", "/audit", "/playbooks", "/trust", "/approvals", "/find", "/actions/preview"):
        for name in ("q", "show", "cursor", "level", "row", "status", "who", "command", "namespace", "service"):
            assert client.get(place, {name: "\0"}).status_code in (200, 422), (place, name)


def test_what_is_over_is_listed_in_pages(night, visit):
    client = visit(night.people["vera"])
    html = client.get("/approvals?show=decided").content.decode()
    assert night.done.ref in html
    assert night.ready.ref not in html.split("<main")[1]
    Approval.objects.filter(pk=night.approval.pk).update(status="expired", reason="Nobody answered", decided_at=timezone.now())
    html = client.get("/approvals?show=expired").content.decode()
    assert "Nobody answered" in html
    assert night.ready.ref in html
