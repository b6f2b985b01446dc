"""The broken glass: breaking it, seeing who did, reviewing it (S4-2)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from agents.choices import AgentState
from agents.models import Agent
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    digest_column,
    link_column,
    show_label,
    show_link,
    show_reference,
    show_time,
    time_column,
    untrusted_column,
)
from governance import permissions, selectors
from governance.admin.elevation import writes_of
from governance.admin.who import authentication_of, person_of
from governance.elevation_terms import MAX_USES
from governance.models import BreakGlass, Decision
from governance.services import break_glass

REVIEWER = "the reviewer"
WRITES = Section(
    name="writes",
    title="Writes that it allowed",
    model=Decision,
    rows=lambda glass: Decision.objects.filter(elevation=glass.elevation_id),
    columns={
        "Decision": lambda decision: show_link(decision, f"{decision.action}: allowed"),
        "Decided": lambda decision: show_time(decision.decided_at),
    },
    empty="Nothing was written.",
)


class BreakForm(ServiceForm):
    """The input of `break_glass.break_glass`."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none(), empty_label=None)
    action = forms.CharField(max_length=100, help_text="A function of the approved version that writes.")
    resource = forms.CharField(max_length=300, help_text="Exactly one, for example finding/ and its id.")
    reason = forms.CharField(
        label="What the emergency is",
        max_length=break_glass.MAX_REASON,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody who could have been asked reads it now, and who reviews it afterwards.",
    )
    minutes = forms.IntegerField(initial=15, min_value=1, max_value=30, help_text="30 at most.")
    uses = forms.IntegerField(initial=1, min_value=1, max_value=MAX_USES)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["agent"].queryset = breakable(self.request)  # type: ignore[attr-defined]


class ReviewForm(DialogForm):
    """The input of `break_glass.review`."""

    is_justified = forms.TypedChoiceField(
        label="Was it an emergency?",
        choices=(("yes", "Yes"), ("no", "No")),
        coerce=lambda value: value == "yes",
        widget=forms.RadioSelect,
    )
    review = forms.CharField(
        label="What you found",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="What was written, whether it had to be, and why nobody could be asked.",
    )


class ReviewFilter(admin.SimpleListFilter):
    """What still waits for its review."""

    title = "review"
    parameter_name = "review"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return (("waiting", "Waiting"), ("locked", "Account locked"), ("done", "Reviewed"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[BreakGlass]) -> QuerySet[BreakGlass]:
        if self.value() == "waiting":
            return queryset.filter(reviewed_at__isnull=True)
        if self.value() == "locked":
            return queryset.filter(locked_at__isnull=False)
        return queryset.filter(reviewed_at__isnull=False) if self.value() == "done" else queryset


@admin.register(BreakGlass)
class BreakGlassAdmin(AddByService):
    """Writes that one person opened alone."""

    ledger_kind = "break_glass"
    list_title = "Broken glass"

    add_form = BreakForm
    add_template = "governance/break_glass_form.html"
    add_title = "Break the glass"
    add_description = (
        "For an emergency in which nobody can be asked. One write opens at once, for half an hour at most. "
        "Everybody is told, and somebody else reviews it within a day: where nobody does, your account is "
        "locked."
    )
    add_submit = "Break the glass"
    reauthenticate = True
    empty_text = "Nobody ever broke the glass."
    list_display = ("what", "agent_link", "who", "broken", "review_state", "review_due")
    list_display_links = ("what",)
    list_filter = (ReviewFilter, ("agent", ByName))
    list_select_related = ("agent", "elevation", "person", "reviewed_by")
    search_fields = ("reason", "agent__name", "agent__slug", "person__username", "elevation__resource")
    search_help_text = "Reason, agent, person, resource"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "review_state"),
                    ("who", "broken"),
                    ("elevation_link", "resource_word"),
                    "reason_text",
                    "digest_full",
                )
            },
        ),
        ("Review", {"fields": (("review_due", "locked"), ("reviewer", "reviewed"), "review_text")}),
    )
    sections = (WRITES,)
    history_origins = {"reason": OWNER_SIDE, "review": REVIEWER, "content": OWNER_SIDE}
    actions_detail = ("review_it",)

    agent_link = link_column("agent", "agent")
    elevation_link = link_column("elevation", "write elevation")
    broken = time_column("broken_at", "broken")
    review_due = time_column("review_due_at", "to review by")
    reviewed = time_column("reviewed_at", "reviewed")
    locked = time_column("locked_at", "account locked")
    digest_full = digest_column("digest", "what was opened, SHA-256", full=True)
    reason_text = untrusted_column("reason", OWNER_SIDE, "the emergency")
    review_text = untrusted_column("review", REVIEWER, "what the review found")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BreakGlass]:
        rows: QuerySet[BreakGlass] = super().get_queryset(request)
        return rows.select_related("agent__owner", "elevation", "person", "reviewed_by")

    def add_by_service(self, request: HttpRequest, form: BreakForm) -> tuple[Model, str]:
        glass = break_glass.break_glass(
            actor=person_of(request), authentication=authentication_of(request), **form.cleaned_data
        )
        until = f"{glass.elevation.ends_at:%H:%M} UTC"
        return glass, f"The write is open until {until}. Everybody was told."

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        lead = {"writes": writes_of(breakable(request))}
        return super().add_view(request, form_url, {**(extra_context or {}), **lead})

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        glass = self.get_object(request, str(object_id))
        if glass is None or glass.reviewed_at:
            return []
        if permissions.against_reviewing_glass(person_of(request), glass):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="Review",
        description="You say, once, whether it was an emergency. Everybody who was told of it is told this.",
        submit="Record the review",
        permissions=("view",),
        form_class=ReviewForm,
        icon="rate_review",
        variant=ActionVariant.PRIMARY,
        reauthenticate=True,
    )
    def review_it(self, request: HttpRequest, form: Any, object_id: str) -> str:
        glass = row_of(BreakGlass.objects.select_related("agent", "elevation", "person"), object_id)
        break_glass.review(
            actor=person_of(request),
            glass=glass,
            authentication=authentication_of(request),
            is_justified=form.cleaned_data["is_justified"],
            review=form.cleaned_data["review"],
        )
        return "Reviewed."

    @admin.display(description="what", ordering="elevation__action")
    def what(self, glass: BreakGlass) -> str:
        return glass.elevation.action

    @admin.display(description="resource")
    def resource_word(self, glass: BreakGlass) -> SafeString:
        return show_reference(glass.elevation.resource, full=True)

    @admin.display(description="by", ordering="person__username")
    def who(self, glass: BreakGlass) -> str:
        return str(glass.person)

    @admin.display(description="reviewed by")
    def reviewer(self, glass: BreakGlass) -> str | SafeString:
        return str(glass.reviewed_by) if glass.reviewed_by else EMPTY

    @admin.display(description="review")
    def review_state(self, glass: BreakGlass) -> SafeString:
        if glass.reviewed_at:
            return show_label(
                *(("Justified", "success") if glass.is_justified else ("Not justified", "danger"))
            )
        if glass.locked_at:
            return show_label("Nobody reviewed it", "danger")
        late = glass.review_due_at <= timezone.now()
        return show_label("Overdue" if late else "Waiting", "danger" if late else "warning")


def breakable(request: HttpRequest) -> QuerySet[Agent]:
    """The active agents for which the person at the screen may break the glass."""
    return selectors.governed_by(person_of(request)).filter(state=AgentState.ACTIVE)
