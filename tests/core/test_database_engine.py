"""A pooled connection whose server has ended it is not handed out."""

import psycopg
import pytest
from django.db import connection

from aiops.postgresql.base import is_gone
from tests.product import wait_for

pytestmark = pytest.mark.django_db


@pytest.fixture
def another():
    parameters = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        parameters.pop(name, None)
    with psycopg.connect(**parameters, autocommit=True) as made:
        yield made


def test_a_connection_that_the_server_ended_is_gone_and_others_are_not(another):
    assert not is_gone(another)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [another.info.backend_pid])
    wait_for(lambda: is_gone(another))


def test_one_that_was_closed_here_is_gone(another):
    another.close()
    assert is_gone(another)
