"""What `up` runs, and the supervisor's configuration for it.

The configuration holds no path: they come by the environment (`%(ENV_…)s`), so that no character in a folder's name can change
its meaning. It holds the sandbox's token, so it is readable by its owner only.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiops.runtime.leftovers import PROCESS, SUPERVISOR, marked
from aiops.runtime.paths import RuntimePaths

STOP_WITHIN_S = 30  # then SIGKILL; longer than the worker's soft shutdown
# SIGTERM ends an idle worker in 2 s, but waits for tasks without end; SIGQUIT gives those the time of the soft shutdown.
WORKER_QUIT_AFTER_S = 3.0
LONGEST_PAUSE_S = 5  # between two starts of a process that does not stay up

PYTHON = '"%(ENV_AIOPS_PYTHON)s"'
MANAGE = f'{PYTHON} "%(ENV_AIOPS_HOME)s/manage.py"'


@dataclass(frozen=True, slots=True)
class Program:
    """One supervised process. `rank` orders the start, and backwards the stop; equal ones stop together."""

    name: str
    command: str
    rank: int
    environment: Mapping[str, str] = field(default_factory=dict)
    listens: str = ""  # address:port of a socket that stays open while the process is restarted
    signals_group: bool = True
    niceness: int = 0  # how far it stands back where the processors are busy, as for nice(1)


@dataclass(frozen=True, slots=True)
class Sandbox:
    """Where the sandbox and its Kubernetes listen, and the secret that it posts its alerts with.

    Both ports stay over its restarts, so that clients of the cluster find it again.
    """

    port: int
    cluster_port: int
    webhook_token: str


def programs(*, address: str, port: int, sandbox: Sandbox | None, telegram: bool, worker_slots: int) -> list[Program]:
    """What runs on this machine."""
    chosen = [
        _web(address, port),
        Program("sweeper", f"{MANAGE} sweep", rank=30),
        Program(
            "worker",
            f"{PYTHON} -m celery -A aiops.celery worker -Q decide,act,default --concurrency {worker_slots}"
            " --loglevel INFO --without-gossip --without-mingle --without-heartbeat",
            rank=30,
            # Its children would end in the middle of their tasks; they stop when it tells them to.
            signals_group=False,
            # All share this machine: where it cannot keep up, alerts are taken in and decided in time before anything else.
            niceness=5,
        ),
        Program(
            "beat",
            f'{PYTHON} -m celery -A aiops.celery beat --loglevel INFO --pidfile= --schedule "%(ENV_AIOPS_VAR)s/beat-schedule"',
            rank=30,
        ),
    ]
    if telegram:
        chosen.append(Program("telegram", f"{MANAGE} telegram", rank=30))
    if sandbox is not None:
        command = (
            f"{PYTHON} -m aiops.sandbox --port {sandbox.port} --cluster-port {sandbox.cluster_port}"
            ' --kubeconfig "%(ENV_AIOPS_VAR)s/sandbox.kubeconfig" --state "%(ENV_AIOPS_VAR)s/sandbox.json"'
            " --webhook-url %(ENV_AIOPS_WEBHOOK_URL)s"
        )
        secret = {"AIOPS_SANDBOX_WEBHOOK_TOKEN": sandbox.webhook_token}
        chosen.append(Program("sandbox", command, rank=10, environment=secret))
    return sorted(chosen, key=lambda program: program.rank)


def _web(address: str, port: int) -> Program:
    """The supervisor keeps the socket, so that a sender waits while web is restarted; it knows no IPv6."""
    if ":" in address:
        return Program("web", f"{PYTHON} -m aiops.runtime.web --host {address} --port {port}", rank=20)
    return Program("web", f"{PYTHON} -m aiops.runtime.web --fd 0", rank=20, listens=f"{address}:{port}")


def environment(
    paths: RuntimePaths, *, home: Path, port: int, own: Mapping[str, str], inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """What the supervisor and all of its processes find: the same var and port as this program, and whose they are."""
    search = os.pathsep.join([str(home), *filter(None, [inherited.get("PYTHONPATH")])])
    common = {
        **inherited,
        **own,
        "AIOPS_VAR": str(paths.var.resolve()),
        "AIOPS_PORT": str(port),
        "AIOPS_PYTHON": sys.executable,
        "AIOPS_HOME": str(home),
        "AIOPS_LOGS": str(paths.logs.resolve()).replace("%", "%%"),  # this setting is expanded twice
        "PYTHONPATH": search,
        "DJANGO_SETTINGS_MODULE": inherited.get("DJANGO_SETTINGS_MODULE", "aiops.settings"),
    }
    return marked(common, paths.tag, SUPERVISOR)


def supervisor_config(chosen: Sequence[Program], *, as_root: bool) -> str:
    groups: dict[int, list[str]] = {}
    for program in chosen:
        groups.setdefault(program.rank, []).append(program.name)
    together = {rank: names for rank, names in groups.items() if len(names) > 1}
    sections = [_supervisord(as_root=as_root), *(_section(program) for program in chosen)]
    sections += [f"[group:rank{rank}]\nprograms={','.join(names)}\npriority={rank}\n" for rank, names in sorted(together.items())]
    return "\n".join(sections)


def _supervisord(*, as_root: bool) -> str:
    lines = [
        "[supervisord]",
        "nodaemon=true",
        "silent=true",
        "logfile=%(ENV_AIOPS_VAR)s/log/supervisor.log",
        "logfile_maxbytes=5MB",
        "logfile_backups=2",
        "pidfile=%(ENV_AIOPS_VAR)s/supervisor.pid",
        "childlogdir=%(ENV_AIOPS_VAR)s/log",
        "nocleanup=true",
        "minfds=1024",
    ]
    if as_root:
        lines.append("user=root")  # it asks for a decision; the one of whoever ran `make up` as root stands
    return "\n".join(lines) + "\n"


def _section(program: Program) -> str:
    variables = ",".join(f'{name}="{value}"' for name, value in {PROCESS: program.name, **program.environment}.items())
    lines = [
        f"[{'fcgi-program' if program.listens else 'program'}:{program.name}]",
        f"command={f'nice -n {program.niceness} ' if program.niceness else ''}{program.command}",
        f"priority={program.rank}",
        f"environment={variables}",
        "autostart=true",
        "autorestart=true",
        "startsecs=5",  # what ends earlier is started again after a pause
        "startretries=1000000",
        f"stopwaitsecs={STOP_WITHIN_S}",
        f"stopasgroup={str(program.signals_group).lower()}",
        "killasgroup=true",
        "redirect_stderr=true",
        "stdout_events_enabled=true",
        f"stdout_logfile=%(ENV_AIOPS_LOGS)s/{program.name}.log",
        "stdout_logfile_maxbytes=10MB",
        "stdout_logfile_backups=5",
    ]
    if program.listens:
        lines += [f"socket=tcp://{program.listens}", "socket_backlog=1024"]
    return "\n".join(lines) + "\n"
