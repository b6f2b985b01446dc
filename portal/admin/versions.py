"""The page of a version, with the way before the board."""

from collections.abc import Mapping
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from agents import permissions
from agents.admin.version import AgentVersionAdmin
from agents.choices import AgentState
from agents.models import AgentVersion, Person
from audits.admin.base import ActionVariant, Done, dialog_action
from audits.admin.rows import row_of
from audits.errors import Invalid
from governance.services import dossiers
from portal.admin import checklists
from portal.admin.checklists import SIGNATURES

CLOSED = (AgentState.DISCOVERED, AgentState.FROZEN, AgentState.RETIRED)

admin.site.unregister(AgentVersion)


@admin.register(AgentVersion)
class PortalVersionAdmin(AgentVersionAdmin):
    """A version; those who answer for the agent submit it."""

    change_form_template = "portal/version.html"
    sections = (*AgentVersionAdmin.sections, SIGNATURES)
    actions_detail = ("submit",)

    def story(self, request: HttpRequest, instance: AgentVersion) -> Mapping[str, Any]:
        shown = checklists.of(request, instance.agent, instance)
        return {**super().story(request, instance), "checklist": {**shown, "submit_url": ""}}

    def has_submit_permission(self, request: HttpRequest, object_id: str) -> bool:
        version: AgentVersion | None = self.get_object(request, object_id)
        person = request.user
        if version is None or not isinstance(person, Person) or version.agent.state in CLOSED:
            return False
        return permissions.why_not_change(person, version.agent) is None

    @dialog_action(
        title="Submit to the board",
        description="The dossier is frozen as it is now: the entry, its people, this version, its risk, and "
        "how the ten gates of its checklist stand. The board votes on its digest. A request that is pending "
        "for the agent is voided.",
        submit="Submit",
        permissions=("submit",),
        icon="how_to_vote",
        variant=ActionVariant.PRIMARY,
    )
    def submit(self, request: HttpRequest, form: Any, object_id: str) -> Done:
        version = row_of(AgentVersion.objects.select_related("agent"), object_id)
        try:
            approval = dossiers.submit(actor=request.user, version=version)  # type: ignore[arg-type]
        except Invalid as error:
            # The dialog has no fields to put what is missing at, gate by gate.
            raise Invalid(" ".join((error.message, *error.fields.values()))) from error
        return Done(f"Submitted: the board decides on {approval.digest}.", approval)
