"""How an agent stands to what is asked of it: its review date, and the agent policy."""

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents import policy
from agents.choices import AgentState
from agents.models import Agent
from audits.admin.show import EMPTY, show_label

SOON_DAYS = 30


def show_due(agent: Agent) -> SafeString:
    """Until when its owner reviews the entry; in words too where it is overdue or soon."""
    if agent.review_date is None or agent.state == AgentState.RETIRED:
        return EMPTY
    days = (agent.review_date - timezone.localdate()).days
    date = format_html('<time class="cs-time" datetime="{0}">{0}</time>', agent.review_date.isoformat())
    if days < 0:
        return format_html("{} {}", date, show_label(f"{-days} d overdue", "danger"))
    return format_html("{} {}", date, show_label(f"in {days} d", "warning")) if days <= SOON_DAYS else date


def show_within(agent: Agent) -> SafeString:
    """Whether the agent policy that counts now would allow the entry, and why not (S1-1)."""
    if not (outside := policy.violations(agent)):
        return show_label("Yes", "success")
    reasons = format_html_join("", "<li>{}</li>", ((one.sentence,) for one in outside))
    return format_html('{}<ul class="cs-answers">{}</ul>', show_label("No", "danger"), reasons)
