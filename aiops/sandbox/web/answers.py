"""Responses: JSON, each object written out once a revision, and refusals as Status objects."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from starlette.responses import Response

from aiops.sandbox.cluster.documents import Document
from aiops.sandbox.cluster.refusals import Refused
from aiops.sandbox.cluster.resources import Resource

_CACHED = 4000  # objects whose text is kept


def dumps(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Encoder:
    """Objects in the store never change in place, so their text is good for as long as their revision."""

    def __init__(self) -> None:
        self._texts: dict[str, tuple[str, bytes]] = {}

    def bytes_of(self, document: Document) -> bytes:
        meta = document["metadata"]
        known = self._texts.get(meta["uid"])
        if known is not None and known[0] == meta["resourceVersion"]:
            return known[1]
        text = dumps(document)
        if len(self._texts) >= _CACHED:
            self._texts.clear()
        self._texts[meta["uid"]] = (meta["resourceVersion"], text)
        return text

    def list_of(self, resource: Resource, revision: int, items: Iterable[Document], *, more: Document | None = None) -> bytes:
        """Items of built-in kinds come without kind and version of their own, as a real server sends them."""
        head = {
            "kind": f"{resource.kind}List",
            "apiVersion": resource.api_version,
            "metadata": {"resourceVersion": str(revision)} | (more or {}),
        }
        if resource.custom:
            texts = [self.bytes_of(item) for item in items]
        else:
            prefix = dumps({"apiVersion": resource.api_version, "kind": resource.kind})[1:-1] + b","
            texts = [
                text.replace(prefix, b"", 1) if (text := self.bytes_of(item)).startswith(b"{" + prefix) else text
                for item in items
            ]
        return dumps(head)[:-1] + b',"items":[' + b",".join(texts) + b"]}"


def json_response(value: Any, code: int = 200) -> Response:
    return raw_response(dumps(value), code)


def raw_response(body: bytes, code: int = 200) -> Response:
    return Response(body, code, media_type="application/json")


def refusal_response(refused: Refused) -> Response:
    response = json_response(refused.status, refused.code)
    if refused.retry_after_s is not None:
        response.headers["Retry-After"] = str(refused.retry_after_s)
    return response


def wants_table(accept: str) -> bool:
    return any("as=Table" in part and "v=v1;" in f"{part};" for part in accept.split(","))


def page(items: Sequence[Document], limit: int, token: str) -> tuple[Sequence[Document], Document]:
    """(one page, what the list's metadata says of the rest)"""
    begin = int(token) if token.isdigit() else 0
    if not limit or begin + limit >= len(items):
        return items[begin:], {}
    return items[begin : begin + limit], {"continue": str(begin + limit), "remainingItemCount": len(items) - begin - limit}
