"""Links to what governance decided. Its pages are known here by their addresses alone."""

from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits.admin.show import EMPTY


def decision_url(decision_id: UUID | None) -> str:
    return reverse("admin:governance_decision_change", args=[decision_id]) if decision_id else ""


def show_decision(decision_id: UUID | None) -> SafeString:
    return _link(decision_url(decision_id), "The decision")


def show_elevation(elevation_id: UUID | None) -> SafeString:
    """A link to the write elevation that a credential was minted under."""
    url = reverse("admin:governance_elevation_change", args=[elevation_id]) if elevation_id else ""
    return _link(url, "The write elevation")


def _link(url: str, text: str) -> SafeString:
    return format_html('<a class="cs-link" href="{}">{}</a>', url, text) if url else EMPTY
