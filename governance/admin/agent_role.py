"""Roles of agents (S2-5): what they permit, who holds them, and what a change would do before it is saved."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import strict_yaml
from agents.admin.fields import EndForm
from agents.admin.form_page import form_page
from agents.admin.who import person_of, show_who
from audits.admin.base import ActionVariant, Section, ServiceForm, dialog_action, show_service_error
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    show_code,
    show_digest,
    show_label,
    show_link,
    show_time,
    time_column,
)
from audits.errors import ServiceError
from governance import role_files, role_permissions, role_rules, role_selectors
from governance.admin.file_pages import FilePages
from governance.admin.role_assignment import show_state
from governance.models import AgentRole, AgentRoleVersion, RoleAssignment
from governance.role_rules import Permission
from governance.services import agent_roles, role_importing
from governance.services.agent_roles import Plan
from governance.services.role_importing import in_words

ASSIGNMENTS = Section(
    name="assignments",
    title="Who holds it",
    model=RoleAssignment,
    rows=lambda role: RoleAssignment.objects.filter(Q(role=role) | Q(addition=role)).select_related(
        "agent", "role"
    ),
    columns={
        "Agent": lambda row: show_link(row, str(row.agent)),
        "How": lambda row: row.get_kind_display(),
        "State": show_state,
        "From": lambda row: show_time(row.starts_at),
        "Ends": lambda row: show_time(row.ends_at) if row.ends_at else "When somebody ends it",
    },
    empty="No agent holds it.",
)
VERSIONS = Section(
    name="versions",
    title="Versions",
    model=AgentRoleVersion,
    rows=lambda role: role.versions.all(),
    columns={
        "Version": lambda version: version.number,
        "Permissions": lambda version: show_permissions(version.permissions),
        "SHA-256": lambda version: show_digest(version.sha256),
        "By": lambda version: show_who(version.made_by),
        "Made": lambda version: show_time(version.made_at),
    },
    empty="None.",
    per_page=5,
)


class PermissionsField(forms.CharField):
    """The permissions of one role, as the YAML of S2-5 lists them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            widget=forms.Textarea(attrs={"rows": 12, "spellcheck": "false"}),
            max_length=200_000,
            help_text=(
                "YAML, each with resource, actions and, if any, conditions: "
                "- {resource: sales_database, actions: [read, query], conditions: [no_pii_access]}"
            ),
            **options,
        )

    def clean(self, value: Any) -> Any:
        """The permissions.

        Raises:
            ValidationError: it is not YAML, or something in it does not hold; with the lines.
        """
        try:
            document = strict_yaml.loads(super().clean(value))
        except strict_yaml.StrictYAMLError as error:
            raise forms.ValidationError(f"It is not YAML: {error}.") from error
        listed = document.value
        if not isinstance(listed, list) or not 1 <= len(listed) <= role_rules.MAX_PERMISSIONS:
            raise forms.ValidationError(f"Give a list of 1 to {role_rules.MAX_PERMISSIONS} permissions.")
        found: list[Permission] = []
        problems: list[str] = []
        for index, item in enumerate(listed):
            made, wrong = role_files.permission(item)
            found += [made] if made else []
            for key, text in wrong.items():
                problems.append(f"line {document.line((index, key))}, {key or 'permission'}: {text}.")
        if problems:
            raise forms.ValidationError(problems)
        return found


class AddRoleForm(ServiceForm):
    """The input of `agent_roles.add`."""

    name = forms.CharField(max_length=63, help_text="Small letters, digits and _: data_analyst.")
    permissions = PermissionsField()
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="What it is for.")


class ChangeRoleForm(ServiceForm):
    """The input of `agent_roles.change`; `expected` is the digest of what was shown."""

    permissions = PermissionsField()
    reason = forms.CharField(widget=forms.Textarea(attrs={"rows": 2}), help_text="Why it is changed.")
    expected = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)


