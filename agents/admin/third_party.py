"""Third parties that agents depend on (S1-21): those of which something is overdue first."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, F, IntegerField, Model, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.dependency_sections import TOOLS_PROVIDED, USED_OVER_TOOLS
from agents.admin.dependency_shown import show_concerns, show_contract, show_ended, show_jurisdictions, today
from agents.admin.fields import EndForm, WordsField, day, text
from agents.admin.origins import STEWARDS
from agents.admin.who import person_of, show_who
from agents.models import ThirdParty
from agents.services import third_parties
from audits.admin.base import ActionVariant, AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import show_label, show_untrusted, time_column, untrusted_column


class FactsFields(forms.Form):
    """The input of `third_parties.Facts`."""

    name = forms.CharField(max_length=200)
    provides = text("What it provides", required=True)
    jurisdictions = WordsField(
        label="Where it processes data",
        help_text="Country codes with commas: DE, US. EU for the Union, ZZ while it is not known.",
    )
    contract_reference = forms.CharField(
        max_length=200, required=False, label="Contract", help_text="Where it is found, or why there is none."
    )
    contract_ends_on = day("Contract ends on", "Empty: it has no end.")
    protections = text("What the contract protects", "For example a DPA with standard contractual clauses.")
    contact = forms.CharField(max_length=200, required=False, help_text="A department or mailbox.")
    assessed_on = day("Assessed on", "Empty: never.")
    assess_again_by = day("Assess again by", required=True)
    high_risk = forms.BooleanField(
        required=False, help_text="A penetration test and a code review are asked for."
    )
    penetration_tested_on = day("Penetration test on")
    code_reviewed_on = day("Code review on")
    remediation_plan = text("Remediation plan", "What was found, who mends it, and by when.")

    @property
    def facts(self) -> third_parties.Facts:
        names = third_parties.Facts.__dataclass_fields__
        return third_parties.Facts(**{name: self.cleaned_data[name] for name in names})


class AddThirdPartyForm(FactsFields, ServiceForm):
    """The input of `third_parties.add`."""

    field_order = ("slug",)
    slug = forms.CharField(max_length=50, help_text="Stable name: small letters, digits and hyphens.")


class ChangeThirdPartyForm(FactsFields, DialogForm):
    """The input of `third_parties.change`, as it is now."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = ThirdParty.objects.filter(pk=self.object_id).first() if is_uuid(self.object_id) else None
        if found:
            self.initial.update({name: getattr(found, name) for name in FactsFields.base_fields})


class Standing(admin.SimpleListFilter):
    """Overdue, live or ended."""

    title, parameter_name = "standing", "standing"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("overdue", "Overdue"), ("live", "Live"), ("ended", "Ended")]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[ThirdParty]"
    ) -> "QuerySet[ThirdParty] | None":
        match self.value():
            case "overdue":
                return queryset.filter(ThirdParty.overdue(today()))
            case "live":
                return queryset.filter(ended_at=None)
            case "ended":
                return queryset.exclude(ended_at=None)
            case _:
                return None


