"""What people are asked, on one page that is made from the bytes they vote on."""

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.admin.narrowing import ByName
from agents.admin.origins import OWNER_SIDE
from audits.admin.base import ActionVariant, DialogForm, ReadOnlyAdmin, dialog_action
from audits.admin.rows import row_of
from audits.admin.show import (
    choice_column,
    digest_column,
    link_column,
    show_code,
    show_digest,
    show_link,
    show_time,
    time_column,
)
from audits.errors import NotFound
from governance import contents, electorate, permissions, selectors
from governance.admin import checklist
from governance.admin.ballot import show_barred, show_ending, show_reason, show_seats, show_thread
from governance.admin.content import show_content, show_functions
from governance.admin.summary import show_differences, summary
from governance.admin.who import authentication_of, person_of
from governance.choices import LABELS, ApprovalState, Discipline, VoteChoice
from governance.models import Approval
from governance.services import approval_openings, approvals

VOTING = ("approve", "request_changes", "reject", "abstain")


class VoteForm(DialogForm):
    """A comment, and the digest of what the page showed: a stale page is refused by the service."""

    comment = forms.CharField(
        required=False,
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody who sees this request sees the comment.",
    )
    digest = forms.CharField(widget=forms.HiddenInput)
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    form_before_template = "governance/vote_digest.html"

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        try:
            shown = row_of(Approval.objects.all(), self.object_id)
            self.initial |= {"digest": shown.digest, "revision": shown.revision}
        except NotFound:
            self.initial["digest"] = ""

    def get_before_template_context(self, request: HttpRequest, object_id: Any = None) -> dict[str, Any]:
        return {
            "digest": show_digest(self["digest"].value(), full=True),
            "revision": self["revision"].value(),
        }


class ReasonedVoteForm(VoteForm):
    """A vote that says why."""

    field_order = ("comment", "digest", "revision")

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["comment"].required = True


class WithdrawForm(DialogForm):
    """Why it is taken back."""

    reason = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Everybody who sees this request sees the reason.",
    )


class WaitingFilter(admin.SimpleListFilter):
    """Whose move it is. Board members begin with what waits for them."""

    title = "whose move"
    parameter_name = "waiting"
    ME, PENDING, ALL = "me", "pending", "all"

    def lookups(self, request: HttpRequest, model_admin: Any) -> tuple[tuple[str, str], ...]:
        return ((self.ME, "Waiting for me"), (self.PENDING, "Pending"), (self.ALL, "All"))

    def __init__(self, request: HttpRequest, *arguments: Any) -> None:
        super().__init__(request, *arguments)
        self._default = self.ME if selectors.seat_of(person_of(request)) else self.ALL

    def value(self) -> str:
        return super().value() or self._default

    def queryset(self, request: HttpRequest, queryset: QuerySet[Approval]) -> QuerySet[Approval]:
        if self.value() == self.ME:
            return queryset.filter(pk__in=selectors.waiting_for(person_of(request)).values("pk"))
        if self.value() == self.PENDING:
            return queryset.filter(state=ApprovalState.PENDING)
        return queryset

    def choices(self, changelist: Any) -> Iterator[Any]:
        for value, title in self.lookup_choices:
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": title,
            }


