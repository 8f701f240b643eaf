"""The Kubernetes API over HTTP: every request is authenticated, may meet misbehaviour, and ends in one verb of the API server."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from aiops.sandbox.cluster import refusals
from aiops.sandbox.cluster import resources as r
from aiops.sandbox.cluster.accounts import Account
from aiops.sandbox.cluster.apiserver import Call, Caller
from aiops.sandbox.cluster.documents import Document, dig, uid_of
from aiops.sandbox.cluster.patches import MERGE_PATCH, PATCHES
from aiops.sandbox.cluster.refusals import Refused
from aiops.sandbox.cluster.selectors import Predicate, field_predicate, label_predicate
from aiops.sandbox.web import discovery, protobuf, reviews
from aiops.sandbox.web.answers import Encoder, dumps, json_response, page, raw_response, refusal_response, wants_table
from aiops.sandbox.web.feed import Feed, Watch
from aiops.sandbox.web.listeners import cut
from aiops.sandbox.web.misbehaviour import Chaos, Fault, Hold
from aiops.sandbox.web.paths import Place, place_of
from aiops.sandbox.web.tables import table_of
from aiops.sandbox.world import World

_OPEN = ("/version", "/healthz", "/livez", "/readyz")
_VERBS = {"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
DEFAULT_WATCH_S = 1800.0


class Cut(Exception):
    """The connection ends without an answer."""


class KubernetesApi:
    def __init__(self, world: World, tokens: Mapping[str, Account], chaos: Chaos, hold: Hold) -> None:
        self.is_down = False
        self._world = world
        self._api = world.api
        self._tokens = tokens
        self._chaos = chaos
        self._hold = hold
        self._feed = Feed(world.store)
        self._encoder = Encoder()
        self._late: set[asyncio.Task[None]] = set()

    async def handle(self, request: Request) -> Response:
        try:
            return await self._handle(request)
        except Cut:
            cut(request)
            return Response(status_code=503)  # goes nowhere: the connection is gone
        except Refused as refused:
            return refusal_response(refused)

    async def _handle(self, request: Request) -> Response:
        if self.is_down:
            raise Cut
        path = request.url.path
        if path in _OPEN:
            return json_response(discovery.VERSION) if path == "/version" else PlainTextResponse("ok")
        caller = self._caller(request)
        if path == "/openapi/v2":  # no schemas: kubectl checks nothing on its side, the server refuses what is wrong
            return Response(b"", media_type="application/com.github.proto-openapi.spec.v2.v1.0+protobuf")
        if (known := _discovered(path)) is not None:
            return json_response(known)
        if path.startswith("/apis/authorization.k8s.io/v1/") and request.method == "POST":
            return json_response(reviews.answer(caller.account, await _body(request)), 201)
        place = place_of(path)
        verb = _verb(request, place)
        await self._misbehave_before(verb, place, is_write=verb not in r.READ)
        if verb in r.READ:
            response = await self._read(request, caller, place, verb)
        else:
            response = await self._write(request, caller, place, verb)
        if self._chaos.now.refuse:
            response.headers["Connection"] = "close"
        return response

    def _caller(self, request: Request) -> Caller:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        account = self._tokens.get(token.strip()) if kind.lower() == "bearer" else None
        if account is None:
            raise refusals.unauthorized()
        return Caller(account, request.headers.get("User-Agent", ""))

    # misbehaviour

    def _strikes(self, fault: Fault, verb: str, place: Place) -> bool:
        return self._chaos.strikes(fault, verb, place.resource.kind, is_write=verb not in r.READ)

    async def _misbehave_before(self, verb: str, place: Place, *, is_write: bool) -> None:
        now = self._chaos.now
        if now.latency_ms and now.only.fits(verb, place.resource.kind, is_write=is_write):
            await asyncio.sleep(now.latency_ms / 1000)
        if self._strikes("reset_before", verb, place):
            raise Cut
        if self._strikes("rate_limit", verb, place):
            raise refusals.too_many_requests()
        if self._strikes("server_error", verb, place):
            raise refusals.internal_error("the sandbox was told to fail")

    def _churn(self, verb: str, place: Place) -> None:
        """Move the object's revision by its status alone, as a busy controller does between two requests."""
        if place.name and self._strikes("churn", verb, place):
            found = self._world.store.find(place.resource, place.namespace, place.name)
            if found is not None:
                beat = int(dig(found, "status", "sandboxHeartbeat") or 0) + 1
                self._world.store.put_status(place.resource, found, (found.get("status") or {}) | {"sandboxHeartbeat": beat})

    # reading

    async def _read(self, request: Request, caller: Caller, place: Place, verb: str) -> Response:
        call = Call(caller, place.resource, place.namespace, place.name, place.subresource)
        as_table = wants_table(request.headers.get("Accept", ""))
        if verb == "watch":
            return self._watch(request, call, as_table=as_table)
        if verb == "get":
            if place.subresource == "log":
                return self._log(request, call)
            document = self._api.get(call)
            response = json_response(self._table(request, place.resource, [document])) if as_table else self._object(document)
            self._churn(verb, place)
            return response
        fits = _selected(request)
        items = [document for document in self._api.listed(call) if fits(document)]
        shown, rest = page(items, _number(request, "limit"), request.query_params.get("continue", ""))
        revision = self._world.store.revision
        if as_table:
            table = self._table(request, place.resource, list(shown))
            table["metadata"] = {"resourceVersion": str(revision)} | rest
            return json_response(table)
        return raw_response(self._encoder.list_of(place.resource, revision, shown, more=rest))

    def _object(self, document: Document, code: int = 200) -> Response:
        stored = document.get("kind") not in ("Status", "Scale") and "resourceVersion" in document.get("metadata", {})
        return raw_response(self._encoder.bytes_of(document), code) if stored and code == 200 else json_response(document, code)

    def _table(self, request: Request, resource: r.Resource, documents: list[Document]) -> Document:
        return table_of(
            resource, documents, self._world.clock.now(), include=request.query_params.get("includeObject", "Metadata")
        )

    def _log(self, request: Request, call: Call) -> Response:
        self._api.check_right(call, "get")
        pod = self._api.store.find(r.PODS, call.namespace, call.name)
        if pod is None:
            raise refusals.not_found(r.PODS, call.name)
        names = [container["name"] for container in pod["spec"]["containers"]]
        container = request.query_params.get("container") or names[0]
        if container not in names:
            raise refusals.bad_request(f"container {container} is not valid for pod {call.name}")
        previous = request.query_params.get("previous") == "true"
        lines = self._world.logs(call.namespace, call.name, previous=previous)
        if previous and not lines:
            raise refusals.bad_request(f'previous terminated container "{container}" in pod "{call.name}" not found')
        tail = request.query_params.get("tailLines")
        if tail is not None and tail.isdigit():
            lines = lines[-int(tail) :] if int(tail) else []
        stamped = request.query_params.get("timestamps") == "true"
        text = "".join(f"{at} {line}\n" if stamped else f"{line}\n" for at, line in lines)
        if limit := _number(request, "limitBytes"):
            text = text.encode()[:limit].decode(errors="ignore")
        if request.query_params.get("follow") == "true" and not previous:
            return StreamingResponse(self._follow(call, text, len(lines)), media_type="text/plain")
        return PlainTextResponse(text)

    async def _follow(self, call: Call, text: str, seen: int) -> AsyncIterator[str]:
        yield text
        while self._api.store.find(r.PODS, call.namespace, call.name) is not None:
            lines = self._world.logs(call.namespace, call.name)
            if len(lines) < seen:
                seen = 0
            for _, line in lines[seen:]:
                yield f"{line}\n"
            seen = len(lines)
            await asyncio.sleep(0.5)

    def _watch(self, request: Request, call: Call, *, as_table: bool) -> Response:
        self._api.check_right(call, "watch")
        fits = _selected(request)
        if call.name:
            fits = _both(fits, field_predicate(f"metadata.name={call.name}"))
        version = request.query_params.get("resourceVersion", "")
        watch = Watch(
            resource=call.resource,
            namespace=call.namespace,
            fits=fits,
            revision=int(version) if version.isdigit() else 0,
            timeout_s=float(_number(request, "timeoutSeconds") or DEFAULT_WATCH_S),
            bookmarks=request.query_params.get("allowWatchBookmarks") in ("true", "1"),
            initial_events=request.query_params.get("sendInitialEvents") == "true",
        )
        return StreamingResponse(self._lines(request, watch, as_table=as_table), media_type="application/json")

    async def _lines(self, request: Request, watch: Watch, *, as_table: bool) -> AsyncIterator[bytes]:
        async for happened, document in watch.events(self._feed):
            if self.is_down:
                return
            if as_table and happened in ("ADDED", "MODIFIED", "DELETED"):
                document = self._table(request, watch.resource, [document])
            yield dumps({"type": happened, "object": document}) + b"\n"

    # writing

    async def _write(self, request: Request, caller: Caller, place: Place, verb: str) -> Response:
        body = await _body(request)
        options: Document = body if verb == "delete" and isinstance(body, dict) else {}
        dry_run = "All" in request.query_params.getlist("dryRun") or "All" in (options.get("dryRun") or [])
        if verb == "evict" and isinstance(body, dict):
            dry_run = dry_run or "All" in (dig(body, "deleteOptions", "dryRun") or [])
        call = Call(
            caller, place.resource, place.namespace, place.name, place.subresource if verb != "evict" else "eviction", dry_run
        )
        apply = self._deed(request, call, verb, body)
        if dry_run and self._strikes("dry_run_refused", verb, place):
            raise refusals.denied("policy.sandbox.example", "the sandbox was told to refuse dry runs")
        if self._strikes("conflict", verb, place):
            raise refusals.conflict(place.resource, place.name)
        if self._chaos.now.late_apply_s and not dry_run and self._strikes("late_apply", verb, place):
            self._apply_later(apply, self._chaos.now.late_apply_s)
            raise refusals.timed_out("the sandbox applies this later")
        return await asyncio.shield(self._landed(request, call, verb, place, apply))

    async def _landed(self, request: Request, call: Call, verb: str, place: Place, apply: Callable[[], Document]) -> Response:
        """From here on the write lands, whether its client stays or goes."""
        where = {"object": {"kind": place.resource.kind, "namespace": place.namespace or None, "name": place.name}}
        await self._hold.wait("before", verb, place.resource.kind, where, dry_run=call.dry_run)
        document = apply()
        await self._hold.wait("after", verb, place.resource.kind, where, dry_run=call.dry_run)
        if not call.dry_run:
            if self._strikes("timeout_after", verb, place):
                await asyncio.sleep(self._chaos.now.timeout_s)
                raise refusals.timed_out("the sandbox was told to answer late")
            if self._strikes("reset_after", verb, place):
                raise Cut
        response = self._answer(request, call, verb, document)
        self._churn(verb, place)
        return response

    def _answer(self, request: Request, call: Call, verb: str, document: Document) -> Response:
        code = 201 if verb in ("create", "evict") else 200
        if document.get("kind") == call.resource.kind and wants_table(request.headers.get("Accept", "")):
            return json_response(self._table(request, call.resource, [document]), code)
        return json_response(document, code) if call.dry_run else self._object(document, code)

    def _deed(self, request: Request, call: Call, verb: str, body: Any) -> Callable[[], Document]:
        api = self._api
        if verb == "patch":
            content_type = request.headers.get("Content-Type", MERGE_PATCH).partition(";")[0].strip()
            return lambda: api.patch(call, content_type, body)
        if verb == "deletecollection":
            fits = _selected(request)
            return lambda: self._delete_all(call, fits, body if isinstance(body, dict) else {})
        if verb == "delete":
            options: Document = dict(body) if isinstance(body, dict) else {}
            for name in ("gracePeriodSeconds",):
                if (value := request.query_params.get(name)) is not None and value.isdigit():
                    options[name] = int(value)
            if policy := request.query_params.get("propagationPolicy"):
                options["propagationPolicy"] = policy
            return lambda: api.delete(call, options)
        if not isinstance(body, dict):
            raise refusals.bad_request("the body is not a JSON object")
        if verb == "evict":
            return lambda: api.evict(call, body)
        if verb == "update":
            return lambda: api.update(call, body)
        return lambda: api.create(call, body)

    def _delete_all(self, call: Call, fits: Predicate, options: Document) -> Document:
        for document in [one for one in self._api.listed(call, "deletecollection") if fits(one)]:
            name, namespace = document["metadata"]["name"], document["metadata"].get("namespace") or ""
            one = Call(call.caller, call.resource, namespace, name, dry_run=call.dry_run)
            self._api.delete(one, options | {"preconditions": {"uid": uid_of(document)}})
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _apply_later(self, apply: Callable[[], Document], after_s: float) -> None:
        async def later() -> None:
            await asyncio.sleep(after_s)
            try:
                apply()
            except Refused:
                return  # what was in its way is in the log of mutations; nobody waits for an answer any more

        task = asyncio.create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)


