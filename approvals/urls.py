from django.urls import path

from approvals import views

urlpatterns = [
    path("approvals/<int:pk>/approve", views.approve, name="approval-approve"),
    path("approvals/<int:pk>/reject", views.reject, name="approval-reject"),
    path("approvals/<int:pk>/override", views.override, name="approval-override"),
    path("incidents/<str:ref>/propose", views.propose, name="incident-propose"),
    path("incidents/<str:ref>/feedback", views.rate, name="incident-feedback"),
    path("actions/preview", views.preview, name="action-preview"),
    path("executions/<uuid:pk>/stop", views.stop, name="execution-stop"),
    path("executions/<uuid:pk>/settle", views.settle, name="execution-settle"),
    path("executions/<uuid:pk>/rollback", views.roll_back, name="execution-rollback"),
    path("autonomy", views.turn_autonomy, name="autonomy"),
]
