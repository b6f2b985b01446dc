"""What is unusual of what agents reach: found by a task, told to its owner, closed by a person (S2-10)."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour, ExtractIsoWeekDay
from django.utils import timezone

from agents import permissions
from agents.anomaly_rules import Figures, Reached, Unusual, unusual
from agents.choices import AnomalyKind, NotificationKind
from agents.models import Agent, AnomalyRule, EgressAnomaly, EgressAttempt, Person
from agents.selectors import people_answering_for
from agents.services import fields, notifications
from audits.actor import Actor
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse

WATCHER = Actor.system("egress-watcher")
SATURDAY = 6


def sweep() -> int:
    """Look at every agent that reached something lately, by every rule; how many anomalies were found."""
    now, found = timezone.now(), 0
    for rule in AnomalyRule.objects.filter(enabled=True):
        since = now - timedelta(minutes=rule.window_minutes)
        acting = EgressAttempt.objects.filter(at__gte=since, agent__isnull=False)
        for agent in Agent.objects.filter(pk__in=acting.values("agent")).select_related("owner"):
            found += sum(_keep(agent, each, since) for each in _unusual(agent, rule, since))
    return found


def close(*, actor: Person, anomaly: EgressAnomaly, verdict: str) -> EgressAnomaly:
    """Say what it was. From then on the same is found again where it happens again.

    Raises:
        Invalid: nothing is said.
        Denied: the actor neither answers for the agent nor keeps what agents share; recorded.
        Conflict: it is closed already.
    """
    said = fields.sentence(verdict, field="verdict")
    agent = anomaly.agent
    with attempt(
        action=Action.EGRESS_ANOMALY_CLOSED,
        actor=actor.actor,
        stream=agent.stream,
        object=f"egress_anomaly/{anomaly.pk}",
    ):
        refuse(permissions.why_not_close_anomaly(actor, agent))
        still_open = EgressAnomaly.objects.filter(pk=anomaly.pk, closed_at__isnull=True)
        if not still_open.update(closed_at=timezone.now(), closed_by=actor.actor.ref, verdict=said):
            raise Conflict("It is closed already.")
        ledger.record(
            stream=agent.stream,
            action=Action.EGRESS_ANOMALY_CLOSED,
            actor=actor.actor,
            object=f"egress_anomaly/{anomaly.pk}",
            body={"kind": anomaly.kind, "destination": anomaly.destination, "verdict": said},
        )
    anomaly.refresh_from_db()
    return anomaly


def change_rule(*, actor: Person, rule: AnomalyRule, reason: str, **figures: Any) -> AnomalyRule:
    """Say anew what is too much.

    Args:
        figures: the columns of the rule that change.

    Raises:
        Invalid: a figure is out of range, or there is no reason.
        Denied: the actor is no administrator; recorded.
        Conflict: nothing differs.
    """
    said = fields.sentence(reason, field="reason")
    with attempt(
        action=Action.ANOMALY_RULE_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"anomaly_rule/{rule.pk}",
    ):
        refuse(permissions.why_not_set_anomaly_rule(actor))
        held = AnomalyRule.objects.select_for_update(no_key=True).get(pk=rule.pk)
        changed = fields.changes(held, figures)
        fields.check(held, required=())
        if held.from_hour >= held.until_hour:
            raise Invalid(
                "until_hour: later than they begin.", fields={"until_hour": "later than they begin"}
            )
        held.save(update_fields=list(changed))
        history.record(
            changed=[held],
            stream=SYSTEM_STREAM,
            action=Action.ANOMALY_RULE_CHANGED,
            actor=actor.actor,
            object=f"anomaly_rule/{held.pk}",
            body={"kind": held.kind, "changed": changed, "reason": said},
        )
    return held


def _unusual(agent: Agent, rule: AnomalyRule, since: datetime) -> list[Unusual]:
    mine = EgressAttempt.objects.filter(agent=agent)
    lately = _reached(mine.filter(at__gte=since), rule)
    past = mine.filter(at__lt=since, at__gte=since - timedelta(days=rule.baseline_days))
    figures = Figures(rule.window_minutes, rule.baseline_days, rule.factor, rule.minimum)
    return list(unusual(AnomalyKind(rule.kind), figures, lately, _reached(past, rule)))


def _reached(rows: "QuerySet[EgressAttempt]", rule: AnomalyRule) -> Reached:
    """Only where to can be said counts as a destination; whatever was refused counts too."""
    named = rows.exclude(host="").values_list("host", "port").order_by("host", "port")
    counted = named.annotate(number=Count("pk"), bytes=Sum(F("bytes_out") + F("bytes_in")))
    found = {f"{host}:{port}": (number, total) for host, port, number, total in counted}
    off_hours = 0
    if rule.kind == AnomalyKind.OFF_HOURS:
        inside = Q(hour__gte=rule.from_hour, hour__lt=rule.until_hour)
        if not rule.weekends:
            inside &= Q(day__lt=SATURDAY)
        local = timezone.get_current_timezone()
        timed = rows.annotate(hour=ExtractHour("at", tzinfo=local), day=ExtractIsoWeekDay("at", tzinfo=local))
        off_hours = timed.exclude(inside).count()
    return Reached(
        attempts={name: number for name, (number, _) in found.items()},
        transferred={name: int(total or 0) for name, (_, total) in found.items()},
        off_hours=off_hours,
    )


def _keep(agent: Agent, found: Unusual, since: datetime) -> bool:
    """Keep it and tell of it, unless one like it is open; of several workers one does."""
    known = EgressAnomaly.objects.filter(
        agent=agent, kind=found.kind, destination=found.destination, closed_at__isnull=True
    )
    # What somebody closed is not found again in what they had before their eyes.
    seen = EgressAnomaly.objects.filter(
        agent=agent, kind=found.kind, destination=found.destination, closed_at__gte=since
    )
    if known.exists() or seen.exists():
        return False
    try:
        with transaction.atomic():
            made = EgressAnomaly.objects.create(
                agent=agent,
                kind=found.kind,
                destination=found.destination,
                observed=found.observed,
                expected=found.expected,
                since=since,
            )
            _tell(agent, made)
    except IntegrityError:
        return False
    return True


def _tell(agent: Agent, anomaly: EgressAnomaly) -> None:
    ledger.record(
        stream=agent.stream,
        action=Action.EGRESS_ANOMALY_FOUND,
        actor=WATCHER,
        object=f"egress_anomaly/{anomaly.pk}",
        body={
            "kind": anomaly.kind,
            "destination": anomaly.destination,
            "observed": anomaly.observed,
            "expected": anomaly.expected,
            "since": anomaly.since.isoformat(),
        },
    )
    notifications.tell(
        people=people_answering_for(agent),
        kind=NotificationKind.EGRESS_UNUSUAL,
        reference=f"egress_anomaly/{anomaly.pk}",
        title=f"What {agent.slug} reaches is unusual: {anomaly.get_kind_display().lower()}",
        key=f"egress_anomaly/{anomaly.pk}",
        agent=agent,
    )
