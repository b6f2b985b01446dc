"""Reads about policy versions: which wait for whose vote."""

from django.db.models import Q, QuerySet

from agents.models import Person
from governance import selectors
from governance.choices import PolicyState
from governance.models import PolicyVersion


def waiting_for(person: Person) -> QuerySet[PolicyVersion]:
    """Proposed versions that this person can vote on and has not: never one's own (promise 5)."""
    if not person.is_active or selectors.seat_of(person) is None:
        return PolicyVersion.objects.none()
    theirs = Q(author=person) | Q(proposed_by=person)
    voted = PolicyVersion.objects.filter(votes__person=person)
    rows = PolicyVersion.objects.filter(state=PolicyState.PROPOSED)
    return rows.exclude(theirs).exclude(pk__in=voted.values("pk"))
