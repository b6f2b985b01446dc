"""The governance board: who holds which seat, from when to when (S1-2)."""

from django.utils import timezone

from agents.models import Person
from agents.services.attempts import SYSTEM_STREAM, attempt, refuse
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from governance import permissions
from governance.choices import Discipline
from governance.models import Seat


def assign_seat(*, actor: Person, person: Person, discipline: Discipline) -> Seat:
    """Give a person a seat from now on.

    Raises:
        Denied: the actor is no administrator.
        Invalid: the discipline is none of the board's, or the person's account is not active.
        Conflict: the person holds a seat already.
    """
    with attempt(
        action=Action.SEAT_ASSIGNED, actor=actor.actor, stream=SYSTEM_STREAM, object=f"person/{person.pk}"
    ):
        refuse(permissions.against_seating(actor))
        if discipline not in Discipline.values:
            raise Invalid("There is no such seat.", fields={"discipline": "Choose one of the board's five."})
        holder = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
        if not holder.is_active:
            raise Invalid("This account is not active.", fields={"person": "Choose an active person."})
        if Seat.objects.filter(person=holder, ends_at__isnull=True).exists():
            raise Conflict(f"{holder} holds a seat already. End it first.")
        seat = Seat.objects.create(person=holder, discipline=discipline, starts_at=timezone.now())
        history.record(
            changed=[seat],
            stream=SYSTEM_STREAM,
            action=Action.SEAT_ASSIGNED,
            actor=actor.actor,
            object=f"seat/{seat.pk}",
            body={
                "person": str(holder.pk),
                "username": holder.username,
                "discipline": Discipline(discipline).value,
            },
        )
    return seat


def end_seat(*, actor: Person, seat: Seat) -> Seat:
    """Take a seat away, at once. Votes that were cast in it stay.

    Raises:
        Denied: the actor is no administrator.
        Conflict: the seat has ended already.
    """
    with attempt(action=Action.SEAT_ENDED, actor=actor.actor, stream=SYSTEM_STREAM, object=f"seat/{seat.pk}"):
        refuse(permissions.against_seating(actor))
        now = timezone.now()
        if not Seat.objects.filter(pk=seat.pk, ends_at__isnull=True).update(ends_at=now):
            raise Conflict("This seat has ended already.")
        seat.ends_at = now
        history.record(
            changed=[seat],
            stream=SYSTEM_STREAM,
            action=Action.SEAT_ENDED,
            actor=actor.actor,
            object=f"seat/{seat.pk}",
            body={"person": str(seat.person_id), "discipline": seat.discipline},
        )
    return seat
