"""The first incident of a new console: a bad deploy in the sandbox, which alerts, is decided and can be repaired."""

import httpx
from redis import Redis
from redis.exceptions import RedisError

SCENARIO = "bad-deploy"
TIMEOUT_S = 5.0


def worker_waits(redis_url: str) -> bool:
    """Whether a worker waits for tasks. Before, decisions are the sweeper's, by plain rules alone: no sight for a newcomer."""
    broker = Redis.from_url(redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    try:
        return any(client["cmd"] == "brpop" for client in broker.client_list())
    except (RedisError, OSError):
        return False
    finally:
        broker.close()


def break_something(sandbox_url: str) -> str | None:
    """Break one workload of the sandbox unless something is broken in it already; what was broken, in words.

    Raises httpx.HTTPError where the sandbox does not answer.
    """
    with httpx.Client(base_url=sandbox_url, timeout=TIMEOUT_S, trust_env=False) as sandbox:
        faults = sandbox.get("/sandbox/faults").raise_for_status().json()
        if any(fault["state"] in {"active", "worse"} for fault in faults):
            return None
        sandbox.post("/sandbox/inject", json={"scenario": SCENARIO}).raise_for_status()
        scenarios = sandbox.get("/sandbox/scenarios").raise_for_status().json()
        return next(str(scenario["title"]) for scenario in scenarios if scenario["name"] == SCENARIO)
