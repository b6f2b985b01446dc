"""Releases: how far an approved version has come, the next step, and the way back (S1-18)."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.origins import OWNER_SIDE
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import EMPTY, choice_column, link_column, show_list, time_column, untrusted_column
from governance import permissions, selectors
from governance.admin.who import person_of
from governance.choices import LABELS, ReleaseState
from governance.models import Release
from governance.services import releases


class RollBackForm(DialogForm):
    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="What went wrong. It is part of the agent's record.",
    )


@admin.register(Release)
class ReleaseAdmin(ReadOnlyAdmin):
    """Approved versions on their way to all tasks."""

    ledger_kind = "release"

    change_form_template = "governance/release.html"
    empty_text = (
        "Nothing was released yet. The board's yes to a version that follows another begins a release."
    )
    list_display = ("version", "agent", "state_label", "share", "started", "at_step_since", "ended")
    list_filter = ("state", "agent")
    list_select_related = ("agent", "version__agent")
    search_fields = ("version__label", "agent__name", "agent__slug")
    search_help_text = "Version, agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "state_label"),
                    ("version_link", "previous_link"),
                    ("share", "steps_list"),
                    ("started", "at_step_since"),
                    "approval_link",
                )
            },
        ),
        ("How it ended", {"fields": ("ended", "reason_text")}),
    )
    history_origins = {"reason": OWNER_SIDE}
    actions_detail = ("promote", "roll_back")

    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    version_link = link_column("version", "version")
    previous_link = link_column("previous", "the version before")
    approval_link = link_column("approval", "the board's approval")
    started = time_column("started_at", "started")
    at_step_since = time_column("step_at", "at this share since")
    ended = time_column("ended_at", "ended")
    reason_text = untrusted_column("reason", OWNER_SIDE, "why it was rolled back")

    def get_fieldsets(self, request: HttpRequest, obj: Release | None = None) -> Any:
        return self.fieldsets if obj and obj.ended_at else self.fieldsets[:1]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons are for those whom the services let; they decide either way."""
        release = self.get_object(request, str(object_id))
        if release is None or not _can_move(release):
            return []
        person = person_of(request)
        wanted = set()
        if not permissions.against_ending_elevation(person, release.agent, selectors.seat_of(person)):
            wanted.add("roll_back")
        if release.state == ReleaseState.UNDER_WAY and not permissions.against_governing(
            person, release.agent
        ):
            wanted.add("promote")
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if action.attrs["data-action"] in wanted]

    def story(self, request: HttpRequest, instance: Release) -> Mapping[str, Any]:
        """What the promotion gate says, before anybody asks it."""
        under_way = instance.state == ReleaseState.UNDER_WAY
        return {
            "under_way": under_way,
            "next_step": instance.next_step,
            "reasons": releases.why_not_promote(instance) if under_way else [],
        }

    @dialog_action(
        title="Promote",
        description="It gets the next share of the tasks; with the last one it is the active version.",
        submit="Promote",
        permissions=("view",),
        icon="trending_up",
        variant=ActionVariant.SUCCESS,
        reauthenticate=True,
    )
    def promote(self, request: HttpRequest, form: Any, object_id: str) -> str:
        release = row_of(Release.objects.select_related("agent", "version"), object_id)
        moved = releases.promote(actor=person_of(request), release=release)
        if moved.state == ReleaseState.COMPLETE:
            return f"{moved.version} is the active version now."
        return f"{moved.version.label} may run for {moved.percent} of 100 tasks now."

    @dialog_action(
        title="Roll back",
        description="Every task belongs to the version before it again, at once; its credentials end.",
        submit="Roll back",
        permissions=("view",),
        form_class=RollBackForm,
        icon="undo",
        variant=ActionVariant.DANGER,
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: str) -> str:
        release = row_of(Release.objects.select_related("agent", "version"), object_id)
        moved = releases.roll_back(
            actor=person_of(request), release=release, reason=form.cleaned_data["reason"]
        )
        return f"Rolled back: {moved.previous.label} does all the work again."

    @admin.display(description="share of the tasks", ordering="percent")
    def share(self, release: Release) -> str:
        return f"{release.percent} of 100" if release.state != ReleaseState.ROLLED_BACK else EMPTY

    @admin.display(description="steps")
    def steps_list(self, release: Release) -> SafeString:
        return show_list([f"{step} %" for step in release.steps])


def _can_move(release: Release) -> bool:
    """Whether it is under way, or complete and still what the agent runs."""
    if release.state == ReleaseState.UNDER_WAY:
        return True
    return release.state == ReleaseState.COMPLETE and release.agent.active_version_id == release.version_id
