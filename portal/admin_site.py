import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from allauth.account.decorators import secure_admin_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.module_loading import import_string
from unfold.sites import UnfoldAdminSite

from agents.permissions import why_not_confirmed
from agents.services.notifications import unread

# By name, as the settings name the dashboard: the site is made before the rooms' pages are there.
PAGES = {
    "waiting": "portal.waiting.page",
    "notifications": "portal.notifications.page",
    "notification_mail": "portal.notifications.mail_page",
    "register_analyst": "portal.registration.register_analyst",
    "approver_load": "governance.admin.approver_load.load_page",
    "dependency_map": "agents.admin.dependency_map.map_page",
    "containment_state": "governance.admin.containment_state.state_page",
    "my_sign_in": "portal.sign_in.pages.my_sign_in",
    "my_delegations": "portal.my_delegations.my_delegations",
    "my_api_tokens": "portal.sign_in.api_tokens.my_api_tokens",
    "api_operations": "portal.api.page.operations_page",
}
# An icon is a ligature: the word "check" in the icons' font. Read aloud, it is noise.
ICON = re.compile(rb'<(span|i)(?=\s[^>]*class="[^"]*material-symbols-outlined)(?![^>]*aria-hidden)')


class PortalSite(UnfoldAdminSite):  # type: ignore[misc]
    """The portal: one signed-in site for owners, board, auditors and administrators."""

    index_title = "Overview"
    site_title = "Countersign"
    site_header = "Countersign"
    empty_value_display = "\N{EN DASH}"  # as `audits.admin.show.EMPTY`, which is not there yet
    enable_nav_sidebar = True

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no model."""
        return [
            path(f"{name.replace('_', '-')}/", self.admin_view(import_string(view)), name=name)
            for name, view in PAGES.items()
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        """With the number on the bell, which stands on every page."""
        context: dict[str, Any] = super().each_context(request)
        if request.user.is_authenticated:
            context["unread"] = unread(request.user).count()
        return context

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:  # noqa: FBT001, FBT002 - Django's signature
        @wraps(view)
        def quiet(*arguments: Any, **options: Any) -> HttpResponseBase:
            return silence_icons(view(*arguments, **options))

        shown: Callable[..., Any] = super().admin_view(quiet, cacheable)
        return shown

    def password_change(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        change_page = import_string("portal.passwords.change_page")
        response: HttpResponseBase = change_page(
            request, {**self.each_context(request), **(extra_context or {})}
        )
        return response

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
        """There is one sign-in, and it is not the admin's."""
        response: HttpResponseBase = secure_admin_login(super().login)(request, extra_context)
        return response

    def confirmation_url(self, request: HttpRequest, back: str) -> str:
        """Where the person at the screen proves anew who they are and then returns to `back`; empty where
        they have just done so."""
        if not why_not_confirmed(request.user, request.authentication):  # type: ignore[arg-type, attr-defined]
            return ""
        return f"{reverse('confirm')}?{urlencode({'next': back})}"


def silence_icons(response: HttpResponseBase) -> HttpResponseBase:
    """Hide the icons of a page from screen readers: in this one place, whoever's template drew them."""
    if isinstance(response, TemplateResponse):
        response.add_post_render_callback(_silence)
    elif isinstance(response, HttpResponse):
        _silence(response)
    return response


def _silence(response: HttpResponse) -> None:
    if response.get("Content-Type", "").startswith("text/html"):
        response.content = ICON.sub(rb'<\1 aria-hidden="true"', response.content)
