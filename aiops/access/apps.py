from django.apps import AppConfig


class AccessConfig(AppConfig):
    name = "aiops.access"
    label = "access"
    verbose_name = "People and audit"
