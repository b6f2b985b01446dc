"""Offers to own an agent, and the answers to them."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from agents import permissions
from agents.admin.origins import OWNER_SIDE
from agents.authentication import Authentication
from agents.choices import LABELS, HandoverState
from agents.models import Handover
from agents.services import handovers
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import choice_column, link_column, time_column, untrusted_column


class DeclineForm(DialogForm):
    """The input of `handovers.decline`."""

    reason = forms.CharField(
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="For who offers it.",
    )


@admin.register(Handover)
class HandoverAdmin(ReadOnlyAdmin):
    """Who was offered which agent (S4-2). Whoever is asked sees the offer, whatever else they may see."""

    ledger_kind = "handover"
    empty_text = "Nothing was offered yet. An owner offers an agent on its page."
    list_display = ("offer_title", "agent_link", "before", "to", "state_label", "offered", "expires")
    list_display_links = ("offer_title",)
    list_filter = ("state", "agent")
    list_select_related = ("agent", "before", "to")
    search_fields = ("agent__name", "agent__slug", "to__username", "to__last_name", "before__username")
    search_help_text = "Agent, person"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "state_label"),
                    ("before_name", "to_name"),
                    ("offered", "expires"),
                    ("offerer", "keep_as_deputy"),
                    "note_text",
                )
            },
        ),
        ("How it ended", {"fields": (("ended", "reason_text"),)}),
    )
    history_origins = {"note": OWNER_SIDE, "reason": OWNER_SIDE}
    actions_detail = ("accept", "decline", "withdraw")

    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    offered = time_column("offered_at", "offered")
    expires = time_column("expires_at", "to accept by")
    ended = time_column("ended_at", "ended")
    note_text = untrusted_column("note", OWNER_SIDE, "note")
    reason_text = untrusted_column("reason", OWNER_SIDE, "why")

    def get_fieldsets(self, request: HttpRequest, obj: Handover | None = None) -> Any:
        return self.fieldsets if obj and obj.ended_at else self.fieldsets[:1]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if isinstance(obj, Handover) and obj.to_id == request.user.pk:
            return True
        return bool(super().has_view_permission(request, obj))

    def has_answer_permission(self, request: HttpRequest, object_id: str) -> bool:
        handover = self._open(request, object_id)
        return handover is not None and permissions.why_not_take_over(_person(request), handover) is None

    def has_withdraw_permission(self, request: HttpRequest, object_id: str) -> bool:
        handover = self._open(request, object_id)
        return handover is not None and permissions.why_not_withdraw(_person(request), handover) is None

    def _open(self, request: HttpRequest, object_id: str) -> Handover | None:
        handover: Handover | None = self.get_object(request, object_id)
        return handover if handover and handover.state == HandoverState.OFFERED else None

    @dialog_action(
        title="Accept",
        description="You answer for the agent from now on. The owner is part of what the board approved: it "
        "only reads until the board has approved it again. Submit it when you have looked at it.",
        submit="Accept",
        permissions=["answer"],
        icon="check",
        variant=ActionVariant.SUCCESS,
        reauthenticate=True,
    )
    def accept(self, request: HttpRequest, form: Any, object_id: str) -> str:
        agent = handovers.accept(
            actor=_person(request),
            handover=row_of(Handover.objects.all(), object_id),
            authentication=cast("Authentication", cast("Any", request).authentication),
        )
        if agent.edited:
            return f"{agent} is yours. It only reads until the board has approved it again."
        return f"{agent} is yours."

    @dialog_action(
        title="Decline",
        description="The agent stays as it is; who offers it looks for somebody else.",
        submit="Decline",
        permissions=["answer"],
        form_class=DeclineForm,
        icon="close",
    )
    def decline(self, request: HttpRequest, form: Any, object_id: str) -> str:
        handovers.decline(
            actor=_person(request),
            handover=row_of(Handover.objects.all(), object_id),
            reason=form.cleaned_data["reason"],
        )
        return "Declined."

    @dialog_action(
        title="Withdraw",
        description="The offer ends. You can offer the agent to somebody else.",
        submit="Withdraw",
        permissions=["withdraw"],
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> str:
        handovers.withdraw(actor=_person(request), handover=row_of(Handover.objects.all(), object_id))
        return "Withdrawn."

    @admin.display(description="offer", ordering="offered_at")
    def offer_title(self, handover: Handover) -> str:
        return f"To {handover.to}"

    @admin.display(description="owner when it was offered")
    def before_name(self, handover: Handover) -> str:
        return str(handover.before)

    @admin.display(description="offered to")
    def to_name(self, handover: Handover) -> str:
        return str(handover.to)

    @admin.display(description="offered by")
    def offerer(self, handover: Handover) -> str:
        return str(handover.offered_by)


def _person(request: HttpRequest) -> Any:
    return request.user
