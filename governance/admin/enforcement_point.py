"""Who may ask the decision point over HTTP."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.who import show_who
from audits.admin.base import (
    ActionVariant,
    AddByService,
    DialogForm,
    Section,
    ServiceForm,
    dialog_action,
)
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    show_choice,
    show_label,
    show_link,
    show_reference,
    show_time,
    time_column,
)
from governance.admin.who import person_of
from governance.choices import PROBE_COLOURS, PointMode
from governance.models import Acknowledgement, Decision, EnforcementPoint, Probe
from governance.services import enforcement_points, probes

SHOWN_ONCE = "Its bearer credential, which is shown this once and kept nowhere: {}"
DECISIONS = Section(
    name="decisions",
    title="What it asked",
    model=Decision,
    rows=lambda point: point.decisions.all(),
    columns={
        "Decision": show_link,
        "Resource": lambda decision: show_reference(decision.resource),
        "Because": lambda decision: decision.get_reason_display(),
        "Decided": lambda decision: show_time(decision.decided_at),
    },
    empty="It has not asked yet.",
)


class AddForm(ServiceForm):
    """The input of `enforcement_points.add`."""

    name = forms.CharField(max_length=64, help_text="Small letters, digits and hyphens: crm-gateway.")


PROBES = Section(
    name="probes",
    title="Probes: what it did with a credential that had ended",
    model=Probe,
    rows=lambda point: point.probes.all(),
    columns={
        "Outcome": lambda probe: show_choice(probe, "outcome", PROBE_COLOURS),
        "Status": lambda probe: probe.status or probe.error or EMPTY,
        "Had acknowledged": lambda probe: "Yes" if probe.acknowledged else "No",
        "After": lambda probe: f"{probe.milliseconds:,} ms",
        "Probed": lambda probe: show_time(probe.at),
        "By": lambda probe: show_who(probe.by),
    },
    empty="It was never probed.",
)
ACKNOWLEDGEMENTS = Section(
    name="acknowledgements",
    title="What it acknowledged",
    model=Acknowledgement,
    rows=lambda point: point.acknowledgements.all(),
    columns={
        "Everything up to": lambda said: said.number,
        "Acknowledged": lambda said: show_time(said.at),
    },
    empty="It has acknowledged nothing.",
)


class DeclareForm(DialogForm):
    """The input of `enforcement_points.declare`."""

    mode = forms.ChoiceField(choices=PointMode.choices, label="How it learns of what has ended")
    probe_url = forms.CharField(
        required=False,
        max_length=enforcement_points.MAX_URL,
        label="Probe address",
        help_text="Behind this enforcement point; a credential that has ended must get 401 or 403 there. "
        "Empty: it is not probed.",
    )

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        point = row_of(EnforcementPoint.objects.all(), self.object_id)
        self.initial.setdefault("mode", point.mode)
        self.initial.setdefault("probe_url", point.probe_url)


@admin.register(EnforcementPoint)
class EnforcementPointAdmin(AddByService):
    """Gateways and services that ask before they let an agent act."""

    ledger_kind = "enforcement_point"
    list_title = "Enforcement points"
    add_form = AddForm
    add_title = "Add an enforcement point"
    reauthenticate = True
    add_description = (
        "It may ask the decision point over HTTP. Its bearer credential is shown once, after this form."
    )
    add_submit = "Add"
    empty_text = "Nobody asks over HTTP yet. Add an enforcement point to give it a credential."
    list_display = ("name", "state", "mode", "seen", "asked", "created", "rotated")
    list_filter = ("mode",)
    search_fields = ("name",)
    search_help_text = "Name"
    fieldsets = (
        (None, {"fields": (("name", "state"), ("seen",))}),
        (
            "What it knows of what has ended",
            {"fields": (("mode", "probe_url"), ("asked", "silent"), ("declared", "declarer"))},
        ),
        (
            "Its credential",
            {"fields": (("created", "creator"), ("rotated", "rotator"), ("revoked", "revoker"))},
        ),
    )
    actions_detail = ("declare", "probe", "rotate", "revoke")
    sections = (PROBES, ACKNOWLEDGEMENTS, DECISIONS)

    seen = time_column("last_seen_at", "last seen")
    created = time_column("created_at", "added")
    rotated = time_column("rotated_at", "rotated")
    revoked = time_column("revoked_at", "revoked")
    declared = time_column("declared_at", "declared")
    asked = time_column("asked_at", "asked the feed")
    silent = time_column("stale_since", "stopped asking")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        point = self.get_object(request, str(object_id))
        if point is None or point.revoked_at is not None:
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        point, credential = enforcement_points.add(
            actor=person_of(request).actor, name=form.cleaned_data["name"]
        )
        return point, SHOWN_ONCE.format(credential)

    def has_manage_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("governance.change_enforcementpoint"))

    @dialog_action(
        title="Declare",
        description="Say how it learns of what has ended, and where it is probed. What you declare is shown "
        "as declared, and probed.",
        submit="Declare",
        permissions=("manage",),
        form_class=DeclareForm,
        icon="fact_check",
        reauthenticate=True,
    )
    def declare(self, request: HttpRequest, form: Any, object_id: str) -> str:
        point = row_of(EnforcementPoint.objects.all(), object_id)
        enforcement_points.declare(
            actor=person_of(request).actor,
            point=point,
            mode=form.cleaned_data["mode"],
            probe_url=form.cleaned_data["probe_url"],
        )
        return "Declared."

    @dialog_action(
        title="Probe now",
        description="It is shown a credential that has ended. It must refuse it; this takes some seconds.",
        submit="Probe",
        permissions=("manage",),
        icon="network_check",
    )
    def probe(self, request: HttpRequest, form: Any, object_id: str) -> str:
        point = row_of(EnforcementPoint.objects.all(), object_id)
        probed = probes.probe(actor=person_of(request).actor, point=point)
        return f"{point.name}: {probed.get_outcome_display().lower()}."

    @dialog_action(
        title="Rotate credential",
        description="It gets another bearer credential, shown once. The one before counts no more, at once.",
        submit="Rotate",
        permissions=("manage",),
        icon="autorenew",
        reauthenticate=True,
    )
    def rotate(self, request: HttpRequest, form: Any, object_id: str) -> str:
        point = row_of(EnforcementPoint.objects.all(), object_id)
        return SHOWN_ONCE.format(enforcement_points.rotate(actor=person_of(request).actor, point=point))

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
        point = row_of(EnforcementPoint.objects.all(), object_id)
        enforcement_points.revoke(actor=person_of(request).actor, point=point)
        return f"{point.name} is revoked."

    @admin.display(description="state", ordering="revoked_at")
    def state(self, point: EnforcementPoint) -> SafeString:
        return show_label("Revoked", "danger") if point.revoked_at else show_label("Live", "success")

    @admin.display(description="added by")
    def creator(self, point: EnforcementPoint) -> str:
        return show_who(point.created_by)

    @admin.display(description="rotated by")
    def rotator(self, point: EnforcementPoint) -> str:
        return show_who(point.rotated_by)

    @admin.display(description="revoked by")
    def revoker(self, point: EnforcementPoint) -> str:
        return show_who(point.revoked_by)

    @admin.display(description="declared by")
    def declarer(self, point: EnforcementPoint) -> str:
        return show_who(point.declared_by)
