"""What a newcomer sees: an incident that is decided, from something broken in the sandbox."""

import threading
from typing import Any

from redis import Redis

from aiops.runtime.demonstration import worker_waits
from tests.product import Product, separate_redis, wait_for


def test_a_new_console_opens_with_a_real_incident_being_decided() -> None:
    with Product() as product, product.client() as client:
        assert "Broken in the sandbox" in wait_for(lambda: _when(product, "Broken in the sandbox"), within_s=60)

        def decided() -> list[dict[str, Any]]:
            items = client.get("/api/v1/incidents").raise_for_status().json()["items"]
            return [incident for incident in items if incident["decision"] and incident["decision"]["state"] == "READY"]

        (incident, *_) = wait_for(decided, within_s=90, why="an incident is decided")
        assert incident["cluster"] == "sandbox"
        assert product.ask_database("select count(*) > 0 from learning_playbook") == [["t"]]


def test_no_worker_waits_where_nobody_asks_for_tasks() -> None:
    with separate_redis() as (redis, url):
        assert not worker_waits(url)
        waiting = threading.Thread(target=lambda: Redis.from_url(url).brpop(["decide"], timeout=30), daemon=True)
        waiting.start()
        wait_for(lambda: worker_waits(url), why="somebody waits for tasks")
        Redis.from_url(url).lpush("decide", "a task")
        waiting.join()
        redis.stop()
        assert not worker_waits(url)


def _when(product: Product, words: str) -> str:
    said = product.output.read_text()
    return said if words in said else ""
