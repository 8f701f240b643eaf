from django.urls import path

from aiops.access import views

urlpatterns = [
    path("login", views.sign_in, name="login"),
    path("logout", views.sign_out, name="logout"),
    path("settings", views.account, name="settings"),
    path("settings/keys", views.account_keys, name="settings-keys"),
    path("settings/password", views.account_password, name="settings-password"),
    path("audit", views.audit, name="audit"),
]
