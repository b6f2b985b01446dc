"""Signatures of what only a person can judge about a gate (S1-27)."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.origins import OWNER_SIDE
from agents.admin.who import show_who
from agents.models import AgentDocument, AgentVersion
from audits.admin.base import ActionVariant, AddByService, DialogForm, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    digest_column,
    link_column,
    show_facts,
    show_label,
    show_link,
    show_untrusted,
    time_column,
)
from governance import gate_facts, permissions
from governance.admin.who import authentication_of, person_of
from governance.choices import Gate
from governance.gates import signing
from governance.gates.facts import Facts
from governance.models import GateSignature
from governance.services import gates

NAMES = {
    "monitoring_plan": "Monitoring plan",
    "runbook": "Runbook",
    "owner": "Owner",
    "deputies": "Deputies",
    "review_days": "Reviewed every",
}


class SignForm(ServiceForm):
    """The input of `gates.sign`: what is signed is named by its digest, which the page shows."""

    version = forms.ModelChoiceField(
        queryset=AgentVersion.objects.select_related("agent__owner"), widget=forms.HiddenInput
    )
    gate = forms.ChoiceField(
        choices=[(gate.value, gate.label) for gate in signing.RULES], widget=forms.HiddenInput
    )
    digest = forms.CharField(max_length=64, widget=forms.HiddenInput)
    statement = forms.CharField(
        label="What you say",
        max_length=gates.LONGEST_STATEMENT,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    document = forms.ModelChoiceField(
        label="What it rests on",
        queryset=AgentDocument.objects.none(),
        required=False,
        help_text="A document that is attached to the agent.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        version = asked_version(self.request)
        documents: Any = self.fields["document"]
        if version is not None:
            documents.queryset = AgentDocument.objects.defer("content").filter(agent=version.agent_id)


class RevokeForm(DialogForm):
    """The input of `gates.revoke_signature`."""

    reason = forms.CharField(max_length=1_000, widget=forms.Textarea(attrs={"rows": 3}))


def asked_version(request: Any) -> AgentVersion | None:
    """The version that the page is about; None where the address names none."""
    named = request.POST.get("version") or request.GET.get("version", "")
    try:
        return AgentVersion.objects.select_related("agent__owner").filter(pk=UUID(named)).first()
    except ValueError:
        return None


@admin.register(GateSignature)
class GateSignatureAdmin(AddByService):
    """Who stands for what, in which capacity, on which bytes."""

    ledger_kind = "gate_signature"
    list_title = "Signatures"
    add_form = SignForm
    add_submit = "Sign"
    add_template = "governance/sign.html"
    reauthenticate = True
    empty_text = "Nobody has signed a gate yet. A version's deployment checklist leads to what waits for it."
    untrusted_text = "Statements are the words of those who signed."
    list_display = ("gate_name", "version_link", "person", "signed_as", "state", "signed")
    list_filter = ("gate", "agent")
    list_select_related = ("version__agent", "person")
    search_fields = ("person__username", "agent__name", "agent__slug", "version__label", "digest")
    search_help_text = "Person, agent, version, digest"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("gate_name", "state"),
                    ("version_link", "document_link"),
                    ("person", "signed_as"),
                    ("signed", "ended"),
                    "statement_text",
                    "digest_full",
                )
            },
        ),
        ("How it ended", {"fields": (("ender", "reason_text"),)}),
    )
    actions_detail = ("revoke",)
    history_origins = {"statement": "who signed", "end_reason": "who ended it"}

    version_link = link_column("version", "version")
    document_link = link_column("document", "rests on")
    signed = time_column("signed_at", "signed")
    ended = time_column("ended_at", "ended")
    digest_full = digest_column("digest", "what was signed, SHA-256", full=True)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        version = asked_version(request)
        gate = request.POST.get("gate") or request.GET.get("gate", "")
        facts = gate_facts.gather(version.agent, version) if version else None
        rule = signing.rule_of(Gate(gate), facts) if facts and gate in Gate.values else None
        if version is None or facts is None or rule is None:
            messages.info(request, "A version's deployment checklist leads to what waits for a signature.")
            return HttpResponseRedirect(reverse("admin:governance_gatesignature_changelist"))
        named = {"digest": signing.digest(Gate(gate), facts), "statement": rule.says}
        shown = {
            "title": f"Sign: {Gate(gate).label}",
            "description": f"You stand for this with your name. {rule.signer} signs it.",
            "signing": {
                "version": show_link(version),
                "why_not": permissions.against_signing_gate(person_of(request), version.agent, rule.signer),
                "content": _show_content(Gate(gate), facts),
                "digest": named["digest"],
            },
        }
        if request.method != "POST":
            query = request.GET.copy()
            for name, value in named.items():
                query.setdefault(name, value)
            query["digest"] = named["digest"]
            request.GET = query  # type: ignore[assignment]
        return super().add_view(request, form_url, {**shown, **(extra_context or {})})

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        given = form.cleaned_data
        signature = gates.sign(
            actor=person_of(request),
            version=given["version"],
            gate=Gate(given["gate"]),
            statement=given["statement"],
            digest=given["digest"],
            authentication=authentication_of(request),
            document=given["document"],
        )
        return signature, f"You signed {signature.get_gate_display().lower()} of {signature.version}."

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        signature = self.get_object(request, str(object_id))
        gone = signature is None or signature.ended_at is not None
        if gone or permissions.against_revoking_signature(person_of(request), signature):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="Take back",
        description="The gate is not met any more, and a request that rests on it is voided.",
        submit="Take back",
        permissions=("view",),
        form_class=RevokeForm,
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> str:
        signature = row_of(GateSignature.objects.select_related("agent"), object_id)
        gates.revoke_signature(
            actor=person_of(request), signature=signature, reason=form.cleaned_data["reason"]
        )
        return "The signature is taken back."

    @admin.display(description="gate", ordering="gate")
    def gate_name(self, signature: GateSignature) -> str:
        return signature.get_gate_display()

    @admin.display(description="state", ordering="ended_at")
    def state(self, signature: GateSignature) -> SafeString:
        return show_label("Ended", "default") if signature.ended_at else show_label("Signed", "success")

    @admin.display(description="statement")
    def statement_text(self, signature: GateSignature) -> SafeString:
        return show_untrusted(signature.statement, "who signed")

    @admin.display(description="ended by")
    def ender(self, signature: GateSignature) -> str:
        return show_who(signature.ended_by)

    @admin.display(description="why")
    def reason_text(self, signature: GateSignature) -> SafeString:
        return show_untrusted(signature.end_reason, "who ended it")


def _show_content(gate: Gate, facts: Facts) -> SafeString:
    """What is signed, as it is now."""
    content = signing.RULES[gate].content(facts)
    return show_facts({NAMES[name]: _show_value(name, value) for name, value in content.items()})


def _show_value(name: str, value: Any) -> object:
    if name == "owner":
        return show_who(f"person/{value}")
    if name == "deputies":
        return ", ".join(show_who(f"person/{one}") for one in value) or "Nobody"
    if name == "review_days":
        return f"{value} days"
    return show_untrusted(str(value), OWNER_SIDE)
