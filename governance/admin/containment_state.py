"""Containment: which enforcement points have confirmed what has ended, and which agents are contained."""

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from audits.admin.forms import dress
from audits.admin.show import EMPTY, show_choice, show_label, show_link, show_time
from governance import point_selectors
from governance.choices import POINT_COLOURS, PROBE_COLOURS, PointState
from governance.point_selectors import AgentContainment, Points, Standing
from governance.point_state import CONFIRMED

UNCONFIRMED = "unconfirmed"
POINT_HEADINGS = ("Enforcement point", "State", "Acknowledged", "After", "Asked last", "Last probe")
AGENT_HEADINGS = (
    "Agent",
    "Contained",
    "Ended with",
    "Confirmed by",
    "Not confirmed by",
    "After",
    "Work left",
)


class FilterForm(forms.Form):
    """What is shown: all enforcement points or some, all contained agents or one."""

    state = forms.ChoiceField(
        choices=[("", "All"), (UNCONFIRMED, "Everything that is not confirmed"), *PointState.choices],
        required=False,
        label="Enforcement points",
    )
    agent = forms.SlugField(required=False, help_text="Its slug; empty: every agent that is frozen.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        dress(self)


def state_page(request: HttpRequest) -> HttpResponse:
    """Shown to those who may view enforcement points."""
    if not request.user.has_perm("governance.view_enforcementpoint"):
        raise PermissionDenied
    form = FilterForm(request.GET or None)
    chosen = form.cleaned_data if form.is_valid() else {"state": "", "agent": ""}
    agents = point_selectors.contained(agent=chosen["agent"])
    points = Points()
    one = agents[0] if chosen["agent"] and len(agents) == 1 else None
    standings = one.standings if one else points.towards(points.current)
    context = {
        **admin.site.each_context(request),
        "title": "Containment state",
        "form": form,
        "towards": f"{one.number}, the end of {one.agent.slug}" if one else f"{points.current}, the newest",
        "summary": _summary(standings),
        "point_headings": POINT_HEADINGS,
        "points": [_point(each) for each in standings if _is_shown(each, chosen["state"])],
        "any_points": bool(standings),
        "agent_headings": AGENT_HEADINGS,
        "more_agents": _left_out(agents, chosen["agent"]),
        "agents": [_agent(each) for each in agents],
    }
    return TemplateResponse(request, "governance/containment_state.html", context)


def show_state(state: PointState) -> SafeString:
    return show_label(state.label, POINT_COLOURS[state])


def _is_shown(standing: Standing, state: str) -> bool:
    if state == UNCONFIRMED:
        return standing.state not in CONFIRMED
    return not state or standing.state == state


def _summary(standings: tuple[Standing, ...]) -> str:
    if not standings:
        return "No enforcement point is registered: the decision point alone refuses."
    confirmed = sum(each.state in CONFIRMED for each in standings)
    declared = sum(each.state == PointState.DECLARED for each in standings)
    told = f"{confirmed} of {len(standings)} enforcement points have confirmed"
    return f"{told}, {declared} of them because a person declared it." if declared else f"{told}."


def _left_out(shown: list[AgentContainment], agent: str) -> str:
    """That there are more, where there are."""
    number = 0 if agent or len(shown) < point_selectors.MOST else point_selectors.to_contain().count()
    return f"{len(shown)} of {number:,} are shown. Name another one above." if number > len(shown) else ""


def _point(standing: Standing) -> list[tuple[str, object]]:
    point, probe = standing.point, standing.probe
    number = EMPTY if standing.acknowledged is None else f"{standing.acknowledged}"
    cells = (
        show_link(point),
        show_state(standing.state),
        number,
        _took(standing.milliseconds),
        show_time(point.asked_at),
        format_html("{} {}", show_choice(probe, "outcome", PROBE_COLOURS), show_time(probe.at))
        if probe
        else "Never probed",
    )
    return list(zip(POINT_HEADINGS, cells, strict=True))


def _agent(found: AgentContainment) -> list[tuple[str, object]]:
    missing = ", ".join(f"{each.point.name} ({each.state.label.lower()})" for each in found.missing)
    cells = (
        format_html('<a class="cs-link" href="?agent={}">{}</a>', found.agent.slug, found.agent.slug),
        show_label("Contained", "success") if found.is_contained else show_label("Not contained", "danger"),
        format_html("{} {}", found.number, show_time(found.ended_at)),
        f"{found.confirmed} of {len(found.standings)}",
        missing or EMPTY,
        _took(found.slowest),
        f"{found.jobs}" if found.jobs else "None",
    )
    return list(zip(AGENT_HEADINGS, cells, strict=True))


def _took(milliseconds: int | None) -> object:
    if milliseconds is None:
        return EMPTY
    return format_html('<span class="cs-time">{} ms</span>', f"{milliseconds:,}")
