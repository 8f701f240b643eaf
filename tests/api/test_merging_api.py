"""Merge and split over HTTP."""

import pytest
from django.test import Client

from incidents.models import Incident
from tests.factories import make_alert, make_incident, make_token

pytestmark = pytest.mark.django_db


def call(path, body, *, role="lead"):
    headers = {"Authorization": f"Bearer {make_token(role)}"}
    return Client().post(f"/api/v1{path}", body, content_type="application/json", headers=headers)


def test_a_merge_answers_with_the_survivor_and_the_other_points_to_it():
    web, cart = make_incident(), make_incident()
    alert = make_alert(cart)
    answer = call(f"/incidents/{cart.ref}/merge", {"into": web.ref, "reason": "cart needs web"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["ref"], [a["id"] for a in answer.json()["alerts"]]) == (web.ref, [alert.pk])
    headers = {"Authorization": f"Bearer {make_token('viewer')}"}
    other = Client().get(f"/api/v1/incidents/{cart.ref}", headers=headers).json()
    assert (other["status"], other["merged_into"], other["alerts"]) == ("closed", web.ref, [])


def test_a_split_answers_with_the_new_incident_and_its_decision():
    web = make_incident()
    make_alert(web)
    other = make_alert(web)
    answer = call(f"/incidents/{web.ref}/split", {"alerts": [other.pk], "reason": "two problems"})
    assert answer.status_code == 200, answer.content
    assert (answer.json()["split_from"], answer.json()["decision"]["state"]) == (web.ref, "INIT")
    assert [a["id"] for a in answer.json()["alerts"]] == [other.pk]


@pytest.mark.parametrize("act", ["merge", "split"])
def test_a_responder_learns_which_role_is_needed(act):
    web = make_incident()
    body = {"into": make_incident().ref, "alerts": [make_alert(web).pk], "reason": "x"}
    answer = call(f"/incidents/{web.ref}/{act}", body, role="responder")
    assert (answer.status_code, "lead" in answer.json()["detail"]) == (403, True)
    assert Incident.objects.filter(status="open").count() == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"into": "INC-999999", "reason": "x"}, 404),
        ({"into": "x", "reason": "x"}, 404),
        ({"into": "INC-1", "reason": " "}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_merged_is_refused_with_its_field(body, status):
    assert call(f"/incidents/{make_incident().ref}/merge", body).status_code == status


def test_what_is_over_answers_with_its_state():
    over = make_incident(status="resolved")
    answer = call(f"/incidents/{over.ref}/merge", {"into": make_incident().ref, "reason": "x"})
    assert (answer.status_code, answer.json()["code"], answer.json()["state"]) == (409, "not_live", "resolved")
