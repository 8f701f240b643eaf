from django.urls import path

from incidents import views

urlpatterns = [
    path("incidents/<str:ref>/own", views.own, name="incident-own"),
    path("incidents/<str:ref>/release", views.release, name="incident-release"),
    path("incidents/<str:ref>/resolve", views.resolve, name="incident-resolve"),
    path("incidents/<str:ref>/close", views.close, name="incident-close"),
    path("incidents/<str:ref>/reopen", views.reopen, name="incident-reopen"),
    path("incidents/<str:ref>/silence", views.silence, name="incident-silence"),
    path("incidents/<str:ref>/merge", views.merge, name="incident-merge"),
    path("incidents/<str:ref>/split", views.split, name="incident-split"),
    path("incidents/<str:ref>/reanalyze", views.reanalyze, name="incident-reanalyze"),
    path("anomalies/<str:key>", views.anomaly, name="anomaly"),
    path("quarantine/<int:pk>/retry", views.quarantine_retry, name="quarantine-retry"),
    path("quarantine/<int:pk>/discard", views.quarantine_discard, name="quarantine-discard"),
]
