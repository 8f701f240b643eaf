"""`POST /actions/parse`: a typed action, or a problem that says why not."""

import pytest
from django.test import Client

from tests.factories import make_token

pytestmark = pytest.mark.django_db


def parsed(command: str):
    caller = Client(headers={"Authorization": f"Bearer {make_token('viewer')}"})
    return caller.post("/api/v1/actions/parse", {"command": command}, content_type="application/json")


def test_a_command_is_answered_as_a_typed_action():
    answer = parsed("kubectl -n shop scale deployment/web --replicas=6")
    assert answer.status_code == 200
    assert answer.json() == {
        "class": "scale_up",
        "target": {"kind": "Deployment", "namespace": "shop", "name": "web"},
        "parameters": {"replicas": 6},
        "command": "kubectl scale deployment/web -n shop --replicas=6",
    }


def test_anything_else_is_422_with_the_field_and_the_reason():
    answer = parsed("kubectl exec -it web -n shop")
    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert error["loc"][-1] == "command"
    assert "kubectl exec is not one of the actions here" in error["msg"]
