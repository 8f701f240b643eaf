"""`systemctl`, `docker` and `sudo` of a machine in a test: they change files and write down what was done."""
# ruff: noqa: T201  (a tool prints)

import json
import os
import sys
import time
import uuid
from pathlib import Path

state, tool, *words = sys.argv[1:]
folder = Path(state)
HELD_FOR_S = 90.0


def append(log: str, line: str) -> None:
    with (folder / log).open("a") as out:
        out.write(line + "\n")


def fault(verb: str) -> str:
    path = folder / f"fault-{verb}"
    if not path.exists():
        return ""
    kind = path.read_text()
    path.unlink()
    return kind


def hold() -> None:
    append("held", tool)
    ends = time.monotonic() + HELD_FOR_S
    while not (folder / "released").exists() and time.monotonic() < ends:
        time.sleep(0.02)


def main() -> int:
    append("commands", " ".join([tool, *words]))
    if tool == "sudo":
        words.remove("-n")
        if words[0] == "-l":
            return 1 if (folder / "no-sudo").exists() else 0
        os.execvp(words[0], words)
    name = words[-1]
    path = folder / f"{'service' if tool == 'systemctl' else 'container'}-{name}"
    known = json.loads(path.read_text()) if path.exists() else None
    if words[0] == "show":
        shown = known or {"LoadState": "not-found"}
        print("\n".join(f"{key}={value}" for key, value in shown.items()))
        return 0
    if words[0] == "inspect":
        print(json.dumps([known] if known else []))
        return 0 if known else 1
    if words[0] != "restart" or known is None:
        print("not understood", file=sys.stderr)
        return 2
    kind = fault("restart")
    if kind == "held":
        hold()
    if kind == "refused":
        print("Access denied", file=sys.stderr)
        return 1
    append("effects", f"restart {name}")
    if tool == "systemctl":
        known |= {"InvocationID": uuid.uuid4().hex}
    else:
        known["State"] |= {"StartedAt": uuid.uuid4().hex}
    if kind == "broken":
        known |= {"ActiveState": "failed", "SubState": "failed"}
    path.write_text(json.dumps(known))
    if kind == "late":
        hold()
    return 0


sys.exit(main())