@admin.register(AgentRole)
class AgentRoleAdmin(FilePages):
    """What roles permit; a change shows whom it affects before it is saved."""

    ledger_kind = "agent_role"
    list_title = "Roles of agents"
    files = role_importing
    formats = role_importing.FORMATS
    file_stem = "agent-roles"
    consequence = "What roles say counts for everybody who holds them, at once."
    change_form_template = "governance/agent_role.html"
    empty_text = "No role yet. Add one, or import the YAML of your roles."
    add_form = AddRoleForm
    add_title = "Add a role"
    add_description = "It speaks of resources of the catalogue. Nobody holds it until it is assigned."
    list_display = ("name", "version_number", "holders", "digest", "state", "added")
    list_filter = (("ended_at", admin.EmptyFieldListFilter),)
    list_select_related = ("current",)
    search_fields = ("name",)
    search_help_text = "Name"
    fieldsets = (
        (None, {"fields": (("name", "version_number"), "permission_list", ("state", "digest"))}),
        ("Made", {"fields": (("adder", "added"),)}),
    )
    sections = (ASSIGNMENTS, VERSIONS)
    actions_detail = ("end_role",)

    added = time_column("added_at", "added")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.change_role_view)
        made: URLPattern = path("<uuid:object_id>/edit/", view, name=self._name("edit"))
        return [made, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> "QuerySet[AgentRole]":
        live = Q(assignments__ended_at__isnull=True) & (
            Q(assignments__ends_at__isnull=True) | Q(assignments__ends_at__gt=timezone.now())
        )
        found: QuerySet[AgentRole] = super().get_queryset(request)
        return found.select_related("current").annotate(held=Count("assignments", filter=live))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or found.ended_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def story(self, request: HttpRequest, instance: AgentRole) -> Mapping[str, Any]:
        may = instance.ended_at is None and request.user.has_perm("governance.change_agentrole")
        return {"edit_url": reverse(f"admin:{self._name('edit')}", args=[instance.pk]) if may else ""}

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = agent_roles.add(actor=person_of(request), **form.cleaned_data)
        return made, f"{made} can be assigned."

    def change_role_view(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Look first: whom it affects is shown, and exactly that is saved."""
        role = AgentRole.objects.select_related("current").filter(pk=object_id, ended_at=None).first()
        if role is None:
            raise Http404("There is no such role.")
        person = person_of(request)
        if role_permissions.against_keeping_roles(person, "change"):
            raise PermissionDenied
        now = role_rules.records(role_selectors.permissions_of(role))
        first = {"permissions": strict_yaml.dumps(now, leaves_in_line=True)}
        form = ChangeRoleForm(request.POST or None, request=request, initial=first)
        plan = self._plan(request, role, form)

        seen = plan is not None and form.cleaned_data["expected"] == plan.digest
        if plan and not seen:
            form = self._looked_at(request, form, plan)

        def save(valid: ChangeRoleForm) -> tuple[AgentRole, str]:
            changed = agent_roles.change(actor=person, role=role, **valid.cleaned_data)
            return changed, f"{changed} says this from now on, for everybody who holds it."

        words = {
            "title": f"Change {role}",
            "description": "It is looked at first: whom it affects is shown, nothing is done.",
            "submit": "Save exactly this" if plan else "Look at what it does",
        }
        said = in_words(role_selectors.permissions_of(role)).split("\n")
        return form_page(
            self, request, form=form, perform=save, words=words, template="governance/agent_role_form.html",
            context={"plan": plan, "before": said},
        )  # fmt: skip

    def _plan(self, request: HttpRequest, role: AgentRole, form: ChangeRoleForm) -> Plan | None:
        """What the sent form would do; None where it does not hold."""
        if not form.is_valid():
            return None
        try:
            return agent_roles.plan(
                actor=person_of(request), role=role, permissions=form.cleaned_data["permissions"]
            )
        except ServiceError as error:
            show_service_error(form, error)
            return None

    def _looked_at(self, request: HttpRequest, form: ChangeRoleForm, plan: Plan) -> ChangeRoleForm:
        """The form as it was sent, not sent: bound to what is shown."""
        typed = {name: form.data[name] for name in ("permissions", "reason")}
        return ChangeRoleForm(request=request, initial=typed | {"expected": plan.digest})

    @dialog_action(
        title="End",
        description="It is assigned to nobody any more. As long as an agent holds it, it cannot end.",
        submit="End",
        permissions=["governance.change_agentrole"],
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
    )
    def end_role(self, request: HttpRequest, form: Any, object_id: str) -> str:
        role = row_of(AgentRole.objects.all(), object_id)
        agent_roles.end(actor=person_of(request), role=role, reason=form.cleaned_data["reason"])
        return "Ended."

    @admin.display(description="version", ordering="current__number")
    def version_number(self, role: AgentRole) -> Any:
        return role.current.number if role.current else EMPTY

    @admin.display(description="SHA-256")
    def digest(self, role: AgentRole) -> SafeString:
        return show_digest(role.current.sha256) if role.current else EMPTY

    @admin.display(description="held by", ordering="held")
    def holders(self, role: AgentRole) -> Any:
        return getattr(role, "held", EMPTY)

    @admin.display(description="permissions")
    def permission_list(self, role: AgentRole) -> SafeString:
        return show_permissions(role.current.permissions) if role.current else EMPTY

    @admin.display(description="state", ordering="ended_at")
    def state(self, role: AgentRole) -> SafeString:
        return show_label("Ended" if role.ended_at else "Live", "default" if role.ended_at else "success")

    @admin.display(description="added by")
    def adder(self, role: AgentRole) -> str:
        return show_who(role.added_by)


def show_permissions(records: Sequence[Mapping[str, Any]]) -> SafeString:
    """A line for each: on what, what, and while what holds."""
    lines = (
        (show_code(line),) for line in in_words([Permission.of(record) for record in records]).split("\n")
    )
    return format_html_join("", "<div>{}</div>", lines)
