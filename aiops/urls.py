"""Every address of the product."""

from django.contrib import admin
from django.urls import URLPattern, URLResolver, path

from aiops.api import api
from aiops.metrics import metrics

urlpatterns: list[URLPattern | URLResolver] = [
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("metrics", metrics),
]
