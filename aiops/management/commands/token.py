import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from aiops.access import accounts
from aiops.access.models import ApiToken, User
from aiops.access.roles import Role
from aiops.core.errors import NotFound
from aiops.management.errors import told_plainly


class Command(BaseCommand):
    help = "Tokens for the API and for webhooks: token create|list|revoke"

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        create = verbs.add_parser("create", help="a new token; its secret is printed once")
        create.add_argument("name", help="what the token is for, to recognise it by")
        create.add_argument("--user", help="the person it belongs to; without one it is a service's and can never sign")
        create.add_argument(
            "--role", choices=[role.value for role in Role], help="the person's own is the default and the ceiling"
        )
        create.add_argument("--scope", choices=ApiToken.Scope.values, default=ApiToken.Scope.API.value)
        create.add_argument("--days", type=int, help="how long it is valid; without it, until it is revoked")
        show = verbs.add_parser("list", help="the living tokens, newest first")
        show.add_argument("--all", action="store_true", help="also those revoked or expired")
        revoke = verbs.add_parser("revoke", help="make a token void")
        revoke.add_argument("name")
        for verb in (create, show, revoke):
            verb.add_argument("--json", action="store_true", dest="as_json", help="answer as JSON")

    def handle(self, *args: Any, verb: str, as_json: bool, **given: Any) -> None:
        with told_plainly():
            match verb:
                case "create":
                    self._create(given, as_json=as_json)
                case "list":
                    self._list(also_dead=given["all"], as_json=as_json)
                case "revoke":
                    token = accounts.revoke_token(given["name"], by=accounts.operator())
                    self._say(f"{token.name} is void", _facts(token), as_json=as_json)

    def _create(self, given: dict[str, Any], *, as_json: bool) -> None:
        user = None
        if given["user"]:
            user = User.objects.filter(username=given["user"]).first()
            if user is None:
                raise NotFound(f"there is no user {given['user']}; make one with `user create {given['user']} --role ROLE`")
        issued = accounts.issue_token(
            given["name"],
            by=accounts.operator(),
            user=user,
            role=Role(given["role"]) if given["role"] else None,
            scope=ApiToken.Scope(given["scope"]),
            days=given["days"],
        )
        text = f"{issued.token.name}: {_summary(issued.token)}. Token, shown once: {issued.secret}"
        self._say(text, {**_facts(issued.token), "token": issued.secret}, as_json=as_json)

    def _list(self, *, also_dead: bool, as_json: bool) -> None:
        found = accounts.tokens(also_dead=also_dead)
        if as_json:
            self.stdout.write(json.dumps([_facts(token) for token in found]))
            return
        for token in found:
            self.stdout.write(f"{token.name:<24} {token.hint}…  {_summary(token)}")
        if not found:
            self.stdout.write("no tokens; make one with `token create NAME`")

    def _say(self, text: str, facts: dict[str, str | None], *, as_json: bool) -> None:
        self.stdout.write(json.dumps(facts) if as_json else text)


def _summary(token: ApiToken) -> str:
    whose = f"of {token.user.username}" if token.user else "of a service"
    what = "webhooks only" if token.scope == ApiToken.Scope.WEBHOOKS else f"role {token.role}"
    until = f", until {token.expires_at:%Y-%m-%d}" if token.expires_at else ""
    void = f", revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else ""
    return f"{whose}, {what}{until}{void}"


def _facts(token: ApiToken) -> dict[str, str | None]:
    return {
        "name": token.name,
        "user": token.user.username if token.user else None,
        "role": token.role,
        "scope": token.scope,
        "hint": token.hint,
        "created_at": token.created_at.isoformat(),
        "expires_at": token.expires_at.isoformat() if token.expires_at else None,
        "revoked_at": token.revoked_at.isoformat() if token.revoked_at else None,
        "last_used_on": token.last_used_on.isoformat() if token.last_used_on else None,
    }
