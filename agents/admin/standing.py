"""How a problem stands in its target: open, or gone since when."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.models import Exposure
from audits.admin.show import EMPTY, show_label, show_time


def show_standing(exposure: Exposure | None) -> SafeString:
    if exposure is None:
        return EMPTY
    if exposure.gone_at is None:
        return show_label("Open", "warning")
    return format_html("{} {}", show_label("Gone", "success"), show_time(exposure.gone_at))
