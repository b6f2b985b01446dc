"""Impact assessments and what they promise (S1-6, S1-28). Signing one needs a person at the portal."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from agents.api.agent import AgentName, OfAnAgent, ReasonGiven
from agents.api.person import USERNAME, PersonName
from audits.api.base import Collection, Filter, Given, GrowingCollection, Input, Item, Resource, Shown, Verb
from audits.api.problems import Errors, Problem, Refused, pointer
from audits.errors import Invalid
from governance import impact_missing
from governance.answers import MAX_CELL, MAX_ITEMS
from governance.choices import AssessmentKind, AssessmentState, MitigationState
from governance.models import ImpactAssessment, Mitigation
from governance.services import assessments
from governance.services.assessments import MAX_RISK

LONGEST_NOTE = 4000


class StepShown(serializers.Serializer[Any]):
    risk = serializers.CharField()
    measure = serializers.CharField()
    owner = serializers.CharField(help_text="Id of a person; empty while nobody is named.")
    due = serializers.CharField(help_text="A day; empty while none is named.")


class ImpactAssessmentShown(Shown):
    agent = AgentName(read_only=True)
    written_by = PersonName(read_only=True)
    signed_by = PersonName(read_only=True, allow_null=True)

    class Meta:
        model = ImpactAssessment
        fields = (
            "id",
            "agent",
            "kind",
            "serial",
            "template_version",
            "state",
            "revision",
            "written_by",
            "begun_at",
            "updated_at",
            "signed_by",
            "signed_as",
            "signed_at",
            "sha256",
            "ended_at",
            "end_reason",
        )


class MissingShown(serializers.Serializer[Any]):
    pointer = serializers.CharField()
    detail = serializers.CharField()


class WholeImpactAssessment(ImpactAssessmentShown):
    answers = serializers.DictField(
        child=serializers.DictField(), read_only=True, help_text="Section id, field id, value."
    )
    plan = StepShown(many=True, read_only=True)
    content_text = serializers.CharField(
        source="content", read_only=True, help_text="The exact bytes (RFC 8785) that were signed."
    )
    missing = serializers.SerializerMethodField(help_text="What a draft needs before it can be signed.")

    class Meta(ImpactAssessmentShown.Meta):
        fields = (*ImpactAssessmentShown.Meta.fields, "answers", "plan", "content_text", "missing")  # type: ignore[assignment]

    @extend_schema_field(MissingShown(many=True))
    def get_missing(self, assessment: ImpactAssessment) -> Errors:
        is_draft = assessment.state == AssessmentState.DRAFT
        return _pointers(impact_missing.missing(assessment)) if is_draft else []


class KindGiven(Input):
    example = {"kind": "privacy"}

    kind = serializers.ChoiceField(AssessmentKind.choices)


def _text(longest: int, words: str = "") -> serializers.CharField:
    return serializers.CharField(max_length=longest, allow_blank=True, default="", help_text=words)


class StepGiven(Input):
    risk = _text(MAX_RISK)
    measure = _text(MAX_CELL)
    owner = _text(36, "Id of a person.")
    due = _text(10, "A day, for example 2030-01-31.")


class WritingGiven(Input):
    """The draft as a whole; `revision` is that of the draft which it was made from."""

    example = {"answers": {}, "plan": [], "revision": 0}

    answers = serializers.DictField(child=serializers.DictField(), help_text="As it is read.")
    plan = StepGiven(many=True, max_length=MAX_ITEMS)  # type: ignore[call-arg]
    revision = serializers.IntegerField(min_value=0, max_value=2**31 - 1)


class OfAssessments(OfAnAgent):
    permission = "governance.view_impactassessment"

    def rows(self) -> QuerySet[ImpactAssessment]:
        return ImpactAssessment.objects.filter(agent=self.agent).select_related(
            "agent", "written_by", "signed_by"
        )


class ImpactAssessments(OfAssessments, GrowingCollection[ImpactAssessment]):
    """The impact assessments of an agent. A new draft is filled with what is known already."""

    title, add_title = "List the impact assessments of an agent", "Begin an impact assessment"
    adding, item = "governance.add_impactassessment", "impact_assessment"
    shown, given = ImpactAssessmentShown, KindGiven
    filters = {
        "kind": Filter(serializers.ChoiceField(AssessmentKind.choices), "kind"),
        "state": Filter(serializers.ChoiceField(AssessmentState.choices), "state"),
    }

    def add(self, given: Given) -> ImpactAssessment:
        return assessments.begin(actor=self.person, agent=self.agent, kind=AssessmentKind(given["kind"]))

    def names(self, row: ImpactAssessment) -> Mapping[str, Any]:
        return {"slug": row.agent.slug, "id": row.pk}


class OneImpactAssessment(OfAssessments, Item[ImpactAssessment]):
    """An impact assessment with its answers and its plan. Only a draft is written."""

    title, change_title = "Read an impact assessment", "Write an impact assessment"
    shown, given = WholeImpactAssessment, WritingGiven

    def put(self, request: Request, **path: Any) -> Response:  # noqa: ARG002 - the framework's signature
        row = self.row(self.rows(), **self.named(path))
        given = self.take()
        given["plan"] = [dict(step) for step in given["plan"]]
        try:
            written = assessments.write(actor=self.person, assessment=row, **given)
        except Invalid as error:
            raise Refused(Problem.INVALID, error.message, errors=_pointers(error.fields)) from error
        return self.present(written)


class WithdrawalOfAssessment(OfAssessments, Verb[ImpactAssessment]):
    """Takes a draft or a signed assessment out of force; what a signed one says stays readable."""

    title = "Withdraw an impact assessment"
    shown, given = WholeImpactAssessment, ReasonGiven

    def perform(self, row: ImpactAssessment, given: Given) -> ImpactAssessment:
        assessments.withdraw(actor=self.person, assessment=row, reason=given["reason"])
        return self.rows().get(pk=row.pk)


def _pointers(fields: Mapping[str, str]) -> Errors:
    """The service names `section.field` and `plan`."""
    return [
        {
            "pointer": pointer(*(("answers", *name.split(".", 1)) if "." in name else (name,))),
            "detail": text,
        }
        for name, text in fields.items()
    ]


class MitigationShown(Shown):
    agent = AgentName(source="assessment.agent", read_only=True)
    owner = PersonName(read_only=True)

    class Meta:
        model = Mitigation
        fields = (
            "id",
            "agent",
            "assessment",
            "position",
            "risk",
            "measure",
            "owner",
            "due",
            "state",
            "closed_at",
            "closed_by",
            "note",
        )


class NoteGiven(Input):
    example = {"note": "The data is masked since release 2.1."}

    note = serializers.CharField(max_length=LONGEST_NOTE, help_text="What was done.")


class OfMitigations(Resource):
    permission, shown = "governance.view_mitigation", MitigationShown

    def rows(self) -> QuerySet[Mitigation]:
        return Mitigation.objects.select_related("assessment__agent", "owner")


class Mitigations(OfMitigations, Collection[Mitigation]):
    """What people promised to do against risks, in signed assessments."""

    title = "List mitigations"
    filters = {
        "state": Filter(serializers.ChoiceField(MitigationState.choices), "state"),
        "owner": Filter(serializers.CharField(max_length=USERNAME, help_text="Username."), "owner__username"),
        "agent": Filter(serializers.SlugField(), "assessment__agent__slug"),
    }


class OneMitigation(OfMitigations, Item[Mitigation]):
    """A mitigation: who does what against which risk until when."""

    title = "Read a mitigation"


class Closing(OfMitigations, Verb[Mitigation]):
    """Its owner says that it is done, and what was done."""

    title, given = "Close a mitigation", NoteGiven

    def perform(self, row: Mitigation, given: Given) -> Mitigation:
        assessments.close_mitigation(actor=self.person, mitigation=row, note=given["note"])
        return self.rows().get(pk=row.pk)
