"""The one websocket consumer."""

from channels.generic.websocket import AsyncWebsocketConsumer


class LiveConsumer(AsyncWebsocketConsumer):
    """Sends the fragments of one topic."""
