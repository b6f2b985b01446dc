"""What agents may reach, and what they tried to, on the page of an agent."""

from django.utils.safestring import SafeString

from agents.choices import EgressReason
from agents.models import EgressAttempt, EgressPolicy
from audits.admin.base import Section
from audits.admin.show import show_label, show_link, show_list, show_time


def show_verdict(attempt: EgressAttempt) -> SafeString:
    if not attempt.allowed:
        return show_label("Refused", "danger")
    return show_label("Failed", "warning") if attempt.error else show_label("Allowed", "success")


POLICY = Section(
    name="egress",
    title="What it may reach",
    model=EgressPolicy,
    rows=lambda agent: EgressPolicy.objects.filter(agent=agent).select_related("agent"),
    columns={
        "Lists": lambda policy: show_link(policy, policy.get_mode_display()),
        "Allowed": lambda policy: show_list(policy.allow),
        "Denied": lambda policy: show_list(policy.deny),
        "Changed": lambda policy: show_time(policy.changed_at),
    },
    empty="Only the endpoints that its approved version names.",
)
ATTEMPTS = Section(
    name="attempts",
    title="What it tried to reach",
    model=EgressAttempt,
    rows=lambda agent: agent.egress_attempts.all(),
    columns={
        "To": show_link,
        "Answer": show_verdict,
        "Because": lambda attempt: EgressReason(attempt.reason).label,
        "Sent": lambda attempt: f"{attempt.bytes_out:,} B",
        "Received": lambda attempt: f"{attempt.bytes_in:,} B",
        "At": lambda attempt: show_time(attempt.at),
    },
    empty="Nothing was to leave for it yet.",
)
