"""The Kubernetes API: reads that may be repeated, and changes that are sent once.

Kubeconfig, TLS and every way of logging in come from lightkube. Requests go through its httpx2 client directly, because
a change needs what its own calls do not give: one deadline for the whole request, preconditions on every verb, and an
answer that is kept apart from an unreadable one. Objects stay the JSON that the server sent.
"""

import asyncio
import functools
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

import httpx2
import stamina
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import KubeConfig, SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError
from pydantic import JsonValue

from aiops.connectors.errors import Ambiguous, Permanent, Transient
from aiops.connectors.kubernetes_objects import RESOURCES, KubeObject, Ref, collection
from aiops.core.clusters import Cluster

USER_AGENT = "aiops-console"
CONNECT_TIMEOUT_S = 3.0  # a cluster that takes nothing is known as such, before it counts as unclear
PAGE = 500
READ_CONNECTIONS = 8  # shared by the reads of one look

T = TypeVar("T")


class Patch(StrEnum):
    """How a patch body is meant. Each one is refused with 409 when it carries a stale resourceVersion."""

    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    JSON = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One change, complete: sent again, it is the same request to the byte. `patch` is empty for a creation."""

    ref: Ref
    body: JsonValue
    patch: str = ""
    subresource: str = ""

    @property
    def method(self) -> str:
        return "PATCH" if self.patch else "POST"

    @property
    def path(self) -> str:
        if self.subresource:
            return f"{self.ref.path}/{self.subresource}"
        return self.ref.path if self.patch else collection(self.ref.kind, self.ref.namespace)

    @property
    def words(self) -> str:
        """What it attempts on what, for people."""
        verb = "patch" if self.patch else "evict" if self.subresource == "eviction" else "create"
        return f"{verb} {self.ref}"

    def dump(self) -> dict[str, JsonValue]:
        ref: dict[str, JsonValue] = {"kind": self.ref.kind, "namespace": self.ref.namespace, "name": self.ref.name}
        return {"ref": ref, "body": self.body, "patch": self.patch, "subresource": self.subresource}

    @classmethod
    def load(cls, data: dict[str, JsonValue]) -> "Request":
        stored = KubeObject(data)
        ref = Ref(stored.text("ref", "kind"), stored.text("ref", "namespace") or None, stored.text("ref", "name"))
        return cls(ref, stored.at("body"), stored.text("patch"), stored.text("subresource"))


class Api(Protocol):
    """What an act asks of the outside: a cluster, a machine, or a receiver of jobs, each as objects that are read and changed.

    Every method raises Transient or Permanent; `send` raises Ambiguous, too, for everything unclear.
    """

    def get(self, ref: Ref) -> KubeObject | None:
        """The object as it stands now, None where there is none."""

    def need(self, ref: Ref) -> KubeObject:
        """The object; Permanent `not_found` where there is none."""

    def find(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[KubeObject]:
        """All objects of `kind`."""

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        """Send `request` once, under one deadline for all of it; the object as the change left it."""


# What an answer to a change says about the cluster (`reliability.md` §2.6). 2xx is applied. Whatever is in neither table
# (409 above all, every 5xx, no answer) may have had an effect and is read back.
NO_EFFECT_WORDS: Mapping[int, tuple[str, str]] = {
    400: ("invalid", "the cluster cannot read the request"),
    401: ("unauthorised", "the cluster does not know this account"),
    403: ("forbidden", "forbidden"),
    404: ("not_found", "not found"),
    422: ("invalid", "refused as invalid"),
}
MAY_PASS = 429
# Failures before a byte of the request left: nothing there, no such name, no TLS.
NEVER_LEFT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.UnsupportedProtocol)


def refusal(attempted: str, status: int, said: KubeObject, *, after_s: float | None = None) -> Transient | Permanent | Ambiguous:
    """What an answer other than 2xx to `attempted` means. `said` is its Status object, as far as it could be read."""
    message = said.text("message")[:500]
    if status == MAY_PASS and any(cause.text("reason") == "DisruptionBudget" for cause in said.each("details", "causes")):
        return Permanent(attempted, message or "a disruption budget allows no more disruption now", code="pdb")
    if status == MAY_PASS:
        return Transient(attempted, message or "the cluster asks to wait", after_s=after_s)
    if status in NO_EFFECT_WORDS:
        code, words = NO_EFFECT_WORDS[status]
        return Permanent(attempted, f"{words}{f' ({message})' if message else ''}", code=code)
    return Ambiguous(attempted, f"answered {status}{f' ({message})' if message else ''}", status=status)


@dataclass(frozen=True)
class Kubernetes:
    """One cluster. Methods block and may be called from any thread that runs no event loop.

    Every request has a connection of its own, but for those of `reads`: an idle one that the server closes just as a change
    is sent would make an unclear answer out of nothing. `transport` stands in for the network in tests.
    """

    config: SingleConfig
    read_timeout_s: float = 5.0
    request_timeout_s: float = 8.0
    transport: httpx2.AsyncBaseTransport | None = None
    tls: ssl.SSLContext | None = field(default=None, compare=False)
    auth: httpx2.Auth | None = field(default=None, compare=False)

    # Reads

    def get(self, ref: Ref) -> KubeObject | None:
        """The object as it stands in the cluster's store now, None where there is none."""
        return self._run(self._once(lambda reads: reads.get(ref)))

    def need(self, ref: Ref) -> KubeObject:
        """The object; Permanent `not_found` where there is none."""
        if (found := self.get(ref)) is None:
            raise Permanent(f"read {ref}", "not found", code="not_found")
        return found

    def find(self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "") -> list[KubeObject]:
        """All objects of `kind`, of all namespaces where none is given, each with its kind filled in."""
        return self._run(self._once(lambda reads: reads.find(kind, namespace, labels=labels, fields=fields)))

    def log(self, pod: Ref, *, container: str = "", tail: int = 100, previous: bool = False) -> str:
        """The end of a container's log."""
        return self._run(self._once(lambda reads: reads.log(pod, container=container, tail=tail, previous=previous)))

    @asynccontextmanager
    async def reads(self) -> "AsyncIterator[Reads]":
        """Many reads in one event loop, over connections that they share: no change is ever sent on these."""
        async with self._http(self.read_timeout_s, idle=READ_CONNECTIONS) as http:
            yield Reads(http, self.read_timeout_s)

    async def _once(self, read: "Callable[[Reads], Coroutine[Any, Any, T]]") -> T:
        async with self._http(self.read_timeout_s) as http:
            return await read(Reads(http, self.read_timeout_s))

    def review(self, kind: str, spec: JsonValue) -> KubeObject:
        """Ask the cluster about our own account, as `SelfSubjectAccessReview` does. Nothing is changed by it."""
        return self._run(self._once(lambda reads: reads.review(kind, spec)))

    def version(self) -> str:
        """`v1.32.1`."""
        return self._run(self._once(lambda reads: reads.version()))

    # Changes

    def send(self, request: Request, *, dry_run: bool = False) -> KubeObject:
        """Send `request` once, under one deadline for all of it; the object as the change left it.

        Raises Transient or Permanent where it surely had no effect, Ambiguous for everything unclear.
        """
        return self._run(self._send(request, dry_run=dry_run))

    @staticmethod
    def _run(work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run(work)

    def _http(self, timeout_s: float, *, idle: int = 0) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(
            base_url=self.config.cluster.server,
            verify=self.tls if self.tls is not None else False,
            auth=self.auth,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
            timeout=httpx2.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s)),
            limits=httpx2.Limits(max_keepalive_connections=idle, max_connections=idle or None),
            follow_redirects=False,
            transport=self.transport,
        )

    async def _send(self, request: Request, *, dry_run: bool) -> KubeObject:
        words = request.words
        try:
            async with asyncio.timeout(self.request_timeout_s), self._http(self.request_timeout_s) as http:
                answer = await http.request(
                    request.method,
                    request.path,
                    params={"dryRun": "All"} if dry_run else {},
                    json=request.body,
                    headers={"Content-Type": request.patch or "application/json"},
                )
        except NEVER_LEFT as error:
            raise Transient(words, _reason(error)) from None
        except (TimeoutError, httpx2.TimeoutException):
            raise Ambiguous(words, f"no answer within {self.request_timeout_s:g} s") from None
        except ConfigError as error:  # the login command failed: there was nothing to send with
            raise Transient(words, str(error)) from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, OSError) as error:
            raise Ambiguous(words, _reason(error)) from None
        if answer.is_success:
            return _object(words, answer)
        raise refusal(words, answer.status_code, _status_of(answer), after_s=_retry_after(answer))


