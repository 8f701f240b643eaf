"""Whatever breaks while decisions are made or looked after is something that a person sees on a page."""

import pytest

from aiops import sweeper
from governance import engine_watch
from incidents import finishing
from incidents.engines.expert import ExpertEngine
from incidents.engines.guard import BROKE
from tests.factories import make_alert, make_decision, make_incident, make_user

pytestmark = pytest.mark.django_db


def breaks(*args: object, **named: object) -> int:
    raise ZeroDivisionError("division by zero")


@pytest.fixture
def page(visit):
    client = visit(make_user("viewer"))
    return lambda address: client.get(address).content.decode()


def test_an_engine_that_breaks_is_said_on_the_page_of_its_incident_and_as_an_event(page, monkeypatch):
    monkeypatch.setattr(ExpertEngine, "propose", breaks)
    incident = make_incident()
    make_alert(incident)
    assert finishing.finish([make_decision(incident, state="INIT")], reason="broker_down")
    engine_watch.look()
    assert BROKE in page(incident.get_absolute_url())
    assert "expert_system breaks, and decisions go on without it" in page("/system")


def test_a_duty_of_the_sweeper_that_breaks_is_said_on_every_page(page):
    sweeper._perform(sweeper.Duty("assess", breaks))
    for address in ("/", "/incidents", "/system"):
        assert "The sweeper fails at: assess" in page(address), address
