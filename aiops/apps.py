from django.apps import AppConfig


class WiringConfig(AppConfig):
    """Last of the apps: commands, template tags, and the reactions between the others."""

    name = "aiops"
    label = "wiring"

    def ready(self) -> None:
        from aiops import checks, reactions  # noqa: F401  (need the models of all apps)
