"""Third parties that agents depend on, kept by stewards (S1-21, S1-22)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from rest_framework import serializers

from agents.api.agent import ReasonGiven, texts
from agents.models import ThirdParty
from agents.services import third_parties
from agents.services.third_parties import Facts
from audits.api.base import ChangingItem, Filter, Given, GrowingCollection, Input, Shown, Verb

LONGEST_TEXT = 20_000


class ThirdPartyShown(Shown):
    jurisdictions = texts(read_only=True)
    overdue = serializers.SerializerMethodField(help_text="What is late or missing, in words.")

    class Meta:
        model = ThirdParty
        fields = (
            "id",
            "slug",
            "name",
            "provides",
            "jurisdictions",
            "contract_reference",
            "contract_ends_on",
            "protections",
            "contact",
            "assessed_on",
            "assess_again_by",
            "high_risk",
            "penetration_tested_on",
            "code_reviewed_on",
            "remediation_plan",
            "overdue",
            "added_by",
            "added_at",
            "ended_at",
        )

    def get_overdue(self, third_party: ThirdParty) -> list[str]:
        return third_party.why_overdue(timezone.localdate())


def _text(longest: int = LONGEST_TEXT, **options: Any) -> serializers.CharField:
    return serializers.CharField(max_length=longest, allow_blank=True, required=False, **options)


def _day(**options: Any) -> serializers.DateField:
    return serializers.DateField(required=False, allow_null=True, **options)


class FactsGiven(Input):
    example = {"assessed_on": "2026-02-01", "assess_again_by": "2027-02-01"}

    name = serializers.CharField(max_length=200)
    provides = serializers.CharField(max_length=LONGEST_TEXT)
    jurisdictions = texts("ISO 3166-1 alpha-2, or EU.", max_length=100)
    assess_again_by = serializers.DateField()
    contract_reference = _text(200)
    contract_ends_on = _day()
    protections = _text()
    contact = _text(200, help_text="A department or mailbox, if possible.")
    assessed_on = _day()
    high_risk = serializers.BooleanField(required=False)
    penetration_tested_on = _day()
    code_reviewed_on = _day()
    remediation_plan = _text()


class ThirdPartyGiven(FactsGiven):
    example = {
        "slug": "example-cloud",
        "name": "Example Cloud",
        "provides": "Hosts the model.",
        "jurisdictions": ["EU"],
        "assess_again_by": "2099-01-01",
    }

    slug = serializers.SlugField(max_length=50)


class ThirdParties(GrowingCollection[ThirdParty]):
    """Third parties, those that have ended too."""

    title, add_title = "List third parties", "Enter a third party"
    permission, adding, item = "agents.view_thirdparty", "agents.add_thirdparty", "third_party"
    shown, given = ThirdPartyShown, ThirdPartyGiven
    filters = {"high_risk": Filter(serializers.BooleanField(), "high_risk")}

    def rows(self) -> QuerySet[ThirdParty]:
        return ThirdParty.objects.all()

    def add(self, given: Given) -> ThirdParty:
        return third_parties.add(actor=self.person, slug=given.pop("slug"), facts=Facts(**given))

    def names(self, row: ThirdParty) -> Mapping[str, Any]:
        return {"slug": row.slug}


class OneThirdParty(ChangingItem[ThirdParty]):
    """A third party: its contract, protections and assessments."""

    title, change_title = "Read a third party", "Change a third party"
    permission, shown, given = "agents.view_thirdparty", ThirdPartyShown, FactsGiven

    def rows(self) -> QuerySet[ThirdParty]:
        return ThirdParty.objects.all()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def change(self, row: ThirdParty, given: Given) -> ThirdParty:
        return third_parties.change(actor=self.person, third_party=row, facts=replace(Facts.of(row), **given))


class EndOfThirdParty(Verb[ThirdParty]):
    """Nothing new depends on it from now on. What depends on it says so until that is ended too."""

    title = "End a third party"
    permission, shown, given = "agents.view_thirdparty", ThirdPartyShown, ReasonGiven

    def rows(self) -> QuerySet[ThirdParty]:
        return ThirdParty.objects.all()

    def named(self, path: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"slug": path["slug"]}

    def perform(self, row: ThirdParty, given: Given) -> ThirdParty:
        return third_parties.end(actor=self.person, third_party=row, reason=given["reason"])
