"""The ceiling: a bare ASGI process that parses the same body and does one upsert, with the alerts as one JSON parameter.

Nothing a product does is in it; what the product reaches is measured as a share of this.
"""

import json
import os
from contextlib import asynccontextmanager

from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

TABLE = """
CREATE TABLE IF NOT EXISTS ceiling_alert (
    fingerprint text PRIMARY KEY, labels jsonb, annotations jsonb, status text, starts_at timestamptz,
    first_seen timestamptz DEFAULT now(), last_seen timestamptz, occurrences int DEFAULT 1) WITH (fillfactor = 80)
"""
UPSERT = """
INSERT INTO ceiling_alert (fingerprint, labels, annotations, status, starts_at, last_seen)
SELECT fingerprint, labels, annotations, status, "startsAt", now()
  FROM jsonb_to_recordset(%s::jsonb) AS g (fingerprint text, labels jsonb, annotations jsonb, status text, "startsAt" timestamptz)
 ORDER BY fingerprint
    ON CONFLICT (fingerprint) DO UPDATE SET occurrences = ceiling_alert.occurrences + 1, last_seen = now()
RETURNING (xmax = 0)
"""

pool = AsyncConnectionPool(os.environ["CEILING_DATABASE"], min_size=8, max_size=8, open=False)


@asynccontextmanager
async def lifespan(app: Starlette):
    await pool.open()
    async with pool.connection() as connection:
        await connection.execute(TABLE)
    yield
    await pool.close()


async def webhook(request: Request) -> JSONResponse:
    alerts = json.loads(await request.body())["alerts"]
    async with pool.connection() as connection:
        cursor = await connection.execute(UPSERT, [json.dumps(alerts)], prepare=True)
        rows = await cursor.fetchall()
    return JSONResponse({"accepted": sum(new for (new,) in rows)})


app = Starlette(routes=[Route("/", webhook, methods=["POST"])], lifespan=lifespan)
