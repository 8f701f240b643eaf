"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from aiops import views
from aiops.api import api
from aiops.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.overview, name="overview"),
    path("incidents", views.incident_list, name="incidents"),
    path("incidents/<str:ref>", views.incident, name="incident"),
    path("approvals", views.approval_queue, name="approvals"),
    path("trust", views.trust, name="trust"),
    path("system", views.system, name="system"),
    path("help", views.help_page, name="help"),
    path("find", views.find, name="find"),
    path("live", views.live_parts, name="live"),
    path("", include("aiops.access.urls")),
    path("", include("approvals.urls")),
    path("", include("incidents.urls")),
    path("", include("learning.urls")),
    path("", include("approvals.oversight_urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("metrics", metrics),
]
