"""`manage.py up`: everything on this machine, from the servers to a dashboard that answers, until Ctrl-C.

This process owns the embedded servers; the supervisor, its child, owns the product's processes.
"""

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from django.core.management import get_commands
from django.db import connections

from aiops.config import Config
from aiops.runtime import bootstrap, demonstration, leftovers, lock, ports, preparation, processes, stopping
from aiops.runtime.bootstrap import Bootstrap
from aiops.runtime.faults import of_os_error
from aiops.runtime.paths import RuntimePaths
from aiops.runtime.room import Room
from aiops.runtime.servers import Servers
from aiops.runtime.stopping import StopRequestedError, StopSignals
from aiops.runtime.supervisor import SupervisorProcess
from aiops.runtime.terminal import Steps, say

WORKER_SLOTS = 4
PATIENCE_S = 60.0  # for the dashboard's first answer; then its log is pointed at, and waiting goes on
SANDBOX_CLUSTER = {"name": "sandbox", "environment": "production", "shadow": False}
LookAfter = Callable[[float], None]  # keeps everything running for so many seconds
LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where this run is reached on this machine; no sandbox has an empty address."""

    bind: str
    port: int
    sandbox_port: int | None

    @property
    def url(self) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def sandbox_url(self) -> str:
        return f"http://127.0.0.1:{self.sandbox_port}" if self.sandbox_port else ""

    @property
    def webhook_url(self) -> str:
        return f"{self.url}/api/v1/webhooks/alertmanager"


def run(paths: RuntimePaths, config: Config, *, home: Path, sandbox: bool) -> None:
    """Start everything and keep it running until a signal asks to stop. RuntimeFault says what the machine's owner has to do.

    `home` is the folder of manage.py.
    """
    signals = StopSignals()
    stopping.end_with_make()
    stopping.adopt_orphans()
    try:
        with ExitStack() as way_out:
            way_out.callback(stopping.bury_orphans)
            try:
                _run(paths, config, home=home, sandbox=sandbox, signals=signals, way_out=way_out)
            except StopRequestedError:
                say("\nStopping. Tasks under way get up to 30 s; Ctrl-C again ends them at once")
    except OSError as error:
        raise of_os_error(error, paths.var) from error
    say("Stopped. Nothing is left running, the data are kept")


def _run(paths: RuntimePaths, config: Config, *, home: Path, sandbox: bool, signals: StopSignals, way_out: ExitStack) -> None:
    steps = Steps()
    tell_url = way_out.enter_context(lock.held(paths.lock, does="make up"))
    if ended := leftovers.end(paths.tag):
        steps.done(f"An earlier run was killed; ended what it left: {', '.join(ended)}")
    room = Room(paths.var, paths.private)
    room.require()
    where = _addresses(config, sandbox=sandbox)
    tell_url(where.url)

    servers = Servers(paths, postgres=config.is_embedded, redis=config.redis_url is None, tell=say)
    way_out.callback(servers.stop)
    servers.start()
    if servers.names:
        steps.done(f"{servers.names} run under {paths.var}")
    if migrations := preparation.migrate():
        steps.done(f"The database is current ({migrations} migrations)")
    if preparation.load_starter_playbooks(home / "learning" / "starter_playbooks.yaml"):
        steps.done("The starter playbooks are loaded")
    login = bootstrap.ensure(paths.bootstrap, url=where.url, sandbox_url=where.sandbox_url) if config.is_embedded else None
    first_password = login is not None and login.password_is_first

    supervisor = _supervisor(paths, config, where, home=home)
    connections.close_all()
    way_out.callback(supervisor.stop, signals)
    supervisor.start()

    def look_after(for_s: float) -> None:
        supervisor.wait(for_s)
        servers.keep_running()
        room.warn()

    _await_dashboard(where.url, look_after, paths)
    _welcome(where, login, show_password=first_password, paths=paths)
    if where.sandbox_url and config.is_embedded:
        _demonstrate(where.sandbox_url, look_after, redis_url=config.redis_url or paths.redis_url)
    while True:
        look_after(1.0)


def _addresses(config: Config, *, sandbox: bool) -> Addresses:
    port = ports.choose(config.bind, config.port, setting="AIOPS_PORT")
    return Addresses(config.bind, port, ports.choose("127.0.0.1", 0, setting="AIOPS_PORT") if sandbox else None)


def _supervisor(paths: RuntimePaths, config: Config, where: Addresses, *, home: Path) -> SupervisorProcess:
    paths.logs.mkdir(parents=True, exist_ok=True)
    own = {
        "AIOPS_BASE_URL": config.base_url or where.url,
        "AIOPS_ALLOWED_HOSTS": json.dumps(sorted({*config.allowed_hosts, *LOOPBACK})),
        "AIOPS_WEBHOOK_URL": where.webhook_url,
    }
    sandbox = None
    if where.sandbox_port is None:
        paths.sandbox_kubeconfig.unlink(missing_ok=True)  # settings take its presence for a sandbox that runs
    else:
        cluster_port = ports.choose("127.0.0.1", 0, setting="AIOPS_PORT")
        sandbox = processes.Sandbox(where.sandbox_port, cluster_port, bootstrap.sandbox_token())
        if config.clusters is None:
            own["AIOPS_CLUSTERS"] = json.dumps([{"kubeconfig": str(paths.sandbox_kubeconfig), **SANDBOX_CLUSTER}])
        if not config.prometheus_url:
            own["AIOPS_PROMETHEUS_URL"] = where.sandbox_url
    polls_telegram = bool(config.telegram_token.get_secret_value()) and not config.telegram_secret.get_secret_value()
    chosen = processes.programs(
        address=where.bind,
        port=where.port,
        sandbox=sandbox,
        telegram=polls_telegram and "telegram" in get_commands(),
        worker_slots=WORKER_SLOTS,
    )
    text = processes.supervisor_config(chosen, as_root=paths.as_root)
    return SupervisorProcess(paths, text, processes.environment(paths, home=home, port=where.port, own=own))


def _await_dashboard(url: str, look_after: LookAfter, paths: RuntimePaths) -> None:
    """The dashboard answers, with its database, when this returns."""
    impatient_at = time.monotonic() + PATIENCE_S
    with httpx.Client(base_url=url, timeout=5.0, trust_env=False) as client:
        while not _answers(client):
            look_after(0.1)
            if time.monotonic() > impatient_at:
                impatient_at += PATIENCE_S
                say(f"The dashboard does not answer yet. Why is in {paths.logs / 'web.log'}; waiting goes on, Ctrl-C stops")


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/api/v1/health/ready").status_code < 500 and client.get("/login").status_code < 500
    except httpx.TransportError:
        return False


def _welcome(where: Addresses, login: Bootstrap | None, *, show_password: bool, paths: RuntimePaths) -> None:
    say(f"\nDashboard   {where.url}")
    if login is None:
        say("Login       DATABASE_URL is set, so none is made here: `manage.py user create NAME --role admin` makes one")
    else:
        say(f"User        {login.username}")
        say(f"Password    {login.password if show_password else 'the one that you chose'}")
        say(f"For scripts {paths.bootstrap}")
    if where.sandbox_url:
        say(f"Sandbox     kubectl --kubeconfig {paths.sandbox_kubeconfig} get pods -A")
    took_s = time.time() - psutil.Process().create_time()
    say(f"Ready after {took_s:.1f} s. Logs are in {paths.logs}; Ctrl-C stops everything and keeps the data\n")


def _demonstrate(sandbox_url: str, look_after: LookAfter, *, redis_url: str) -> None:
    """Break one thing in the sandbox, so that there is work to see. One that does not answer is no reason to stop."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and not demonstration.worker_waits(redis_url):
        look_after(0.5)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        try:
            broken = demonstration.break_something(sandbox_url)
        except httpx.HTTPError:
            look_after(0.5)
            continue
        if broken:
            say(f"Broken in the sandbox, so that there is something to decide: {broken}")
        return
    say("The sandbox does not answer, so nothing is broken in it; its log is sandbox.log")
