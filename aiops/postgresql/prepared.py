"""Statements that are written out because they run with every request: prepared by the server after their first uses."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor

Parameters = Mapping[str, object] | Sequence[object]
Rows = list[tuple[Any, ...]]


def fetch(sql: str, params: Parameters) -> Rows:
    """The rows of `sql`, none for a statement that returns none."""
    [cursor] = _cursors(1)
    with cursor:
        cursor.execute(sql, params)
        return _rows(cursor)


def fetch_together(*statements: tuple[str, Parameters]) -> list[Rows]:
    """The rows of each statement, in their order, by one round trip inside a transaction that has begun."""
    cursors = _cursors(len(statements))
    with connection.wrap_database_errors:
        with connection.connection.pipeline():
            for cursor, (sql, params) in zip(cursors, statements, strict=True):
                cursor.execute(sql, params)
        return [_rows(cursor) for cursor in cursors]


def _cursors(number: int) -> list[Any]:
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    wrapped = connection.make_debug_cursor if connection.queries_logged else connection.make_cursor
    return [wrapped(ServerBindingCursor(connection.connection)) for _ in range(number)]  # type: ignore[arg-type, call-arg]


def _rows(cursor: Any) -> Rows:
    return cursor.fetchall() if cursor.description else []
