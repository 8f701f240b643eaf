"""What a newcomer sees: an incident that is decided, from something broken in the sandbox."""

import threading
from typing import Any

from redis import Redis

from aiops.runtime.demonstration import somebody_decides
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


def test_nobody_decides_where_no_worker_waits_for_tasks() -> None:
    with separate_redis() as (redis, url):
        assert not somebody_decides(url)
        waiting = threading.Thread(target=lambda: Redis.from_url(url).brpop(["decide"], timeout=30), daemon=True)
        waiting.start()
        wait_for(lambda: somebody_decides(url), why="somebody waits for tasks")
        Redis.from_url(url).lpush("decide", "a task")
        waiting.join()
        redis.stop()
        assert not somebody_decides(url)


def _when(product: Product, words: str) -> str:
    said = product.output.read_text()
    return said if words in said else ""
