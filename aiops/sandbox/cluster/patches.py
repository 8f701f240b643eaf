"""The three kinds of patch: JSON Merge Patch (RFC 7386), JSON Patch (RFC 6902) and Kubernetes' strategic merge."""

from typing import Any

from aiops.sandbox.cluster.documents import Document, clone
from aiops.sandbox.cluster.refusals import Refused, bad_request

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
PATCHES = (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH)

# List fields that strategic merge joins by a key, from the `patchMergeKey` tags of the Kubernetes API types.
# Every list that is not here is replaced as a whole.
_MERGE_KEYS = {
    "containers": "name", "initContainers": "name", "ephemeralContainers": "name", "env": "name", "volumes": "name",
    "volumeMounts": "mountPath", "volumeDevices": "devicePath", "imagePullSecrets": "name", "hostAliases": "ip",
    "ownerReferences": "uid", "conditions": "type", "addresses": "type", "topologySpreadConstraints": "topologyKey",
    "secrets": "name",
}  # fmt: skip
_PRIMITIVE_SETS = frozenset({"finalizers", "podCIDRs"})


def _merge_key(field: str, items: list[Any]) -> str | None:
    if field == "ports":  # of a container by containerPort, of a Service by port
        return "containerPort" if any("containerPort" in one for one in items if isinstance(one, dict)) else "port"
    return _MERGE_KEYS.get(field)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise bad_request(f"json patch: {path!r} is no JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _unprocessable(why: str) -> Refused:
    return Refused(422, "Invalid", f"the server rejected our request due to an error in our request: {why}", details={})


def _index(items: list[Any], step: str, *, adding: bool = False) -> int:
    if step == "-" and adding:
        return len(items)
    if not step.isdigit() or int(step) >= len(items) + adding:
        raise _unprocessable(f"no index {step} in a list of {len(items)}")
    return int(step)


def _lookup(document: Any, steps: list[str]) -> Any:
    for step in steps:
        if isinstance(document, dict) and step in document:
            document = document[step]
        elif isinstance(document, list):
            document = document[_index(document, step)]
        else:
            raise _unprocessable(f"no value at {'/'.join(steps)}")
    return document


def _add(document: Any, steps: list[str], value: Any) -> Any:
    if not steps:
        return value
    parent = _lookup(document, steps[:-1])
    if isinstance(parent, dict):
        parent[steps[-1]] = value
    elif isinstance(parent, list):
        parent.insert(_index(parent, steps[-1], adding=True), value)
    else:
        raise _unprocessable(f"nothing can be added at {'/'.join(steps)}")
    return document


def _remove(document: Any, steps: list[str]) -> Any:
    if not steps:
        raise _unprocessable("the whole document cannot be removed")
    found = _lookup(document, steps)
    parent = _lookup(document, steps[:-1])
    if isinstance(parent, dict):
        del parent[steps[-1]]
    else:
        del parent[_index(parent, steps[-1])]
    return found


def json_patch(target: Document, operations: Any) -> Document:
    """RFC 6902. A failed operation or `test` refuses the whole patch (422)."""
    if not isinstance(operations, list):
        raise bad_request("a JSON patch is a list of operations")
    document: Any = clone(target)
    for one in operations:
        if not isinstance(one, dict):
            raise bad_request("a JSON patch operation is an object")
        steps, value = _pointer(one.get("path")), clone(one.get("value"))
        match one.get("op"):
            case "add":
                document = _add(document, steps, value)
            case "remove":
                _remove(document, steps)
            case "replace":
                _lookup(document, steps)
                if steps:
                    _remove_quietly(document, steps)
                document = _add(document, steps, value)
            case "move":
                document = _add(document, steps, _remove(document, _pointer(one.get("from"))))
            case "copy":
                document = _add(document, steps, clone(_lookup(document, _pointer(one.get("from")))))
            case "test":
                if _lookup(document, steps) != value:
                    raise _unprocessable(f"testing value {one.get('path')} failed")
            case other:
                raise bad_request(f"unexpected kind of JSON patch operation: {other!r}")
    if not isinstance(document, dict):
        raise bad_request("the patch leaves no object")
    return document


def _remove_quietly(document: Any, steps: list[str]) -> None:
    parent = _lookup(document, steps[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, steps[-1])]


def strategic_merge(target: Any, patch: Any) -> Any:
    """Like a merge patch, but lists of keyed objects are joined by their key, with `$patch`, `$retainKeys` and
    `$deleteFromPrimitiveList` directives. `$setElementOrder` orders what it names."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if patch.get("$patch") == "delete":
        return {}
    result = dict(target) if isinstance(target, dict) else {}
    if "$retainKeys" in patch:
        result = {key: value for key, value in result.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            field = key.partition("/")[2]
            result[field] = [one for one in result.get(field) or [] if one not in value]
        elif key.startswith("$"):
            continue
        elif value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _merge_lists(key, result.get(key), value)
        else:
            result[key] = strategic_merge(result.get(key), value)
    for key, order in patch.items():
        if key.startswith("$setElementOrder/") and isinstance(result.get(key.partition("/")[2]), list):
            field = key.partition("/")[2]
            result[field] = _ordered(field, result[field], order)
    return result


def _merge_lists(field: str, old: Any, new: list[Any]) -> list[Any]:
    if field in _PRIMITIVE_SETS:
        return [*(old or []), *(one for one in new if one not in (old or []))]
    key = _merge_key(field, [*(old or []), *new])
    if key is None or not all(isinstance(one, dict) for one in new):
        return [one for one in new if not (isinstance(one, dict) and "$patch" in one)]
    if any(one.get("$patch") == "replace" for one in new):
        return [one for one in new if "$patch" not in one]
    result: list[Any] = list(old or [])
    for one in new:
        if key not in one:
            raise bad_request(f"map: {one} does not contain declared merge key: {key}")
        place = next((i for i, there in enumerate(result) if there.get(key) == one[key]), None)
        if one.get("$patch") == "delete":
            if place is not None:
                del result[place]
        elif place is None:
            result.append(strategic_merge({}, one))
        else:
            result[place] = strategic_merge(result[place], one)
    return result


def _ordered(field: str, items: list[Any], order: list[Any]) -> list[Any]:
    """Items named in `order` in that order; the others keep their place behind them."""
    key = _merge_key(field, items)
    names = [one.get(key) if isinstance(one, dict) and key else one for one in order]

    def place(item: Any) -> int:
        name = item.get(key) if isinstance(item, dict) and key else item
        return names.index(name) if name in names else len(names)

    return sorted(items, key=place)
