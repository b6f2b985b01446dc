"""The overview: real figures of what is going on, for the person at the screen."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from django.contrib import admin
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.admin.planner import show_planner
from agents.choices import LABELS, AgentState, ProposalState
from agents.models import Agent, Person, ProposedAction, Run
from audits.admin.show import relative, show_choice, show_label, show_link, show_reference, show_time
from audits.models import Checkpoint, Entry, Event, Pending
from governance import selectors
from governance.models import Approval
from portal import registration

ASKABLE = (ProposalState.WAITING, ProposalState.REFUSED)
SHOWN = 5
MINUTE = 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """Something that only this person's side can move on."""

    task: str
    link: SafeString
    detail: str
    since: SafeString


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the overview shows; a card is there for those who may view what it counts."""
    may = request.user.has_perm
    return {
        **context,
        "waiting": waiting_for(request),
        "agents": _agents() if may("agents.view_agent") else None,
        "register_url": _register_url(request),
        "elevations": _elevations() if may("governance.view_elevation") else None,
        "runs": _runs() if may("agents.view_run") else None,
        "ledger": _ledger() if may("audits.view_event") else None,
    }


def waiting_page(request: HttpRequest) -> HttpResponse:
    """Everything that waits for the person at the screen, on a page of its own."""
    context = {
        **admin.site.each_context(request),
        "title": "Waiting for me",
        "waiting": waiting_for(request),
    }
    return TemplateResponse(request, "portal/waiting.html", context)


def waiting_for(request: HttpRequest) -> list[Waiting]:
    """Votes to cast, then writes of one's own agents to ask elevation for, the oldest first."""
    votes, asks, drafts = _waiting(request)
    return [
        *(_vote(approval) for approval in votes.select_related("agent").order_by("requested_at")),
        *(_ask(proposal) for proposal in asks.select_related("agent", "finding").order_by("proposed_at")),
        *(_draft(agent) for agent in drafts.order_by("registered_at")),
    ]


def waiting_count(request: HttpRequest) -> int:
    return sum(rows.count() for rows in _waiting(request))


def _waiting(
    request: HttpRequest,
) -> tuple[QuerySet[Approval], QuerySet[ProposedAction], QuerySet[Agent]]:
    person = cast("Person", request.user)
    mine = Agent.objects.filter(Q(owner=person) | Q(deputies=person)).distinct()
    asks = ProposedAction.objects.filter(agent__in=mine, state__in=ASKABLE)
    return selectors.waiting_for(person), asks, mine.filter(state=AgentState.DRAFT)


def _vote(approval: Approval) -> Waiting:
    return Waiting("Vote", show_link(approval), str(approval.agent), show_time(approval.requested_at))


def _ask(proposal: ProposedAction) -> Waiting:
    return Waiting(
        "Ask for write elevation", show_link(proposal), str(proposal.agent), show_time(proposal.proposed_at)
    )


def _draft(agent: Agent) -> Waiting:
    link = show_link(agent)
    if agent.slug == registration.SLUG:
        link = format_html('<a class="cs-link" href="{}">{}</a>', reverse("admin:register_analyst"), agent)
    return Waiting("Bring before the board", link, agent.purpose, show_time(agent.registered_at))


def _register_url(request: HttpRequest) -> str:
    """Where the portal's own analyst is registered, while it is not and this person may do it."""
    missing = not Agent.objects.filter(slug=registration.SLUG).exists()
    person = cast("Person", request.user)
    return reverse("admin:register_analyst") if missing and registration.may_register(person, None) else ""


def _agents() -> list[dict[str, object]]:
    counted = Agent.objects.values_list("state").annotate(number=Count("pk")).order_by()
    numbers = dict(counted)
    return [
        {
            "label": show_label(state.label, LABELS[state]),
            "number": numbers[state],
            "url": f"{reverse('admin:agents_agent_changelist')}?state__exact={state}",
        }
        for state in AgentState
        if numbers.get(state)
    ]


def _elevations() -> list[dict[str, object]]:
    live = selectors.live_elevations().select_related("agent").order_by("ends_at")[:SHOWN]
    return [
        {
            "link": show_link(elevation),
            "agent": elevation.agent,
            "left": minutes_left(elevation.ends_at),
            "uses": f"{elevation.used} of {elevation.uses} used",
        }
        for elevation in live
    ]


def minutes_left(ends_at: datetime | None) -> str:
    """How long an elevation still lasts, to the minute; the last one in seconds."""
    if ends_at is None:
        return "no end"
    seconds = int((ends_at - timezone.now()).total_seconds())
    if seconds <= 0:
        return "over"
    return f"{seconds // MINUTE} min left" if seconds >= MINUTE else f"{seconds} s left"


def _runs() -> Iterable[dict[str, object]]:
    newest = Run.objects.select_related("report", "agent").order_by("-queued_at")[:SHOWN]
    return [
        {
            "link": show_link(run, str(run.report)),
            "agent": run.agent,
            "state": show_choice(run, "state", LABELS),
            "planner": show_planner(run.planner),
            "queued": show_time(run.queued_at),
        }
        for run in newest
    ]


def _ledger() -> dict[str, object]:
    last = Checkpoint.objects.order_by("-size").first()
    sealed = Entry.objects.aggregate(last=Max("seq"))["last"]
    newest = Event.objects.order_by("-id")[:SHOWN]
    return {
        "size": 0 if sealed is None else sealed + 1,
        "checkpoint": last,
        "checkpoint_age": relative(last.sealed_at) if last else "",
        "unsealed": Pending.objects.count(),
        "newest": [
            (show_link(event, event.action), show_reference(event.object), show_time(event.time))
            for event in newest
        ],
    }
