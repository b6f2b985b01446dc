"""Letting go of egress attempts that are older than is kept (S1-16).

An attempt is a row to search and to compare with; what it tells stays in the ledger, which has a retention of
its own. It goes after `EGRESS_ATTEMPT_DAYS`, never while a rule of anomalies may look back to it, and never
while a legal hold covers it. How many went is an event of the agent's own stream.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from agents.models import Agent, AnomalyRule, EgressAttempt
from audits import locks
from audits.actor import Actor
from audits.choices import Action
from audits.formats import timestamp
from audits.models import Hold
from audits.services import holds, ledger
from audits.services.attempts import SYSTEM_STREAM

PRUNER = Actor.system("egress-pruner")
BATCH = 5_000
# A hold is by the time of the event, which is written a moment after the row.
MOMENT = timedelta(minutes=1)


def sweep() -> int:
    """Delete what nothing keeps, agent by agent, each batch in a transaction of its own. Returns how many."""
    before = kept_from()
    old = EgressAttempt.objects.filter(at__lt=before)
    agents = list(old.order_by("agent").values_list("agent", flat=True).distinct())
    return sum(_prune(agent_id, before) for agent_id in agents)


def kept_from() -> datetime:
    """Attempts from here on are kept: by the setting, and as far back as any rule of anomalies looks."""
    rules = AnomalyRule.objects.values_list("baseline_days", "window_minutes")
    looked = [timedelta(days=days, minutes=minutes) for days, minutes in rules]
    return timezone.now() - max([timedelta(days=settings.EGRESS_ATTEMPT_DAYS), *looked])


def _prune(agent_id: UUID | None, before: datetime) -> int:
    pruned = 0
    while batch := _prune_batch(agent_id, before):
        pruned += batch
        if batch < BATCH:
            break
    return pruned


def _prune_batch(agent_id: UUID | None, before: datetime) -> int:
    with transaction.atomic():
        locks.disposal()
        rows = _not_held(EgressAttempt.objects.filter(agent=agent_id, at__lt=before))
        going = list(rows.order_by("at").values_list("pk", "at", "allowed")[:BATCH])
        if not going:
            return 0
        EgressAttempt.objects.filter(pk__in=[key for key, _, _ in going]).delete()
        agent = Agent.objects.get(pk=agent_id) if agent_id else None
        ledger.record(
            stream=agent.stream if agent else SYSTEM_STREAM,
            action=Action.EGRESS_PRUNED,
            actor=PRUNER,
            object="egress_attempt",
            body={
                "attempts": len(going),
                "allowed": sum(allowed for _, _, allowed in going),
                "from": timestamp(going[0][1]),
                "until": timestamp(going[-1][1]),
            },
        )
    return len(going)


def _not_held(rows: QuerySet[EgressAttempt]) -> QuerySet[EgressAttempt]:
    for hold in holds.live():
        rows = rows.exclude(_held(hold))
    return rows


def _held(hold: Hold) -> Q:
    """The attempts of which a hold covers the events: by their stream, which is the agent's."""
    subjects, since, until = hold.reach
    condition = Q(pk__isnull=False)
    if subjects is not None:
        streams = Q(agent__in=[found for name in subjects if (found := _agent(name))])
        condition &= streams | Q(agent__isnull=True) if SYSTEM_STREAM in subjects else streams
    if since is not None:
        condition &= Q(at__gte=since - MOMENT)
    if until is not None:
        condition &= Q(at__lt=until)
    return condition


def _agent(stream: str) -> UUID | None:
    kind, _, name = stream.partition("/")
    try:
        return UUID(name) if kind == "agent" else None
    except ValueError:
        return None
