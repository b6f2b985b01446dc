"""Which CI pipelines record tests and ask the gate."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.who import show_who
from agents.models import Agent
from audits.admin.base import ActionVariant, AddByService, ServiceForm, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import EMPTY, show_label, show_link, time_column
from governance.admin.who import person_of
from governance.models import Pipeline
from governance.services import pipelines

SHOWN_ONCE = "Its bearer credential, which is shown this once and kept nowhere: {}"


class AddForm(ServiceForm):
    """The input of `pipelines.add`."""

    name = forms.CharField(max_length=64, help_text="Small letters, digits and hyphens: shop-ci.")
    agents = forms.ModelMultipleChoiceField(
        queryset=Agent.objects.order_by("name"),
        widget=forms.CheckboxSelectMultiple,
        help_text="It records tests of these agents and asks their gate; of no others.",
    )


@admin.register(Pipeline)
class PipelineAdmin(AddByService):
    """Pipelines, each with a credential of its own that is no person's."""

    ledger_kind = "pipeline"
    list_title = "Pipelines"
    add_form = AddForm
    add_title = "Add a pipeline"
    reauthenticate = True
    add_description = (
        "It may record tests and ask the gate, for the agents that you name. Its bearer credential is shown "
        "once, after this form."
    )
    add_submit = "Add"
    empty_text = "No pipeline asks yet. Add one to give it a credential."
    list_display = ("name", "state", "agents_list", "seen", "created", "rotated")
    list_filter = ("agents",)
    search_fields = ("name", "agents__slug", "agents__name")
    search_help_text = "Name, agent"
    fieldsets = (
        (None, {"fields": (("name", "state"), ("agents_list", "seen"))}),
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

    def get_queryset(self, request: HttpRequest) -> QuerySet[Pipeline]:
        found: QuerySet[Pipeline] = super().get_queryset(request)
        return found.prefetch_related("agents")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        pipeline = self.get_object(request, str(object_id))
        if pipeline is None or pipeline.revoked_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        pipeline, credential = pipelines.add(
            actor=person_of(request).actor,
            name=form.cleaned_data["name"],
            agents=list(form.cleaned_data["agents"]),
        )
        return pipeline, SHOWN_ONCE.format(credential)

    def has_manage_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("governance.change_pipeline"))

    @dialog_action(
        title="Rotate credential",
        description="It gets another bearer credential, shown once. The one before counts no more, at once.",
        submit="Rotate",
        permissions=("manage",),
        icon="autorenew",
        reauthenticate=True,
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> str:
        pipeline = row_of(Pipeline.objects.all(), object_id)
        return SHOWN_ONCE.format(pipelines.rotate(actor=person_of(request).actor, pipeline=pipeline))

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
        pipeline = row_of(Pipeline.objects.all(), object_id)
        pipelines.revoke(actor=person_of(request).actor, pipeline=pipeline)
        return f"{pipeline.name} is revoked."

    @admin.display(description="state", ordering="revoked_at")
    def state(self, pipeline: Pipeline) -> SafeString:
        return show_label("Revoked", "danger") if pipeline.revoked_at else show_label("Live", "success")

    @admin.display(description="agents")
    def agents_list(self, pipeline: Pipeline) -> SafeString:
        links = ((show_link(agent),) for agent in pipeline.agents.all())
        return format_html_join(", ", "{}", links) or EMPTY

    @admin.display(description="added by")
    def creator(self, pipeline: Pipeline) -> str:
        return show_who(pipeline.created_by)

    @admin.display(description="rotated by")
    def rotator(self, pipeline: Pipeline) -> str:
        return show_who(pipeline.rotated_by)

    @admin.display(description="revoked by")
    def revoker(self, pipeline: Pipeline) -> str:
        return show_who(pipeline.revoked_by)
