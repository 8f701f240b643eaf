"""The first admin and `var/bootstrap.json`, in embedded mode only: made once, kept valid from then on."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from django.db import transaction

from aiops.access import accounts
from aiops.access.models import ApiToken, User
from aiops.access.roles import Role

USERNAME = "admin"
API_TOKEN, WEBHOOK_TOKEN, SANDBOX_TOKEN = "bootstrap", "bootstrap webhooks", "sandbox webhooks"


@dataclass(frozen=True, slots=True)
class Bootstrap:
    """What a person or a script needs to begin. `sandbox_url` is empty where no sandbox runs."""

    url: str
    username: str
    password: str
    api_token: str
    webhook_token: str
    sandbox_url: str = ""

    @property
    def password_is_first(self) -> bool:
        """Whether nobody has changed the password since it was made."""
        user = User.objects.filter(username=self.username).first()
        return user is not None and user.check_password(self.password)


def ensure(path: Path, *, url: str, sandbox_url: str) -> Bootstrap:
    """The file at `path` fits the database and names these addresses when this returns.

    A file that is gone, or that belongs to another database, is made anew, with a new password for its admin. A password that
    somebody changed and everything else of the account stay as they are.
    """
    with transaction.atomic():
        kept = _read(path)
        if kept is None or not User.objects.filter(username=kept.username).exists():
            kept = Bootstrap(url, USERNAME, _first_password(), api_token="", webhook_token="")
        kept = replace(kept, url=url, sandbox_url=sandbox_url, **_living_tokens(kept))
    _write(path, kept)
    return kept


def sandbox_token() -> str:
    """The secret that the sandbox posts its alerts with, another one at each start."""
    return accounts.replace_token(SANDBOX_TOKEN, by=accounts.operator(), scope=ApiToken.Scope.WEBHOOKS).secret


def _first_password() -> str:
    admin = User.objects.filter(username=USERNAME).first()
    if admin is not None:
        return accounts.reset_password(admin, by=accounts.operator())
    return accounts.create_user(USERNAME, Role.ADMIN, by=accounts.operator())[1]


def _living_tokens(kept: Bootstrap) -> dict[str, str]:
    """The file's tokens, in place of those that open nothing new ones."""
    by = accounts.operator()
    api_token, webhook_token = kept.api_token, kept.webhook_token
    if not accounts.is_alive(api_token, scope=ApiToken.Scope.API):
        user = User.objects.get(username=kept.username)
        api_token = accounts.replace_token(API_TOKEN, by=by, user=user, role=Role.LEAD).secret
    if not accounts.is_alive(webhook_token, scope=ApiToken.Scope.WEBHOOKS):
        webhook_token = accounts.replace_token(WEBHOOK_TOKEN, by=by, scope=ApiToken.Scope.WEBHOOKS).secret
    return {"api_token": api_token, "webhook_token": webhook_token}


def _read(path: Path) -> Bootstrap | None:
    try:
        return Bootstrap(**json.loads(path.read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _write(path: Path, content: Bootstrap) -> None:
    """Whole or not at all, and readable by its owner only from the first byte."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(content), file, indent=2)
        file.write("\n")
    fresh.replace(path)
