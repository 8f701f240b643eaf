"""The closed loop: `make bench-loop N=500 SEED=1`.

N incidents drawn from the sandbox's scenarios, months of simulated time, the same for three policies: the product's, the
plain rule "score +1 per success, reset on failure, ≥ 5 lowers risk one step", and always asking. Each policy runs in a
process and on a database of its own, through the product's own code on a simulated clock (`bench/simulation.py`), with
scripted people (`bench/people.py`). More incidents go end to end through the running product, for what is late or doubled.

Prints a table and writes `bench/results/loop.json`.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
POLICIES = ("product", "plain", "always_ask")
END_TO_END = 30
COLUMNS = {
    "incidents": "incidents",
    "autonomy_rate": "run alone",
    "harmful_autonomous": "harmful alone",
    "needless_acts": "needless",
    "repair_rate": "repaired",
    "ttr_p50_s": "TTR p50 s",
    "ttr_p95_s": "TTR p95 s",
    "late_decisions": "late",
    "doubled": "doubled",
    "total_cost": "total cost",
}


class Run:
    """One policy over all incidents, in a process of its own."""

    def __init__(self, policy: str, n: int, seed: int, folder: Path) -> None:
        command = [sys.executable, "-m", "bench.story", "--policy", policy, "--n", str(n), "--seed", str(seed)]
        environment = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL")}
        environment |= {"AIOPS_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "aiops.settings", "AIOPS_PROCESS": "command"}
        self.policy = policy
        self._log = folder / "story.log"
        self._process = subprocess.Popen(
            [*command, "--folder", str(folder)], cwd=ROOT, env=environment, stdout=self._log.open("wb"), text=True
        )

    def figures(self) -> dict[str, Any]:
        """Its last line, once it is over."""
        code = self._process.wait()
        said = self._log.read_text().strip().splitlines()
        if code:
            raise SystemExit(f"{self.policy} ended with {code}: {said[-5:]}")
        figures: dict[str, Any] = json.loads(said[-1])
        return figures

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


@contextmanager
def database() -> Iterator[Path]:
    """An embedded PostgreSQL in a folder of its own that goes away."""
    from aiops.runtime.paths import RuntimePaths
    from aiops.runtime.servers import Postgres

    folder = Path(tempfile.mkdtemp(prefix="aiops-loop-"))
    paths = RuntimePaths(folder)
    server = Postgres(paths)
    try:
        server.start()
        yield folder
    finally:
        server.stop()
        for made in (paths.private, paths.sockets, folder):
            shutil.rmtree(made, ignore_errors=True)


def simulate(policies: Sequence[str], n: int, seed: int) -> dict[str, dict[str, Any]]:
    """The figures of each policy; all of them run at the same time."""
    with ExitStack() as stack:
        runs = [Run(policy, n, seed, stack.enter_context(database())) for policy in policies]
        for run in runs:
            stack.callback(run.stop)
        return {run.policy: run.figures() for run in runs}


def table(figures: dict[str, dict[str, Any]]) -> str:
    lines = [f"{'':<12}" + "".join(f"{title:>15}" for title in COLUMNS.values())]
    for policy, row in figures.items():
        lines.append(f"{policy:<12}" + "".join(f"{_shown(name, row[name]):>15}" for name in COLUMNS))
    lines.append("")
    for policy, row in figures.items():
        beside = row["beside"]
        bill = ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in beside["bill"].items())
        lines.append(
            f"{policy}: {beside['safe_rows_alone']} of {beside['safe_rows']} safe actions ended up running alone; "
            f"{beside['alone']} of {beside['executions']} runs alone, {beside['harmful_signed']} harmful ones were signed; "
            f"costs: {bill}"
        )
    return "\n".join(lines)


def _shown(name: str, value: float) -> str:
    return f"{value:.1%}" if name.endswith("_rate") else f"{value:g}"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make bench-loop")
    parser.add_argument("--n", type=int, default=500, help="incidents")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--end-to-end", type=int, default=END_TO_END, help="incidents through the running product; 0 for none")
    parser.add_argument("--out", type=Path, default=RESULTS / "loop.json")
    asked = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # its databases end with it
    began = time.monotonic()
    figures = simulate(POLICIES, asked.n, asked.seed)
    print(table(figures), flush=True)
    if asked.end_to_end:
        from bench.end_to_end import run

        late, doubled = run(asked.end_to_end, asked.seed)
        figures["product"]["late_decisions"] += late
        figures["product"]["doubled"] += doubled
        print(f"{asked.end_to_end} incidents through the running product: {late} late, {doubled} doubled")
    shown = {policy: {name: row[name] for name in COLUMNS} for policy, row in figures.items()}
    beside = {policy: row["beside"] for policy, row in figures.items()}
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps({"policies": shown, "n": asked.n, "seed": asked.seed, "beside": beside}, indent=1) + "\n")
    print(f"{asked.n} incidents took {time.monotonic() - began:.0f} s; {asked.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
