"""Which agent holds which role (S2-6): assigning one, looking at it, ending it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.fields import EndForm, RowField
from agents.admin.narrowing import ByName
from agents.admin.origins import STEWARDS
from agents.admin.who import person_of, show_who
from agents.models import Agent
from audits.admin.base import ActionVariant, AddByService, Section, ServiceForm, dialog_action
from audits.admin.periods import moment
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    link_column,
    show_label,
    show_link,
    show_list,
    show_reference,
    show_time,
    time_column,
    untrusted_column,
)
from governance.choices import LABELS, AssignmentKind
from governance.models import AgentRole, Grant, RoleAssignment
from governance.services import role_assignments
from governance.services.assignment_plans import Plan
from governance.services.role_assignments import Terms

GRANTS = Section(
    name="grants",
    title="What it gives",
    model=Grant,
    rows=lambda assignment: assignment.grants.order_by("-starts_at", "action"),
    columns={
        "Action": lambda grant: show_link(grant, grant.action),
        "Resource": lambda grant: show_reference(grant.resource),
        "While": lambda grant: show_list(grant.conditions),
        "From": lambda grant: show_time(grant.starts_at),
        "Ends": lambda grant: show_time(grant.ends_at) if grant.ends_at else "With the approval",
    },
    empty="No read: the board approved none that the role gives. Writes need a write elevation.",
)


def live_roles() -> "QuerySet[AgentRole]":
    return AgentRole.objects.filter(ended_at__isnull=True).order_by("name")


class AssignForm(ServiceForm):
    """The input of `role_assignments.assign`."""

    agent = RowField(Agent.objects.all(), help_text="The agent's slug.")
    role = forms.ModelChoiceField(queryset=AgentRole.objects.none(), empty_label=None)
    kind = forms.ChoiceField(choices=AssignmentKind.choices, label="How it is held")
    addition = forms.ModelChoiceField(
        queryset=AgentRole.objects.none(),
        required=False,
        help_text="For a hybrid: another role, held while the conditions are met.",
    )
    conditions = forms.CharField(
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="For a dynamic or hybrid one, each in a line: intent_is(Incident), within_task …",
    )
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="What it needs it for.")
    starts_at = moment("From", "Empty: from now on.")
    ends_at = moment("To", "Empty: until somebody ends it.")
    expected = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for name in ("role", "addition"):
            self.fields[name].queryset = live_roles()  # type: ignore[attr-defined]

    @property
    def terms(self) -> Terms:
        given = {name: self.cleaned_data[name] for name in ("role", "addition", "starts_at", "ends_at")}
        lines = self.cleaned_data["conditions"].splitlines()
        return Terms(
            **given,
            kind=AssignmentKind(self.cleaned_data["kind"]),
            conditions=[line.strip() for line in lines if line.strip()],
        )

    def bind_to(self, digest: str) -> None:
        """Name the plan that this page shows; without one it has to be shown first."""
        data = cast("QueryDict", self.data).copy()
        data["expected"] = digest
        self.data = data


@admin.register(RoleAssignment)
class RoleAssignmentAdmin(AddByService):
    """Roles of agents: static, dynamic while conditions hold, or hybrid."""

    ledger_kind = "role_assignment"
    list_title = "Role assignments"
    empty_text = "No agent holds a role. What the board approved is read without further conditions."
    untrusted_text = "Reasons are the words of stewards."
    add_form = AssignForm
    add_title = "Assign a role"
    add_description = (
        "What the role speaks of, it decides: the board's standing read of it gives way, and comes back only "
        "with the board's next approval. A role never gives more than was approved, and no write. It is "
        "looked at first: what it gives is shown, nothing is done."
    )
    add_submit = "Look at what it gives"
    add_template = "governance/role_assignment_form.html"
    reauthenticate = True
    list_display = ("agent", "role", "kind_label", "state", "starts", "ends")
    list_filter = ("kind", ("agent", ByName), ("ended_at", admin.EmptyFieldListFilter))
    list_select_related = ("agent", "role")
    search_fields = ("agent__slug", "agent__name", "role__name", "reason")
    search_help_text = "Agent, role, reason"
    fieldsets = (
        (None, {"fields": (("agent_link", "role_link"), ("kind_label", "state"), "condition_list")}),
        ("Why, and how long", {"fields": ("reason_text", ("assigner", "starts"), ("ends", "addition_link"))}),
        ("How it ended", {"fields": (("ended", "ender"), "end_text")}),
    )
    sections = (GRANTS,)
    history_origins = {"reason": STEWARDS, "end_reason": STEWARDS}
    actions_detail = ("end_assignment",)

    agent_link = link_column("agent", "agent")
    role_link = link_column("role", "role")
    addition_link = link_column("addition", "addition")
    kind_label = choice_column("kind", LABELS)
    reason_text = untrusted_column("reason", STEWARDS, "reason")
    end_text = untrusted_column("end_reason", STEWARDS, "why it ended")
    assigner = link_column("assigned_by", "assigned by")
    starts = time_column("starts_at", "from")
    ended = time_column("ended_at", "ended")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[RoleAssignment]":
        found: QuerySet[RoleAssignment] = super().get_queryset(request)
        return found.select_related("agent", "role", "addition", "assigned_by")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or is_over(found):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def look_first(self, request: HttpRequest, form: Any) -> Mapping[str, Any]:
        """What it gives and cannot give, against what the agent has now; exactly that is saved."""
        given = form.cleaned_data
        expected = given["expected"]
        form.bind_to("")
        plan = role_assignments.plan(actor=person_of(request), agent=given["agent"], terms=form.terms)
        if plan.digest == expected:
            return {}
        form.bind_to(plan.digest)
        return {"plan": plan, "reads": reads_of(plan), "submit": "Assign exactly this"}

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = form.cleaned_data
        made = role_assignments.assign(
            actor=person_of(request),
            agent=given["agent"],
            terms=form.terms,
            reason=given["reason"],
            expected=given["expected"],
        )
        return made, f"{made.agent} holds {made.role}. Below is what that gives it."

    def has_end_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("governance.view_roleassignment"))

    @dialog_action(
        title="End",
        description=(
            "What the agent could read by it ends at once, and its credentials with it. The board's next "
            "approval gives these reads again."
        ),
        submit="End",
        permissions=("end",),
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_assignment(self, request: HttpRequest, form: Any, object_id: str) -> str:
        assignment = row_of(RoleAssignment.objects.select_related("agent", "role"), object_id)
        reason = form.cleaned_data["reason"]
        role_assignments.end(actor=person_of(request), assignment=assignment, reason=reason)
        return f"{assignment.agent} does not hold {assignment.role} any more."

    @admin.display(description="ends", ordering="ends_at")
    def ends(self, assignment: RoleAssignment) -> SafeString | str:
        return show_time(assignment.ends_at) if assignment.ends_at else "When somebody ends it"

    @admin.display(description="while")
    def condition_list(self, assignment: RoleAssignment) -> SafeString:
        return show_list(assignment.conditions) if assignment.conditions else EMPTY

    @admin.display(description="state")
    def state(self, assignment: RoleAssignment) -> SafeString:
        return show_state(assignment)

    @admin.display(description="ended by")
    def ender(self, assignment: RoleAssignment) -> Any:
        return show_who(assignment.ended_by) if assignment.ended_by else EMPTY


def reads_of(plan: Plan) -> list[dict[str, Any]]:
    """Every read that the agent has or gets, with what becomes of it, sorted by what it is."""
    shown = [(grant, show_label("Stays")) for grant in plan.stays]
    shown += [(grant, _show_change("Ends", "danger", at)) for grant, at in plan.effect.ends]
    shown += [(grant, _show_change("Begins", "success", grant.starts_at)) for grant in plan.effect.begins]
    return [
        {
            "grant": grant,
            "by": grant.assignment.role if grant.assignment else "The board",
            "until": show_time(grant.ends_at) if grant.ends_at else "The approval ends",
            "becomes": words,
        }
        for grant, words in sorted(shown, key=lambda each: (each[0].action, each[0].resource))
    ]


def _show_change(word: str, colour: str, at: datetime) -> SafeString:
    later = at > timezone.now()
    return format_html("{} {}", show_label(word, colour), show_time(at) if later else "")


def is_over(assignment: RoleAssignment) -> bool:
    past = assignment.ends_at is not None and assignment.ends_at <= timezone.now()
    return assignment.ended_at is not None or past


def show_state(assignment: RoleAssignment) -> SafeString:
    """Whether it counts now."""
    if is_over(assignment):
        return show_label("Ended")
    if assignment.starts_at > timezone.now():
        return show_label("To begin", "info")
    return show_label("Held now", "success")
