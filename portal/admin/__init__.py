"""Pages that span rooms, and what the stock admin must not offer."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.contrib import admin
from django.contrib.auth.models import Group

from portal.admin.bundles import PortalBundleAdmin
from portal.admin.stories import PortalAgentAdmin, PortalProposedActionAdmin, PortalRunAdmin
from portal.admin.versions import PortalVersionAdmin

# Roles are code (`portal.roles`): a form that edits them would be undone by the next migration.
admin.site.unregister(Group)
# Second factors, bindings to identity providers and providers themselves are not edited by hand either.
admin.site.unregister((Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken))

__all__ = [
    "PortalAgentAdmin",
    "PortalBundleAdmin",
    "PortalProposedActionAdmin",
    "PortalRunAdmin",
    "PortalVersionAdmin",
]
