"""What is unusual of what agents reach (S2-10)."""

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.choices import AnomalyKind
from agents.models import EgressAnomaly
from agents.services import egress_anomalies
from audits.api.base import Collection, Filter, Given, Input, Item, Shown, Verb


class AnomalyShown(Shown):
    agent = AgentName(read_only=True)

    class Meta:
        model = EgressAnomaly
        fields = (
            "id",
            "agent",
            "kind",
            "destination",
            "observed",
            "expected",
            "since",
            "found_at",
            "closed_at",
            "closed_by",
            "verdict",
        )


class VerdictGiven(Input):
    example = {"verdict": "A new mirror of NVD, as announced."}

    verdict = serializers.CharField(max_length=10_000)


class EgressAnomalies(Collection[EgressAnomaly]):
    """Anomalies, closed ones too."""

    title = "List egress anomalies"
    permission, shown = "agents.view_egressanomaly", AnomalyShown
    filters = {
        "agent": Filter(serializers.SlugField(), "agent__slug"),
        "kind": Filter(serializers.ChoiceField(AnomalyKind.choices), "kind"),
        "open": Filter(serializers.BooleanField(), "closed_at__isnull"),
    }

    def rows(self) -> QuerySet[EgressAnomaly]:
        return EgressAnomaly.objects.select_related("agent")


class OneEgressAnomaly(Item[EgressAnomaly]):
    """What was unusual, and what it was."""

    title = "Read an egress anomaly"
    permission, shown = "agents.view_egressanomaly", AnomalyShown

    def rows(self) -> QuerySet[EgressAnomaly]:
        return EgressAnomaly.objects.select_related("agent")


class ClosingOfAnomaly(Verb[EgressAnomaly]):
    """Say what it was. Where it happens again, it is found again."""

    title = "Close an egress anomaly"
    permission, shown, given = "agents.view_egressanomaly", AnomalyShown, VerdictGiven

    def rows(self) -> QuerySet[EgressAnomaly]:
        return EgressAnomaly.objects.select_related("agent__owner")

    def perform(self, row: EgressAnomaly, given: Given) -> EgressAnomaly:
        return egress_anomalies.close(actor=self.person, anomaly=row, verdict=given["verdict"])