def _verb(request: Request, place: Place) -> str:
    verb = _VERBS.get(request.method)
    if verb is None:
        raise refusals.not_allowed(request.method)
    if verb == "create" and place.subresource == "eviction":
        return "evict"
    if verb == "get" and place.subresource == "exec":
        raise refusals.not_allowed("exec")
    if verb == "get" and request.query_params.get("watch") in ("true", "1"):
        return "watch"
    if verb == "get" and not place.name:
        return "list"
    if verb == "delete" and not place.name:
        return "deletecollection"
    if (verb == "create") == bool(place.name) and verb in ("create", "update", "patch"):
        raise refusals.not_allowed(f"{verb} on {request.url.path}")
    return verb


def _discovered(path: str) -> Document | None:
    parts = [part for part in path.split("/") if part]
    match parts:
        case ["openapi", "v3"]:
            return {"paths": {}}
        case ["api"]:
            return discovery.core_versions()
        case ["apis"]:
            return discovery.groups()
        case ["apis", name]:
            return discovery.group(name)
        case ["api", version]:
            return discovery.resource_list("", version)
        case ["apis", name, version]:
            return discovery.resource_list(name, version)
    return None


def _selected(request: Request) -> Predicate:
    labels, fields = request.query_params.get("labelSelector", ""), request.query_params.get("fieldSelector", "")
    return _both(label_predicate(labels), field_predicate(fields))


def _both(one: Predicate, other: Predicate) -> Predicate:
    return lambda document: one(document) and other(document)


def _number(request: Request, name: str) -> int:
    text = request.query_params.get(name, "")
    return int(text) if text.isdigit() else 0


async def _body(request: Request) -> Any:
    raw = await request.body()
    if not raw:
        return None
    kind = request.headers.get("Content-Type", "application/json").partition(";")[0].strip()
    if kind == protobuf.MEDIA_TYPE:
        return protobuf.decode(raw)
    if kind not in ("application/json", "*/*", *PATCHES):
        raise refusals.unsupported_media(kind, ["application/json"])
    try:
        return json.loads(raw)
    except ValueError as error:
        raise refusals.bad_request(f"the body is not JSON: {error}") from None
