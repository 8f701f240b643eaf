"""People and tokens, as the commands `user` and `token` make them."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from aiops.access import accounts
from aiops.access.authentication import of_token
from aiops.access.models import ApiToken, AuditEntry, User
from aiops.access.principals import Via
from aiops.access.roles import Role
from tests.factories import make_principal, make_user

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def run_json(*arguments: str) -> dict[str, str]:
    return dict(json.loads(run(*arguments, "--json")))


def test_a_new_person_logs_in_with_the_printed_password() -> None:
    made = run_json("user", "create", "ana", "--role", "responder")
    user = User.objects.get(username="ana")
    assert user.check_password(made["password"])
    assert user.role == "responder"
    assert "Password, shown once: " in run("user", "create", "ben", "--role", "lead")


def test_a_name_that_is_taken_or_impossible_is_refused_in_one_sentence() -> None:
    run("user", "create", "ana", "--role", "lead")
    with pytest.raises(CommandError, match="there is a user ana already"):
        run("user", "create", "ana", "--role", "admin")
    with pytest.raises(CommandError, match="cannot be a user name"):
        run("user", "create", "a b;", "--role", "lead")
    assert User.objects.get(username="ana").role == "lead"


def test_making_people_and_tokens_is_in_the_audit_without_their_secrets() -> None:
    password = run_json("user", "create", "ana", "--role", "lead")["password"]
    secret = run_json("token", "create", "laptop", "--user", "ana")["token"]
    run("token", "revoke", "laptop")
    entries = list(AuditEntry.objects.order_by("id"))
    assert [(e.act, e.object_kind, e.object_id) for e in entries] == [
        ("user.edit", "user", "ana"),
        ("token.edit", "token", "laptop"),
        ("token.edit", "token", "laptop"),
    ]
    assert {e.via for e in entries} == {Via.COMMAND}
    kept = json.dumps([e.detail for e in entries])
    assert password not in kept
    assert secret not in kept


def test_a_persons_token_acts_as_them_up_to_their_own_role() -> None:
    ana = make_user("responder", username="ana")
    own = run_json("token", "create", "own", "--user", "ana")["token"]
    lower = run_json("token", "create", "lower", "--user", "ana", "--role", "viewer")["token"]
    higher = run_json("token", "create", "higher", "--user", "ana", "--role", "admin")
    principal = of_token(own, scope="api")
    assert principal is not None
    assert (principal.user, principal.role) == (ana, Role.RESPONDER)
    assert higher["role"] == "responder"
    weaker = of_token(lower, scope="api")
    assert weaker is not None
    assert weaker.role is Role.VIEWER


def test_a_webhook_token_opens_webhooks_only_and_belongs_to_nobody() -> None:
    secret = run_json("token", "create", "alertmanager", "--scope", "webhooks")["token"]
    assert of_token(secret, scope="api") is None
    service = of_token(secret, scope="webhooks")
    assert service is not None
    assert service.user is None
    make_user(username="ana")
    with pytest.raises(CommandError, match="belongs to a sender, not to a person"):
        run("token", "create", "x", "--scope", "webhooks", "--user", "ana")


def test_a_revoked_token_is_void_and_its_name_free() -> None:
    secret = run_json("token", "create", "ci")["token"]
    assert of_token(secret, scope="api") is not None
    with pytest.raises(CommandError, match="there is a token ci already"):
        run("token", "create", "ci")
    run("token", "revoke", "ci")
    assert of_token(secret, scope="api") is None
    run("token", "create", "ci")
    with pytest.raises(CommandError, match="there is no living token gone"):
        run("token", "revoke", "gone")


def test_a_token_ends_after_its_days() -> None:
    made = run_json("token", "create", "short", "--days", "3")
    token = ApiToken.objects.get(name="short")
    assert token.expires_at is not None
    assert (token.expires_at - token.created_at).days in {2, 3}
    ApiToken.objects.filter(pk=token.pk).update(expires_at=token.created_at - timedelta(days=4))
    assert of_token(made["token"], scope="api") is None
    assert "short" not in run("token", "list")
    assert "short" in run("token", "list", "--all")
    with pytest.raises(CommandError, match="at least one day"):
        run("token", "create", "none", "--days", "0")


def test_the_list_shows_whose_a_token_is_and_never_its_secret() -> None:
    make_user("lead", username="ana")
    secret = run_json("token", "create", "laptop", "--user", "ana")["token"]
    assert "laptop" in run("token", "list")
    (row,) = json.loads(run("token", "list", "--json"))
    assert (row["name"], row["user"], row["role"], row["scope"]) == ("laptop", "ana", "lead", "api")
    assert secret not in json.dumps(row)


def test_a_token_for_somebody_unknown_says_how_to_make_them() -> None:
    with pytest.raises(CommandError, match="user create carl --role ROLE"):
        run("token", "create", "x", "--user", "carl")


@pytest.mark.parametrize("role", ["viewer", "responder", "lead"])
def test_only_an_admin_makes_people_and_tokens(role: str) -> None:
    somebody, admin = make_principal(role), make_principal("admin")
    with pytest.raises(Exception, match="needs the role admin"):
        accounts.create_user("eve", Role.ADMIN, by=somebody)
    with pytest.raises(Exception, match="needs the role admin"):
        accounts.issue_token("eve", by=somebody)
    assert accounts.create_user("eve", Role.ADMIN, by=admin)[0].username == "eve"
    assert accounts.issue_token("eve", by=admin).secret
