from importlib import import_module

from django.apps import AppConfig, apps
from django.contrib.admin import apps as admin_apps
from django.db.models.signals import post_migrate

from portal import roles


class PortalAdminConfig(admin_apps.AdminConfig):
    """The admin, on our site; `autodiscover` collects each room's `admin` package."""

    default = False
    default_site = "portal.admin_site.PortalSite"


class PortalConfig(AppConfig):
    name = "portal"
    verbose_name = "Portal"
    default = True

    def ready(self) -> None:
        """Install the roles once the last room has its permissions; record what happens at the sign-in."""
        last_room = apps.get_app_config("governance")
        post_migrate.connect(roles.install, sender=last_room, dispatch_uid="portal.roles")
        import_module("portal.sign_in.recording").connect()
