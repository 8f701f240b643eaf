import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from aiops.access.models import AuditEntry
from learning import hindsight
from learning.models import Hindsight, Outcome, Playbook, PlaybookVersion, TrustEvent, TrustGrant, TrustRecord
from tests.factories import make_playbook, make_user, record_outcome

pytestmark = pytest.mark.django_db
READ_ONLY = [TrustRecord, TrustEvent, TrustGrant, Outcome, PlaybookVersion]


@pytest.fixture
def client():
    client = Client()
    client.force_login(make_user("admin", username="root"), backend="django.contrib.auth.backends.ModelBackend")
    return client


def at(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def some_rows():
    playbook = make_playbook()
    outcome = record_outcome(playbook=playbook.pk)
    hindsight.rate(outcome.execution, score=1, actor="ana", at=timezone.now())
    TrustGrant.objects.create(record=TrustRecord.objects.get(), kind="revoke", by=make_user(), reason="x", until=timezone.now())
    PlaybookVersion.objects.create(playbook=playbook, number=1, snapshot={"name": "<b>old</b>"})
    PlaybookVersion.objects.create(playbook=playbook, number=2, by="ana", snapshot={"name": "new"})


@pytest.mark.parametrize("model", [*READ_ONLY, Playbook])
def test_every_list_and_page_opens_and_searches(client, model):
    some_rows()
    assert client.get(at(model, "changelist"), {"q": "web"}).status_code == 200
    row = model.objects.first()
    assert client.get(at(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY)
def test_what_the_product_writes_nobody_edits(client, model):
    some_rows()
    row = model.objects.first()
    assert client.post(at(model, "change", row.pk), {}).status_code == 403
    assert client.get(at(model, "add")).status_code == 403
    assert client.post(at(model, "delete", row.pk), {"post": "yes"}).status_code == 403


def test_hindsight_is_shown_with_its_outcome_only():
    assert not admin.site.is_registered(Hindsight)


def form(playbook, **fields):
    """The page's own fields, as a browser sends them back."""
    steps = list(playbook.steps.all()) if playbook else []
    data = {
        "name": playbook.name if playbook else "New",
        "description": "",
        "alert_names": "HighMemory\r\nHighCpu",
        "services": "",
        "labels": "{}",
        "target_kind": "Deployment",
        "steps-TOTAL_FORMS": "1",
        "steps-INITIAL_FORMS": str(len(steps)),
        "steps-0-position": "1",
        "steps-0-action_class": "restart_workload",
        "steps-0-parameters": "{}",
        "versions-TOTAL_FORMS": "0",
        "versions-INITIAL_FORMS": "0",
    }
    if steps:
        data |= {"steps-0-id": steps[0].pk, "steps-0-playbook": playbook.pk}
    return data | fields


def test_an_edit_writes_a_version_with_the_editors_name(client):
    playbook = make_playbook()
    answer = client.post(at(Playbook, "change", playbook.pk), form(playbook, **{"steps-0-verify": "pods ready"}))
    assert answer.status_code == 302, answer.context["errors"]
    playbook.refresh_from_db()
    version = playbook.versions.get()
    assert (playbook.alert_names, playbook.version, version.by) == (["HighMemory", "HighCpu"], 1, "root")
    assert version.snapshot["steps"] == [{"action": "restart_workload", "verify": "pods ready"}]
    assert AuditEntry.objects.get().object_id == str(playbook.pk)


def test_a_new_one_starts_as_a_draft(client):
    assert client.post(at(Playbook, "add"), form(None)).status_code == 302
    assert Playbook.objects.get().status == "draft"


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"alert_names": ""}, "nothing to recognise it by"),
        ({"target_kind": "Node"}, "restart_workload acts on"),
        ({"steps-0-parameters": '{"replicas": 3}'}, "Extra inputs are not permitted"),
        ({"steps-0-target_name": "web; rm"}, "no object can have this name"),
        ({"target_kind": "deployment"}, "String should match pattern"),
        ({"steps-TOTAL_FORMS": "0"}, "at least one step"),
        ({"categories": "everything"}, "not one of the available choices"),
    ],
)
def test_what_a_file_would_refuse_the_page_refuses_too(client, fields, told):
    answer = client.post(at(Playbook, "add"), form(None, **fields))
    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert not Playbook.objects.exists()


@pytest.mark.parametrize(
    ("before", "action", "after"),
    [
        ("draft", "approve", "approved"),
        ("review", "approve", "approved"),
        ("approved", "deprecate", "deprecated"),
        ("deprecated", "approve", "approved"),
        ("approved", "archive", "approved"),
        ("draft", "send_to_review", "review"),
    ],
)
def test_an_action_moves_what_may_move_and_says_so(client, before, action, after):
    playbook = make_playbook(status=before)
    answer = client.post(
        at(Playbook, "changelist"), {"action": action, "_selected_action": [playbook.pk], "index": "0"}, follow=True
    )
    playbook.refresh_from_db()
    assert playbook.status == after
    assert AuditEntry.objects.filter(act="playbook.edit", actor="root").exists() is (before != after)
    assert playbook.name in answer.content.decode()


def test_a_playbook_is_archived_and_not_deleted(client):
    playbook = make_playbook()
    assert client.post(at(Playbook, "delete", playbook.pk), {"post": "yes"}).status_code == 403


def test_a_version_shows_its_difference_escaped(client):
    some_rows()
    page = client.get(at(PlaybookVersion, "change", PlaybookVersion.objects.get(number=2).pk)).content.decode()
    assert "<del>- name: &lt;b&gt;old&lt;/b&gt;</del>" in page
    assert "<ins>+ name: new</ins>" in page


@pytest.mark.parametrize("role", ["viewer", "responder", "lead"])
def test_only_admins_get_in(role):
    client = Client()
    client.force_login(make_user(role), backend="django.contrib.auth.backends.ModelBackend")
    assert client.get(at(Playbook, "changelist")).status_code == 302
