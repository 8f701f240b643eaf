from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Last of the apps: commands, template tags, and the reactions between the others."""

    name = "aiops"
    label = "wiring"

    def ready(self) -> None:
        # Every process needs the Celery application to send tasks; checks and reactions need the models of all apps.
        from aiops import celery, checks, reactions  # noqa: F401
