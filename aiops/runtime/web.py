"""The web process: `python -m aiops.runtime.web --host 0.0.0.0 --port 8000`, or on a socket that is already open."""

import argparse
import os
from collections.abc import Sequence

import uvicorn

STOP_WITHIN_S = 10  # requests under way get this long; the supervisor and Kubernetes wait longer


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m aiops.runtime.web", description=__doc__)
    parser.add_argument("--fd", type=int, help="serve on this open socket")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8000)
    given = parser.parse_args(arguments)
    os.environ.setdefault("AIOPS_PROCESS", "web")
    uvicorn.run(
        "aiops.asgi:application",
        fd=given.fd,
        host=given.host,
        port=given.port,
        loop="uvloop",
        http="httptools",
        lifespan="off",
        log_config=None,  # Django's JSON lines, as everywhere
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_WITHIN_S,
    )


if __name__ == "__main__":
    main()
