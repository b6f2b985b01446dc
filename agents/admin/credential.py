from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.admin.access import COLOURS as ACCESS_COLOURS
from agents.admin.narrowing import ByName
from agents.admin.ties import show_decision, show_elevation
from agents.models import Credential, FunctionCall
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import (
    choice_column,
    code_column,
    link_column,
    reference_column,
    show_label,
    show_link,
    time_column,
)


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    """What was minted, for what and for how long. The tokens themselves are kept nowhere."""

    empty_text = "No credential was minted yet. One is minted for each allowed call, for seconds."
    list_display = ("action", "resource_short", "access_label", "agent", "lifetime", "issued", "used")
    list_filter = ("access", ("agent", ByName))
    list_select_related = ("agent",)
    search_fields = ("action", "resource", "id")
    search_help_text = "Action, resource, id"
    fieldsets = (
        (
            None,
            {"fields": (("action_word", "access_label"), ("resource_word", "audience_word"), "agent_link")},
        ),
        (
            "Life",
            {"fields": (("issued", "expires"), ("used", "lifetime"))},
        ),
        (
            "What it belongs to",
            {"fields": (("decision", "elevation"), ("run_link", "finding_link"), "instance_name", "id")},
        ),
    )

    action_word = code_column("action", "action")
    resource_word = reference_column("resource", full=True)
    resource_short = reference_column("resource")
    audience_word = code_column("audience", "accepted at")
    access_label = choice_column("access", ACCESS_COLOURS)
    agent_link = link_column("agent", "agent")
    issued = time_column("issued_at", "issued")
    expires = time_column("expires_at", "expires")
    used = time_column("used_at", "used")

    @admin.display(description="lifetime")
    def lifetime(self, credential: Credential) -> SafeString:
        seconds = int((credential.expires_at - credential.issued_at).total_seconds())
        over = credential.expires_at <= timezone.now()
        return show_label(f"{seconds} s, {'over' if over else 'live'}", "default" if over else "success")

    @admin.display(description="decision")
    def decision(self, credential: Credential) -> SafeString:
        return show_decision(credential.decision_id)

    @admin.display(description="write elevation")
    def elevation(self, credential: Credential) -> SafeString:
        return show_elevation(credential.elevation_id)

    @admin.display(description="used in")
    def run_link(self, credential: Credential) -> SafeString:
        call = _call(credential)
        return show_link(call.run if call else None, "the run")

    @admin.display(description="finding")
    def finding_link(self, credential: Credential) -> SafeString:
        call = _call(credential)
        return show_link(call.finding if call else None)

    @admin.display(description="instance")
    def instance_name(self, credential: Credential) -> str:
        return str(credential.instance)


def _call(credential: Credential) -> FunctionCall | None:
    """The one call that it was minted for; none where the call was never made."""
    return getattr(credential, "call", None)
