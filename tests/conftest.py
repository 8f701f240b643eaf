"""Real PostgreSQL and Redis for every test process, started before its first test and removed after its last."""

import shutil
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import connection
from hypothesis import HealthCheck
from hypothesis import settings as examples
from pytest_django.plugin import DjangoDbBlocker

from aiops.runtime.servers import Postgres, Redis
from incidents import landscape

pytest_plugins = ["tests.product"]  # the fixture `product`: everything as its own processes

# A busy machine is slow, which says nothing about the code. How fast things are is measured in bench/.
examples.register_profile("console", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("console")

_SERVERS = pytest.StashKey[tuple[Postgres, Redis]]()


def pytest_configure(config: pytest.Config) -> None:
    controls_workers = not hasattr(config, "workerinput") and config.getoption("numprocesses", None)
    if not controls_workers and not config.getoption("collectonly", False):
        config.stash[_SERVERS] = (Postgres(settings.RUNTIME), Redis(settings.RUNTIME))
        for server in config.stash[_SERVERS]:
            server.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    for server in config.stash.get(_SERVERS, ()):
        server.stop()
    for folder in (settings.RUNTIME.private, settings.RUNTIME.sockets, settings.RUNTIME.var):
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(autouse=True)
def _nothing_is_known_of_other_tests() -> None:
    """What a process keeps a copy of is read again."""
    landscape.forget()


@pytest.fixture(scope="session", autouse=True)
def _tables_may_be_emptied(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Transactional tests end with TRUNCATE, which append-only tables refuse everywhere else."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("select tgrelid::regclass, tgname from pg_trigger where tgname like 'pgtrigger_keep_all%%'")
        for table, trigger in cursor.fetchall():
            cursor.execute(f"alter table {table} disable trigger {trigger}")
    yield
