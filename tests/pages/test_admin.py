"""Django admin: for admins only, every model to be looked at, and what the product alone writes stays as it is."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from aiops.access.models import ApiToken, AuditEntry, User
from aiops.outbox.models import Channel
from approvals.models import Approval
from learning.models import Playbook, PlaybookStep, PlaybookVersion
from tests.factories import make_alert, make_incident, make_user

WRITTEN_BY_PEOPLE = {"contact", "host", "webhookjob", "user", "apitoken", "channel", "dependency", "playbook", "accessattempt"}
INSIDE_OTHERS = {PlaybookStep}


def screens() -> list[tuple[str, str]]:
    return [(model._meta.app_label, model._meta.model_name) for model in admin.site._registry]


@pytest.fixture
def boss(night, visit) -> Client:
    Playbook.objects.create(name="Restart it", target_kind="Deployment")
    PlaybookVersion.objects.create(playbook=Playbook.objects.get(name="Restart it"), number=1, snapshot={})
    return visit(night.people["ada"])


def test_every_list_opens_filters_and_searches(boss):
    for app, model in screens():
        address = reverse(f"admin:{app}_{model}_changelist")
        assert boss.get(address).status_code == 200, model
        assert boss.get(address, {"q": "checkout"}).status_code == 200, model


def test_every_row_opens(boss):
    for model, screen in admin.site._registry.items():
        row = model._default_manager.first()
        if row is None:
            continue
        address = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk])
        assert boss.get(address).status_code == 200, screen


def test_what_the_product_writes_cannot_be_added_changed_or_deleted(boss):
    for model, screen in admin.site._registry.items():
        name = model._meta.model_name
        if name in WRITTEN_BY_PEOPLE:
            continue
        row, base = model._default_manager.first(), f"admin:{model._meta.app_label}_{name}"
        assert boss.post(reverse(f"{base}_add"), {}).status_code == 403, screen
        if row is not None:
            assert boss.post(reverse(f"{base}_change", args=[row.pk]), {}).status_code == 403, screen
            assert boss.post(reverse(f"{base}_delete", args=[row.pk]), {"post": "yes"}).status_code == 403, screen


@pytest.mark.parametrize("person", ["vera", "jonas", "mira"])
def test_nobody_but_an_admin_gets_in(night, visit, person):
    client = visit(night.people[person])
    for app, model in screens():
        assert client.get(reverse(f"admin:{app}_{model}_changelist")).status_code == 302, model
    assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/"


def test_admin_has_the_one_login(db):
    answer = Client().get("/admin/access/user/", follow=True)
    assert answer.redirect_chain[-1][0].startswith("/login?next=%2Fadmin%2F")


def test_admins_policy_is_its_own(boss):
    assert "'unsafe-eval'" in boss.get("/admin/")["Content-Security-Policy"]
    assert "unsafe" not in boss.get("/")["Content-Security-Policy"]


def test_a_new_person_gets_a_password_that_is_shown_once(boss):
    answer = boss.post(
        "/admin/access/user/add/",
        {"username": "noor", "name": "Noor", "role": "lead", "is_active": "on", "single_keys": "on", **no_rows("tokens")},
        follow=True,
    )
    password = re.search(r"The password of noor is (\S+) and", answer.content.decode())[1]
    assert User.objects.get(username="noor").check_password(password)
    assert password not in boss.get("/admin/access/user/").content.decode()
    entry = AuditEntry.objects.get(act="user.edit")
    assert (entry.actor, entry.detail["done"]) == ("ada", "added")
    assert password not in str(entry.detail)


def no_rows(*prefixes: str) -> dict[str, str]:
    return {f"{prefix}-{name}": "0" for prefix in prefixes for name in ("TOTAL_FORMS", "INITIAL_FORMS")}


def test_a_new_token_is_shown_once_and_works(boss, night):
    answer = boss.post(
        "/admin/access/apitoken/add/",
        {"name": "ci", "user": night.people["mira"].pk, "role": "lead", "scope": "api"},
        follow=True,
    )
    secret = re.search(r"The token ci is (\S+) and", answer.content.decode())[1]
    assert Client().get("/api/v1/incidents", headers={"Authorization": f"Bearer {secret}"}).status_code in (200, 404)
    assert ApiToken.objects.get(name="ci").digest == ApiToken.digest_of(secret)
    boss.post("/admin/access/apitoken/", {"action": "revoke", "_selected_action": ApiToken.objects.get(name="ci").pk})
    assert ApiToken.objects.get(name="ci").revoked_at is not None


def test_locking_somebody_out_ends_their_session(boss, night, visit):
    theirs = visit(night.people["mira"])
    boss.post("/admin/access/user/", {"action": "lock_out", "_selected_action": night.people["mira"].pk})
    assert theirs.get("/").status_code == 302


def test_a_channels_secret_is_not_in_the_audit(boss):
    boss.post(
        "/admin/outbox/channel/add/", {"name": "x", "kind": "webhook", "address": "https://a.example/", "secret": "hunter2!"}
    )
    assert Channel.objects.filter(name="x").exists()
    assert "hunter2!" not in str(list(AuditEntry.objects.values_list("detail", flat=True)))


def test_lists_ask_as_much_for_thirty_rows_as_for_two(db, visit):
    boss = visit(make_user("admin"))

    def queries(address: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert boss.get(address).status_code == 200
        return len(captured)

    addresses = ["/admin/incidents/incident/", "/admin/incidents/alert/", "/admin/access/user/"]
    for _ in range(2):
        make_alert(make_incident())
    few = [queries(address) for address in addresses]
    for _ in range(28):
        make_alert(make_incident())
        make_user()
    assert [queries(address) for address in addresses] == few


def test_approvals_stay_as_they_are(boss, night):
    before = Approval.objects.filter(pk=night.approval.pk).values().get()
    boss.post(f"/admin/approvals/approval/{night.approval.pk}/change/", {"status": "approved"})
    boss.post("/admin/approvals/approval/", {"action": "delete_selected", "_selected_action": night.approval.pk, "post": "yes"})
    assert Approval.objects.filter(pk=night.approval.pk).values().get() == before
