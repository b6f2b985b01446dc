"""What is unusual of what agents reach, and the rules that say so (S2-10)."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.agent import AgentName
from agents.choices import AnomalyKind
from agents.models import AnomalyRule, EgressAnomaly
from agents.services import egress_anomalies
from audits.api.base import ChangingItem, Collection, Filter, Given, Input, Item, Shown, Verb

FIGURES = (
    "enabled", "window_minutes", "baseline_days", "factor", "minimum", "from_hour", "until_hour", "weekends",
)  # fmt: skip


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


class AnomalyRuleShown(Shown):
    class Meta:
        model = AnomalyRule
        fields = ("id", "kind", *FIGURES)


class AnomalyRuleGiven(Input):
    example = {"factor": 3, "reason": "Five times the usual came too late."}

    enabled = serializers.BooleanField(required=False)
    window_minutes = serializers.IntegerField(min_value=5, max_value=10_080, required=False)
    baseline_days = serializers.IntegerField(min_value=1, max_value=366, required=False)
    factor = serializers.IntegerField(min_value=1, max_value=1_000, required=False)
    minimum = serializers.IntegerField(min_value=0, max_value=2**53 - 1, required=False)
    from_hour = serializers.IntegerField(min_value=0, max_value=23, required=False)
    until_hour = serializers.IntegerField(min_value=1, max_value=24, required=False)
    weekends = serializers.BooleanField(required=False)
    reason = serializers.CharField(max_length=10_000)


class AnomalyRules(Collection[AnomalyRule]):
    """The rules of what is unusual: one of each kind."""

    title = "List anomaly rules"
    permission, shown = "agents.view_anomalyrule", AnomalyRuleShown
    filters = {"enabled": Filter(serializers.BooleanField(), "enabled")}

    def rows(self) -> QuerySet[AnomalyRule]:
        return AnomalyRule.objects.all()


class OneAnomalyRule(ChangingItem[AnomalyRule]):
    """A rule by its kind. A change counts from the next look on, five minutes later at the latest."""

    title, change_title = "Read an anomaly rule", "Change an anomaly rule"
    permission, shown, given = "agents.view_anomalyrule", AnomalyRuleShown, AnomalyRuleGiven

    def rows(self) -> QuerySet[AnomalyRule]:
        return AnomalyRule.objects.all()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"kind": path["name"]}

    def change(self, row: AnomalyRule, given: Given) -> AnomalyRule:
        reason = given.pop("reason", "")
        return egress_anomalies.change_rule(actor=self.person, rule=row, reason=reason, **given)
