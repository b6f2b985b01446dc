"""How what agents depend on is shown: the same on lists, on pages and beside the graph."""

from collections.abc import Iterable
from datetime import date

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.jurisdictions import named
from agents.models import Agent, Dependency, ThirdParty, Tool
from agents.models.dependency import Target
from audits.admin.show import EMPTY, show_label, show_link, show_list

KINDS: dict[type[Target], str] = {Agent: "agent", Tool: "tool", ThirdParty: "third party"}


def today() -> date:
    """The day by which something is overdue, in UTC."""
    return timezone.now().date()


def concerns_of(third_party: ThirdParty) -> list[str]:
    """What an agent's owner must know of a third party that it depends on."""
    return ["has ended"] if third_party.ended_at else third_party.why_overdue(today())


def show_concerns(third_party: ThirdParty | None) -> SafeString:
    words = concerns_of(third_party) if third_party else []
    labels = ((show_label(word, "danger"),) for word in words)
    return format_html_join(" ", "{}", labels) if words else EMPTY


def show_contract(third_party: ThirdParty) -> str:
    """Until when there is a contract."""
    ends_on = third_party.contract_ends_on
    return ends_on.isoformat() if ends_on else "no end"


def show_ended(row: Dependency | Tool | ThirdParty) -> SafeString:
    return show_label("Ended", "default") if row.ended_at else show_label("Live", "success")


def show_target(target: Target) -> SafeString:
    """A link to what a dependency leads to, and what that is."""
    return format_html('{} <span class="cs-hint">{}</span>', show_link(target), KINDS[type(target)])


def show_jurisdictions(target: Target) -> SafeString:
    """Where what flows there is processed; an agent is where its own tools are."""
    return EMPTY if isinstance(target, Agent) else show_list(named(target.jurisdictions))


def provider_of(target: Target) -> ThirdParty | None:
    """The third party that a target is, or that provides it."""
    if isinstance(target, Tool):
        return target.provider
    return target if isinstance(target, ThirdParty) else None


def show_attention(third_parties: Iterable[ThirdParty]) -> list[SafeString]:
    """Those of which something is overdue, each with what."""
    return [
        format_html("{}: {}", show_link(each), ", ".join(concerns))
        for each in third_parties
        if (concerns := concerns_of(each))
    ]
