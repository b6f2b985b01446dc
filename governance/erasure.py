"""What governance holds about a person: seats and votes, which name nobody (promise 13)."""

from collections.abc import Mapping
from uuid import UUID

from audits.canonical import JSON
from audits.formats import timestamp
from governance.models import Seat, Vote


class SeatErasure:
    """A person on the board is not erased: their seat ends first. Seats and votes stay, by id alone."""

    def objection(self, subject: str) -> str | None:
        key = _key(subject)
        if key and Seat.objects.filter(person_id=key, ends_at__isnull=True).exists():
            return "This person holds a seat on the board. End it first."
        return None

    def erase(self, subject: str) -> None:
        """Nothing: rows here point at the account and hold no name."""

    def names(self, subject: str) -> set[str]:  # noqa: ARG002 - as the protocol says
        return set()

    def export(self, subject: str) -> Mapping[str, JSON]:
        key = _key(subject)
        if key is None:
            return {}
        seats = Seat.objects.filter(person_id=key).order_by("starts_at")
        votes = Vote.objects.filter(person_id=key).order_by("voted_at")
        return {
            "seats": [
                {
                    "discipline": seat.discipline,
                    "from": timestamp(seat.starts_at),
                    "to": timestamp(seat.ends_at) if seat.ends_at else None,
                }
                for seat in seats
            ],
            "votes": [
                {
                    "approval": str(vote.approval_id),
                    "choice": vote.choice,
                    "comment": vote.comment,
                    "at": timestamp(vote.voted_at),
                }
                for vote in votes
            ],
        }


def _key(subject: str) -> UUID | None:
    kind, _, name = subject.partition("/")
    try:
        return UUID(name) if kind == "person" else None
    except ValueError:
        return None
