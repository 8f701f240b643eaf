"""Every process that `up` supervises carries the tag of its `var` in the environment: so those of a killed run are found again.

PID files lie after a kill and after a restart of the machine; an environment is inherited and cannot go stale.
"""

import os
from collections.abc import Mapping

import psutil

from aiops.runtime.faults import RuntimeFault

TAG, PROCESS = "AIOPS_RUN", "AIOPS_PROCESS"
SUPERVISOR = "supervisor"
GRACE_S = 3.0


def marked(environment: Mapping[str, str], tag: str, process: str) -> dict[str, str]:
    """`environment` for a process called `process`, and for all that it starts, of the var named `tag`."""
    return {**environment, TAG: tag, PROCESS: process}


def find(tag: str) -> list[psutil.Process]:
    """The living processes of that var; this one and its parents are not counted."""
    own = {os.getpid(), *(parent.pid for parent in psutil.Process().parents())}
    others = (process for process in psutil.process_iter() if process.pid not in own)
    return [process for process in others if _environment(process).get(TAG) == tag]


def end(tag: str, *, grace_s: float = GRACE_S) -> list[str]:
    """End them all and name them; a supervisor first, because it would start the others again.

    RuntimeFault if one cannot be ended, which only the kernel can cause.
    """
    names: list[str] = []
    while left := find(tag):
        names += [name_of(process) for process in left]
        supervisors = [process for process in left if name_of(process) == SUPERVISOR]
        others = [process for process in left if process not in supervisors]
        for process in supervisors:
            _signal(process, hard=True)
        for process in others:
            _signal(process, hard=False)
        _, stubborn = psutil.wait_procs(left, timeout=grace_s)
        for process in stubborn:
            _signal(process, hard=True)
        _, undead = psutil.wait_procs(stubborn, timeout=10)
        if undead:
            raise RuntimeFault(f"an earlier run cannot be ended: {', '.join(f'process {p.pid}' for p in undead)}")
    return sorted(set(names))


def _environment(process: psutil.Process) -> dict[str, str]:
    try:
        return dict(process.environ())
    except (psutil.Error, OSError):  # of another user, or just ended
        return {}


def name_of(process: psutil.Process) -> str:
    """Which of the product's processes it is; its number where it does not say."""
    return _environment(process).get(PROCESS) or str(process.pid)


def _signal(process: psutil.Process, *, hard: bool) -> None:
    try:
        process.kill() if hard else process.terminate()
    except psutil.NoSuchProcess:
        return
