"""Who may tell over SCIM who works here."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.who import show_who
from agents.models import ScimClient
from agents.services import scim_clients
from audits.admin.base import ActionVariant, AddByService, ServiceForm, dialog_action
from audits.admin.reader import actor_of
from audits.admin.rows import row_of
from audits.admin.show import show_label, time_column

SHOWN_ONCE = "Its bearer credential, which is shown this once and kept nowhere: {}"


class AddForm(ServiceForm):
    """The input of `scim_clients.add`."""

    name = forms.CharField(max_length=64, help_text="Small letters, digits and hyphens: entra-id.")


@admin.register(ScimClient)
class ScimClientAdmin(AddByService):
    """Directories that add, amend and deactivate people here."""

    ledger_kind = "scim_client"
    list_title = "Provisioning clients"
    add_form = AddForm
    add_title = "Add a provisioning client"
    reauthenticate = True
    add_description = (
        "It may add, amend and deactivate people over SCIM 2.0, at /scim/v2. Its bearer credential is shown "
        "once, after this form."
    )
    add_submit = "Add"
    empty_text = (
        "No directory tells us who works here yet. Add a provisioning client to give it a credential."
    )
    list_display = ("name", "state", "seen", "created", "rotated")
    search_fields = ("name",)
    search_help_text = "Name"
    fieldsets = (
        (None, {"fields": (("name", "state"), ("seen", "acts_as"))}),
        (
            "Its credential",
            {"fields": (("created", "creator"), ("rotated", "rotator"), ("revoked", "revoker"))},
        ),
    )
    actions_detail = ("rotate", "revoke")

    seen = time_column("last_seen_at", "last seen")
    created = time_column("created_at", "added")
    rotated = time_column("rotated_at", "rotated")
    revoked = time_column("revoked_at", "revoked")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        client = self.get_object(request, str(object_id))
        if client is None or client.revoked_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        client, credential = scim_clients.add(actor=actor_of(request), name=form.cleaned_data["name"])
        return client, SHOWN_ONCE.format(credential)

    def has_manage_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("agents.change_scimclient"))

    @dialog_action(
        title="Rotate credential",
        description="It gets another bearer credential, shown once. The one before counts no more, at once.",
        submit="Rotate",
        permissions=("manage",),
        icon="autorenew",
        reauthenticate=True,
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> str:
        client = row_of(ScimClient.objects.all(), object_id)
        return SHOWN_ONCE.format(scim_clients.rotate(actor=actor_of(request), client=client))

    @dialog_action(
        title="Revoke",
        description="Each of its requests is refused from now on. It does not come back.",
        submit="Revoke",
        permissions=("manage",),
        icon="block",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def revoke(self, request: HttpRequest, form: Any, object_id: str) -> str:
        client = row_of(ScimClient.objects.all(), object_id)
        scim_clients.revoke(actor=actor_of(request), client=client)
        return f"{client.name} is revoked."

    @admin.display(description="in the ledger")
    def acts_as(self, client: ScimClient) -> str:
        return scim_clients.actor_of(client).ref

    @admin.display(description="state", ordering="revoked_at")
    def state(self, client: ScimClient) -> SafeString:
        return show_label("Revoked", "danger") if client.revoked_at else show_label("Live", "success")

    @admin.display(description="added by")
    def creator(self, client: ScimClient) -> str:
        return show_who(client.created_by)

    @admin.display(description="rotated by")
    def rotator(self, client: ScimClient) -> str:
        return show_who(client.rotated_by)

    @admin.display(description="revoked by")
    def revoker(self, client: ScimClient) -> str:
        return show_who(client.revoked_by)
