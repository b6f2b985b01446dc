"""Stopping an agent from its own page, and what leads back or ends it for good."""

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.dataclasses import UnfoldAction

from agents.choices import AgentState, FreezeReason
from agents.models import Agent
from agents.services.containing import HOLDABLE
from audits.admin.base import ActionVariant, DialogForm, Done, dialog_action
from audits.admin.rows import row_of
from audits.errors import NotFound
from governance import containment_permissions, selectors
from governance.admin.containment import (
    LIFTING,
    LiftingActions,
    ReasonForm,
    containment_of,
    lifting_offered,
)
from governance.admin.who import person_of
from governance.models import Containment
from governance.services import containments, kills


class KillForm(DialogForm):
    """The input of `kills.request`."""

    reason = forms.CharField(max_length=kills.MAX_REASON, widget=forms.Textarea(attrs={"rows": 3}))


class ContainedAgent(LiftingActions):
    """For the admin of agents: freeze, ask to unfreeze, confirm or decline that, ask for its end."""

    contained_actions = ("freeze", *LIFTING, "ask_for_end")

    def containment(self, object_id: str) -> Containment:
        found = containment_of(object_id)
        if found is None:
            raise NotFound("It is not frozen any more. Look at the page again.")
        return found

    def containing(
        self, request: HttpRequest, agent: Agent, actions: list[UnfoldAction]
    ) -> list[UnfoldAction]:
        """Of these actions those that this person may do now."""
        person = person_of(request)
        seat = selectors.seat_of(person)
        offered = lifting_offered(request, containment_of(agent.pk))
        can_stop = agent.state in HOLDABLE and agent.freeze_reason != FreezeReason.CONTAINED
        if can_stop and containment_permissions.against_freezing(person, agent, seat) is None:
            offered.add("freeze")
        can_end = agent.state != AgentState.RETIRED
        if can_end and containment_permissions.against_asking_to_kill(person, agent, seat) is None:
            offered.add("ask_for_end")
        left_out = set(self.contained_actions) - offered
        return [action for action in actions if (action.attrs or {}).get("data-action") not in left_out]

    @dialog_action(
        title="Freeze",
        description="It stops at once: it neither acts nor reads, its run stops before the next call, its "
        "tokens and write elevations end. Two people let it go on.",
        submit="Freeze now",
        permissions=("view",),
        form_class=ReasonForm,
        icon="front_hand",
        variant=ActionVariant.DANGER,
    )
    def freeze(self, request: HttpRequest, form: Any, object_id: str) -> str:
        agent = row_of(Agent.objects.all(), object_id)
        containments.freeze_agent(actor=person_of(request), agent=agent, reason=form.cleaned_data["reason"])
        return f"{agent} is frozen. Two people let it go on: one asks, another one confirms."

    @dialog_action(
        title="Ask the board to end it",
        description="The board votes on ending it for good, with every agent that it created: the request "
        "lists them. It goes on meanwhile; freeze it first if that must not be. Nobody brings it back.",
        submit="Ask the board",
        permissions=("view",),
        form_class=KillForm,
        icon="skull",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def ask_for_end(self, request: HttpRequest, form: Any, object_id: str) -> Done:
        approval = kills.request(
            actor=person_of(request),
            agent=row_of(Agent.objects.all(), object_id),
            reason=form.cleaned_data["reason"],
        )
        return Done("The board is asked. It decides on exactly what this page shows.", approval)
