"""Putting a version before the board."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from agents.api.agent import OfAnAgent
from agents.models import AgentVersion
from audits.api.base import Given, Verb
from governance.api.approval import WholeApproval
from governance.models import Approval
from governance.services import dossiers


class Submission(OfAnAgent, Verb[AgentVersion]):
    """Freezes the dossier of a version and asks the board. An older request for the same agent is voided."""

    title = "Submit a version to the board"
    permission, shown, done = "agents.view_agentversion", WholeApproval, 201

    def rows(self) -> QuerySet[AgentVersion]:
        return AgentVersion.objects.filter(agent=self.agent).select_related("agent")

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"label": path["label"]}

    def perform(self, row: AgentVersion, given: Given) -> Approval:  # noqa: ARG002 - the base's signature
        return dossiers.submit(actor=self.person, version=row)
