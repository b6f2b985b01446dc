"""Risk classes and the assessments that lead to them (S1-5)."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString

from agents.admin.who import show_who
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import link_column, show_facts, show_label, show_list, time_column
from governance.choices import LABELS, Discipline, RiskLevel
from governance.models import RiskAssessment, RiskClass
from governance.risk_score import QUESTIONS


@admin.register(RiskClass)
class RiskClassAdmin(ReadOnlyAdmin):
    """What each class demands."""

    empty_text = "The risk classes come with the database: run `manage.py prepare`."

    list_display = (
        "level_label",
        "minimum_score",
        "seats_list",
        "quorum",
        "elevation_seats_list",
        "elevation_quorum",
        "elevation_max_minutes",
        "credential_max_seconds",
    )
    fieldsets = (
        (None, {"fields": (("level_label", "minimum_score"),)}),
        ("A dossier needs", {"fields": ("seats_list", ("quorum", "veto"))}),
        (
            "A write needs",
            {
                "fields": (
                    "elevation_seats_list",
                    ("elevation_quorum", "elevation_max_minutes"),
                    "credential_max_seconds",
                )
            },
        ),
    )

    @admin.display(description="class", ordering="minimum_score")
    def level_label(self, row: RiskClass) -> SafeString:
        return show_label(row.get_level_display(), LABELS[RiskLevel(row.level)])

    @admin.display(description="seats for a dossier")
    def seats_list(self, row: RiskClass) -> SafeString:
        return show_list([Discipline(seat).label for seat in row.seats])

    @admin.display(description="seats for a write")
    def elevation_seats_list(self, row: RiskClass) -> SafeString:
        return show_list([Discipline(seat).label for seat in row.elevation_seats])


@admin.register(RiskAssessment)
class RiskAssessmentAdmin(ReadOnlyAdmin):
    """The answers to the questionnaire."""

    ledger_kind = "assessment"

    empty_text = "No agent was assessed yet. The questionnaire comes before the board."
    list_display = ("agent", "class_label", "score", "assessor", "assessed")
    list_filter = ("risk_class", "agent")
    list_select_related = ("agent", "risk_class")
    search_fields = ("agent__name", "agent__slug")
    search_help_text = "Agent"
    fieldsets = (
        (None, {"fields": (("agent_link", "class_label"), ("assessor", "assessed"), "score")}),
        ("Answers", {"fields": ("answers_list",)}),
    )

    agent_link = link_column("agent", "agent")
    assessed = time_column("assessed_at", "assessed")

    @admin.display(description="class", ordering="risk_class__minimum_score")
    def class_label(self, row: RiskAssessment) -> SafeString:
        level = RiskLevel(row.risk_class_id)
        return show_label(level.label, LABELS[level])

    @admin.display(description="assessed by", ordering="assessed_by")
    def assessor(self, row: RiskAssessment) -> str:
        return show_who(row.assessed_by)

    @admin.display(description="answers")
    def answers_list(self, row: RiskAssessment) -> SafeString:
        options = {question: question.option(row.answers.get(question.id, "")) for question in QUESTIONS}
        return show_facts({question.text: option.text for question, option in options.items() if option})

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
