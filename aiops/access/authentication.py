"""From a request to the principal behind it: a bearer token, else the dashboard's session."""

from datetime import datetime

from django.db.models import Q
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from aiops.access.models import ApiToken
from aiops.access.principals import Principal, Via
from aiops.access.roles import Role

LOGIN_AT = "login_at"  # session key: ISO time of the last full login of this session


class ApiRequest(HttpRequest):
    """A request that has been authenticated."""

    principal: Principal


def address_of(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR") or "")[:64]


def of_token(secret: str, *, scope: str, address: str = "") -> Principal | None:
    """Whose token this is, or None for one that is unknown, revoked, expired or of another scope."""
    alive = Q(expires_at=None) | Q(expires_at__gt=Now())
    token = ApiToken.objects.select_related("user").filter(alive, digest=ApiToken.digest_of(secret), revoked_at=None).first()
    if token is None or token.scope != scope:
        return None
    _note_use(token)
    if token.user is None:
        return Principal(name=token.name, via=Via.API, role=Role(token.role), address=address)
    if not token.user.is_active:
        return None
    role = min(Role(token.role), Role(token.user.role), key=lambda r: r.rank)
    return Principal(name=token.user.username, via=Via.API, role=role, user=token.user, address=address)


def _note_use(token: ApiToken) -> None:
    """Once a day, so that reading a token stays a read."""
    today = timezone.now().date()
    if token.last_used_on != today:
        ApiToken.objects.filter(pk=token.pk).update(last_used_on=today)


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