@admin.register(Approval)
class ApprovalAdmin(ReadOnlyAdmin):
    """Requests to the board and to approvers, with their votes (S1-2)."""

    ledger_kind = "approval"

    change_form_template = "governance/approval.html"
    empty_text = "No request here. A submitted dossier or a requested write elevation appears here."
    list_display = ("title", "kind", "state_label", "votes_so_far", "requester", "requested", "expires")
    list_filter = (WaitingFilter, "state", "subject", ("agent", ByName))
    list_select_related = ("agent",)
    search_fields = ("title", "digest", "agent__name", "agent__slug", "requested_by__username")
    search_help_text = "Title, agent, digest, who asked"
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("agent_link", "state_label"),
                    ("subject_link", "requester"),
                    ("requested", "expires"),
                    "digest_full",
                )
            },
        ),
        ("How it ended", {"fields": (("why", "resolved"),)}),
    )
    history_origins = {"content": OWNER_SIDE, "reason": "who withdrew it, or the portal"}
    actions_detail = ("approve", "request_changes", "reject", "abstain", "withdraw")

    state_label = choice_column("state", LABELS)
    agent_link = link_column("agent", "agent")
    requested = time_column("requested_at", "requested")
    expires = time_column("expires_at", "to decide by")
    resolved = time_column("resolved_at", "resolved")
    digest_full = digest_column("digest", "what is voted on, SHA-256", full=True)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Approval]:
        rows: QuerySet[Approval] = super().get_queryset(request)
        approving = Count("votes", filter=Q(votes__choice=VoteChoice.APPROVE))
        rows = rows.select_related("agent", "requested_by").prefetch_related("votes__person")
        return rows.annotate(approving=approving)

    def get_fieldsets(self, request: HttpRequest, obj: Approval | None = None) -> Any:
        return self.fieldsets if obj and obj.resolved_at else self.fieldsets[:1]

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        """The buttons are for those who may press them; others read why not. The service decides."""
        approval = self.get_object(request, str(object_id))
        if approval is None:
            return []
        person = person_of(request)
        may = {name: permissions.against_voting_now(person, approval) is None for name in VOTING}
        may["withdraw"] = permissions.against_withdrawing_now(person, approval) is None
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if may[(action.attrs or {})["data-action"]]]

    def story(self, request: HttpRequest, instance: Approval) -> Mapping[str, Any]:
        content = contents.read(instance)
        person = person_of(request)
        approval_openings.record(actor=person, approval=instance)
        seat = selectors.seat_of(person)
        previous = selectors.previous_approval(instance)
        return {
            "standing": _standing(instance),
            "why_not": permissions.against_voting_now(person, instance),
            "unmet": electorate.unmet(instance) if instance.state == ApprovalState.PENDING else "",
            "ending": show_ending(instance),
            "expires": show_time(instance.expires_at),
            "summary": summary(instance, content),
            "seats": show_seats(instance),
            "barred": show_barred(instance),
            "thread": show_thread(instance) if request.user.has_perm("governance.view_vote") else None,
            "seat": seat.get_discipline_display() if seat else "",
            "pending": instance.state == ApprovalState.PENDING,
            "intact": contents.is_intact(instance),
            "blocks": show_content(content),
            "functions": show_functions(content),
            "previous": show_link(previous, "the last approved dossier") if previous else "",
            "differences": show_differences(instance),
            "is_dossier": content["kind"] == "agent_version",
            "gates": checklist.frozen(request, content.get("gates", ())),
            "bytes": show_code(instance.content),
        }

    @dialog_action(
        title="Approve",
        description="You approve exactly what this page shows, by its digest. A vote is final.",
        submit="Approve",
        permissions=("view",),
        form_class=VoteForm,
        reauthenticate=True,
        icon="check",
        variant=ActionVariant.SUCCESS,
    )
    def approve(self, request: HttpRequest, form: Any, object_id: str) -> str:
        return _vote(request, form, object_id, VoteChoice.APPROVE)

    @dialog_action(
        title="Ask for changes",
        description=(
            "In a required seat this ends the request at once: the owner's side mends what your comment asks "
            "for and submits it again. In another seat it counts as not approving."
        ),
        submit="Ask for changes",
        permissions=("view",),
        form_class=ReasonedVoteForm,
        reauthenticate=True,
        icon="edit_note",
    )
    def request_changes(self, request: HttpRequest, form: Any, object_id: str) -> str:
        return _vote(request, form, object_id, VoteChoice.REQUEST_CHANGES)

    @dialog_action(
        title="Reject",
        description=(
            "A rejection in a required seat ends the request at once; in another seat it counts as not "
            "approving. Say why in the comment."
        ),
        submit="Reject",
        permissions=("view",),
        form_class=ReasonedVoteForm,
        reauthenticate=True,
        icon="close",
        variant=ActionVariant.DANGER,
    )
    def reject(self, request: HttpRequest, form: Any, object_id: str) -> str:
        return _vote(request, form, object_id, VoteChoice.REJECT)

    @dialog_action(
        title="Abstain",
        description=(
            "You take no side. A required seat that abstains cannot be replaced, so the request ends "
            "unapproved; in another seat it counts as not approving."
        ),
        submit="Abstain",
        permissions=("view",),
        form_class=VoteForm,
        reauthenticate=True,
        icon="remove",
    )
    def abstain(self, request: HttpRequest, form: Any, object_id: str) -> str:
        return _vote(request, form, object_id, VoteChoice.ABSTAIN)

    @dialog_action(
        title="Withdraw",
        description=(
            "The request ends undecided, and the agent is what it was before. Votes that were cast stay on "
            "record and count for nothing."
        ),
        submit="Withdraw",
        permissions=("view",),
        form_class=WithdrawForm,
        icon="undo",
    )
    def withdraw(self, request: HttpRequest, form: Any, object_id: str) -> str:
        approvals.withdraw(
            actor=person_of(request),
            approval=row_of(Approval.objects.select_related("agent"), object_id),
            reason=form.cleaned_data["reason"],
        )
        return "The request is withdrawn."

    @admin.display(description="about", ordering="subject")
    def kind(self, approval: Approval) -> str:
        return approval.get_subject_display()

    @admin.display(description="approvals")
    def votes_so_far(self, approval: Any) -> str:
        return f"{approval.approving} of {approval.rule['quorum']}"

    @admin.display(description="reason")
    def why(self, approval: Approval) -> SafeString | str:
        return show_reason(approval)

    @admin.display(description="about")
    def subject_link(self, approval: Approval) -> SafeString:
        return show_link(selectors.subject_of(approval))

    @admin.display(description="requested by", ordering="requested_by__username")
    def requester(self, approval: Approval) -> str:
        return str(approval.requested_by)


def _vote(request: HttpRequest, form: Any, object_id: str, choice: VoteChoice) -> str:
    approval = row_of(Approval.objects.select_related("agent"), object_id)
    vote = approvals.vote(
        actor=person_of(request),
        approval=approval,
        choice=choice,
        digest=form.cleaned_data["digest"],
        revision=form.cleaned_data["revision"],
        comment=form.cleaned_data["comment"],
        authentication=authentication_of(request),
    )
    approval.refresh_from_db()
    sentence = f"You voted in the seat {vote.get_discipline_display()}: {choice.label.lower()}."
    if approval.state == ApprovalState.PENDING:
        return sentence
    return f"{sentence} The request is {approval.get_state_display().lower()}."


def _standing(approval: Approval) -> str:
    """Where the votes stand, and what is missing."""
    tally = selectors.tally(approval)
    sentence = f"{tally.approvals} of {approval.rule['quorum']} approvals."
    if approval.state == ApprovalState.PENDING and tally.missing_seats:
        missing = ", ".join(Discipline(seat).label for seat in tally.missing_seats)
        return f"{sentence} Seats that have yet to approve: {missing}."
    return sentence
