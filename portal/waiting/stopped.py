"""What is frozen and asked to go on: it waits for a second person."""

from typing import Any

from django.db.models import QuerySet

from agents.models import Person
from audits.admin.show import EMPTY, show_link, show_time
from governance import containment_selectors
from governance.models import Unfreeze
from portal.waiting.shown import Task, due, risk_of, show_risk


def unfreezes(person: Person) -> QuerySet[Unfreeze]:
    """What this person could confirm."""
    rows = containment_selectors.unfreezes_for(person).select_related(
        "containment__agent", "containment__agent_instance", "containment__person", "requested_by"
    )
    return rows.annotate(risk=risk_of("containment__agent")).order_by("expires_at")


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
