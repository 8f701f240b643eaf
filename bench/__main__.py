"""`make bench`: every figure beside its reference of the same run. `ARGS="P1 P2"` measures a part.

Run it alone on an idle machine. The exit status is 1 where a target is missed.
"""

import sys
from collections.abc import Iterator

from bench import deciding, ingest, statements
from bench.line import Line
from bench.stage import Stage, stage

INGEST = {"P1", "P2", "P3", "P4"}
WIDTH = 44


def main(wanted: set[str]) -> int:
    known = {*INGEST, "P5", "P7"}
    if wanted - known:
        raise SystemExit(f"there is no {', '.join(sorted(wanted - known))} here; known are {', '.join(sorted(known))}")
    chosen, missed = wanted or known, 0
    with stage() as here:
        for line in _measured(here, chosen):
            if line.id in chosen:
                verdict = "ok" if line.met else "MISSED"
                print(f"{line.id}  {line.what:<{WIDTH}}  {line.measured:>18}  {line.reach:<14}  {verdict}", flush=True)
                missed += not line.met
    return int(missed > 0)


def _measured(here: Stage, chosen: set[str]) -> Iterator[Line]:
    """Each as soon as it is known: the whole takes some minutes."""
    token = here.token()
    product = here.web() + "/api/v1/webhooks/alertmanager"
    if "P5" in chosen:
        yield from statements.measure(here, product, token)
    if "P7" in chosen:
        yield from deciding.measure(here, product, token)
    if chosen & INGEST:
        yield from ingest.measure(here, product, token)


if __name__ == "__main__":
    sys.exit(main(set(sys.argv[1:])))
