"""The deployment checklist (S1-27). Signing a gate needs a person at the portal."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.agent import OfAnAgent
from agents.models import AgentVersion
from audits.api.base import Item
from governance import gate_facts, gates, selectors
from governance.choices import Gate, GateState, Place
from governance.gates import record


class LackShown(serializers.Serializer[Any]):
    sentence = serializers.CharField()
    place = serializers.ChoiceField(Place.choices, help_text="Where it is mended.")
    after_approval = serializers.BooleanField(help_text="It can only be there once the board has approved.")


class EvidenceShown(serializers.Serializer[Any]):
    reference = serializers.CharField(help_text="As the ledger names it: kind/id.")
    what = serializers.CharField()
    digest = serializers.CharField(allow_blank=True)


class GateShown(serializers.Serializer[Any]):
    gate = serializers.ChoiceField(Gate.choices)
    state = serializers.ChoiceField(GateState.choices)
    demanded = serializers.BooleanField(help_text="It must be met before the board is asked.")
    missing = LackShown(many=True)
    evidence = EvidenceShown(many=True)
    warnings = serializers.ListField(child=serializers.CharField())


class ChecklistShown(serializers.Serializer[Any]):
    gates = GateShown(many=True)


class Checklist(OfAnAgent, Item[AgentVersion]):
    """The ten gates of a version as they stand at this moment, each with what is missing."""

    title = "Read the gates of a version"
    permission, shown = "agents.view_agentversion", ChecklistShown

    def rows(self) -> QuerySet[AgentVersion]:
        return AgentVersion.objects.filter(agent=self.agent)

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"label": path["label"]}

    def get(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - the framework's signature
        agent, version = self.agent, self.row(self.rows(), **self.named(path))
        risk_class = selectors.risk_class_of(agent)
        demanded = risk_class.gates if risk_class else ()
        results = gates.evaluate(gate_facts.gather(agent, version))
        return self.present({"gates": record.of(results, demanded)})
