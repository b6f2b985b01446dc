"""Undoing what was edited since the board approved it (promise 4): nothing becomes more than it approved."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentShown, all_agents
from agents.models import Agent
from audits.api.base import Given, Verb
from governance.services import dossiers


class PutBackShown(serializers.Serializer[Any]):
    agent = AgentShown()
    still_differs = serializers.ListField(
        child=serializers.CharField(), help_text="By its names in the dossier: submit it to the board."
    )


class PutBack(Verb[Agent]):
    """Puts back the entry, the deputies and the sponsor that the board approved. Neither the owner, who
    comes by a handover, nor the risk, which is assessed anew."""

    title = "Put back what was approved"
    permission, shown = "agents.view_agent", PutBackShown

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Agent, given: Given) -> dict[str, Any]:  # noqa: ARG002 - the base's signature
        left = dossiers.put_back(actor=self.person, agent=row)
        return {"agent": all_agents().get(pk=row.pk), "still_differs": left}