@admin.register(ThirdParty)
class ThirdPartyAdmin(AddByService):
    """Vendors and services outside, with contract, jurisdictions, protections and assessments."""

    ledger_kind = "third_party"
    list_title = "Third parties"
    empty_text = "No third party yet. Add those that agents send data to, or get it from."
    untrusted_text = "What is said of third parties are the words of stewards."
    add_form = AddThirdPartyForm
    add_title = "Add a third party"
    add_description = "Somebody outside who provides what agents depend on, with contract and assessments."
    list_display = ("name", "concerns", "jurisdiction_list", "contract", "assessment", "risk", "standing")
    list_filter = (Standing, "high_risk")
    search_fields = ("name", "slug", "provides", "contract_reference", "contact")
    search_help_text = "Name, what it provides, contract, contact"
    fieldsets = (
        (None, {"fields": (("name", "slug"), ("concerns", "standing"), "provides_text")}),
        (
            "Contract",
            {
                "fields": (
                    ("contract_reference", "contract"),
                    ("jurisdiction_list", "contact"),
                    "protections_text",
                )
            },
        ),
        (
            "Assessment",
            {"fields": (("assessed", "assessment"), ("risk", "tests"), "plan_text")},
        ),
        ("In the register", {"fields": (("adder", "added"),)}),
    )
    sections = (USED_OVER_TOOLS, TOOLS_PROVIDED)
    history_origins = dict.fromkeys(("provides", "protections", "remediation_plan", "contact"), STEWARDS)
    actions_detail = ("change_facts", "end_third_party")

    provides_text = untrusted_column("provides", STEWARDS, "provides")
    protections_text = untrusted_column("protections", STEWARDS, "what the contract protects")
    added = time_column("added_at", "added")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[ThirdParty]":
        found: QuerySet[ThirdParty] = super().get_queryset(request)
        late = When(ThirdParty.overdue(today()), then=Value(1))
        return found.annotate(late=Case(late, default=Value(0), output_field=IntegerField()))

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        return F("late").desc(), "name"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ended_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = third_parties.add(
            actor=person_of(request), slug=form.cleaned_data["slug"].strip(), facts=form.facts
        )
        return made, f"{made} is in the register."

    @dialog_action(
        title="Change",
        description="What the register says from now on. What it said before stays in its history.",
        submit="Save",
        permissions=["agents.change_thirdparty"],
        form_class=ChangeThirdPartyForm,
        icon="edit",
    )
    def change_facts(self, request: HttpRequest, form: Any, object_id: str) -> str:
        third_parties.change(
            actor=person_of(request),
            third_party=row_of(ThirdParty.objects.all(), object_id),
            facts=form.facts,
        )
        return "Changed."

    @dialog_action(
        title="End",
        description="Nothing new depends on it from now on. Agents that still do are told so on their pages.",
        submit="End",
        permissions=["agents.change_thirdparty"],
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_third_party(self, request: HttpRequest, form: Any, object_id: str) -> str:
        third_parties.end(
            actor=person_of(request),
            third_party=row_of(ThirdParty.objects.all(), object_id),
            reason=form.cleaned_data["reason"],
        )
        return "Ended."

    @admin.display(description="overdue", ordering="late")
    def concerns(self, third_party: ThirdParty) -> SafeString:
        return show_concerns(third_party)

    @admin.display(description="jurisdictions")
    def jurisdiction_list(self, third_party: ThirdParty) -> SafeString:
        return show_jurisdictions(third_party)

    @admin.display(description="contract ends", ordering="contract_ends_on")
    def contract(self, third_party: ThirdParty) -> str:
        return show_contract(third_party)

    @admin.display(description="assess again by", ordering="assess_again_by")
    def assessment(self, third_party: ThirdParty) -> str:
        return third_party.assess_again_by.isoformat()

    @admin.display(description="assessed on")
    def assessed(self, third_party: ThirdParty) -> str:
        return third_party.assessed_on.isoformat() if third_party.assessed_on else "never"

    @admin.display(description="risk", ordering="high_risk")
    def risk(self, third_party: ThirdParty) -> SafeString:
        return show_label("high risk", "danger") if third_party.high_risk else show_label("ordinary")

    @admin.display(description="state", ordering="ended_at")
    def standing(self, third_party: ThirdParty) -> SafeString:
        return show_ended(third_party)

    @admin.display(description="penetration test, code review")
    def tests(self, third_party: ThirdParty) -> str:
        days = (third_party.penetration_tested_on, third_party.code_reviewed_on)
        return ", ".join(day.isoformat() if day else "none" for day in days)

    @admin.display(description="remediation plan")
    def plan_text(self, third_party: ThirdParty) -> SafeString:
        return show_untrusted(third_party.remediation_plan, STEWARDS)

    @admin.display(description="added by")
    def adder(self, third_party: ThirdParty) -> str:
        return show_who(third_party.added_by)
