"""What holds for all pages, whatever they show."""

import hashlib
import re

import pytest
from django.db import connection
from django.test import Client

from tests.pages.conftest import pages_of

INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle\s*=|\son[a-z]+\s*=|javascript:|hx-on|js:", re.IGNORECASE)
SKIPPED_TABLES = {"django_session", "django_migrations"}  # a session notes that it was used


def contents() -> dict[str, str]:
    """A fingerprint of each table."""
    with connection.cursor() as cursor:
        cursor.execute("select tablename from pg_tables where schemaname = 'public'")
        tables = {row[0] for row in cursor.fetchall()} - SKIPPED_TABLES
        prints = {}
        for table in tables:
            cursor.execute(f"select coalesce(string_agg(t::text, '|' order by t::text), '') from \"{table}\" t")
            prints[table] = hashlib.sha256(cursor.fetchone()[0].encode()).hexdigest()
    return prints


@pytest.mark.parametrize("person", ["vera", "jonas", "mira", "ada"])
def test_every_page_opens_for_every_role(night, visit, person):
    client = visit(night.people[person])
    answers = {page: client.get(page).status_code for page in pages_of(night)}
    assert set(answers.values()) == {200}, answers


def test_no_page_has_inline_scripts_styles_or_handlers(night, visit):
    client = visit(night.people["mira"])
    for page in [*pages_of(night), "/login?again=1", "/nothing-here", "/incidents/INC-999"]:
        html = client.get(page).content.decode()
        assert not INLINE.search(html), (page, INLINE.search(html))


def test_every_page_has_the_strict_policy(night, visit):
    client = visit(night.people["mira"])
    for page in pages_of(night):
        policy = client.get(page)["Content-Security-Policy"]
        assert "unsafe" not in policy, page
        assert "script-src 'self'" in policy, page
        assert "default-src 'none'" in policy, page


def test_reading_changes_nothing(night, visit):
    client = visit(night.people["mira"])
    before = contents()
    for page in [*pages_of(night), "/find?q=checkout", "/live?topic=overview", f"/live?topic=incident.{night.ready.pk}"]:
        assert client.get(page).status_code == 200, page
        assert contents() == before, page


def test_nobody_is_sent_to_the_login_and_comes_back(night):
    for page in [*pages_of(night), "/find?q=x", "/live?topic=overview"]:
        answer = Client().get(page)
        assert answer.status_code == 302, page
        assert answer["Location"].startswith("/login?next=%2F"), page


def test_a_part_asked_for_after_the_session_ended_leads_to_the_login(night):
    answer = Client().get("/live?topic=overview", headers={"HX-Request": "true", "HX-Current-URL": "http://testserver/approvals"})
    assert answer["HX-Redirect"] == "/login?next=%2Fapprovals"


def test_every_page_has_one_heading_and_a_title(night, visit):
    client = visit(night.people["mira"])
    for page in pages_of(night):
        html = client.get(page).content.decode()
        assert html.count("<h1") == 1, page
        assert re.search(r"<title>[^<]+ · AIOps</title>", html), page


def test_ids_are_unique_on_every_page(night, visit):
    client = visit(night.people["mira"])
    for page in pages_of(night):
        ids = re.findall(r'\sid="([^"]+)"', client.get(page).content.decode())
        assert len(ids) == len(set(ids)), (page, {i for i in ids if ids.count(i) > 1})


def test_an_unknown_incident_says_which_is_the_newest(night, visit):
    answer = visit(night.people["vera"]).get("/incidents/INC-999999")
    assert answer.status_code == 404
    assert "There is no INC-999999. The newest is INC-" in answer.content.decode()


@pytest.mark.parametrize("ref", ["INC-", "INC-x", "1", "INC-99999999999999999999", "INC-1'--"])
def test_what_is_no_reference_is_not_found(night, visit, ref):
    assert visit(night.people["vera"]).get(f"/incidents/{ref}").status_code == 404
