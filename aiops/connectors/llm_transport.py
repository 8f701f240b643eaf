"""The way to one model's endpoint and nowhere else, with a bounded answer and a copy of what was sent.

The address was checked before (`egress.checked_address`); the connection goes to it, whatever the name resolves to by now.
"""

import ssl
from collections.abc import AsyncIterator
from functools import cache

import httpx2

MAX_ANSWER_BYTES = 1024 * 1024  # a typed answer has a few kilobytes
CONNECT_WITHIN_S = 3.0


class PinnedTransport(httpx2.AsyncBaseTransport):
    """Sends to `address` under the name of `origin`. Each body that leaves is added to `sent`."""

    def __init__(self, origin: httpx2.URL, address: str, sent: list[bytes]) -> None:
        self._origin, self._address, self._sent = origin, address, sent
        self._inner = httpx2.AsyncHTTPTransport(verify=_tls(), trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        url = request.url
        if (url.scheme, url.host, url.port) != (self._origin.scheme, self._origin.host, self._origin.port):
            raise httpx2.UnsupportedProtocol("only the configured address is asked", request=request)
        self._sent.append(await request.aread())
        request.extensions = {**request.extensions, "sni_hostname": url.host}
        request.url = url.copy_with(host=self._address)
        response = await self._inner.handle_async_request(request)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            raise httpx2.DecodingError("the answer is compressed, which nobody asked for", request=request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Bounded(response.stream)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """Ends with an error where the answer is longer than any answer is."""

    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        left = MAX_ANSWER_BYTES
        async for chunk in self._stream:
            left -= len(chunk)
            if left < 0:
                raise httpx2.ReadError(f"the answer is longer than {MAX_ANSWER_BYTES} bytes")
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


def client(url: str, address: str, sent: list[bytes]) -> httpx2.AsyncClient:
    """A client for `url` alone. Its timeouts are a second fence: the caller holds the total deadline."""
    return httpx2.AsyncClient(
        transport=PinnedTransport(httpx2.URL(url), address, sent),
        timeout=httpx2.Timeout(30.0, connect=CONNECT_WITHIN_S),
        headers={"Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )


@cache
def _tls() -> ssl.SSLContext:
    """Reading the certificates takes longer than a local model needs to answer, so it is done once."""
    return httpx2.create_ssl_context()
