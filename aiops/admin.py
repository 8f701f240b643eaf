"""Django admin as it stands here: behind the product's own login, with a policy of its own."""

from collections.abc import Callable
from typing import Any

from csp.decorators import csp_replace
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

from aiops.access.pages import login_address, safe_next


class ConsoleAdminSite(UnfoldAdminSite):
    """Its templates have inline parts, so its policy is looser; it stays within its own pages."""

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:
        loosen = csp_replace(settings.ADMIN_CONTENT_SECURITY_POLICY)
        return loosen(super().admin_view(view, cacheable))

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """One login for everything: it counts wrong tries and knows how long ago it was."""
        following = safe_next(request, request.GET.get("next", request.path))
        if request.user.is_authenticated:
            return redirect(settings.LOGIN_REDIRECT_URL)  # logged in, but this is for admins
        return redirect(login_address(following))
