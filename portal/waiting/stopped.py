"""What is frozen and asked to go on: it waits for a second person."""

from typing import Any

from django.db.models import Q, QuerySet

from agents.models import Person
from audits.admin.show import EMPTY, show_link, show_time
from governance import selectors
from governance.choices import ContainmentState, UnfreezeState
from governance.models import Unfreeze
from portal.waiting.shown import Task, due, risk_of, show_risk


def unfreezes(person: Person) -> QuerySet[Unfreeze]:
    """What this person could confirm: not their own request, and nothing that they stand for."""
    rows = Unfreeze.objects.filter(
        state=UnfreezeState.REQUESTED, containment__state=ContainmentState.IN_FORCE
    ).exclude(requested_by=person)
    if not (person.is_active and (person.is_superuser or selectors.seat_of(person))):
        return rows.none()
    theirs = Q(containment__agent__owner=person) | Q(containment__agent__sponsor=person)
    theirs |= Q(containment__agent__deputies=person) | Q(containment__person=person)
    kept = rows.exclude(pk__in=Unfreeze.objects.filter(theirs).values("pk"))
    shown = kept.select_related(
        "containment__agent", "containment__agent_instance", "containment__person", "requested_by"
    )
    return shown.annotate(risk=risk_of("containment__agent")).order_by("expires_at")


def unfreeze(row: Any) -> Task:
    containment = row.containment
    return Task(
        what=show_link(containment),
        detail="",
        agent=show_link(containment.agent) if containment.agent else EMPTY,
        risk=show_risk(row.risk),
        asked_by=str(row.requested_by),
        since=show_time(row.requested_at),
        due=due(row.expires_at),
    )