@dataclass(frozen=True, slots=True)
class Reads:
    """Reads of one cluster, for as long as the client lives. Each has its own deadline and is repeated once."""

    http: httpx2.AsyncClient
    timeout_s: float

    async def get(self, ref: Ref) -> KubeObject | None:
        answer = await self._read(f"read {ref}", ref.path, {})
        return None if answer.status_code == 404 else _read_object(f"read {ref}", answer)

    async def find(
        self, kind: str, namespace: str | None = None, *, labels: str = "", fields: str = "", most: int | None = None
    ) -> list[KubeObject]:
        """All of them, or no more than `most`."""
        query = {"labelSelector": labels, "fieldSelector": fields, "limit": str(min(PAGE, most or PAGE)), "continue": ""}
        words = f"list {RESOURCES[kind].plural}{f' in {namespace}' if namespace else ''}"
        found: list[KubeObject] = []
        while True:
            page = _read_object(words, await self._read(words, collection(kind, namespace), query))
            found += (KubeObject({"kind": kind, **item.raw}) for item in page.each("items"))
            query["continue"] = page.text("metadata", "continue")
            if not query["continue"] or (most is not None and len(found) >= most):
                return found[:most]

    async def log(
        self, pod: Ref, *, container: str = "", tail: int = 100, previous: bool = False, max_bytes: int | None = None
    ) -> str:
        words = f"read the log of {pod}"
        wanted = {"tailLines": str(tail), "container": container, "previous": "true" if previous else ""}
        if max_bytes is not None:
            wanted["limitBytes"] = str(max_bytes)
        answer = await self._read(words, f"{pod.path}/log", wanted)
        if answer.status_code == 404:
            raise Permanent(words, "not found", code="not_found")
        return answer.text

    async def review(self, kind: str, spec: JsonValue) -> KubeObject:
        words, path = "ask for our rights", f"/apis/authorization.k8s.io/v1/{kind.lower()}s"
        body: JsonValue = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
        return _read_object(words, await self._read(words, path, {}, asked=body))

    async def version(self) -> str:
        return _read_object("read the version", await self._read("read the version", "/version", {})).text("gitVersion")

    async def _read(self, words: str, path: str, query: Mapping[str, str], *, asked: JsonValue = None) -> httpx2.Response:
        """One GET, or a POST of what is `asked`, repeated once within the deadline where it may pass."""
        try:
            async with asyncio.timeout(self.timeout_s):
                async for attempt in stamina.retry_context(on=Transient, attempts=2, wait_initial=0.2, wait_jitter=0.1):
                    with attempt:
                        return await self._ask(words, path, query, asked)
        except TimeoutError:
            pass
        raise Transient(words, f"no answer within {self.timeout_s:g} s")

    async def _ask(self, words: str, path: str, query: Mapping[str, str], asked: JsonValue) -> httpx2.Response:
        given = {key: value for key, value in query.items() if value}
        try:
            request = self.http.get(path, params=given) if asked is None else self.http.post(path, params=given, json=asked)
            answer = await request
        except httpx2.TimeoutException:
            raise Transient(words, "no answer") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, ssl.SSLError, ConfigError) as error:
            raise Transient(words, _reason(error)) from None
        if answer.is_success or answer.status_code == 404:
            return answer
        refused = refusal(words, answer.status_code, _status_of(answer), after_s=_retry_after(answer))
        # A read has no effect, so what would be unclear for a change merely failed.
        raise refused if not isinstance(refused, Ambiguous) else Transient(words, refused.why)


