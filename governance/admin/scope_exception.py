"""Exceptions for wildcards (S1-8): who gave leave, why, and until when."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.fields import EndForm
from agents.admin.narrowing import ByName
from agents.admin.who import person_of, show_who
from audits.admin.base import ActionVariant, AddByService, Section, ServiceForm, dialog_action
from audits.admin.periods import moment
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    code_column,
    link_column,
    show_label,
    show_link,
    show_reference,
    show_time,
    time_column,
    untrusted_column,
)
from governance.models import Grant, ScopeException
from governance.services import scope_exceptions

ADMINISTRATOR = "an administrator"
GRANTS = Section(
    name="grants",
    title="What was granted by it",
    model=Grant,
    rows=lambda exception: exception.grants.select_related("agent").order_by("-starts_at"),
    columns={
        "Grant": lambda grant: show_link(grant, grant.action),
        "Agent": lambda grant: show_link(grant.agent),
        "Resource": lambda grant: show_reference(grant.resource),
        "Ends": lambda grant: show_time(grant.ends_at),
    },
    empty="Nothing.",
)


class GrantForm(ServiceForm):
    """The input of `scope_exceptions.grant`."""

    reference = forms.CharField(max_length=300, help_text="Type and identifier with *, for example table/*.")
    reason = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 3}), help_text="Why they cannot be named one by one."
    )
    until = moment("Until", "It ends by itself then.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["until"].required = True


class StandingFilter(admin.SimpleListFilter):
    """Those that count now, and those that are over."""

    title = "now"
    parameter_name = "now"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("live", "Live"), ("over", "Over")]

    def queryset(
        self, request: HttpRequest, queryset: "QuerySet[ScopeException]"
    ) -> "QuerySet[ScopeException]":
        live = {"ended_at__isnull": True, "until__gt": timezone.now()}
        if self.value() == "live":
            return queryset.filter(**live)
        return queryset.exclude(**live) if self.value() == "over" else queryset


@admin.register(ScopeException)
class ScopeExceptionAdmin(AddByService):
    """Leave to name resources with a wildcard, for a while."""

    ledger_kind = "scope_exception"
    list_title = "Wildcard exceptions"
    empty_text = "No wildcard is in use. Roles name their resources one by one."
    add_form = GrantForm
    add_title = "Grant an exception"
    add_description = (
        "Without one the database refuses every wildcard. What agents are given by it ends when it does."
    )
    add_submit = "Grant"
    reauthenticate = True
    list_display = ("reference_text", "state", "granted_by", "granted", "ends")
    list_filter = (StandingFilter, ("granted_by", ByName))
    list_select_related = ("granted_by",)
    search_fields = ("reference", "reason", "granted_by__username")
    search_help_text = "Reference, reason, who granted it"
    fieldsets = (
        (None, {"fields": (("reference_text", "state"), "reason_text")}),
        ("Who, and until when", {"fields": (("granter", "granted"), ("ends", "ended"), "ender")}),
    )
    sections = (GRANTS,)
    history_origins = {"reason": ADMINISTRATOR}
    actions_detail = ("end_exception",)

    reference_text = code_column("reference", "reference")
    reason_text = untrusted_column("reason", ADMINISTRATOR, "reason")
    granter = link_column("granted_by", "granted by")
    granted = time_column("granted_at", "granted")
    ends = time_column("until", "until")
    ended = time_column("ended_at", "ended")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        found = self.get_object(request, str(object_id))
        if found is None or _is_over(found):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        made = scope_exceptions.grant(actor=person_of(request), **form.cleaned_data)
        return made, f"{made} may be used until then."

    @dialog_action(
        title="End",
        description="What agents may read by it ends at once, and their credentials with it.",
        submit="End",
        permissions=["governance.change_scopeexception"],
        form_class=EndForm,
        icon="block",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def end_exception(self, request: HttpRequest, form: Any, object_id: str) -> str:
        exception = row_of(ScopeException.objects.all(), object_id)
        reason = form.cleaned_data["reason"]
        scope_exceptions.end(actor=person_of(request), exception=exception, reason=reason)
        return "Ended. Nothing is given by it any more."

    @admin.display(description="state", ordering="until")
    def state(self, exception: ScopeException) -> SafeString:
        over = _is_over(exception)
        return show_label("Over" if over else "Live", "default" if over else "warning")

    @admin.display(description="ended by")
    def ender(self, exception: ScopeException) -> Any:
        return show_who(exception.ended_by) if exception.ended_by else EMPTY


def _is_over(exception: ScopeException) -> bool:
    return exception.ended_at is not None or exception.until <= timezone.now()
