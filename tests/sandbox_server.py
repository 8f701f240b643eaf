"""A real sandbox cluster in a process of its own, and the control calls that tests make.

with SandboxServer(tmp_path, speed=60) as sandbox:
    sandbox.kubeconfig             # for lightkube and kubectl
    sandbox.hold("before")         # the next write waits
    sandbox.wait_for(lambda: sandbox.held)
    sandbox.effects(mark="7")      # what really happened, by the cluster's own log
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx

ROOT = Path(__file__).parent.parent
START_WITHIN_S = 20.0


class SandboxServer:
    """Starts on free ports, and after `stop` or `kill` again on the same ones with the same world."""

    def __init__(
        self, folder: Path, *, speed: float = 1.0, seed: int = 1, webhook_url: str = "", webhook_token: str = ""
    ) -> None:
        self.kubeconfig = folder / "sandbox.kubeconfig"
        self.url = ""
        self.cluster_url = ""
        self._state = folder / "sandbox.state"
        self._errors = folder / "sandbox.stderr"
        self._port = "0"
        self._arguments = ["--speed", str(speed), "--seed", str(seed)]
        if webhook_url:
            self._arguments += ["--webhook-url", webhook_url]
        self._environment = os.environ | {"AIOPS_SANDBOX_WEBHOOK_TOKEN": webhook_token}
        self._process: subprocess.Popen[str] | None = None
        self.http = httpx.Client(timeout=30.0, trust_env=False)

    def start(self) -> Self:
        command = [sys.executable, "-m", "aiops.sandbox", "--port", self._port, "--kubeconfig", str(self.kubeconfig)]
        command += ["--state", str(self._state), *self._arguments]
        with self._errors.open("a") as errors:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=errors, text=True
            )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the sandbox did not start: {self._errors.read_text()[-2000:]}")
        said = json.loads(line)
        self.url, self.cluster_url = said["url"], said["cluster_url"]
        self._port = self.url.rpartition(":")[2]
        return self

    def stop(self) -> None:
        """In order: the world is kept."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def kill(self) -> None:
        """At once: what the last two seconds changed may be lost."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(20)
            self._process = None

    @property
    def pid(self) -> int:
        assert self._process is not None, "the sandbox is not running"
        return self._process.pid

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()
        self.http.close()

    # the control surface

    def call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.http.request(method, f"{self.url}/sandbox/{path}", json=body)
        if response.is_error:
            raise AssertionError(f"{method} /sandbox/{path}: {response.status_code} {response.text}")
        return response.json()

    def scenarios(self) -> list[dict[str, Any]]:
        return self.call("GET", "scenarios")

    def inject(self, scenario: str, workload: dict[str, str] | None = None) -> str:
        """The id of the fault."""
        body = {"scenario": scenario} | ({"workload": workload} if workload else {})
        return self.call("POST", "inject", body)["id"]

    def reset(self) -> None:
        self.call("POST", "reset")

    def faults(self) -> list[dict[str, Any]]:
        return self.call("GET", "faults")

    def fault(self, fault_id: str) -> dict[str, Any]:
        return next(one for one in self.faults() if one["id"] == fault_id)

    def mutations(self, after: int = 0) -> list[dict[str, Any]]:
        return self.call("GET", f"mutations?after={after}")

    def effects(self, *, mark: str | None = None, after: int = 0) -> list[dict[str, Any]]:
        """What was really changed; by one execution where its mark is given."""
        return [one for one in self.mutations(after) if one["effect"] and (mark is None or one["mark"] == mark)]

    def clock(self, speed: float) -> None:
        self.call("PUT", "clock", {"speed": speed})

    def misbehave(self, **odds: Any) -> None:
        """Without arguments it behaves again."""
        self.call("PUT", "misbehave", odds)

    def hold(self, when: str, **more: Any) -> None:
        self.call("PUT", "hold", {"when": when} | more)

    @property
    def held(self) -> dict[str, Any] | None:
        """The write that waits, if one does."""
        return self.call("GET", "hold")["waiting"]

    def release(self) -> None:
        self.call("DELETE", "hold")

    def outage(self, down: bool) -> None:
        self.call("PUT", "outage", {"down": down})

    # the cluster

    def kubectl(self, *arguments: str, context: str = "sandbox", check: bool = True, input: str | None = None) -> str:
        """What stock kubectl prints."""
        done = subprocess.run(
            [
                "kubectl",
                "--kubeconfig",
                str(self.kubeconfig),
                "--context",
                context,
                "--cache-dir",
                str(self.kubeconfig.parent / "cache"),
                *arguments,
            ],
            capture_output=True,
            text=True,
            timeout=120,
            input=input,
        )
        if check and done.returncode:
            raise AssertionError(f"kubectl {' '.join(arguments)}: {done.stderr}")
        return done.stdout + done.stderr

    def wait_for(self, condition: Callable[[], Any], *, within_s: float = 30.0) -> Any:
        """The first true answer of `condition`, asked again and again; AssertionError when the time is over."""
        ends = time.monotonic() + within_s
        while time.monotonic() < ends:
            if answer := condition():
                return answer
            time.sleep(0.05)
        raise AssertionError(f"not within {within_s} s: {condition}")