def _object(words: str, answer: httpx2.Response) -> KubeObject:
    """The object in a good answer to a change; a good answer that cannot be read leaves it unclear what was done."""
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Ambiguous(words, f"answered {answer.status_code} with something that is no object", status=answer.status_code)
    return KubeObject(body)


def _read_object(words: str, answer: httpx2.Response) -> KubeObject:
    if answer.status_code == 404:
        raise Permanent(words, "not found", code="not_found")
    try:
        return _object(words, answer)
    except Ambiguous as error:
        raise Transient(words, error.why) from None


def _status_of(answer: httpx2.Response) -> KubeObject:
    try:
        body = answer.json()
    except ValueError:
        body = None
    return KubeObject(body if isinstance(body, dict) else {})


def _retry_after(answer: httpx2.Response) -> float | None:
    given = answer.headers.get("Retry-After", "")
    return min(300.0, float(given)) if given.isdecimal() else None


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def client_for(cluster: Cluster, *, read_timeout_s: float = 5.0, request_timeout_s: float = 8.0) -> Kubernetes:
    """The client of `cluster`, one a process until its kubeconfig changes. Permanent `kubeconfig` where that is unusable."""
    try:
        changed_ns = cluster.kubeconfig.stat().st_mtime_ns if cluster.kubeconfig else 0
    except OSError as error:
        raise Permanent(f"open cluster {cluster.name}", f"{cluster.kubeconfig}: {error.strerror}", code="kubeconfig") from None
    try:
        return _client(cluster.kubeconfig, changed_ns, read_timeout_s, request_timeout_s)
    except (ConfigError, KeyError, TypeError, ValueError, OSError) as error:
        raise Permanent(
            f"open cluster {cluster.name}", f"its kubeconfig is not usable ({_reason(error)})", code="kubeconfig"
        ) from None


@functools.lru_cache(maxsize=64)
def _client(kubeconfig: Path | None, changed_ns: int, read_timeout_s: float, request_timeout_s: float) -> Kubernetes:
    loaded = KubeConfig.from_file(kubeconfig) if kubeconfig else KubeConfig.from_service_account()
    config = loaded.get()
    if config is None:
        raise ConfigError("it names no current context")
    user = config.user or User()
    tls = verify_cluster(config.cluster, user, config.abs_file) if config.cluster.server.startswith("https") else None
    return Kubernetes(
        config=config,
        read_timeout_s=read_timeout_s,
        request_timeout_s=request_timeout_s,
        tls=tls,
        auth=user_auth(user),
    )
