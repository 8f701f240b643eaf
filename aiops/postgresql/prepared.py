"""Statements that are written out because they run with every request: prepared by the server after their first uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor


def fetch(sql: str, params: Mapping[str, object] | Sequence[object]) -> list[tuple[Any, ...]]:
    """The rows of `sql`, none for a statement that returns none."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    with wrapped(ServerBindingCursor(connection.connection)) as cursor:  # type: ignore[arg-type, call-arg]
        cursor.execute(sql, params)  # type: ignore[arg-type]
        return cursor.fetchall() if cursor.description else []
