"""How much approvers have to decide, and how they do: the figures against approval fatigue (S4-2)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from agents.models import Person
from governance import selectors
from governance.choices import VoteChoice
from governance.models import ApprovalOpening, Vote

WEEK, MONTH = timedelta(days=7), timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Load:
    """One approver. Dwell is in seconds, from opening the page to the vote; None where nothing was opened.

    `quick` are votes sooner than `QUICK_VOTE_SECONDS` after that; `unopened` are those on a page that this
    person never opened while it could be voted on.
    """

    person: Person
    seat: str
    pending: int
    decided_week: int
    decided_month: int
    approved_percent: int | None
    dwell_seconds: float | None
    quick: int
    unopened: int


def loads() -> list[Load]:
    """Everybody who holds a seat or has voted in the last 30 days; who has most to decide comes first."""
    now = timezone.now()
    votes: dict[object, list[Vote]] = {}
    for vote in _votes(now - MONTH):
        votes.setdefault(vote.person_id, []).append(vote)
    people = {seat.person_id: seat.person for seat in selectors.current_seats().select_related("person")}
    seats = {seat.person_id: seat.get_discipline_display() for seat in selectors.current_seats()}
    people |= {cast[0].person_id: cast[0].person for cast in votes.values()}
    found = [_load(person, seats.get(pk, ""), votes.get(pk, []), now) for pk, person in people.items()]
    return sorted(found, key=lambda load: (-load.pending, -load.decided_month, load.person.username))


def _votes(since: datetime) -> QuerySet[Vote]:
    """With when each voter first opened what they voted on."""
    opened = ApprovalOpening.objects.filter(Q(approval=OuterRef("approval")) & Q(person=OuterRef("person")))
    rows = Vote.objects.filter(voted_at__gte=since).select_related("person")
    return rows.annotate(opened_at=Subquery(opened.values("opened_at")[:1])).order_by("voted_at")


def _load(person: Person, seat: str, votes: list[Vote], now: datetime) -> Load:
    dwells = list(_dwells(votes))
    approving = sum(vote.choice == VoteChoice.APPROVE for vote in votes)
    return Load(
        person=person,
        seat=seat,
        pending=selectors.waiting_for(person).count(),
        decided_week=sum(vote.voted_at >= now - WEEK for vote in votes),
        decided_month=len(votes),
        approved_percent=round(100 * approving / len(votes)) if votes else None,
        dwell_seconds=median(dwells) if dwells else None,
        quick=sum(dwell < settings.QUICK_VOTE_SECONDS for dwell in dwells),
        unopened=len(votes) - len(dwells),
    )


def _dwells(votes: Iterable[Vote]) -> Iterable[float]:
    for vote in votes:
        opened: datetime | None = getattr(vote, "opened_at", None)
        if opened is not None and opened <= vote.voted_at:
            yield (vote.voted_at - opened).total_seconds()


def quick_votes() -> QuerySet[Vote]:
    """Votes of the last 30 days that came sooner after opening than anybody reads, the newest first."""
    soon = timedelta(seconds=settings.QUICK_VOTE_SECONDS)
    quickly = ApprovalOpening.objects.filter(
        approval=OuterRef("approval"),
        person=OuterRef("person"),
        opened_at__lte=OuterRef("voted_at"),
        opened_at__gt=OuterRef("voted_at") - soon,
    )
    rows = _votes(timezone.now() - MONTH).filter(Exists(quickly))
    return rows.select_related("approval").order_by("-voted_at")
