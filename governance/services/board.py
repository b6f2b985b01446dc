"""The governance board: who holds which seat, from when to when, and who chairs it (S1-2)."""

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from agents.models import Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.formats import timestamp
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import permissions, selectors
from governance.choices import Discipline
from governance.models import Seat
from governance.services import locks, policy_telling, telling, telling_requests


def assign_seat(
    *,
    actor: Person,
    person: Person,
    discipline: Discipline,
    starts_at: datetime | None = None,
    ends_at: datetime | None = None,
) -> Seat:
    """Give a person a seat: from now on, or from a later time; until it is ended, or until a time.

    A person holds one seat at a time; several people may hold the same one, which has one vote.

    Raises:
        Denied: the actor is no administrator.
        Invalid: the discipline is none of the board's, the person's account is not active, or the times
            are in the past or the wrong way round.
        Conflict: the person holds a seat already in that time.
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
        begins = _begins(starts_at, ends_at)
        _check_free(holder, begins, ends_at)
        seat = Seat.objects.create(person=holder, discipline=discipline, starts_at=begins, ends_at=ends_at)
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
                "from": timestamp(begins),
                "to": timestamp(ends_at) if ends_at else None,
            },
        )
        telling.seated(person=holder)
        policy_telling.seated(person=holder)
        telling_requests.seated(person=holder)
    return seat


def end_seat(*, actor: Person, seat: Seat) -> Seat:
    """Take a seat away, at once; one that has not begun never begins. Votes that were cast in it stay.

    Raises:
        Denied: the actor is no administrator.
        Conflict: the seat has ended already.
    """
    with attempt(action=Action.SEAT_ENDED, actor=actor.actor, stream=SYSTEM_STREAM, object=f"seat/{seat.pk}"):
        refuse(permissions.against_seating(actor))
        held = locks.seat(seat.pk)
        # After the lock: a vote that was cast in it meanwhile was cast before this.
        now = timezone.now()
        if selectors.is_over(held, now):
            raise Conflict("This seat has ended already.")
        held.ends_at, held.is_chair = max(now, held.starts_at), False
        held.save(update_fields=["ends_at", "is_chair"])
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.SEAT_ENDED,
            actor=actor.actor,
            object=f"seat/{held.pk}",
            body={"person": str(held.person_id), "discipline": held.discipline},
        )
    seat.ends_at, seat.is_chair = held.ends_at, held.is_chair
    return held


def appoint_chair(*, actor: Person, seat: Seat) -> Seat:
    """Let a seat chair the board from now on; who chaired it until now does so no more.

    Raises:
        Denied: the actor is no administrator.
        Conflict: the seat is not held now, or chairs the board already.
    """
    with attempt(
        action=Action.SEAT_CHAIR_ASSIGNED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"seat/{seat.pk}",
    ):
        refuse(permissions.against_seating(actor))
        locks.chair()
        before = list(Seat.objects.filter(is_chair=True).exclude(pk=seat.pk))
        held = locks.seat(seat.pk)
        if not selectors.is_held(held):
            raise Conflict("Nobody holds this seat now: it cannot chair the board.")
        if held.is_chair:
            raise Conflict("This seat chairs the board already.")
        Seat.objects.filter(pk__in=[other.pk for other in before]).update(is_chair=False)
        held.is_chair = True
        held.save(update_fields=["is_chair"])
        history.record(
            changed=[held, *before],
            stream=SYSTEM_STREAM,
            action=Action.SEAT_CHAIR_ASSIGNED,
            actor=actor.actor,
            object=f"seat/{held.pk}",
            body={
                "person": str(held.person_id),
                "username": held.person.username,
                "discipline": held.discipline,
                "before": [f"seat/{other.pk}" for other in before],
            },
        )
    seat.is_chair = True
    return held


def _begins(starts_at: datetime | None, ends_at: datetime | None) -> datetime:
    """When the seat begins: nobody is seated afterwards for a time that is over."""
    now = timezone.now()
    if starts_at is not None and starts_at < now:
        raise Invalid(
            "A seat begins now or later.",
            fields={"starts_at": "Leave it empty for now, or choose a later time."},
        )
    begins = starts_at or now
    if ends_at is not None and ends_at <= begins:
        raise Invalid(
            "A seat ends after it begins.", fields={"ends_at": "Choose a time after its beginning."}
        )
    return begins


def _check_free(holder: Person, begins: datetime, ends_at: datetime | None) -> None:
    """A person is in no two seats at once. The person's row is locked: two administrators take turns."""
    others = Seat.objects.filter(Q(ends_at__isnull=True) | Q(ends_at__gt=begins), person=holder)
    if ends_at is not None:
        others = others.filter(starts_at__lt=ends_at)
    if others.exists():
        raise Conflict(f"{holder} holds a seat already at that time. End it first.")
