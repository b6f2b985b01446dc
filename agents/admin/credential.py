from django.contrib import admin
from django.utils import timezone
from django.utils.safestring import SafeString

from agents.models import Credential
from audits.admin.base import ReadOnlyAdmin
from audits.admin.show import link_column, show_label, time_column


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    """What was minted, for what and for how long. The tokens themselves are kept nowhere."""

    empty_text = "No credential was minted yet. One is minted for each allowed call, for seconds."
    list_display = ("action", "resource", "access", "agent", "lifetime", "issued", "used")
    list_filter = ("access", "agent")
    list_select_related = ("agent",)
    search_fields = ("action", "resource", "id")
    search_help_text = "Action, resource, id"
    fieldsets = (
        (None, {"fields": (("action", "access"), "resource", ("agent_link", "audience"))}),
        (
            "Life",
            {"fields": (("issued", "expires"), ("used", "lifetime"))},
        ),
        ("Ties", {"fields": ("id", "instance_name", "decision_id", "elevation_id")}),
    )

    agent_link = link_column("agent", "agent")
    issued = time_column("issued_at", "issued")
    expires = time_column("expires_at", "expires")
    used = time_column("used_at", "used")

    @admin.display(description="lifetime")
    def lifetime(self, credential: Credential) -> SafeString:
        seconds = int((credential.expires_at - credential.issued_at).total_seconds())
        over = credential.expires_at <= timezone.now()
        return show_label(f"{seconds} s{', over' if over else ', live'}", "default" if over else "success")

    @admin.display(description="instance")
    def instance_name(self, credential: Credential) -> str:
        return str(credential.instance)
