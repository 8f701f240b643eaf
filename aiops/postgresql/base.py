"""The `ENGINE` of settings: a pooled connection is looked at before it is handed out, without a round trip."""

import select
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError

MOST_GONE = 20  # more than a pool holds: whoever ends all of them is asked no more


class DatabaseWrapper(base.DatabaseWrapper):
    """Takes the place of `CONN_HEALTH_CHECKS`, which asks the server before every request."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> "Connection[Any]":
        for _ in range(MOST_GONE):
            connection: Connection[Any] = super().get_new_connection(conn_params)
            if self.pool is None or not is_gone(connection):
                return connection
            connection.close()
            self.pool.putconn(connection)  # it makes another one instead
        raise OperationalError("the server ends every connection as soon as it is made")


def is_gone(connection: "Connection[Any]") -> bool:
    """Whether its server has ended it: nothing is to be read from an idle connection but the end."""
    if connection.closed:
        return True
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))
