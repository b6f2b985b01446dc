"""Egress attempts go once they are older than is kept, counted, and never while something needs them."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.utils import timezone

from agents.models import Agent, AnomalyRule, EgressAttempt
from agents.services import egress_pruning
from audits.actor import Actor
from audits.choices import HoldScope
from audits.models import Event
from audits.services import cases, holds
from tests.agents.test_egress_anomalies import attempts
from tests.conftest import SETUP
from tests.governance.story import events

pytestmark = pytest.mark.django_db
OLD = timedelta(days=500)
COUNSEL = Actor.system("counsel")


@pytest.fixture
def agent(analyst: Agent) -> Agent:
    """With three old attempts, two of them allowed, and one of yesterday."""
    attempts(analyst, 2, OLD)
    attempts(analyst, 1, OLD - timedelta(days=1))
    EgressAttempt.objects.filter(pk=EgressAttempt.objects.latest("at").pk).update(allowed=False)
    attempts(analyst, 1, timedelta(days=1))
    return analyst


def left() -> int:
    return EgressAttempt.objects.count()


def hold(scope: HoldScope, **more: Any) -> None:
    holds.place(actor=SETUP, title="A dispute", scope=scope, reason="Their counsel asked.", **more)


def test_what_is_older_than_is_kept_goes_and_is_counted(agent: Agent) -> None:
    assert egress_pruning.sweep() == 3
    assert left() == 1
    (told,) = events("egress.pruned")
    assert (told.stream, told.actor) == (agent.stream, "system/egress-pruner")
    assert (told.details["attempts"], told.details["allowed"]) == (3, 2)
    ends = [datetime.fromisoformat(told.details[name]) for name in ("from", "until")]
    assert ends[1] - ends[0] >= timedelta(hours=23)
    assert egress_pruning.sweep() == 0
    assert len(events("egress.pruned")) == 1


def test_of_nobody_in_the_register_it_is_told_in_the_systems_stream(agent: Agent) -> None:
    EgressAttempt.objects.update(agent=None)
    assert egress_pruning.sweep() == 3
    assert events("egress.pruned")[0].stream == "system"


def test_more_than_one_batch(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(egress_pruning, "BATCH", 2)
    assert egress_pruning.sweep() == 3
    assert [event.details["attempts"] for event in events("egress.pruned")] == [2, 1]


def test_what_a_rule_may_look_back_to_stays(agent: Agent, settings: LazySettings) -> None:
    """Whatever the setting says: without its past everything an agent reaches would be new."""
    settings.EGRESS_ATTEMPT_DAYS = 1
    AnomalyRule.objects.filter(kind="rate").update(baseline_days=366)
    attempts(agent, 1, timedelta(days=300))
    assert egress_pruning.sweep() == 3
    assert left() == 2
    AnomalyRule.objects.update(baseline_days=1)
    assert egress_pruning.sweep() == 1


def test_what_a_legal_hold_covers_stays_until_it_is_released(agent: Agent) -> None:
    hold(HoldScope.AGENT, subject=agent.stream)
    assert egress_pruning.sweep() == 0
    assert left() == 4
    assert not events("egress.pruned")


@pytest.mark.parametrize("scope", [HoldScope.EVERYTHING, HoldScope.PERIOD, HoldScope.CASE])
def test_a_hold_on_everything_a_period_or_a_case(scope: HoldScope, agent: Agent) -> None:
    about: dict[str, Any] = {}
    if scope == HoldScope.PERIOD:
        about["until"] = timezone.now() - OLD + timedelta(hours=1)
    if scope == HoldScope.CASE:
        about["case"] = cases.open_case(
            actor=SETUP, name="A matter", description="x", subjects=[agent.stream]
        )
    hold(scope, **about)
    assert egress_pruning.sweep() == (1 if scope == HoldScope.PERIOD else 0)


def test_a_hold_on_somebody_else_keeps_nothing_of_this_one(agent: Agent) -> None:
    hold(HoldScope.PERSON, subject=f"person/{agent.owner_id}")
    hold(HoldScope.AGENT, subject="agent/0199aaaa-0000-7000-8000-000000000000")
    assert egress_pruning.sweep() == 3


def test_the_ledger_still_tells_of_each(agent: Agent) -> None:
    before = Event.objects.count()
    egress_pruning.sweep()
    assert Event.objects.count() == before + 1
