"""The ASGI application: Django for HTTP, one consumer for live pages."""

import os
from asyncio import get_running_loop
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from contextvars import copy_context
from typing import IO, Any

import django
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.exceptions import RequestAborted
from django.core.handlers.asgi import ASGIHandler, get_script_prefix
from django.core.signals import request_started
from django.urls import path, set_script_prefix

KEPT_THREADS = 32  # more than that only come and go with a crowd

Message = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
django.setup(set_prefix=False)

from aiops.consumer import LiveConsumer  # noqa: E402  (needs the app registry that the line above fills)


class ThreadedHandler(ASGIHandler):
    """All middleware and views here are synchronous: a request is one way into a thread and back, with nothing to await between.

    Some threads are kept for later requests, with all that is made once a thread. Measured: it takes a third less of the
    processor's time than Django's own way through tasks, signals and threads.
    """

    def __init__(self) -> None:
        super().__init__()
        self._idle: list[ThreadPoolExecutor] = []

    def load_middleware(self, is_async: bool = False) -> None:
        super().load_middleware(is_async=False)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        try:
            body = await self.read_body(receive)
        except RequestAborted:
            return
        thread = self._idle.pop() if self._idle else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            start, content = await get_running_loop().run_in_executor(thread, copy_context().run, self._answer, scope, body)
        finally:
            if len(self._idle) < KEPT_THREADS:
                self._idle.append(thread)
            else:
                thread.shutdown(wait=False)
        await send(start)
        await send({"type": "http.response.body", "body": content})

    def _answer(self, scope: Message, body: IO[bytes]) -> tuple[Message, bytes]:
        """The start and the content of the response, in the thread of its request. Nothing of it is open any more."""
        with body:
            set_script_prefix(get_script_prefix(scope))
            request_started.send(sender=self.__class__, scope=scope)
            request, refusal = self.create_request(scope, body)
            response: Any = self.get_response(request) if request is not None else refusal
            response._handler_class = self.__class__  # whom `request_finished` is from
            with closing(response):
                headers = [(name.encode("ascii"), value.encode("latin1")) for name, value in response.items()]
                cookies = [
                    (b"Set-Cookie", cookie.output(header="").encode("ascii").strip()) for cookie in response.cookies.values()
                ]
                start = {"type": "http.response.start", "status": response.status_code, "headers": headers + cookies}
                return start, b"".join(response)


application = ProtocolTypeRouter(
    {
        "http": ThreadedHandler(),
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/live", LiveConsumer.as_asgi())])),
        ),
    }
)
