"""Endpoints that functions reach, and their circuit breakers."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import endpoints, permissions
from agents.admin.egress_sections import ATTEMPTS
from agents.admin.fields import EndForm
from agents.admin.origins import ADMINISTRATORS
from agents.admin.who import person_of, show_who
from agents.choices import LABELS, BreakerState
from agents.models import EgressAttempt, Endpoint
from agents.services import breakers
from agents.services import endpoints as naming
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.references import is_uuid
from audits.admin.rows import row_of
from audits.admin.show import choice_column, code_column, show_word, time_column, untrusted_column

USUAL = "Empty: as the settings say."


class FiguresFields(forms.Form):
    """The input of `endpoints.Figures`."""

    failure_threshold = forms.IntegerField(
        required=False, min_value=1, label="Failures in a row that open its breaker", help_text=USUAL
    )
    open_seconds = forms.IntegerField(
        required=False, min_value=1, label="Seconds until one call tries again", help_text=USUAL
    )
    max_bytes = forms.IntegerField(
        required=False, min_value=1, label="Bytes of the longest answer a model is shown", help_text=USUAL
    )

    @property
    def figures(self) -> naming.Figures:
        return naming.Figures(
            **{name: self.cleaned_data[name] for name in naming.Figures.__dataclass_fields__}
        )


class AddEndpointForm(FiguresFields, ServiceForm):
    field_order = ("name", "url")
    name = forms.CharField(max_length=64, help_text="As resources say it: endpoint/<name>.")
    url = forms.CharField(
        max_length=500, label="URL", help_text="It, and what is below its path, may be reached."
    )


class ChangeEndpointForm(FiguresFields, DialogForm):
    field_order = ("url",)
    url = forms.CharField(
        max_length=500,
        required=False,
        label="URL",
        help_text="Of a built-in one: empty, the settings say it.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        found = Endpoint.objects.filter(pk=self.object_id) if is_uuid(self.object_id) else []
        for endpoint in found:
            self.initial.update(
                {name: getattr(endpoint, name) for name in ("url", *FiguresFields.base_fields)}
            )


@admin.register(Endpoint)
class EndpointAdmin(AddByService):
    """What functions reach; a breaker that is open lets nothing through."""

    ledger_kind = "endpoint"
    empty_text = "The built-in endpoints come with the database: run `manage.py prepare`."
    untrusted_text = "Why a breaker is open are the words of people or of the other side."
    add_form = AddEndpointForm
    add_title = "Name an endpoint"
    add_description = (
        "Agents whose approved version has a function on endpoint/<name> may reach it, and nobody else."
    )
    list_display = ("name", "state_label", "address", "failures", "changed")
    list_filter = ("state", "tripped")
    search_fields = ("name", "url")
    search_help_text = "Name, address"
    fieldsets = (
        (None, {"fields": (("name", "address"), ("adder",))}),
        (
            "Its circuit breaker",
            {
                "fields": (
                    ("state_label", "changed"),
                    "why",
                    ("failures", "threshold"),
                    ("seconds", "tripped"),
                )
            },
        ),
        ("Its answers", {"fields": (("longest",),)}),
    )
    sections = (
        Section(
            name=ATTEMPTS.name,
            title="What was to be sent there",
            model=EgressAttempt,
            rows=lambda endpoint: EgressAttempt.objects.filter(endpoint=endpoint.name),
            columns=ATTEMPTS.columns,
            empty="Nothing was to be sent there yet.",
        ),
    )
    actions_detail = ("trip", "reset", "change_endpoint")

    state_label = choice_column("state", LABELS, "breaker")
    why = untrusted_column("state_reason", ADMINISTRATORS, "because")
    changed = time_column("state_since", "since")
    threshold = code_column("threshold", "opens after")
    seconds = code_column("seconds", "seconds open")
    longest = code_column("longest", "longest answer, bytes")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """Opening what is not open by hand, closing what is not closed."""
        found = self.get_object(request, str(object_id))
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        if found is None:
            return []
        offered = {"trip": not found.tripped, "reset": found.state != BreakerState.CLOSED}
        return [each for each in actions if offered.get(each.action_name.rpartition("_")[2], True)]

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = form.cleaned_data
        made = naming.add(
            actor=person_of(request), name=given["name"].strip(), url=given["url"], figures=form.figures
        )
        return made, f"endpoint/{made} is at {made.url}."

    def has_switch_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return permissions.why_not_switch_breaker(person_of(request)) is None

    @dialog_action(
        title="Open the breaker",
        description="Nothing reaches the endpoint from now on, until somebody closes the breaker again.",
        submit="Open",
        permissions=("switch",),
        form_class=EndForm,
        icon="power_off",
        variant=ActionVariant.DANGER,
    )
    def trip(self, request: HttpRequest, form: Any, object_id: str) -> str:
        breakers.trip(actor=person_of(request), endpoint=_row(object_id), reason=form.cleaned_data["reason"])
        return "Open: nothing reaches it."

    @dialog_action(
        title="Close the breaker",
        description="Calls go through from now on. What made it open may still be wrong.",
        submit="Close",
        permissions=("switch",),
        form_class=EndForm,
        icon="power",
    )
    def reset(self, request: HttpRequest, form: Any, object_id: str) -> str:
        breakers.reset(actor=person_of(request), endpoint=_row(object_id), reason=form.cleaned_data["reason"])
        return "Closed: calls go through."

    @dialog_action(
        title="Change",
        description="Where it is moves what every agent reaches that names it, from the next request on.",
        submit="Save",
        permissions=["agents.change_endpoint"],
        form_class=ChangeEndpointForm,
        icon="edit",
    )
    def change_endpoint(self, request: HttpRequest, form: Any, object_id: str) -> str:
        naming.change(
            actor=person_of(request),
            endpoint=_row(object_id),
            url=form.cleaned_data["url"],
            figures=form.figures,
        )
        return "Changed."

    @admin.display(description="where")
    def address(self, endpoint: Endpoint) -> SafeString:
        return show_word(endpoints.address_of(endpoint) or "Inside")

    @admin.display(description="added by")
    def adder(self, endpoint: Endpoint) -> str:
        return show_who(endpoint.added_by) if endpoint.added_by else "Built in"


def _row(object_id: str) -> Endpoint:
    rows: QuerySet[Endpoint] = Endpoint.objects.all()
    return row_of(rows, object_id)
