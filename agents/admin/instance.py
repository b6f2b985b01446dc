"""Running copies of agents: those of the portal's own runs, and those that run elsewhere (S1-7, S2-2)."""

from typing import Any, cast

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents import permissions
from agents.choices import AgentState
from agents.models import Agent, AgentInstance, Credential, InstanceKey, Person
from agents.oauth.jwk import UnusableKeyError, read
from agents.services import copies
from audits.admin.base import ActionVariant, AddByService, DialogForm, Section, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    code_column,
    link_column,
    show_label,
    show_link,
    show_reference,
    show_time,
    show_word,
    time_column,
)
from audits.errors import Conflict

KEY_HELP = (
    "The copy makes the pair and keeps the private key. PEM or JWK: EC on P-256, Ed25519, or RSA. Give its "
    "certificate instead, PEM, where it shows that to the proxy."
)
KEYS = Section(
    name="keys",
    title="Keys",
    model=InstanceKey,
    rows=lambda instance: instance.keys.all(),
    columns={
        "Thumbprint": lambda key: show_word(key.thumbprint),
        "Certificate": lambda key: show_word(key.certificate) if key.certificate else "None",
        "Added": lambda key: show_time(key.added_at),
        "Counts until": lambda key: show_time(key.ends_at) if key.ends_at else "The copy ends",
    },
    empty="None: it runs inside the portal, or shows certificates of the mesh.",
)
CREDENTIALS = Section(
    name="credentials",
    title="Credentials",
    model=Credential,
    rows=lambda instance: instance.credentials.order_by("-issued_at"),
    columns={
        "Credential": show_link,
        "Resource": lambda credential: show_reference(credential.resource),
        "Issued": lambda credential: show_time(credential.issued_at),
        "Expires": lambda credential: show_time(credential.expires_at),
        "Revoked": lambda credential: show_time(credential.revoked_at),
    },
    empty="It has asked for none.",
    per_page=5,
)


class KeyField(forms.CharField):
    """A public key as text; its value is a JWK."""

    def __init__(self, *, required: bool = True) -> None:
        super().__init__(
            label="Public key",
            required=required,
            max_length=20_000,
            widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false"}),
            help_text=KEY_HELP,
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        try:
            return read(text) if text else None
        except UnusableKeyError as error:
            raise forms.ValidationError(str(error)) from error


class ProvisionForm(ServiceForm):
    """The input of `copies.provision`: the version is the one that is active."""

    agent = forms.ModelChoiceField(queryset=Agent.objects.none())
    jwk = KeyField(required=False)
    by_mesh = forms.BooleanField(
        label="Certificates of the mesh",
        required=False,
        help_text="No key is given here: an authority of the trust domain gives it certificates with its id.",
    )
    days = forms.IntegerField(min_value=1, initial=30, help_text="How long it may ask for tokens.")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        person = cast("Person", self.request.user)
        agents = Agent.objects.filter(state=AgentState.ACTIVE).select_related("active_version")
        if not person.is_superuser:
            agents = agents.filter(Q(owner=person) | Q(deputies=person)).distinct()
        self.fields["agent"].queryset = agents  # type: ignore[attr-defined]
        self.fields["days"].max_value = settings.INSTANCE_MAX_DAYS  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        chosen: dict[str, Any] = super().clean() or self.cleaned_data
        if "jwk" in chosen and (chosen["jwk"] is None) != chosen["by_mesh"]:
            self.add_error("jwk", "Give its public key, or let the mesh give it certificates.")
        return chosen


class RotateForm(DialogForm):
    jwk = KeyField()


@admin.register(AgentInstance)
class AgentInstanceAdmin(AddByService):
    """Copies of agents, with their keys and what they hold."""

    ledger_kind = "instance"
    list_title = "Copies"
    add_form = ProvisionForm
    add_title = "Provision a copy"
    add_description = (
        "A copy that runs elsewhere proves itself with its private key, which never comes here, and gets a "
        "token for each task."
    )
    add_submit = "Provision"
    reauthenticate = True
    empty_text = "No copy of an agent has run yet."
    list_display = ("name", "agent", "version_label", "state", "started", "until", "ended")
    list_filter = ("agent",)
    list_select_related = ("agent", "version__agent")
    search_fields = ("spiffe_id", "agent__name", "agent__slug", "keys__thumbprint", "keys__certificate")
    search_help_text = "SPIFFE id, agent, thumbprint of a key or certificate"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "spiffe_word",
                    ("agent_link", "version_link"),
                    ("state", "started"),
                    ("until", "ended"),
                    "client_auth",
                )
            },
        ),
    )
    sections = (KEYS, CREDENTIALS)
    actions_detail = ("rotate_key", "deprovision")

    spiffe_word = code_column("spiffe_id", "SPIFFE id")
    agent_link = link_column("agent", "agent")
    version_link = link_column("version", "version")
    started = time_column("started_at", "started")
    until = time_column("expires_at", "may ask until")
    ended = time_column("ended_at", "ended")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[AgentInstance], search_term: str
    ) -> tuple[QuerySet[AgentInstance], bool]:
        found, _ = super().get_search_results(request, queryset, search_term)
        return found.distinct(), False

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = form.cleaned_data
        agent = chosen["agent"]
        if agent.active_version is None:
            raise Conflict("The agent has no active version any more.")
        made = copies.provision(
            actor=cast("Person", request.user),
            agent=agent,
            version=agent.active_version,
            jwk=chosen["jwk"],
            days=chosen["days"],
        )
        return made, f"{made.spiffe_id} may ask for tokens."

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        instance = self.get_object(request, str(object_id))
        if instance is None or instance.ended_at or instance.expires_at is None:
            return []
        if permissions.why_not_change(cast("Person", request.user), instance.agent):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="Rotate its key",
        description="From now on it may use the new key; the old one counts a while longer.",
        submit="Rotate",
        permissions=("view",),
        form_class=RotateForm,
        icon="autorenew",
        reauthenticate=True,
    )
    def rotate_key(self, request: HttpRequest, form: Any, object_id: str) -> str:
        instance = row_of(AgentInstance.objects.select_related("agent", "version"), object_id)
        added = copies.rotate_key(
            actor=cast("Person", request.user), instance=instance, jwk=form.cleaned_data["jwk"]
        )
        return f"The key {added.thumbprint} counts from now on."

    @dialog_action(
        title="Deprovision",
        description="The copy, its keys and its credentials end at once. It does not come back.",
        submit="Deprovision",
        permissions=("view",),
        icon="delete_forever",
        variant=ActionVariant.DANGER,
    )
    def deprovision(self, request: HttpRequest, form: Any, object_id: str) -> str:
        instance = row_of(AgentInstance.objects.select_related("agent", "version"), object_id)
        left = copies.deprovision(actor=cast("Person", request.user), instance=instance)
        counted = ", ".join(f"{number} {what}" for what, number in left.items())
        return f"Gone. Counted anew, there are left: {counted}."

    @admin.display(description="copy", ordering="spiffe_id")
    def name(self, instance: AgentInstance) -> SafeString:
        return show_word(instance.spiffe_id.rpartition("/")[2])

    @admin.display(description="version", ordering="version__label")
    def version_label(self, instance: AgentInstance) -> str:
        return instance.version.label

    @admin.display(description="state", ordering="ended_at")
    def state(self, instance: AgentInstance) -> SafeString:
        if instance.ended_at:
            return show_label("Ended", "default")
        if instance.expires_at is None:
            return show_label("Runs in the portal", "info")
        over = instance.expires_at <= timezone.now()
        return show_label("Its time is over" if over else "Live", "default" if over else "success")
