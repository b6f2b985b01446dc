"""Everybody's API tokens, for who watches over them. One's own are on the page of one's sign-in."""

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from agents import permissions
from agents.admin.who import show_who
from agents.models import ApiToken
from agents.services import api_tokens
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import code_column, link_column, show_label, time_column, untrusted_column


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens of the management API. Their secrets are kept nowhere."""

    ledger_kind = "api_token"
    list_title = "API tokens"
    untrusted_text = "The names of tokens are the words of those who made them."
    empty_text = "Nobody has a token. People make their own, on the page of their sign-in."
    list_display = ("begins", "person", "name_text", "may", "standing", "used", "expires")
    list_filter = ("scope", "end_reason")
    list_select_related = ("person",)
    search_fields = ("name", "prefix", "person__username")
    search_help_text = "Name, beginning, person"
    fieldsets = (
        (None, {"fields": (("person_link", "standing"), ("begins", "may"), "name_text")}),
        ("Life", {"fields": (("created", "creator"), ("used", "expires"), ("revoked", "revoker"))}),
    )
    actions_detail = ("revoke",)

    begins = code_column("prefix", "begins")
    name_text = untrusted_column("name", "whoever made it", "name")
    person_link = link_column("person", "person")
    created = time_column("created_at", "made")
    used = time_column("last_used_at", "last used")
    expires = time_column("expires_at", "ends")
    revoked = time_column("revoked_at", "revoked")

    def has_revoke_permission(self, request: HttpRequest, object_id: str) -> bool:
        token: ApiToken | None = self.get_object(request, object_id)
        if token is None or token.revoked_at is not None:
            return False
        return permissions.why_not_revoke_api_token(actor_of(request), token) is None

    @dialog_action(
        title="Revoke",
        description="Whatever uses it is refused from now on. It does not come back.",
        submit="Revoke",
        permissions=["revoke"],
        icon="key_off",
        variant=ActionVariant.DANGER,
    )
    def revoke(self, request: HttpRequest, form: DialogForm, object_id: str) -> str:
        token = row_of(ApiToken.objects.all(), object_id)
        api_tokens.revoke(actor=actor_of(request), token=token)
        return "Revoked."

    @admin.display(description="may", ordering="scope")
    def may(self, token: ApiToken) -> str:
        return token.get_scope_display()

    @admin.display(description="made by")
    def creator(self, token: ApiToken) -> str:
        return show_who(token.created_by)

    @admin.display(description="revoked by")
    def revoker(self, token: ApiToken) -> str:
        return show_who(token.revoked_by)

    @admin.display(description="standing", ordering="revoked_at")
    def standing(self, token: ApiToken) -> SafeString:
        if token.revoked_at is not None:
            return show_label(token.get_end_reason_display(), "danger")
        over = token.expires_at <= timezone.now()
        return show_label("Expired", "default") if over else show_label("Live", "success")
