"""Two incidents that are one problem, and one that is two."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from aiops.access.models import AuditEntry
from aiops.core.errors import Conflict, Invalid, NotAllowed
from aiops.core.targets import Target
from incidents import closing, merging, ownership, postmortem
from incidents.models import Alert, Decision, Incident
from tests.factories import make_alert, make_decision, make_incident, make_principal
from tests.incidents.senders import ByToken, body_of
from tests.threads import together

pytestmark = pytest.mark.django_db
CART = Target(kind="Deployment", namespace="shop", name="cart")


@pytest.fixture
def lead():
    return make_principal("lead")


@pytest.fixture
def post():
    return ByToken("alertmanager")


def firing(*targets, name="KubePodCrashLooping", severity="warning"):
    """A body with one alert per target."""
    body = body_of("alertmanager/firing")
    labels = {"alertname": name, "namespace": "shop", "severity": severity}
    alerts = [
        body["alerts"][0] | {"labels": labels | {"deployment": target}, "fingerprint": f"{name}-{target}"} for target in targets
    ]
    return body | {"alerts": alerts}


def resolved(body):
    return body | {"alerts": [a | {"status": "resolved", "endsAt": "2026-03-10T20:05:57.988Z"} for a in body["alerts"]]}


def opened(post, *targets, **more):
    post(firing(*targets, **more))
    return [Incident.objects.get(target_name=target) for target in targets]


def kinds(incident):
    return list(incident.timeline.order_by("id").values_list("kind", flat=True))


# Merging


def test_the_alerts_go_over_and_the_other_is_closed_with_a_pointer(post, lead):
    web, cart = opened(post, "web", "cart")
    survivor = merging.merge(cart, web, lead, reason="cart needs web")
    cart.refresh_from_db()
    assert survivor.alerts.count() == 2
    assert (cart.status, cart.merged_into, cart.alerts.count()) == ("closed", web, 0)
    assert cart.decisions.get().reason == "merged"
    assert web.decisions.get().state == "INIT"


def test_both_timelines_tell_of_it_and_keep_what_they_told(post, lead):
    web, cart = opened(post, "web", "cart")
    before = kinds(web), kinds(cart)
    merging.merge(cart, web, lead, reason="cart needs web")
    assert kinds(web)[: len(before[0])] == before[0]
    assert kinds(cart)[: len(before[1])] == before[1]
    told = web.timeline.get(kind="incident.merged")
    assert (told.title, told.detail, told.actor) == (f"{cart.ref} was merged into this: 1 alert", "cart needs web", lead.name)
    assert cart.timeline.get(kind="incident.merged").title == f"Merged into {web.ref}"


def test_it_is_in_the_audit_log_with_the_reason(post, lead):
    web, cart = opened(post, "web", "cart")
    merging.merge(cart, web, lead, reason="cart needs web")
    entry = AuditEntry.objects.get(act="incident.merge")
    assert (entry.actor, entry.object_id, entry.detail["into"], entry.detail["reason"]) == (
        lead.name,
        cart.ref,
        web.ref,
        "cart needs web",
    )


def test_later_alerts_of_either_join_the_survivor(post, lead):
    web, cart = opened(post, "web", "cart")
    merging.merge(cart, web, lead, reason="one problem")
    post(firing("cart", name="KubePodNotReady"))
    post(firing("cart"))
    assert set(Alert.objects.values_list("incident", flat=True)) == {web.pk}
    assert Incident.objects.count() == 2


def test_it_ends_when_the_last_alert_of_both_has_ended(post, lead):
    web, cart = opened(post, "web", "cart")
    merging.merge(cart, web, lead, reason="one problem")
    post(resolved(firing("web")))
    web.refresh_from_db()
    assert web.status == "open"
    post(resolved(firing("cart")))
    web.refresh_from_db()
    assert web.status == "resolved"


def test_the_worse_severity_and_the_services_of_both_count(post, lead):
    (web,) = opened(post, "web")
    (cart,) = opened(post, "cart", severity="critical")
    survivor = merging.merge(cart, web, lead, reason="one problem")
    assert (survivor.severity, survivor.services) == ("P0", ["cart", "web"])


def test_whoever_had_the_other_has_the_survivor(post, lead):
    web, cart = opened(post, "web", "cart")
    ownership.own(cart, lead)
    assert merging.merge(cart, web, lead, reason="one problem").owner == lead.user


def test_an_act_under_way_blocks_it(lead):
    web, cart = make_incident(), make_incident(target=CART)
    make_decision(cart, state="EXECUTING")
    make_alert(cart)
    with pytest.raises(Conflict) as refused:
        merging.merge(cart, web, lead, reason="one problem")
    assert refused.value.code == "executing"
    assert cart.alerts.count() == 1


def test_an_act_of_the_survivor_does_not(lead):
    web, cart = make_incident(), make_incident(target=CART)
    make_decision(web, state="EXECUTING")
    assert merging.merge(cart, web, lead, reason="one problem").decisions.get().state == "EXECUTING"


@pytest.mark.parametrize("over", ["web", "cart"])
def test_what_is_over_is_not_merged(post, lead, over):
    web, cart = opened(post, "web", "cart")
    closing.resolve({"web": web, "cart": cart}[over], lead)
    with pytest.raises(Conflict) as refused:
        merging.merge(cart, web, lead, reason="one problem")
    assert refused.value.code == "not_live"


def test_it_is_not_merged_twice(post, lead):
    web, cart = opened(post, "web", "cart")
    merging.merge(cart, web, lead, reason="one problem")
    with pytest.raises(Conflict, match=f"merged into {web.ref}"):
        merging.merge(cart, web, lead, reason="again")


def test_a_test_and_real_trouble_stay_apart(lead):
    with pytest.raises(Invalid):
        merging.merge(make_incident(is_test=True), make_incident(), lead, reason="one problem")


def test_an_incident_and_itself_are_one_already(lead):
    web = make_incident()
    with pytest.raises(Invalid):
        merging.merge(web, web, lead, reason="one problem")


@pytest.mark.parametrize("reason", ["", "  "])
def test_it_needs_a_reason(lead, reason):
    with pytest.raises(Invalid):
        merging.merge(make_incident(), make_incident(), lead, reason=reason)


def test_only_a_lead_merges_and_splits():
    responder = make_principal("responder")
    with pytest.raises(NotAllowed):
        merging.merge(make_incident(), make_incident(), responder, reason="x")
    with pytest.raises(NotAllowed):
        merging.split(make_incident(), [1], responder, reason="x")


def test_the_postmortem_of_each_points_to_the_other(post, lead):
    web, cart = opened(post, "web", "cart")
    merging.merge(cart, web, lead, reason="one problem")
    cart.refresh_from_db()
    assert f"Merged into this: {cart.ref}." in postmortem.write(web)
    assert f"Merged into {web.ref}" in postmortem.write(cart)


def test_its_cost_does_not_grow_with_the_alerts(post, lead):
    def cost(count):
        web, cart = make_incident(), make_incident(target=CART)
        for _ in range(count):
            make_alert(cart)
        with CaptureQueriesContext(connection) as queries:
            merging.merge(cart, web, lead, reason="one problem")
        return len(queries)

    assert cost(1) == cost(40)


@pytest.mark.django_db(transaction=True)
def test_alerts_that_arrive_meanwhile_end_up_in_the_survivor(post, lead):
    web, cart = opened(post, "web", "cart")
    bodies = [firing("cart", name=f"Alert{n}") for n in range(4)]
    answers = together(
        [lambda: merging.merge(cart, web, lead, reason="one problem"), *[lambda body=body: post(body) for body in bodies]]
    )
    assert not [answer for answer in answers if isinstance(answer, Exception)]
    assert Incident.objects.live().count() == 1
    assert Alert.objects.filter(incident=web).count() == 6


@pytest.mark.django_db(transaction=True)
def test_of_two_merges_into_each_other_one_wins(post, lead):
    web, cart = opened(post, "web", "cart")
    answers = together([lambda: merging.merge(cart, web, lead, reason="x"), lambda: merging.merge(web, cart, lead, reason="x")])
    assert sum(isinstance(answer, Conflict) for answer in answers) == 1
    assert Incident.objects.live().get().alerts.count() == 2


# Splitting


@pytest.fixture
def both(post):
    """One incident with two alerts of one deployment; the first is its root."""
    post(firing("web"))
    post(firing("web", name="KubePodNotReady"))
    return Incident.objects.get()


def named(incident, name):
    return incident.alerts.get(name=name).pk


def test_the_chosen_alerts_open_an_incident_with_a_decision_of_its_own(both, lead):
    new = merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems")
    assert (new.split_from, new.status, new.alert_name) == (both, "open", "KubePodNotReady")
    assert new.decisions.get().state == "INIT"
    assert [alert.name for alert in both.alerts.all()] == ["KubePodCrashLooping"]
    assert both.decisions.get().state == "INIT"


def test_both_timelines_tell_of_the_split(both, lead):
    new = merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems")
    assert both.timeline.get(kind="incident.split").title == f"Split off into {new.ref}: 1 alert"
    assert new.timeline.get(kind="incident.split").detail == "two problems"
    assert AuditEntry.objects.get(act="incident.split").detail["reason"] == "two problems"


def test_repeats_and_ends_find_the_new_incident(post, both, lead):
    new = merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems")
    assert post(firing("web", name="KubePodNotReady")).json()["incidents"] == [new.ref]
    post(resolved(firing("web", name="KubePodNotReady")))
    new.refresh_from_db()
    both.refresh_from_db()
    assert (new.status, both.status) == ("resolved", "open")


def test_where_the_root_goes_the_rest_is_described_and_decided_anew(both, lead):
    new = merging.split(both, [both.root_alert_id], lead, reason="two problems")
    both.refresh_from_db()
    assert (new.alert_name, both.alert_name, both.root_alert.name) == (
        "KubePodCrashLooping",
        "KubePodNotReady",
        "KubePodNotReady",
    )
    assert [(d.state, d.cause) for d in both.decisions.order_by("id")] == [("WITHDRAWN", "opened"), ("INIT", "split")]


def test_an_act_about_the_root_keeps_the_root(both, lead):
    Decision.objects.update(state="EXECUTING")
    with pytest.raises(Conflict) as refused:
        merging.split(both, [both.root_alert_id], lead, reason="two problems")
    assert refused.value.code == "executing"
    assert merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems").split_from == both


def test_the_rest_ends_if_nothing_of_it_is_open(post, both, lead):
    post(resolved(firing("web")))
    new = merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems")
    both.refresh_from_db()
    assert (both.status, new.status) == ("resolved", "open")


@pytest.mark.parametrize("choose", [lambda i: [], lambda i: [0], lambda i: list(i.alerts.values_list("pk", flat=True))])
def test_a_choice_that_makes_no_sense_is_refused(both, lead, choose):
    with pytest.raises(Invalid) as refused:
        merging.split(both, choose(both), lead, reason="two problems")
    assert refused.value.loc == ("alerts",)


def test_alerts_of_somebody_else_s_incident_stay_there(both, lead):
    other = make_alert(make_incident(target=CART))
    with pytest.raises(Invalid):
        merging.split(both, [named(both, "KubePodNotReady"), other.pk], lead, reason="two problems")


def test_alerts_that_are_over_are_not_split_off(post, both, lead):
    post(resolved(firing("web", name="KubePodNotReady")))
    with pytest.raises(Invalid, match="open"):
        merging.split(both, [named(both, "KubePodNotReady")], lead, reason="two problems")
