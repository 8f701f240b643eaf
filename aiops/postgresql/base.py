"""The `ENGINE` of settings: a pooled connection is looked at before it is handed out, without a round trip."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the place of `CONN_HEALTH_CHECKS`, which asks the server before every request."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        connection: Connection[Any] = super().get_new_connection(conn_params)
        while is_gone(connection):
            connection.close()
            if self.pool:
                self.pool.putconn(connection)  # it makes another one instead
            connection = super().get_new_connection(conn_params)
        return connection


def is_gone(connection: "Connection[Any]") -> bool:
    """Whether its server has ended it: nothing is to be read from an idle connection but the end."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
