"""The assessments that lead to a risk class (S1-5): answered, shown what follows, saved."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.admin.who import show_who
from agents.choices import AgentState
from audits.admin.base import AddByService, DialogForm, Done, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    link_column,
    show_facts,
    show_label,
    show_link,
    show_untrusted,
    time_column,
)
from governance import permissions, risk_comparison, risk_selectors, selectors
from governance.admin.demands import demands
from governance.admin.risk_form import AssessForm
from governance.admin.who import person_of
from governance.choices import LABELS, RiskLevel
from governance.models import RiskAssessment
from governance.risk_score import QUESTIONS
from governance.services import risk, risk_overrides


class OverrideForm(DialogForm):
    """The input of `risk_overrides.request`."""

    level = forms.ChoiceField(label="Wanted class", choices=RiskLevel.choices)
    reason = forms.CharField(
        max_length=risk_overrides.MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="The board reads it, and votes on exactly these words.",
    )


@admin.register(RiskAssessment)
class RiskAssessmentAdmin(AddByService):
    """The answers to the questionnaire."""

    ledger_kind = "assessment"
    list_title = "Risk assessments"
    add_form = AssessForm
    add_template = "governance/risk_form.html"
    add_title = "Assess the risk"
    add_description = (
        "Six questions. One grave answer is not made up for by harmless ones. You see the class that "
        "follows, and what it demands, before anything is saved."
    )
    add_submit = "Show what follows"

    empty_text = "No agent was assessed yet. The questionnaire comes before the board."
    list_display = ("agent", "class_label", "score", "assessor", "assessed")
    list_filter = ("risk_class", ("agent", ByName))
    list_select_related = ("agent", "risk_class")
    search_fields = ("agent__name", "agent__slug")
    search_help_text = "Agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "class_label"),
                    ("assessor", "assessed"),
                    ("score", "computed_label"),
                    "reason_text",
                    "vote_link",
                )
            },
        ),
        ("Answers", {"fields": ("answers_list",)}),
        ("What the class demands", {"fields": ("demands_list",)}),
    )
    actions_detail = ("request_override",)

    agent_link = link_column("agent", "agent")
    assessed = time_column("assessed_at", "assessed")

    def get_queryset(self, request: HttpRequest) -> QuerySet[RiskAssessment]:
        rows: QuerySet[RiskAssessment] = super().get_queryset(request)
        return rows.select_related("agent", "risk_class", "overridden_by")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Only the newest assessment counts, so only there another class can be asked for."""
        row = self.get_object(request, str(object_id))
        if row is None or permissions.against_governing(person_of(request), row.agent):
            return []
        if selectors.latest_assessment(row.agent) != row:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The first sending shows what would follow; sending the same again saves it."""
        if request.method == "POST" and self.has_add_permission(request):
            form = AssessForm(request.POST, request=request)
            if form.is_valid() and form.cleaned_data["shown"] != form.digest:
                return self._preview(request, form)
        return super().add_view(request, form_url, extra_context)

    def _preview(self, request: HttpRequest, form: AssessForm) -> HttpResponse:
        form.show_digest()
        context = {
            **self.admin_site.each_context(request),
            "title": self.add_title,
            "list_title": self.list_title,
            "list_url": reverse("admin:governance_riskassessment_changelist"),
            "form": form,
            "description": self.add_description,
            "submit": "Save this assessment",
            **_what_follows(form),
        }
        return TemplateResponse(request, self.add_template, context)

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = risk.assess(actor=person_of(request), agent=form.cleaned_data["agent"], answers=form.answers)
        return made, f"{made.agent} is in the class {made.risk_class}."

    @dialog_action(
        title="Ask for another class",
        description=(
            "Milder or graver than its answers lead to. The board votes, by the stricter rule of both "
            "classes; it holds until the questionnaire is answered anew."
        ),
        submit="Ask the board",
        permissions=("view",),
        form_class=OverrideForm,
        reauthenticate=True,
        icon="how_to_vote",
    )
    def request_override(self, request: HttpRequest, form: Any, object_id: str) -> Done:
        row = row_of(RiskAssessment.objects.select_related("agent"), object_id)
        approval = risk_overrides.request(
            actor=person_of(request),
            agent=row.agent,
            level=RiskLevel(form.cleaned_data["level"]),
            reason=form.cleaned_data["reason"],
        )
        return Done("Asked. The board decides on exactly this.", approval)

    @admin.display(description="class", ordering="risk_class__minimum_score")
    def class_label(self, row: RiskAssessment) -> SafeString:
        level = RiskLevel(row.risk_class_id)
        label = show_label(level.label, LABELS[level])
        return format_html("{} by a vote", label) if row.overridden_by_id else label

    @admin.display(description="by its answers")
    def computed_label(self, row: RiskAssessment) -> SafeString:
        level = RiskLevel(row.computed)
        return show_label(level.label, LABELS[level])

    @admin.display(description="reason")
    def reason_text(self, row: RiskAssessment) -> SafeString | str:
        return show_untrusted(row.reason, OWNER_SIDE) if row.overridden_by_id else row.reason or EMPTY

    @admin.display(description="the board's vote")
    def vote_link(self, row: RiskAssessment) -> SafeString:
        return show_link(row.overridden_by)

    @admin.display(description="assessed by", ordering="assessed_by")
    def assessor(self, row: RiskAssessment) -> str:
        return show_who(row.assessed_by)

    @admin.display(description="answers")
    def answers_list(self, row: RiskAssessment) -> SafeString:
        options = {question: question.option(row.answers.get(question.id, "")) for question in QUESTIONS}
        return show_facts({question.text: option.text for question, option in options.items() if option})

    @admin.display(description="demands")
    def demands_list(self, row: RiskAssessment) -> SafeString:
        return show_facts(demands(row.risk_class))


def _what_follows(form: AssessForm) -> Mapping[str, Any]:
    """The class that the answers lead to, what it demands, and where the register says something else."""
    agent = form.cleaned_data["agent"]
    result, risk_class = risk_selectors.class_of(form.answers)
    newest = agent.versions.order_by("-added_at", "-pk").first()
    before = selectors.latest_assessment(agent)
    told = risk_comparison.disagreements(
        form.answers,
        autonomy=agent.autonomy,
        categories=agent.data_categories,
        functions=newest.tool_manifest if newest else [],
    )
    texts = {question.id: question.text for question in QUESTIONS}
    level = RiskLevel(risk_class.level) if risk_class else result.floor
    return {
        "agent": agent,
        "score": result.points,
        "class_label": show_label(level.label, LABELS[level]),
        "demands": show_facts(demands(risk_class)) if risk_class else "",
        "warnings": [(texts[name], text) for name, text in told.items()],
        "is_active": agent.state == AgentState.ACTIVE,
        "ends_override": before is not None and before.overridden_by_id is not None,
    }
