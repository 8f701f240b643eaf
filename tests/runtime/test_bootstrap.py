"""The first login: made once, valid at every start after it."""

import json
import stat
from pathlib import Path

import pytest

from aiops.access import accounts
from aiops.access.authentication import of_token
from aiops.access.models import User
from aiops.access.roles import Role
from aiops.runtime import bootstrap
from aiops.runtime.bootstrap import Bootstrap

pytestmark = pytest.mark.django_db


def ensure(folder: Path, url: str = "http://127.0.0.1:8000") -> Bootstrap:
    return bootstrap.ensure(folder / "bootstrap.json", url=url, sandbox_url="http://127.0.0.1:7001")


def test_the_first_login_is_an_admin_whose_token_is_a_leads(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    admin = User.objects.get(username=made.username)
    assert admin.role == "admin"
    assert admin.check_password(made.password)
    principal = of_token(made.api_token, scope="api")
    assert principal is not None
    assert (principal.user, principal.role) == (admin, Role.LEAD)
    assert of_token(made.webhook_token, scope="webhooks") is not None


def test_the_file_says_the_same_and_is_for_its_owner_only(tmp_path: Path) -> None:
    made = ensure(tmp_path)
    file = tmp_path / "bootstrap.json"
    assert Bootstrap(**json.loads(file.read_text())) == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["bootstrap.json"]


def test_a_later_start_changes_the_addresses_only(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    again = ensure(tmp_path, url="http://127.0.0.1:9999")
    assert again.url == "http://127.0.0.1:9999"
    assert (again.password, again.api_token, again.webhook_token) == (first.password, first.api_token, first.webhook_token)


def test_a_password_that_somebody_changed_is_left_alone(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    admin = User.objects.get(username=first.username)
    admin.set_password("my own long password")
    admin.save()
    assert first.password_is_first is False
    ensure(tmp_path)
    admin.refresh_from_db()
    assert admin.check_password("my own long password")


def test_a_token_that_was_revoked_is_replaced_so_that_the_file_stays_valid(tmp_path: Path) -> None:
    first = ensure(tmp_path)
    accounts.revoke_token(bootstrap.API_TOKEN, by=accounts.operator())
    again = ensure(tmp_path)
    assert of_token(first.api_token, scope="api") is None
    assert of_token(again.api_token, scope="api") is not None
    assert (again.password, again.webhook_token) == (first.password, first.webhook_token)


@pytest.mark.parametrize("content", [None, "", "{", '{"username": "admin"}', "[]"])
def test_a_file_that_is_gone_or_broken_is_made_anew_for_the_same_person(tmp_path: Path, content: str | None) -> None:
    first = ensure(tmp_path)
    file = tmp_path / "bootstrap.json"
    file.unlink() if content is None else file.write_text(content)
    again = ensure(tmp_path)
    assert User.objects.get().check_password(again.password)
    assert of_token(again.api_token, scope="api") is not None
    assert of_token(first.api_token, scope="api") is None


def test_a_file_of_another_database_is_made_anew(tmp_path: Path) -> None:
    ensure(tmp_path)
    User.objects.all().delete()
    again = ensure(tmp_path)
    assert User.objects.get(username=again.username).check_password(again.password)


def test_each_start_gives_the_sandbox_a_token_of_its_own_and_voids_the_last() -> None:
    first, second = bootstrap.sandbox_token(), bootstrap.sandbox_token()
    assert of_token(first, scope="webhooks") is None
    assert of_token(second, scope="webhooks") is not None
