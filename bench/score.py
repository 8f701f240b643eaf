"""Score the product on the corpora: `python -m bench.score [--brief]`, also called by `make score`.

Every corpus runs through `manage.py replay` in a process of its own, as a user would run it, and the predictions go to the
corpus' own scorer. The exit status is the worst of the scorer's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
CORPUS = Path(__file__).parent / "corpus"
ALERTS = ("alerts.jsonl", "field.jsonl")
STORMS = ("storms.jsonl", "storms_more.jsonl")


def main(options: list[str]) -> int:
    worst = 0
    with tempfile.TemporaryDirectory() as folder:
        for name in (*ALERTS, *STORMS):
            predictions = Path(folder) / name
            with predictions.open("w", encoding="utf-8") as out:
                replayed = subprocess.run(
                    [sys.executable, "manage.py", "replay", str(CORPUS / name), "--json"], stdout=out, cwd=ROOT
                )
            kind = ["--storms"] if name in STORMS else []
            scorer = [sys.executable, "-m", "bench.corpus.score", *kind, *options, str(CORPUS / name), str(predictions)]
            worst = max(worst, replayed.returncode, subprocess.run(scorer, cwd=ROOT).returncode)
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
