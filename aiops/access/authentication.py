"""From a request to the principal behind it: a bearer token, else the dashboard's session."""

from datetime import date, datetime

from django.http import HttpRequest
from django.utils import timezone

from aiops.access.models import ApiToken, User
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role
from aiops.postgresql.prepared import fetch

LOGIN_AT = "login_at"  # session key: ISO time of the last full login of this session


class ApiRequest(HttpRequest):
    """A request that has been authenticated."""

    principal: Principal


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")[:64]


# Written out: every webhook and API call asks this first.
_FIND_TOKEN = """
SELECT t.id, t.name, t.role, t.last_used_on, u.id, u.username, u.name, u.role, u.is_active
  FROM access_apitoken t LEFT JOIN access_user u ON u.id = t.user_id
 WHERE t.digest = %s AND t.scope = %s AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())
"""


def of_token(secret: str, *, scope: str, address: str = "") -> Principal | None:
    """Whose token this is, or None for one that is unknown, revoked, expired or of another scope."""
    found = fetch(_FIND_TOKEN, [ApiToken.digest_of(secret), scope])
    if not found:
        return None
    [(token_id, token_name, token_role, last_used_on, user_id, username, name, user_role, is_active)] = found
    _note_use(token_id, last_used_on)
    if user_id is None:
        return Principal(name=token_name, via=Via.API, role=Role(token_role), address=address)
    if not is_active:
        return None
    user = User(pk=user_id, username=username, name=name, role=user_role)
    role = min(Role(token_role), Role(user_role), key=lambda r: r.rank)
    return Principal(name=username, via=Via.API, role=role, user=user, address=address)


def _note_use(token_id: int, last_used_on: date | None) -> None:
    """Once a day, so that reading a token stays a read."""
    today = timezone.now().date()
    if last_used_on != today:
        ApiToken.objects.filter(pk=token_id).update(last_used_on=today)


def of_session(request: HttpRequest) -> Principal | None:
    user = request.user
    if not user.is_authenticated:
        return None
    since = request.session.get(LOGIN_AT)
    login_at = datetime.fromisoformat(since) if since else None
    return Principal.of(user, Via.DASHBOARD, login_at=login_at, address=address_of(request))


def bearer(request: HttpRequest) -> str | None:
    """The secret of the Authorization header, None where there is none."""
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" and secret.strip() else None
