"""Getting in, and being asked again."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from aiops.access.authentication import LOGIN_AT
from aiops.access.models import AuditEntry
from tests.factories import make_user

PASSWORD = "correct horse battery"


def try_login(client: Client, name: str, password: str = PASSWORD, **more: str):
    return client.post("/login", {"username": name, "password": password, **more})


def test_a_login_leads_on_and_notes_its_time(db):
    user, client = make_user("lead"), Client()
    answer = try_login(client, user.username, next="/approvals")
    assert (answer.status_code, answer["Location"]) == (302, "/approvals")
    at = parse_datetime(client.session[LOGIN_AT])
    assert at is not None
    assert timezone.now() - at < timedelta(minutes=1)
    assert AuditEntry.objects.filter(act="session.login", user=user).count() == 1


@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/", "//evil.example", "///evil.example", "/\\evil.example", "http:evil.example", "javascript:alert(1)",
        "https:///evil.example", "\\\\evil.example", "/%09/evil.example/x://", "http://testserver@evil.example/",
        "http://testserver.evil.example/", "data:text/html,x", " //evil.example", "\t//evil.example", "https://evil.example\\@testserver",
        "ftp://testserver/x", "http://[::1]/", "//testserver:8080/x", "http://evil.example#testserver", "http://evil.example?testserver",
    ],
)  # fmt: skip
@pytest.mark.parametrize("way", ["form", "address"])
def test_a_login_never_leads_to_another_host(db, address, way):
    user, client = make_user(), Client()
    if way == "form":
        answer = try_login(client, user.username, next=address)
    else:
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        answer = client.get("/login", {"next": address})
    assert answer.status_code == 302
    assert answer["Location"] in ("/", "/%09/evil.example/x://")


def test_a_wrong_password_says_how_many_tries_are_left(db):
    user = make_user()
    answer = try_login(Client(), user.username, "wrong")
    assert answer.status_code == 401
    assert f"{settings.AXES_FAILURE_LIMIT - 1} tries left" in answer.content.decode()


def test_after_too_many_wrong_passwords_even_the_right_one_waits_but_not_a_neighbour(db):
    user, neighbour, client = make_user(), make_user(), Client()
    for _ in range(settings.AXES_FAILURE_LIMIT):
        answer = try_login(client, user.username, "wrong")
    assert answer.status_code == 429
    assert "Try again in 15 min" in answer.content.decode()
    assert try_login(Client(), user.username).status_code == 429
    assert try_login(Client(), neighbour.username).status_code == 302


def test_whoever_is_in_is_asked_again_only_where_that_is_wanted(db, visit):
    client = visit(make_user())
    assert client.get("/login?next=/help")["Location"] == "/help"
    assert "Sign in again" in client.get("/login?next=/help&again=1").content.decode()


def test_logging_in_again_renews_the_login(db, visit):
    user = make_user("lead")
    client = visit(user)
    session = client.session
    session[LOGIN_AT] = (timezone.now() - timedelta(hours=3)).isoformat()
    session.save()
    try_login(client, user.username, next="/")
    at = parse_datetime(client.session[LOGIN_AT])
    assert at is not None
    assert timezone.now() - at < timedelta(minutes=1)


def test_a_person_who_may_not_log_in_any_more_is_out(db, visit):
    user = make_user("lead")
    client = visit(user)
    user.is_active = False
    user.save()
    assert client.get("/").status_code == 302
    assert try_login(Client(), user.username).status_code == 401


def test_logging_out_ends_the_session(db, visit):
    client = visit(make_user())
    assert client.get("/logout").status_code == 405
    assert client.post("/logout")["Location"] == "/login"
    assert client.get("/").status_code == 302


def test_a_new_password_keeps_this_session_and_ends_the_others(db, visit):
    user = make_user()
    here, there = visit(user), visit(user)
    answer = here.post(
        "/settings/password",
        {"old_password": PASSWORD, "new_password1": "staple battery horse", "new_password2": "staple battery horse"},
    )
    assert answer["Location"] == "/settings"
    assert here.get("/").status_code == 200
    assert there.get("/").status_code == 302


def test_a_weak_new_password_is_refused_with_the_reason(db, visit):
    answer = visit(make_user()).post("/settings/password", {"old_password": PASSWORD, "new_password1": "x", "new_password2": "x"})
    assert answer.status_code == 422
    assert "at least 12 characters" in answer.content.decode()


def test_single_keys_can_be_turned_off(db, visit):
    client = visit(make_user())
    assert 'data-keys="off"' not in client.get("/help").content.decode()
    client.post("/settings/keys", {})
    assert 'data-keys="off"' in client.get("/help").content.decode()


def test_forms_without_a_token_are_refused_in_words(db):
    client = Client(enforce_csrf_checks=True)
    answer = client.post("/login", {"username": "x", "password": "y"})
    assert answer.status_code == 403
    assert "Nothing was changed" in answer.content.decode()
