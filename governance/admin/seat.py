"""The board: who holds which seat, and since when (S1-2)."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.dataclasses import UnfoldAction

from agents.models import Person
from audits.admin.base import ActionVariant, AddByService, ServiceForm, dialog_action
from audits.admin.periods import moment
from audits.admin.rows import row_of
from audits.admin.show import EMPTY, link_column, relative, show_label, time_column
from governance import selectors
from governance.admin.who import person_of
from governance.choices import Discipline
from governance.models import Seat
from governance.services import board


class AssignForm(ServiceForm):
    """The input of `board.assign_seat`."""

    person = forms.ModelChoiceField(
        queryset=Person.objects.filter(is_active=True).exclude(
            seats__ends_at__isnull=True, seats__isnull=False
        )
    )
    discipline = forms.ChoiceField(choices=Discipline.choices)
    starts_at = moment("From", "Empty: from now on.")
    ends_at = moment("To", "Empty: until somebody ends it.")


@admin.register(Seat)
class SeatAdmin(AddByService):
    """Seats on the governance board."""

    list_title = "Board seats"
    ledger_kind = "seat"

    add_form = AssignForm
    add_title = "Assign a seat"
    add_description = "A person holds one seat at a time. Nobody votes on what they ask for or answer for."
    add_submit = "Assign"
    reauthenticate = True
    empty_text = "The board has no seats yet. Assign one to a person of each discipline."
    list_display = ("person", "discipline", "held", "chairs", "since", "until")
    list_filter = ("discipline", "is_chair")
    list_select_related = ("person",)
    search_fields = ("person__username", "person__first_name", "person__last_name")
    search_help_text = "Person"
    fieldsets = ((None, {"fields": (("person_link", "discipline"), ("since", "until"), ("held", "chairs"))}),)
    actions_detail = ("appoint_chair", "end_seat")

    person_link = link_column("person", "person")
    since = time_column("starts_at", "since")
    until = time_column("ends_at", "until")

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[UnfoldAction]:
        seat = self.get_object(request, str(object_id))
        if seat is None or selectors.is_over(seat, timezone.now()):
            return []
        may = {"end_seat": True, "appoint_chair": selectors.is_held(seat) and not seat.is_chair}
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return [action for action in actions if may[(action.attrs or {})["data-action"]]]

    def add_by_service(self, request: HttpRequest, form: Any) -> tuple[Model, str]:
        chosen = form.cleaned_data
        seat = board.assign_seat(
            actor=person_of(request),
            person=chosen["person"],
            discipline=Discipline(chosen["discipline"]),
            starts_at=chosen["starts_at"],
            ends_at=chosen["ends_at"],
        )
        since = "from now on" if selectors.is_held(seat) else relative(seat.starts_at)
        return seat, f"{seat.person} holds the seat {seat.get_discipline_display()} {since}."

    def has_end_permission(self, request: HttpRequest, object_id: str = "") -> bool:
        return bool(request.user.has_perm("governance.change_seat"))

    @dialog_action(
        title="Make chair",
        description=(
            "The seat chairs the board from now on, instead of the one that does. The chair may withdraw a "
            "pending request, never decide it alone, and has one vote like every seat."
        ),
        submit="Make chair",
        permissions=("end",),
        icon="workspace_premium",
        reauthenticate=True,
    )
    def appoint_chair(self, request: HttpRequest, form: Any, object_id: str) -> str:
        seat = board.appoint_chair(
            actor=person_of(request), seat=row_of(Seat.objects.select_related("person"), object_id)
        )
        return f"{seat.person} chairs the board from now on."

    @dialog_action(
        title="End seat",
        description="The person can no longer vote. Votes that they have cast stay.",
        submit="End seat",
        permissions=("end",),
        icon="event_busy",
        variant=ActionVariant.DANGER,
        reauthenticate=True,
    )
    def end_seat(self, request: HttpRequest, form: Any, object_id: str) -> str:
        seat = row_of(Seat.objects.select_related("person"), object_id)
        board.end_seat(actor=person_of(request), seat=seat)
        return f"{seat.person} holds no seat any more."

    @admin.display(description="held", ordering="ends_at")
    def held(self, seat: Seat) -> SafeString:
        if selectors.is_held(seat):
            return show_label("Held now", "success")
        over = selectors.is_over(seat, timezone.now())
        return show_label("Ended" if over else "To begin", "default" if over else "info")

    @admin.display(description="chair", ordering="is_chair")
    def chairs(self, seat: Seat) -> SafeString:
        return show_label("Chair", "primary") if seat.is_chair and selectors.is_held(seat) else EMPTY
