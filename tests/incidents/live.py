"""A sandbox world in this process, looked at through the real connectors: their requests end at its own ASGI app."""

import pickle
from collections.abc import Sequence
from functools import cache
from random import Random

import httpx
import httpx2
from lightkube.config.client_adapter import user_auth
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import Cluster as ClusterConfig
from lightkube.config.models import Context, User
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from aiops.connectors.kubernetes import Kubernetes
from aiops.connectors.prometheus import Prometheus
from aiops.core.actions import RestartWorkload
from aiops.core.targets import Target
from aiops.sandbox.cluster.accounts import accounts
from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.resources import PODS as PODS
from aiops.sandbox.controllers.podstatus import PodRuntime
from aiops.sandbox.hands import perform
from aiops.sandbox.telemetry.rules import Alert
from aiops.sandbox.web.kubernetes import KubernetesApi
from aiops.sandbox.web.misbehaviour import Chaos, Hold
from aiops.sandbox.web.prometheus import PrometheusApi
from aiops.sandbox.world import World
from incidents.evidence import Sources
from tests.sandbox.worlds import firing, pods_of, until

SLOW_TO_ALERT_S = 1800.0
URL = "http://sandbox.example"


@cache
def _healthy() -> bytes:
    return pickle.dumps(World(seed=5, step_s=5.0))


def healthy() -> World:
    return pickle.loads(_healthy())


@cache
def _broken(scenario: str, alert: str) -> bytes:
    world = healthy()
    world.inject(scenario)
    until(world, lambda: any(one.rule == alert for one in firing(world)), SLOW_TO_ALERT_S)
    return pickle.dumps(world)


def broken(scenario: str, alert: str) -> World:
    """A world in which that alert has just begun to fire because of the scenario."""
    return pickle.loads(_broken(scenario, alert))


def sources(world: World, *, forbidden: Sequence[str] = (), paths: list[str] | None = None) -> Sources:
    """As the console sees that world, with its own account; without the right to `forbidden` resources.

    `paths` is filled with the paths and queries that the cluster is asked for.
    """
    kubernetes = KubernetesApi(world, accounts({"aiops-console": "token"}), Chaos(Random(1)), Hold())

    async def handle(request: Request) -> Response:
        if paths is not None:
            paths.append(str(request.url))
        if request.url.path.rpartition("/")[2] in forbidden:
            return JSONResponse({"kind": "Status", "message": "not for this account"}, 403)
        return await kubernetes.handle(request)

    app = Starlette(routes=[*PrometheusApi(world).routes(), Route("/{path:path}", handle)])
    user = User(token="token")
    context = Context(cluster="sandbox")
    config = SingleConfig(context_name="sandbox", context=context, cluster=ClusterConfig(server=URL), user=user)
    cluster = Kubernetes(config, transport=httpx2.ASGITransport(app), auth=user_auth(user))
    return Sources(cluster, Prometheus(URL, transport=httpx.ASGITransport(app)))


def webhook(world: World, alerts: list[Alert]) -> dict[str, object]:
    """The body that Alertmanager posts for these alerts."""
    told = [world.monitoring.notifier.alert_body(alert) for alert in alerts]
    return {"version": "4", "groupKey": "{}", "status": "firing", "receiver": "aiops", "alerts": told}


def pods(world: World, namespace: str, name: str) -> list[tuple[Document, PodRuntime]]:
    """The pods of a workload with what the kubelet knows of them."""
    return [(pod, world.kubelet.runtime(pod)) for pod in pods_of(world, namespace, name)]


def restart(world: World, target: Target) -> None:
    perform(world, RestartWorkload(target=target))
