"""`python -m aiops.sandbox`: serve a simulated cluster on loopback until SIGTERM."""

import argparse
import os
import sys
from pathlib import Path

import uvloop

from aiops.sandbox.web.server import Options, SandboxServer
from aiops.sandbox.web.state import load


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m aiops.sandbox", description=__doc__)
    parser.add_argument(
        "--port", type=int, default=0, help="control surface, Prometheus and Kubernetes in plain HTTP; 0 takes a free one"
    )
    parser.add_argument(
        "--cluster-port", type=int, default=0, help="Kubernetes in TLS, as the kubeconfig names it; 0 takes a free one"
    )
    parser.add_argument("--kubeconfig", type=Path, help="written at start, mode 0600")
    parser.add_argument("--state", type=Path, help="file that keeps the world between runs; without it every run begins anew")
    parser.add_argument("--webhook-url", default="", help="where alerts are posted, as Alertmanager posts them")
    parser.add_argument("--webhook-token", default=os.environ.get("AIOPS_SANDBOX_WEBHOOK_TOKEN", ""), help="its bearer token")
    parser.add_argument("--speed", type=float, default=5.0, help="simulated seconds in one of the wall, 1 to 1000 (5)")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    options = Options(
        port=given.port,
        cluster_port=given.cluster_port,
        kubeconfig=given.kubeconfig,
        state=given.state,
        webhook_url=given.webhook_url,
        webhook_token=given.webhook_token,
        speed=given.speed,
        seed=given.seed,
    )

    async def serve() -> None:
        await SandboxServer(options, load(given.state, seed=given.seed)).run()

    try:
        uvloop.run(serve())
    except OSError as error:
        sys.stderr.write(f"the sandbox cannot start: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
