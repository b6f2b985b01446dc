"""Pages that span rooms, and what the stock admin must not offer."""

from django.contrib import admin
from django.contrib.auth.models import Group

from portal.admin.bundles import PortalBundleAdmin
from portal.admin.stories import PortalAgentAdmin, PortalProposedActionAdmin, PortalRunAdmin

# Roles are code (`portal.roles`): a form that edits them would be undone by the next migration.
admin.site.unregister(Group)

__all__ = ["PortalAgentAdmin", "PortalBundleAdmin", "PortalProposedActionAdmin", "PortalRunAdmin"]
