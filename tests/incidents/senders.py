"""Posting as each source posts: captured bodies, tokens, signatures."""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client

from incidents.intake.signing import signature_of
from tests.factories import make_token

BODIES = Path(__file__).parent / "bodies"
SENTRY_SECRET, GRAFANA_SECRET = "client-secret-of-sentry", "secret-of-grafana"
PATHS = {"alertmanager": "alertmanager", "grafana": "grafana", "signoz": "signoz/alert", "sentry": "sentry/error"}


def body_of(name: str) -> dict[str, Any]:
    """A captured body, by `source/kind`."""
    body: dict[str, Any] = json.loads((BODIES / f"{name}.json").read_text())
    return body


def kinds(source: str) -> list[str]:
    return sorted(f"{source}/{path.stem}" for path in (BODIES / source).glob("*.json"))


def encoded(body: object) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def send(source: str, body: object, *, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """One post with exactly these headers."""
    return Client().post(
        f"/api/v1/webhooks/{PATHS[source]}", encoded(body), content_type="application/json", headers=dict(headers or {})
    )


class ByToken:
    """A source that shows a token, the same for all of its posts."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.headers = {"Authorization": f"Bearer {make_token(scope='webhooks')}"}

    def __call__(self, body: object, **more: str) -> HttpResponse:
        return send(self.source, body_of(body) if isinstance(body, str) else body, headers=self.headers | more)


def sentry_headers(body: bytes, resource: str, *, request_id: str = "", secret: str = SENTRY_SECRET) -> dict[str, str]:
    return {
        "Request-ID": request_id or uuid.uuid4().hex,
        "Sentry-Hook-Resource": resource,
        "Sentry-Hook-Timestamp": "1773086757",
        "Sentry-Hook-Signature": signature_of(secret, body),
    }


def post_sentry(body: object, resource: str = "", *, request_id: str = "") -> HttpResponse:
    """A signed post; of a captured body its resource follows from its name."""
    if isinstance(body, str):
        resource = resource or resource_of(body)
        body = body_of(body)
    raw = encoded(body)
    return send("sentry", raw, headers=sentry_headers(raw, resource, request_id=request_id))


def resource_of(kind: str) -> str:
    stem = kind.partition("/")[2]
    known = ("event_alert", "metric_alert", "issue", "comment", "error", "installation", "seer")
    return next(resource for resource in known if stem.startswith(resource))
