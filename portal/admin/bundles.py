from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from agents.models import Agent, Person
from audits.admin.base import ServiceForm
from audits.admin.bundle import BundleAdmin
from audits.admin.reader import actor_of
from audits.choices import BundleKind
from audits.models import Bundle, Case
from audits.queue import enqueue
from audits.services import bundles
from audits.tasks import build_bundle
from portal.bundle_subjects import about

WHAT = {
    BundleKind.AGENT: "Everything about one agent, with its approvals, records and documents.",
    BundleKind.PERSON: "What a person did, and what was done to them.",
    BundleKind.PERIOD: "The whole ledger between two times.",
    BundleKind.FRAMEWORK: "Events that name a framework; proves only that they exist.",
    BundleKind.CASE: "All streams of a case, in its period.",
}
FIELD_OF = {BundleKind.AGENT: "agent", BundleKind.PERSON: "person", BundleKind.CASE: "case"}


class RequestBundleForm(ServiceForm):
    """The input of `bundles.request`: the kind, and what belongs to it."""

    kind = forms.ChoiceField(
        label="About",
        choices=[(kind.value, f"{kind.label}: {words}") for kind, words in WHAT.items()],
        initial=BundleKind.AGENT,
        widget=forms.RadioSelect,
    )
    agent = forms.ModelChoiceField(
        queryset=Agent.objects.order_by("name"), required=False, empty_label="Choose an agent"
    )
    person = forms.ModelChoiceField(
        queryset=Person.objects.order_by("first_name", "last_name"),
        required=False,
        empty_label="Choose a person",
    )
    case = forms.ModelChoiceField(
        queryset=Case.objects.order_by("name"), required=False, empty_label="Choose a case"
    )
    framework = forms.CharField(
        required=False,
        max_length=64,
        help_text="For example ISO27001. With an agent: only that agent's events which name it.",
    )
    since = forms.DateTimeField(
        required=False,
        label="From",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: from the start.",
    )
    until = forms.DateTimeField(
        required=False,
        label="To",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: to the end.",
    )

    def clean(self) -> dict[str, Any]:
        """What belongs to the kind is there; the page does not show the rest, and it does not count."""
        given: dict[str, Any] = super().clean() or {}
        kind = given.get("kind")
        for of, name in FIELD_OF.items():
            if kind == of and not given.get(name) and name not in self.errors:
                self.add_error(name, f"Choose the {name} that the bundle is about.")
        if kind == BundleKind.FRAMEWORK and not given.get("framework") and "framework" not in self.errors:
            self.add_error("framework", "Name the framework, for example ISO27001.")
        return given


@admin.register(Bundle)
class PortalBundleAdmin(BundleAdmin):
    """Bundles, with the form that asks for one: the agents' room knows the agents' names."""

    add_form = RequestBundleForm
    add_template = "admin/bundle_form.html"
    add_title = "Build an evidence bundle"
    add_description = (
        "What the ledger holds, with the proof that nothing was altered and, but for frameworks, nothing "
        "left out. It is built in the background and verified without this portal."
    )
    add_submit = "Build bundle"

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        bundle = bundles.request(actor=actor_of(request), **about(form.cleaned_data))
        enqueue(build_bundle, str(bundle.pk))
        return bundle, "The bundle is being built."
