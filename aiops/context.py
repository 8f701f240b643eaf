"""What every page's templates get: the parts around it, rendered when the layout asks for them."""

from functools import cached_property
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from aiops.layout import LAYOUT
from aiops.live import render_all

THEMES = ("auto", "light", "dark")
# Pages that belong to another place in the navigation than the first word of their address.
HOMES = {"": "overview", "anomalies": "incidents", "settings": "help"}


class Layout:
    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    @cached_property
    def _parts(self) -> dict[str, str]:
        place = place_of(self._request.path)
        return render_all(LAYOUT, place, self._request.principal, request=self._request)  # type: ignore[attr-defined]

    @property
    def nav(self) -> str:
        return self._parts["nav"]

    @property
    def tabs(self) -> str:
        return self._parts["tabs"]

    @property
    def banners(self) -> str:
        return self._parts["banners"]


def place_of(path: str) -> str:
    """`/incidents/INC-7` → `incidents`."""
    first = path.strip("/").split("/", 1)[0]
    return HOMES.get(first, first)


def layout(request: HttpRequest) -> dict[str, Any]:
    theme = request.COOKIES.get("theme", "auto")
    place = place_of(request.path)
    return {
        "layout": Layout(request),
        "at": timezone.now(),
        "theme": theme if theme in THEMES else "auto",
        "keys": getattr(request.user, "single_keys", True) if hasattr(request, "user") else True,
        "live": f"topic=overview&page={place}",
    }
