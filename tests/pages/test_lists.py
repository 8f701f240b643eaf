"""Lists that are narrowed by their address and paged by keyset."""

import re
from datetime import timedelta

from django.utils import timezone

from aiops.access.models import AuditEntry
from tests.factories import make_incident, make_user


def refs(html: str) -> list[str]:
    return re.findall(r'class="cover strong" href="/incidents/(INC-\d+)"', html)


def older(html: str) -> str | None:
    found = re.search(r'<a class="link end-x" href="([^"]*cursor=[^"]*)"', html)
    return found[1].replace("&amp;", "&") if found else None


def close_many(number: int) -> list[str]:
    now = timezone.now()
    rows = [make_incident(status="closed", received_at=now - timedelta(minutes=n), title=f"old {n}") for n in range(number)]
    return [row.ref for row in rows]


def test_closed_incidents_are_paged_without_gaps_while_new_ones_come(db, visit):
    client = visit(make_user())
    wanted = close_many(120)
    seen, address = [], "/incidents?show=closed"
    while address:
        html = client.get(address).content.decode()
        seen += refs(html)
        make_incident(status="closed", received_at=timezone.now() + timedelta(seconds=len(seen)))
        address = older(html)
    assert seen == wanted


def test_older_ones_keep_the_filter(db, visit):
    client = visit(make_user())
    close_many(60)
    html = client.get("/incidents?show=closed&q=old&severity=P2").content.decode()
    assert "q=old" in older(html)
    assert "severity=P2" in older(html)
    assert len(refs(client.get(older(html)).content.decode())) == 10


def test_a_cursor_that_was_not_made_here_is_refused_in_words(db, visit):
    answer = visit(make_user()).get("/incidents?show=closed&cursor=bogus")
    assert answer.status_code == 422
    assert "leave it out to start from the first page" in answer.content.decode()


def test_incidents_are_grouped_by_what_they_need(night, visit):
    html = visit(night.people["mira"]).get("/incidents").content.decode()
    bodies = re.split(r'<tr role="row" class="group">', html)[1:]
    groups = {re.search(r"<th[^>]*>([^<]+)<", body)[1]: refs(body) for body in bodies}
    assert groups["Needs a person, and every P0"][0] == night.analyzing.ref
    assert night.ready.ref in groups["Needs a person, and every P0"]
    assert groups["Being handled"] == [night.executing.ref]
    assert groups["Held"] == [night.held.ref]
    assert groups["Closed"] == [night.done.ref]


def test_the_list_is_narrowed_by_its_address(night, visit):
    client = visit(night.people["vera"])
    assert refs(client.get("/incidents?q=p99").content.decode()) == [night.ready.ref]
    assert refs(client.get(f"/incidents?q={night.single.ref}").content.decode()) == [night.single.ref]
    assert set(refs(client.get("/incidents?severity=P3").content.decode())) == {night.told.ref, night.expired.ref}
    assert refs(client.get("/incidents?namespace=nowhere").content.decode()) == []
    assert "Clear filters" in client.get("/incidents?q=chekout").content.decode()


def test_nonsense_in_the_address_filters_nothing(night, visit):
    html = visit(night.people["vera"]).get("/incidents?severity=P9&show=sideways").content.decode()
    assert night.ready.ref in refs(html)


def test_the_audit_is_narrowed_and_paged(db, visit):
    user = make_user("lead")
    client = visit(user)
    for n in range(70):
        AuditEntry.objects.create(
            actor="mira" if n % 2 else "aisha", via="api", act="approval.sign", object_kind="approval", object_id=str(n),
            incident_ref=f"INC-{n % 3}",
        )  # fmt: skip
    page = client.get("/audit")
    following = client.get(older_audit(page)).content.decode()
    assert page.content.decode().count('<tr role="row" data-item>') + following.count('<tr role="row" data-item>') == 70
    only = client.get("/audit?q=mira").content.decode()
    assert "aisha" not in only
    assert client.get("/audit?q=INC-2").content.decode().count(">INC-2<") == 23


def older_audit(page) -> str:
    return f"/audit{older(page.content.decode())}"


def test_the_finder_finds_incidents_by_reference_and_words(night, visit):
    client = visit(night.people["vera"])
    assert night.ready.ref in client.get("/find?q=p99").content.decode()
    assert night.single.title in client.get(f"/find?q={night.single.ref}").content.decode()
    assert "rollback:checkout-*" in client.get("/find?q=rollback").content.decode()
    assert "Nothing fits" in client.get("/find?q=zzzz").content.decode()


def test_the_timeline_shows_what_is_asked_for(night, visit):
    client = visit(night.people["vera"])
    address = night.ready.get_absolute_url()
    people = client.get(f"{address}?show=people").content.decode()
    assert "Signed, 1 of 2" in people
    assert "Analysis began" not in people
    assert "Analysis began" in client.get(f"{address}?show=decision").content.decode()
