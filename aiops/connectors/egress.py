"""Requests to addresses that people configured: no redirects, no way to what only this machine or cloud may reach.

The name is resolved once, every address is checked, and the connection goes to the checked address (`reliability.md`
S12). Link-local, multicast and unspecified addresses are never reached; loopback only for hosts on the allow-list.
"""

import contextlib
import hashlib
import hmac
import ipaddress
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpcore

from aiops.connectors.errors import Ambiguous, Permanent, Transient

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
MAX_ANSWER_BYTES = 64 * 1024


class _Until(httpcore.NetworkStream):
    """A connection on which everything together ends at one moment: a limit per read is none for what drips."""

    def __init__(self, stream: httpcore.NetworkStream, ends: float) -> None:
        self._stream, self._ends = stream, ends

    def _left_s(self) -> float:
        if (left := self._ends - time.monotonic()) <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Until(self._stream.start_tls(ssl_context, server_hostname, self._left_s()), self._ends)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Pinned(httpcore.SyncBackend):
    """Connects to the address that was checked, whatever the name resolves to by now."""

    def __init__(self, host: str, address: str, ends: float) -> None:
        self._host, self._address, self._ends = host, address, ends

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        where = self._address if host == self._host else host
        return _Until(super().connect_tcp(where, port, timeout, local_address, socket_options), self._ends)


def checked_address(url: str, *, allowed_hosts: Iterable[str] = ()) -> tuple[str, str]:
    """Host and one address of it that may be reached; Permanent for a URL that may not be asked at all."""
    parts = urlsplit(url)
    attempted = f"reach {parts.hostname or url[:80]}"
    host = parts.hostname or ""
    allowed = set(allowed_hosts)
    if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
        raise Permanent(attempted, "an address is http(s)://host/… without a name and password in it")
    if allowed and host not in allowed:
        raise Permanent(attempted, "this host is not on the list of allowed hosts")
    try:
        found = socket.getaddrinfo(host, parts.port or (443 if parts.scheme == "https" else 80), type=socket.SOCK_STREAM)
    except OSError as error:
        raise Transient(attempted, f"the name does not resolve ({error})") from error
    addresses = [ipaddress.ip_address(info[4][0]) for info in found]
    if refused := next((address for address in addresses if not _is_reachable(address, listed=host in allowed)), None):
        raise Permanent(attempted, f"{refused} is not an address that may be reached from here")
    return host, str(addresses[0])


def _is_reachable(address: Address, *, listed: bool) -> bool:
    mapped = getattr(address, "ipv4_mapped", None)
    real = mapped or address
    if real.is_link_local or real.is_multicast or real.is_unspecified or real.is_reserved:
        return False
    return listed or not real.is_loopback


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, its body cut to what anybody reads of it."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(
    url: str,
    body: bytes,
    *,
    headers: Mapping[str, str],
    timeout_s: float,
    allowed_hosts: Iterable[str] = (),
) -> Answer:
    """One POST without retry or redirect; Transient, Permanent or Ambiguous for everything that is no 2xx."""
    return _ask("POST", url, body, headers=headers, timeout_s=timeout_s, allowed_hosts=allowed_hosts)


def get(url: str, *, headers: Mapping[str, str], timeout_s: float, allowed_hosts: Iterable[str] = ()) -> Answer:
    """One GET, under the same rules. It has no effect, so what would be unclear for a POST is Transient."""
    try:
        return _ask("GET", url, b"", headers=headers, timeout_s=timeout_s, allowed_hosts=allowed_hosts)
    except Ambiguous as error:
        raise Transient(error.attempted, error.why) from None


def _ask(
    method: str, url: str, body: bytes, *, headers: Mapping[str, str], timeout_s: float, allowed_hosts: Iterable[str]
) -> Answer:
    host, address = checked_address(url, allowed_hosts=allowed_hosts)
    attempted = f"post to {host}" if method == "POST" else f"read from {host}"
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), timeout_s)
    try:
        with (
            httpcore.ConnectionPool(network_backend=_Pinned(host, address, time.monotonic() + timeout_s), retries=0) as pool,
            pool.stream(
                method,
                url,
                headers=[*headers.items(), ("Host", host_header(url))],
                content=body,
                extensions={"timeout": timeouts},
            ) as response,
        ):
            answer = Answer(response.status, _text_headers(response.headers), _read(response, timeout_s))
    except (httpcore.ConnectError, httpcore.ConnectTimeout, httpcore.PoolTimeout) as error:
        raise Transient(attempted, f"no connection ({error or type(error).__name__})") from error
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
        raise Ambiguous(attempted, f"no clear answer ({error or type(error).__name__})") from error
    return _judged(answer, attempted)


def host_header(url: str) -> str:
    return urlsplit(url).netloc


def _text_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("ascii", "replace").lower(): value.decode("latin-1") for name, value in headers}


def _read(response: httpcore.Response, within_s: float) -> bytes:
    """The beginning of the body. One that drips ends at the same deadline: what was sent has arrived anyway."""
    read, until = b"", time.monotonic() + within_s
    with contextlib.suppress(httpcore.TimeoutException):
        for chunk in response.iter_stream():
            read += chunk
            if len(read) >= MAX_ANSWER_BYTES or time.monotonic() > until:
                break
    return read[:MAX_ANSWER_BYTES]


def _judged(answer: Answer, attempted: str) -> Answer:
    if 200 <= answer.status < 300:
        return answer
    why = f"answered {answer.status}"
    if answer.status == 429:
        after = answer.headers.get("retry-after", "")
        raise Transient(attempted, why, after_s=float(after) if after.isdigit() else None)
    if answer.status >= 500:
        raise Ambiguous(attempted, why, status=answer.status)
    if 300 <= answer.status < 400:
        raise Permanent(attempted, f"{why}: redirects are not followed; configure the final address")
    raise Permanent(attempted, why, code=f"http_{answer.status}")


def signature(secret: str, body: bytes) -> str:
    """`X-Aiops-Signature`, on what is sent and on what a job answers: HMAC-SHA256 of the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
