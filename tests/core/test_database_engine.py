"""A pooled connection whose server has ended it is not handed out."""

import psycopg
import pytest
from django.db import DataError, connection, transaction

from aiops.postgresql.base import is_gone
from aiops.postgresql.prepared import fetch_together
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


@pytest.mark.django_db(transaction=True)
def test_statements_of_one_round_trip_answer_in_their_order():
    with transaction.atomic():
        assert fetch_together(
            ("SELECT %s::int", [1]), ("SET LOCAL jit = off", []), ("SELECT txid_current_if_assigned(), 3", [])
        ) == [
            [(1,)],
            [],
            [(None, 3)],
        ]


@pytest.mark.django_db(transaction=True)
def test_a_statement_that_fails_in_a_round_trip_is_told_as_anywhere_else():
    with pytest.raises(DataError, match="division by zero"), transaction.atomic():
        fetch_together(("SELECT 1", []), ("SELECT 1 / %s::int", [0]), ("SELECT 3", []))
    assert fetch_together(("SELECT 1", [])) == [[(1,)]], "the connection is of use again"
