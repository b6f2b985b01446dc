"""What governance holds about a person: seats, votes, signatures and promises, by id (promise 13)."""

from collections.abc import Mapping
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audits.canonical import JSON
from audits.formats import timestamp
from governance.models import (
    ApprovalOpening,
    BreakGlass,
    GateSignature,
    ImpactAssessment,
    Mitigation,
    PolicyVote,
    Seat,
    Vote,
)


class SeatErasure:
    """A person on the board is not erased: their seat ends first. Seats and votes stay, by id alone."""

    def objection(self, subject: str) -> str | None:
        key = _key(subject)
        still = Q(ends_at__isnull=True) | Q(ends_at__gt=timezone.now())
        if key and Seat.objects.filter(still, person_id=key).exists():
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
        signed = ImpactAssessment.objects.filter(signed_by_id=key).order_by("signed_at")
        gates = GateSignature.objects.filter(person_id=key).order_by("signed_at")
        broken = BreakGlass.objects.filter(person_id=key).order_by("broken_at")
        opened = ApprovalOpening.objects.filter(person_id=key).order_by("opened_at")
        promised = Mitigation.objects.filter(owner_id=key).order_by("due", "pk")
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
            "policy_votes": [
                {
                    "version": vote.version.label,
                    "choice": vote.choice,
                    "comment": vote.comment,
                    "at": timestamp(vote.voted_at),
                }
                for vote in PolicyVote.objects.filter(person_id=key).select_related("version")
            ],
            "signatures": [
                {"assessment": str(row.pk), "sha256": row.sha256, "at": timestamp(row.signed_at)}
                for row in signed
                if row.signed_at
            ],
            "gates": [
                {
                    "signature": str(row.pk),
                    "gate": row.gate,
                    "statement": row.statement,
                    "at": timestamp(row.signed_at),
                }
                for row in gates
            ],
            "broken glass": [
                {
                    "elevation": str(row.elevation_id),
                    "reason": row.reason,
                    "at": timestamp(row.broken_at),
                    "review": row.review,
                }
                for row in broken
            ],
            "opened": [{"approval": str(row.approval_id), "at": timestamp(row.opened_at)} for row in opened],
            "mitigations": [
                {
                    "risk": row.risk,
                    "measure": row.measure,
                    "due": row.due.isoformat(),
                    "state": row.state,
                    "note": row.note,
                }
                for row in promised
            ],
        }


def _key(subject: str) -> UUID | None:
    kind, _, name = subject.partition("/")
    try:
        return UUID(name) if kind == "person" else None
    except ValueError:
        return None
