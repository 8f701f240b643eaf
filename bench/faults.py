"""The fault catalogue at full size: `make faults`. Prints each fault's figure, and fails where one does not hold.

Arguments go to pytest, as in `make faults ARGS="-k f12"`. Takes hours: every kill is a real one.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main(arguments: list[str]) -> int:
    command = [sys.executable, "-m", "pytest", "tests/faults", "-q", "--show-capture=no", *arguments]
    return subprocess.call(command, cwd=ROOT, env=os.environ | {"FAULTS": "full"})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
