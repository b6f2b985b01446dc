from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from unfold.sites import UnfoldAdminSite

# By name, as the settings name the dashboard: the site is made before the rooms' pages are there.
PAGES = {
    "waiting": "portal.dashboard.waiting_page",
    "register_analyst": "portal.registration.register_analyst",
}


class PortalSite(UnfoldAdminSite):  # type: ignore[misc]
    """The portal: one signed-in site for owners, board, auditors and administrators."""

    index_title = "Overview"
    site_title = "Countersign"
    site_header = "Countersign"
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no model."""
        return [
            path(f"{name.replace('_', '-')}/", self.admin_view(import_string(view)), name=name)
            for name, view in PAGES.items()
        ]
