"""Who planned it, told honestly: a language model by name, or embedded rules."""

from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.analyst.planner import LABEL
from audits.admin.show import EMPTY


def show_planner(planner: str) -> SafeString:
    """The planner's name as the run stored it, with a sign that tells rules from a model."""
    if not planner:
        return EMPTY
    icon = "rule" if planner == LABEL else "neurology"
    return format_html(
        '<span class="cs-planner">'
        '<span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        icon,
        planner,
    )
