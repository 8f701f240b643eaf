"""The fault catalogue at full size, `make faults`: prints a table, writes `bench/results/faults.json`, fails where one breaks.

Arguments go to pytest, as in `make faults ARGS="-k f12"`. Takes hours: every kill is a real one.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "tests/faults", "-q", "--show-capture=no", *arguments]
    out = ROOT / "bench" / "results" / "faults.json"
    return subprocess.call(command, cwd=ROOT, env=os.environ | {"FAULTS": "full", "FAULTS_OUT": str(out)})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
