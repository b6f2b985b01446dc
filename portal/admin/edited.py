"""What was edited since the board approved an agent, on its page: the difference, and the two ways out."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from unfold.dataclasses import UnfoldAction

from agents.choices import AgentState
from agents.models import Agent, Person
from audits.admin.base import Done, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import show_link
from governance import electorate, permissions, selectors
from governance.admin.summary import show_changes
from governance.choices import ApprovalState, ApprovalSubject
from governance.models import Approval
from governance.services import dossiers

EDITED = (
    "Edited since the board approved it: it may only read. Write elevations that were open have ended, and "
    "none is given until this is mended."
)
UNEXPLAINED = (
    "What is there is not what the board approved, and it was not edited through the portal: it may do "
    "nothing until this is mended. Tell an administrator."
)


class EditedAgent:
    """For the admin of agents: a banner while an active agent is not what was approved, and its actions."""

    edited_actions = ("put_back", "submit_again")

    def edited(self, request: HttpRequest, agent: Agent) -> Mapping[str, Any]:
        """What the banner shows; nothing where the agent is as approved, or is not active."""
        if agent.state != AgentState.ACTIVE:
            return {}
        approval = selectors.approval_of_active_version(agent)
        if approval is None:
            return {"edited_why": UNEXPLAINED}
        parts = selectors.edited_parts(agent)
        if parts == []:
            return {}
        may_read = selectors.edited_dossier(agent) is not None
        pending = _pending(agent)
        return {
            "edited_why": EDITED if may_read else UNEXPLAINED,
            "edited_since": show_link(approval, "the approved dossier"),
            "edited_differences": show_changes(selectors.edits(agent)),
            "edited_pending": show_link(pending) if pending else "",
            "edited_may": _may(request, agent),
        }

    def offered(self, request: HttpRequest, agent: Agent, actions: list[UnfoldAction]) -> list[UnfoldAction]:
        """The two ways out are offered while there is something to mend, to those who may."""
        offered = (
            agent.state == AgentState.ACTIVE and bool(selectors.edited_parts(agent)) and _may(request, agent)
        )
        return [
            action
            for action in actions
            if offered or (action.attrs or {}).get("data-action") not in self.edited_actions
        ]

    @dialog_action(
        title="Put back what was approved",
        description=(
            "The entry's own fields, deputies and sponsor become what the board approved. The owner stays, "
            "and so does the risk assessment. If nothing else differs, write elevations can be asked for "
            "again; those that ended do not come back."
        ),
        submit="Put back",
        permissions=("view",),
        reauthenticate=True,
        icon="settings_backup_restore",
    )
    def put_back(self, request: HttpRequest, form: Any, object_id: str) -> str:
        person = request.user
        assert isinstance(person, Person)  # noqa: S101 - the admin lets nobody else in
        left = dossiers.put_back(actor=person, agent=row_of(Agent.objects.all(), object_id))
        if left:
            return f"Put back. Still not as approved: {', '.join(left)}. Submit it again for these."
        return "Put back: the agent is what the board approved."

    @dialog_action(
        title="Submit again",
        description=(
            "The board is asked about the agent as it is now, with the version that is active. Until it has "
            "approved, the agent only reads."
        ),
        submit="Submit to the board",
        permissions=("view",),
        icon="how_to_vote",
    )
    def submit_again(self, request: HttpRequest, form: Any, object_id: str) -> Done | str:
        person = request.user
        assert isinstance(person, Person)  # noqa: S101 - as above
        agent = row_of(Agent.objects.select_related("active_version"), object_id)
        if agent.active_version is None:
            return "It has no active version to submit."
        approval = dossiers.submit(actor=person, version=agent.active_version)
        sentence = f"Submitted: the board decides on {approval.digest}."
        return Done(f"{sentence} {electorate.unmet(approval)}".strip(), approval)


def _pending(agent: Agent) -> Approval | None:
    return Approval.objects.filter(
        agent=agent, subject=ApprovalSubject.AGENT_VERSION, state=ApprovalState.PENDING
    ).first()


def _may(request: HttpRequest, agent: Agent) -> bool:
    person = request.user
    return isinstance(person, Person) and permissions.against_putting_back(person, agent) is None
