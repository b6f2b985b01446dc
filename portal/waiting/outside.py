"""What waits of what agents did outside: outcomes that nobody has told, and what was unusual."""

from typing import Any

from django.db.models import QuerySet

from agents.models import EgressAnomaly, Person
from audits.admin.show import show_link, show_time
from governance.models import Decision
from governance.outcome_selectors import without_outcome
from portal.waiting.shown import Task, mine, risk_of, show_risk


# --- Which rows wait -------------------------------------------------------------------------------------
def outcomes(person: Person) -> QuerySet[Decision]:
    """Of this person's agents; auditors find all of them in the list of decisions."""
    rows = without_outcome().filter(agent__in=mine(person)).select_related("agent", "enforcement_point")
    return rows.annotate(risk=risk_of("agent")).order_by("decided_at")


def anomalies(person: Person) -> QuerySet[EgressAnomaly]:
    rows = EgressAnomaly.objects.filter(agent__in=mine(person), closed_at__isnull=True)
    return rows.select_related("agent").annotate(risk=risk_of("agent")).order_by("found_at")


# --- How each is shown -----------------------------------------------------------------------------------
def outcome(decision: Any) -> Task:
    return Task(
        what=show_link(decision),
        detail="It was allowed, and nobody has said what became of it.",
        agent=show_link(decision.agent),
        risk=show_risk(decision.risk),
        asked_by=str(decision.enforcement_point or "The portal's gateway"),
        since=show_time(decision.decided_at),
    )


def anomaly(anomaly: Any) -> Task:
    return Task(
        what=show_link(anomaly, anomaly.get_kind_display()),
        detail=f"{anomaly.observed:,} observed, {anomaly.expected:,} expected.",
        agent=show_link(anomaly.agent),
        risk=show_risk(anomaly.risk),
        asked_by="The anomaly rules",
        since=show_time(anomaly.found_at),
    )
