"""People at their browsers."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from aiops.access.authentication import LOGIN_AT
from aiops.access.models import User
from learning.models import Playbook, TrustRecord
from tests.pages import scene

Visit = Callable[[User], Client]


@pytest.fixture
def night(db: None) -> scene.Scene:
    return scene.build()


@pytest.fixture
def visit() -> Visit:
    """A browser in which that person has just logged in."""

    def logged_in(user: User) -> Client:
        client = Client()
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        session = client.session
        session[LOGIN_AT] = timezone.now().isoformat()
        session.save()
        return client

    return logged_in


def pages_of(night: scene.Scene) -> list[str]:
    """Every page, the incident's in each of its states."""
    incidents = [
        night.ready, night.analyzing, night.single, night.executing, night.failed, night.done, night.held, night.told, night.expired,
    ]  # fmt: skip
    plain = [
        "/",
        "/incidents",
        "/incidents?show=all",
        "/incidents?show=closed&q=web",
        "/approvals",
        "/approvals?show=decided",
        "/approvals?show=expired",
        "/trust",
        f"/trust?row={TrustRecord.objects.get().pk}",
        "/playbooks",
        "/playbooks?status=draft",
        Playbook.objects.get(name="Roll back a bad deploy").get_absolute_url(),
        "/system",
        "/audit",
        "/settings",
        "/help",
    ]
    return [*plain, f"/anomalies/{night.ready.anomaly_key}", *(incident.get_absolute_url() for incident in incidents)]
