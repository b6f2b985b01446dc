"""Risk (S1-5): the questionnaire, the assessments of an agent, the classes and what they demand."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.agent import AgentName, OfAnAgent, all_agents
from agents.choices import VersionTestKind
from agents.models import Agent
from audits.api.base import Collection, Given, GrowingCollection, Input, Resource, Shown, Verb
from governance.api.approval import WholeApproval
from governance.choices import AssessmentKind, Discipline, Gate, RiskLevel
from governance.models import Approval, RiskAssessment, RiskClass
from governance.services import risk, risk_overrides

PERMISSION = "governance.view_riskassessment"
LONGEST_ID = 50


class ClassShown(Shown):
    seats = serializers.ListField(child=serializers.ChoiceField(Discipline.choices), read_only=True)
    elevation_seats = serializers.ListField(child=serializers.ChoiceField(Discipline.choices), read_only=True)
    assessments = serializers.ListField(child=serializers.ChoiceField(AssessmentKind.choices), read_only=True)
    tests = serializers.ListField(child=serializers.ChoiceField(VersionTestKind.choices), read_only=True)
    gates = serializers.ListField(child=serializers.ChoiceField(Gate.choices), read_only=True)
    rollout_steps = serializers.ListField(child=serializers.IntegerField(), read_only=True)

    class Meta:
        model = RiskClass
        fields = (
            "level",
            "minimum_score",
            "seats",
            "quorum",
            "veto",
            "elevation_seats",
            "elevation_quorum",
            "elevation_max_minutes",
            "credential_max_seconds",
            "assessments",
            "assessment_max_days",
            "tests",
            "test_max_days",
            "exercise",
            "gates",
            "review_days",
            "review_warn_days",
            "review_suspend_days",
            "owner_grace_minutes",
            "retention_days",
            "rollout_steps",
        )


class RiskClasses(Collection[RiskClass]):
    """The risk classes and what each demands."""

    title = "List risk classes"
    permission, shown = "governance.view_riskclass", ClassShown

    def rows(self) -> QuerySet[RiskClass]:
        return RiskClass.objects.all()


class RiskAssessmentShown(Shown):
    agent = AgentName(read_only=True)
    answers = serializers.DictField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = RiskAssessment
        fields = (
            "id",
            "agent",
            "answers",
            "score",
            "computed",
            "risk_class",
            "overridden_by",
            "reason",
            "assessed_by",
            "assessed_at",
        )


class RiskAssessmentGiven(Input):
    example = {"answers": {question.id: question.options[1].id for question in risk.QUESTIONS}}

    answers = serializers.DictField(
        child=serializers.CharField(max_length=LONGEST_ID), help_text="Question id to the id of an option."
    )


class RiskAssessments(OfAnAgent, GrowingCollection[RiskAssessment]):
    """The risk assessments of an agent; the newest one counts."""

    title, add_title = "List the risk assessments of an agent", "Assess the risk of an agent"
    permission = PERMISSION
    shown, given = RiskAssessmentShown, RiskAssessmentGiven
    fields_are_under = "answers"

    def rows(self) -> QuerySet[RiskAssessment]:
        return RiskAssessment.objects.filter(agent=self.agent).select_related("agent")

    def add(self, given: Given) -> RiskAssessment:
        return risk.assess(actor=self.person, agent=self.agent, answers=given["answers"])


class OverrideGiven(Input):
    example = {"level": "high", "reason": "It sees more than the questionnaire asks for."}

    level = serializers.ChoiceField(RiskLevel.choices)
    reason = serializers.CharField(max_length=risk_overrides.MAX_REASON)


class RiskOverride(Verb[Agent]):
    """Asks the board for another risk class than the agent has. Asking changes nothing."""

    title, done = "Ask for another risk class", 201
    permission, shown, given = "agents.view_agent", WholeApproval, OverrideGiven

    def rows(self) -> QuerySet[Agent]:
        return all_agents()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: Agent, given: Given) -> Approval:
        level = RiskLevel(given["level"])
        return risk_overrides.request(actor=self.person, agent=row, level=level, reason=given["reason"])


class OptionShown(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    points = serializers.IntegerField()
    floor = serializers.CharField()


class QuestionShown(serializers.Serializer[Any]):
    id = serializers.CharField()
    text = serializers.CharField()
    options = OptionShown(many=True)


class QuestionnaireShown(serializers.Serializer[Any]):
    questions = QuestionShown(many=True)


class Questionnaire(Resource):
    """The questions about risk, with the options, their points, and the least class that each leads to."""

    title = "Read the risk questionnaire"
    shown = QuestionnaireShown

    def get(self, request: Request) -> Response:  # noqa: ARG002 - the framework's signature
        return self.present({"questions": risk.QUESTIONS})
