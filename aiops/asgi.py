"""The ASGI application: Django for HTTP, one consumer for live pages."""

import os

from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.core.asgi import get_asgi_application
from django.urls import path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiops.settings")
http = get_asgi_application()

from aiops.consumer import LiveConsumer  # noqa: E402  (needs the app registry that the line above fills)

application = ProtocolTypeRouter(
    {
        "http": http,
        "websocket": AllowedHostsOriginValidator(
            AuthMiddlewareStack(URLRouter([path("ws/live", LiveConsumer.as_asgi())])),
        ),
    }
)
