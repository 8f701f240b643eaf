"""The little of Kubernetes' protobuf that stock kubectl sends unasked: access reviews, and jobs made from cron jobs.

Answers are always JSON, which every client accepts. Field numbers are those of the `generated.proto` files of
k8s.io/api and k8s.io/apimachinery; fields that are not listed are left out.
"""

from dataclasses import dataclass
from typing import Any, Literal

from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.refusals import Refused, bad_request, unsupported_media

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
_MAGIC = b"k8s\x00"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True)
class Field:
    name: str
    kind: Literal["string", "bool", "int", "message", "map", "quantity"] = "string"
    message: str = ""
    repeated: bool = False


def _message(name: str, message: str, *, repeated: bool = False) -> Field:
    return Field(name, "message", message, repeated)


_MESSAGES: dict[str, dict[int, Field]] = {
    "SelfSubjectAccessReview": {1: _message("metadata", "ObjectMeta"), 2: _message("spec", "AccessSpec")},
    "SelfSubjectRulesReview": {1: _message("metadata", "ObjectMeta"), 2: _message("spec", "RulesSpec")},
    "AccessSpec": {1: _message("resourceAttributes", "ResourceAttributes"), 2: _message("nonResourceAttributes", "NonResource")},
    "RulesSpec": {1: Field("namespace")},
    "ResourceAttributes": {
        1: Field("namespace"), 2: Field("verb"), 3: Field("group"), 4: Field("version"), 5: Field("resource"),
        6: Field("subresource"), 7: Field("name"),
    },
    "NonResource": {1: Field("path"), 2: Field("verb")},
    "ObjectMeta": {
        1: Field("name"), 2: Field("generateName"), 3: Field("namespace"), 5: Field("uid"), 6: Field("resourceVersion"),
        11: Field("labels", "map"), 12: Field("annotations", "map"),
        13: _message("ownerReferences", "OwnerReference", repeated=True),
        14: Field("finalizers", repeated=True),
    },
    "OwnerReference": {
        1: Field("kind"), 3: Field("name"), 4: Field("uid"), 5: Field("apiVersion"), 6: Field("controller", "bool"),
        7: Field("blockOwnerDeletion", "bool"),
    },
    "Job": {1: _message("metadata", "ObjectMeta"), 2: _message("spec", "JobSpec")},
    "JobSpec": {
        1: Field("parallelism", "int"), 2: Field("completions", "int"), 3: Field("activeDeadlineSeconds", "int"),
        4: _message("selector", "LabelSelector"), 5: Field("manualSelector", "bool"), 6: _message("template", "PodTemplateSpec"),
        7: Field("backoffLimit", "int"), 8: Field("ttlSecondsAfterFinished", "int"), 9: Field("completionMode"),
        10: Field("suspend", "bool"),
    },
    "LabelSelector": {1: Field("matchLabels", "map")},
    "PodTemplateSpec": {1: _message("metadata", "ObjectMeta"), 2: _message("spec", "PodSpec")},
    "PodSpec": {
        2: _message("containers", "Container", repeated=True), 3: Field("restartPolicy"),
        4: Field("terminationGracePeriodSeconds", "int"), 6: Field("dnsPolicy"), 7: Field("nodeSelector", "map"),
        8: Field("serviceAccountName"), 10: Field("nodeName"), 14: _message("securityContext", "Empty"),
        19: Field("schedulerName"),
    },
    "Container": {
        1: Field("name"), 2: Field("image"), 3: Field("command", repeated=True),
        4: Field("args", repeated=True), 5: Field("workingDir"), 7: _message("env", "EnvVar", repeated=True),
        8: _message("resources", "ResourceRequirements"), 13: Field("terminationMessagePath"),
        14: Field("imagePullPolicy"), 20: Field("terminationMessagePolicy"),
    },
    "EnvVar": {1: Field("name"), 2: Field("value")},
    "ResourceRequirements": {1: Field("limits", "quantity"), 2: Field("requests", "quantity")},
    "Empty": {},
}  # fmt: skip


def decode(body: bytes) -> Document:
    """The object in a protobuf envelope. Refused (415) for kinds that are not read here."""
    if not body.startswith(_MAGIC):
        raise bad_request("the body is not Kubernetes protobuf")
    try:
        envelope = dict(_fields(body[len(_MAGIC) :]))
        types = dict(_fields(_bytes(envelope[1])))
        kind = _bytes(types[2]).decode()
        if kind not in ("Job", "SelfSubjectAccessReview", "SelfSubjectRulesReview"):
            raise unsupported_media(MEDIA_TYPE, ["application/json"])
        document = _decoded(_bytes(envelope[2]), kind)
        return {"apiVersion": _bytes(types[1]).decode(), "kind": kind} | document
    except (KeyError, IndexError, UnicodeDecodeError) as error:
        raise _broken() from error


def _broken() -> Refused:
    return bad_request("the protobuf body cannot be read")


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise _broken()
    return value


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    found: list[tuple[int, int | bytes]] = []
    place = 0
    while place < len(data):
        tag, place = _varint(data, place)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, place = _varint(data, place)
            found.append((number, value))
        elif wire == _BYTES:
            length, place = _varint(data, place)
            found.append((number, data[place : place + length]))
            place += length
        elif wire in (_FIXED64, _FIXED32):
            place += 8 if wire == _FIXED64 else 4
        else:
            raise _broken()
    return found


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
        shift += 7
        if shift > 63:
            raise _broken()


def _decoded(data: bytes, message: str) -> Document:
    known = _MESSAGES[message]
    document: Document = {}
    for number, raw in _fields(data):
        field = known.get(number)
        if field is None:
            continue
        if field.kind in ("map", "quantity"):
            entry = dict(_fields(_bytes(raw)))
            value = _bytes(entry.get(2, b""))
            text = value.decode() if field.kind == "map" else _bytes(dict(_fields(value)).get(1, b"")).decode()
            document.setdefault(field.name, {})[_bytes(entry[1]).decode()] = text
            continue
        one = _value(field, raw)
        if field.repeated:
            document.setdefault(field.name, []).append(one)
        elif one != "":  # strings are sent even when they are empty
            document[field.name] = one
    return document


def _value(field: Field, raw: int | bytes) -> Any:
    if field.kind == "message":
        return _decoded(_bytes(raw), field.message)
    if field.kind == "string":
        return _bytes(raw).decode()
    if isinstance(raw, bytes):
        raise _broken()
    return bool(raw) if field.kind == "bool" else raw
