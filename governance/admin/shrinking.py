"""Grants that nobody uses in full: what could shrink, what was proposed, and deciding it."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.narrowing import ByName
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    EMPTY,
    choice_column,
    link_column,
    show_link,
    show_reference,
    time_column,
    untrusted_column,
)
from governance import policy_permissions, shrinking
from governance.admin.who import person_of
from governance.choices import LABELS, ShrinkKind, ShrinkState
from governance.models import Shrinking
from governance.services import shrinkings

SHOWN = 100


class DeclineForm(DialogForm):
    reason = forms.CharField(max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(Shrinking)
class ShrinkingAdmin(ReadOnlyAdmin):
    """Proposals to end or narrow grants, each proved by replay to lose nothing that was allowed."""

    ledger_kind = "shrinking"
    list_title = "Unused grants"
    list_before_template = "governance/unused_grants.html"
    empty_text = "Nothing was proposed yet. What could shrink stands above; a grant's page proposes it."
    list_display = ("what", "agent", "kind_words", "left", "state_label", "proposer", "proposed")
    list_filter = ("state", "kind", ("grant__agent", ByName))
    list_select_related = ("grant__agent", "proposed_by", "decided_by")
    search_fields = ("grant__action", "grant__resource", "grant__agent__slug", "grant__agent__name")
    search_help_text = "Action, resource, agent"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("grant_link", "state_label"),
                    ("kind_words", "left"),
                    "proof",
                    ("proposer", "proposed"),
                    ("decider", "decided"),
                    ("made_link", "reason_text"),
                )
            },
        ),
    )
    actions_detail = ("confirm", "decline")

    state_label = choice_column("state", LABELS)
    grant_link = link_column("grant", "grant")
    made_link = link_column("made", "what is left")
    proposed = time_column("proposed_at", "proposed")
    decided = time_column("decided_at", "decided")
    reason_text = untrusted_column("reason", "who declined it", "why not")

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"unused": _unused(), **(extra_context or {})})

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons are for those whom the services let; they decide either way."""
        row = self.get_object(request, str(object_id))
        if row is None or row.state != ShrinkState.PROPOSED:
            return []
        if policy_permissions.against_deciding_to_shrink(person_of(request), row.grant.agent):
            return []
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions

    @dialog_action(
        title="Confirm",
        description="What was allowed is replayed once more. Then the grant shrinks, at once, and every "
        "credential of the agent ends.",
        submit="Shrink it",
        permissions=("view",),
        icon="compress",
    )
    def confirm(self, request: HttpRequest, form: Any, object_id: str) -> str:
        row = row_of(Shrinking.objects.select_related("grant__agent"), object_id)
        done = shrinkings.carry_out(actor=person_of(request), proposal=row)
        return "The grant is narrowed." if done.kind == ShrinkKind.NARROW else "The grant has ended."

    @dialog_action(
        title="Decline",
        description="The grant stays as it is. Say what it is needed for.",
        submit="Decline",
        permissions=("view",),
        form_class=DeclineForm,
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def decline(self, request: HttpRequest, form: Any, object_id: str) -> str:
        row = row_of(Shrinking.objects.select_related("grant__agent"), object_id)
        shrinkings.decline(actor=person_of(request), proposal=row, reason=form.cleaned_data["reason"])
        return "The grant stays as it is."

    @admin.display(description="grant", ordering="grant__action")
    def what(self, row: Shrinking) -> str:
        return str(row.grant)

    @admin.display(description="agent", ordering="grant__agent__name")
    def agent(self, row: Shrinking) -> str:
        return str(row.grant.agent)

    @admin.display(description="proposal", ordering="kind")
    def kind_words(self, row: Shrinking) -> str:
        return row.get_kind_display()

    @admin.display(description="what would be left")
    def left(self, row: Shrinking) -> SafeString | str:
        return show_reference(row.resource) if row.resource else "Nothing"

    @admin.display(description="proof")
    def proof(self, row: Shrinking) -> str:
        return (
            f"{row.replayed} decisions of the last {row.days} days were allowed for this action. "
            "Each of them stays allowed."
        )

    @admin.display(description="proposed by")
    def proposer(self, row: Shrinking) -> str:
        return str(row.proposed_by)

    @admin.display(description="decided by")
    def decider(self, row: Shrinking) -> str:
        return str(row.decided_by) if row.decided_by else EMPTY


def _unused() -> dict[str, Any]:
    """The grants that could shrink, the oldest first, with what could be left of them."""
    grants = list(shrinking.idle().select_related("agent").order_by("starts_at")[: SHOWN + 1])
    could = shrinking.proposals(grants[:SHOWN])
    return {
        "days": shrinking.DAYS,
        "more": len(grants) > SHOWN,
        "rows": [
            {
                "grant": show_link(grant),
                "agent": grant.agent,
                "resource": show_reference(grant.resource),
                "left": _words(could[grant.pk]),
            }
            for grant in grants[:SHOWN]
        ],
    }


def _words(left: shrinking.Shrink | None) -> SafeString | str:
    if left is None:
        return "Still needed for what was allowed before it"
    return "End it" if left.kind == ShrinkKind.END else show_reference(left.resource)
