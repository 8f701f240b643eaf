from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "aiops.outbox"
    label = "outbox"
    verbose_name = "Messages"
