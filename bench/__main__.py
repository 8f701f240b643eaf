"""`make bench`: every figure beside its reference of the same run. `ARGS="P1 P2"` measures a part.

Run it alone on an idle machine. The exit status is 1 where a target is missed.
"""

import sys

from bench import deciding, ingest, statements
from bench.line import Line
from bench.stage import stage

INGEST = {"P1", "P2", "P3", "P4"}


def main(wanted: set[str]) -> int:
    chosen = wanted or {*INGEST, "P5", "P7"}
    lines: list[Line] = []
    with stage() as here:
        token = here.token()
        product = here.web() + "/api/v1/webhooks/alertmanager"
        if "P5" in chosen:
            lines += statements.measure(here, product, token)
        if chosen & INGEST:
            lines += [line for line in ingest.measure(here, product, token) if line.id in chosen]
        if "P7" in chosen:
            lines += deciding.measure(here, product, token)
    width = max(len(line.what) for line in lines)
    for line in sorted(lines, key=lambda line: line.id):
        print(f"{line.id}  {line.what:<{width}}  {line.measured:>18}  {line.reach:<14}  {'ok' if line.met else 'MISSED'}")
    return not all(line.met for line in lines)


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
