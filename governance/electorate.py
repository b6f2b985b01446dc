"""Who decides on a request: who holds each seat now, who does not vote on it and why, what cannot be met.

Seats are looked at as they are now, not as they were when it was asked: a seat that is vacant then may be
filled before the request expires, and one that is held may end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from agents.models import Agent, Person
from governance import contents, selectors
from governance.choices import ApprovalSubject, Discipline, VoteChoice
from governance.models import Approval, Vote
from governance.quorum import Rule

OTHERWISE = {
    ApprovalSubject.AGENT_VERSION: "added the version",
    ApprovalSubject.ELEVATION: "account made by, or delegate of, somebody who asks for it",
}


@dataclass(frozen=True, slots=True)
class SeatStanding:
    """One seat of the board and a request: who can vote in it now, and how it voted."""

    discipline: Discipline
    is_required: bool
    vote: Vote | None
    holders: tuple[Person, ...]
    barred: tuple[Person, ...]

    @property
    def is_open(self) -> bool:
        """Whether it can still vote: somebody holds it who may, and nobody has voted in it."""
        return self.vote is None and bool(self.holders)


@dataclass(frozen=True, slots=True)
class Barred:
    """Somebody who does not vote on a request, and why."""

    person: Person | None
    username: str
    reasons: tuple[str, ...]


def seats(approval: Approval) -> list[SeatStanding]:
    """Every seat of the board, those first that must approve."""
    votes = {vote.discipline: vote for vote in approval.votes.all()}
    voted = {vote.person_id for vote in votes.values()}
    closed_to = {*approval.excluded, *contents.people_wanting(approval.agent)}
    held: dict[str, list[Person]] = {discipline: [] for discipline in Discipline}
    seated: set[object] = set()
    for seat in selectors.current_seats().select_related("person").order_by("starts_at", "pk"):
        if seat.person.is_active and seat.person_id not in seated:
            seated.add(seat.person_id)
            held[seat.discipline].append(seat.person)
    required = approval.rule["seats"]
    standing = [
        SeatStanding(
            discipline=discipline,
            is_required=discipline in required,
            vote=votes.get(discipline),
            holders=tuple(
                person
                for person in held[discipline]
                if str(person.pk) not in closed_to and person.pk not in voted
            ),
            barred=tuple(person for person in held[discipline] if str(person.pk) in closed_to),
        )
        for discipline in Discipline
    ]
    return sorted(standing, key=lambda seat: not seat.is_required)


def unmet(approval: Approval) -> str:
    """Why it could not be approved with the board as it is now, in a sentence; empty where it could."""
    board = seats(approval)
    lacking = [
        seat.discipline.label for seat in board if seat.is_required and not seat.vote and not seat.is_open
    ]
    mend = "It cannot be approved until an administrator seats somebody else."
    if lacking:
        noun, verb = ("seat", "is") if len(lacking) == 1 else ("seats", "are")
        return f"The required {noun} {_and(lacking)} {verb} held by nobody who may vote on this. {mend}"
    approving = sum(1 for seat in board if seat.vote and seat.vote.choice == VoteChoice.APPROVE)
    missing, free = Rule.read(approval.rule).quorum - approving, sum(seat.is_open for seat in board)
    if missing > free:
        return f"It needs {missing} more approvals; only {free} seats are held by people who may vote. {mend}"
    return ""


def vacant(approval: Approval) -> list[str]:
    """The required seats that nobody holds who may vote on it."""
    return sorted(seat.discipline.value for seat in seats(approval) if seat.is_required and not seat.is_open)


def barred(approval: Approval) -> list[Barred]:
    """Everybody who does not vote on it whatever seat they hold, with all the reasons (promise 5)."""
    found: dict[str, list[str]] = {}
    for person_id, reason in (*_then(approval), *_now(approval.agent)):
        reasons = found.setdefault(person_id, [])
        if reason not in reasons and not (reason.endswith(" now") and reason.removesuffix(" now") in reasons):
            reasons.append(reason)
    for person_id in approval.excluded:
        found.setdefault(person_id, [_otherwise(approval)])
    people = {str(person.pk): person for person in Person.objects.filter(pk__in=found)}
    names = {person["id"]: person["username"] for _, person in _named(contents.read(approval))}
    return [
        Barred(people.get(person_id), names.get(person_id, ""), tuple(reasons))
        for person_id, reasons in found.items()
    ]


def _then(approval: Approval) -> Iterator[tuple[str, str]]:
    yield from ((person["id"], role) for role, person in _named(contents.read(approval)))


def _named(content: contents.Content) -> Iterator[tuple[str, dict[str, str]]]:
    """The people whom a content names, each with what they are in it; not every content names all."""
    for name, role in (("owner", "owner"), ("sponsor", "sponsor"), ("requested_by", "asked for it")):
        if person := content.get(name):
            yield role, person
    yield from (("deputy", person) for person in content.get("deputies", ()))


def _now(agent: Agent) -> Iterator[tuple[str, str]]:
    yield str(agent.owner_id), "owner now"
    yield from ((str(pk), "deputy now") for pk in agent.deputies.values_list("pk", flat=True))
    if agent.sponsor_id:
        yield str(agent.sponsor_id), "sponsor now"


def _otherwise(approval: Approval) -> str:
    """What else closes a request to somebody."""
    return OTHERWISE.get(ApprovalSubject(approval.subject), "had a part in it")


def _and(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
