"""What a machine's own tools say about a service, a container or old files, as the fields that anybody needs.

`value` is what a change moves, and nothing else is compared to find out whether it was done. Environment variables and
command lines are never taken: they hold secrets.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from aiops.connectors.kubernetes_objects import KubeObject

PROPERTIES = "Id,LoadState,ActiveState,SubState,InvocationID,NRestarts,FragmentPath,DropInPaths,CanStart,NeedDaemonReload"


@dataclass(frozen=True, slots=True)
class Reading:
    """`spec` is what a person signs, `status` moves by itself, `identity` tells this one from another of its name."""

    spec: dict[str, JsonValue]
    status: dict[str, JsonValue]
    identity: str = ""


def service(shown: str) -> Reading | None:
    """Of `systemctl show`; None where there is no such unit."""
    said = dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)
    if said.get("LoadState") in (None, "not-found"):
        return None
    restarts = said.get("NRestarts", "")
    return Reading(
        spec={"load": said["LoadState"], "file": said.get("FragmentPath", ""), "drop_ins": said.get("DropInPaths", "")},
        status={
            "value": said.get("InvocationID", ""),
            "state": said.get("ActiveState", ""),
            "detail": said.get("SubState", ""),
            "restarts": int(restarts) if restarts.isdecimal() else 0,
            "can_start": said.get("CanStart") != "no",
            "needs_reload": said.get("NeedDaemonReload") == "yes",
        },
    )


def container(shown: str) -> Reading | None:
    """Of `docker inspect`; None where there is no such container."""
    try:
        listed = json.loads(shown)
    except ValueError:
        return None
    found = next((item for item in listed if isinstance(item, dict)), None) if isinstance(listed, list) else None
    if found is None:
        return None
    told = KubeObject(found)
    return Reading(
        spec={"image": told.text("Image"), "name": told.text("Config", "Image")},
        status={
            "value": told.text("State", "StartedAt"),
            "state": told.text("State", "Status"),
            "detail": told.text("State", "Health", "Status"),
            "restarts": told.number("RestartCount"),
            "can_start": True,
            "needs_reload": False,
        },
        identity=told.text("Id"),
    )


def files(sizes: Mapping[str, str]) -> Reading:
    """Of `find -printf %s,` by path: how many files may go, and how many bytes that frees."""
    found: dict[str, JsonValue] = {}
    total = count = 0
    for path, printed in sizes.items():
        numbers = [int(part) for part in printed.split(",") if part.isdecimal()]
        found[path] = {"files": len(numbers), "bytes": sum(numbers)}
        total, count = total + sum(numbers), count + len(numbers)
    return Reading(
        spec={"paths": [*sorted(sizes)]}, status={"value": f"{count}/{total}", "files": count, "bytes": total, "paths": found}
    )
