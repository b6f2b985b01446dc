"""What is being prepared for the board: drafts, gates that wait for a signature, assessments that do."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from agents.analyst import SLUG
from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from audits.admin.show import show_link, show_time
from governance import impact_missing, preparing
from governance.models import ImpactAssessment
from governance.preparing import Prepared, ToSign
from portal.waiting.shown import REFUSED, Task, mine, risk_of, show_risk, with_last_request


# --- Which rows wait -------------------------------------------------------------------------------------
def drafts(person: Person) -> QuerySet[Agent]:
    never_refused = Q(last_state__isnull=True) | ~Q(last_state__in=REFUSED)
    rows = with_last_request(person).filter(never_refused, state=AgentState.DRAFT)
    return rows.order_by("registered_at")


def successors(person: Person) -> QuerySet[AgentVersion]:
    """Versions of agents that run, newer than what runs and not before the board: for those who added one."""
    agents = mine(person).filter(state=AgentState.ACTIVE, active_version__isnull=False)
    rows = preparing.newest_versions(agents).filter(submitted_at__isnull=True)
    return rows.annotate(risk=risk_of("agent"))


def gates_to_sign(person: Person) -> list[ToSign]:
    return preparing.to_sign(person)


def assessments(person: Person) -> list[ImpactAssessment]:
    return impact_missing.to_sign(person)


# --- How each is shown -----------------------------------------------------------------------------------
def draft_tasks(agents: list[Any]) -> list[Task]:
    """What the checklist of each still lacks, read once for all of them."""
    newest = preparing.newest_versions(Agent.objects.filter(pk__in=[agent.pk for agent in agents]))
    prepared = {one.version.agent_id: one for one in preparing.standing(list(newest))}
    return [_draft(agent, prepared) for agent in agents]


def successor_tasks(versions: list[Any]) -> list[Task]:
    return [
        Task(
            what=_to_checklist(one.version, str(one.version)),
            detail=_lacks(one),
            agent=show_link(one.version.agent),
            risk=show_risk(one.version.risk),  # type: ignore[attr-defined]  # annotated by `successors`
            asked_by=str(one.version.agent.owner),
            since=show_time(one.version.added_at),
        )
        for one in preparing.standing(versions)
    ]


def gate_to_sign(waits: Any) -> Task:
    version, demands = waits.prepared.version, waits.prepared.facts.demands
    query = urlencode({"version": version.pk, "gate": waits.gate.value})
    address = f"{reverse('admin:governance_gatesignature_add')}?{query}"
    return Task(
        what=_link(address, f"{waits.gate.label} of version {version.label}"),
        detail="Nothing else is missing of this gate.",
        agent=show_link(version.agent),
        risk=show_risk(demands.level if demands else None),
        asked_by=str(version.agent.owner),
        since=show_time(version.added_at),
    )


def assessment_tasks(drafts: list[Any]) -> list[Task]:
    agents = Agent.objects.filter(pk__in=[draft.agent_id for draft in drafts])
    levels = dict(agents.annotate(risk=risk_of("pk")).values_list("pk", "risk"))
    return [
        Task(
            what=show_link(draft),
            detail="Complete. It comes into force once it is signed.",
            agent=show_link(draft.agent),
            risk=show_risk(levels[draft.agent_id]),
            asked_by=str(draft.written_by),
            since=show_time(draft.updated_at),
        )
        for draft in drafts
    ]


def _draft(agent: Any, prepared: Mapping[UUID, Prepared]) -> Task:
    found = prepared.get(agent.pk)
    return Task(
        what=_to_checklist(found.version, str(agent)) if found else _link_to_submit(agent),
        detail=_lacks(found) if found else "It has no version yet: add the build that is to run.",
        agent=show_link(agent),
        risk=show_risk(agent.risk),
        asked_by=str(agent.owner),
        since=show_time(agent.registered_at),
    )


def _lacks(prepared: Prepared) -> str:
    if not prepared.facts.demands:
        return "Its risk is not assessed yet."
    number = len(prepared.unmet)
    if not number:
        return "Its checklist lacks nothing: submit it to the board."
    return f"{number} of {len(prepared.demanded)} gates of its checklist still lack something."


def _to_checklist(version: AgentVersion, text: str) -> SafeString:
    page = reverse("admin:agents_agent_change", args=[version.agent_id])
    return _link(f"{page}?checklist={version.pk}#checklist", text)


def _link_to_submit(agent: Agent) -> SafeString:
    if agent.slug != SLUG:
        return show_link(agent)
    return _link(reverse("admin:register_analyst"), str(agent))


def _link(address: str, text: str) -> SafeString:
    return format_html('<a class="cs-link" href="{}">{}</a>', address, text)
