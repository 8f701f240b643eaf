from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """Instead of `django.contrib.admin` among the installed apps."""

    default_site = "aiops.admin.ConsoleAdminSite"
