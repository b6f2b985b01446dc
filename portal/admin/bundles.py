from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from agents.models import Agent
from audits.admin.base import ServiceForm
from audits.admin.bundle import BundleAdmin
from audits.admin.reader import actor_of
from audits.models import Bundle
from audits.queue import enqueue
from audits.services import bundles
from audits.tasks import build_bundle


class RequestBundleForm(ServiceForm):
    """The input of `bundles.request`."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.order_by("name"), empty_label=None)
    since = forms.DateTimeField(
        required=False,
        label="From",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: from the start. A period proves less than the whole stream.",
    )
    until = forms.DateTimeField(
        required=False,
        label="To",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text="UTC. Empty: to the end.",
    )
    framework = forms.CharField(required=False, max_length=64, help_text="Only what concerns this framework.")


@admin.register(Bundle)
class PortalBundleAdmin(BundleAdmin):
    """Bundles, with the form that asks for one: the agents' room knows the agents' names."""

    add_form = RequestBundleForm
    add_title = "Build an evidence bundle"
    add_description = (
        "Everything the ledger holds about one agent, with the proof that nothing was altered and nothing "
        "left out. It is built in the background and verified without this portal."
    )
    add_submit = "Build bundle"

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = form.cleaned_data
        bundle = bundles.request(
            actor=actor_of(request),
            stream=chosen["agent"].stream,
            subject=str(chosen["agent"]),
            since=chosen["since"],
            until=chosen["until"],
            framework=chosen["framework"],
        )
        enqueue(build_bundle, str(bundle.pk))
        return bundle, "The bundle is being built."
