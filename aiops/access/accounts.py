"""People and their tokens: made, listed and revoked here, each act with its audit entry."""

import getpass
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from aiops.access.models import ApiToken, User
from aiops.access.principals import Principal, Via, record, require
from aiops.access.roles import Act, Role
from aiops.core.errors import Conflict, Invalid, NotFound

PASSWORD_BYTES = 12  # 96 random bits, 16 characters


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and its secret, which nobody can read again."""

    token: ApiToken
    secret: str


def operator() -> Principal:
    """Whoever runs a command on this machine: their reach is the database's, so no role is asked for."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container's user without a name
        name = "operator"
    return Principal(name=name, via=Via.COMMAND, role=Role.ADMIN)


@transaction.atomic
def create_user(username: str, role: Role, *, by: Principal) -> tuple[User, str]:
    """A new person and the password that they log in with first. Invalid for an impossible name, Conflict for a taken one."""
    require(by, Act.USERS)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user = User(username=username, role=role.value)
    user.set_password(password)
    try:
        user.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise Invalid(f"{username!r} cannot be a user name: letters, digits and . _ + - @ only", loc=("username",)) from error
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        raise Conflict(f"there is a user {username} already; choose another name", code="user_exists") from error
    record(by, Act.USERS, "user", username, made=True, role=role.value)
    return user, password


@transaction.atomic
def reset_password(user: User, *, by: Principal) -> str:
    """A new password for `user`; the old one is void."""
    require(by, Act.USERS)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    user.set_password(password)
    user.save(update_fields=["password"])
    record(by, Act.USERS, "user", user.username, password_reset=True)
    return password


@transaction.atomic
def issue_token(
    name: str,
    *,
    by: Principal,
    user: User | None = None,
    role: Role | None = None,
    scope: ApiToken.Scope = ApiToken.Scope.API,
    days: int | None = None,
) -> IssuedToken:
    """A token of `user`, or of a service where there is none.

    The role is at most the person's own, and theirs where none is given; a service's is viewer. Without `days` it stays valid.
    """
    require(by, Act.TOKENS)
    if scope is ApiToken.Scope.WEBHOOKS and user is not None:
        raise Invalid("a token of scope webhooks belongs to a sender, not to a person; leave the user out", loc=("user",))
    if not name or len(name) > 100:
        raise Invalid("a token needs a name of at most 100 characters", loc=("name",))
    if days is not None and days < 1:
        raise Invalid("a token is valid for at least one day", loc=("days",))
    expires_at = timezone.now() + timedelta(days=days) if days else None
    try:
        with transaction.atomic():
            token, secret = ApiToken.issue(name, user=user, role=_ceiling(role, user).value, scope=scope, expires_at=expires_at)
    except IntegrityError as error:
        raise Conflict(f"there is a token {name} already; revoke it, or choose another name", code="token_exists") from error
    record(by, Act.TOKENS, "token", name, made=True, user=user.username if user else None, role=token.role, scope=str(scope))
    return IssuedToken(token, secret)


def _ceiling(role: Role | None, user: User | None) -> Role:
    if user is None:
        return role or Role.VIEWER
    own = Role(user.role)
    return own if role is None else min(role, own, key=lambda r: r.rank)


@transaction.atomic
def revoke_token(name: str, *, by: Principal) -> ApiToken:
    """The token is void from now on. NotFound where no living one has that name."""
    require(by, Act.TOKENS)
    token = ApiToken.objects.select_for_update().filter(name=name, revoked_at=None).first()
    if token is None:
        raise NotFound(f"there is no living token {name}; `token list` shows them")
    token.revoked_at = timezone.now()
    token.save(update_fields=["revoked_at"])
    record(by, Act.TOKENS, "token", name, revoked=True)
    return token


@transaction.atomic
def replace_token(
    name: str,
    *,
    by: Principal,
    user: User | None = None,
    role: Role | None = None,
    scope: ApiToken.Scope = ApiToken.Scope.API,
) -> IssuedToken:
    """A new token in place of the living one of that name, if there is one."""
    if ApiToken.objects.filter(name=name, revoked_at=None).exists():
        revoke_token(name, by=by)
    return issue_token(name, by=by, user=user, role=role, scope=scope)


def tokens(*, also_dead: bool = False) -> Sequence[ApiToken]:
    """The living ones, newest first; or all that ever were."""
    alive = Q(revoked_at=None) & (Q(expires_at=None) | Q(expires_at__gt=Now()))
    found = ApiToken.objects.select_related("user")
    return list(found if also_dead else found.filter(alive))


def is_alive(secret: str, *, scope: ApiToken.Scope) -> bool:
    """Whether this secret opens anything now."""
    return any(token.digest == ApiToken.digest_of(secret) and token.scope == scope for token in tokens())
