from django.urls import path

from learning import views

urlpatterns = [
    path("trust/<int:pk>/grants", views.grant, name="trust-grant"),
    path("playbooks", views.playbooks, name="playbooks"),
    path("playbooks/<int:pk>", views.playbook, name="playbook"),
]
