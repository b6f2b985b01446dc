from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse


def site(request: HttpRequest) -> dict[str, Any]:
    """What the portal's layout needs, for the pages of the sign-in, which are no pages of the admin."""
    if not request.path.startswith(reverse("account_login")):
        return {}
    return admin.site.each_context(request)
