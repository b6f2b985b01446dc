"""What is remembered of an agent for its reads never outlives what it rests on (promises 2, 3 and 7)."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from agents import decision_point
from agents.choices import FreezeReason
from agents.models import Agent, AgentInstance, Person
from agents.services import instances, lifecycle, people, revocations
from governance import access, recent, standings
from governance.authzen import Entity
from governance.models import Decision, Grant
from governance.services import containments
from tests.agents.conftest import SYSTEM
from tests.governance.containing import WHY, freeze
from tests.governance.story import (
    elevate,
    question,
    read,
    resource,
    start_instance,
    storm,
    tamper,
    write,
)

# Outside a transaction, as where it is served: within one, nothing is remembered.
pytestmark = pytest.mark.django_db(transaction=True)
FEW_QUERIES = 14


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """It remembers for so long that time makes nothing forgotten here."""
    monkeypatch.setattr(standings, "_RECENT", recent.Recent(seconds=600))


@pytest.fixture
def warm(patient: None, active_analyst: Agent) -> AgentInstance:
    """A copy that has just read twice, the second time by what was remembered."""
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    with patch.object(standings, "look", side_effect=AssertionError("It was looked at anew.")):
        assert read(instance).allowed
    return instance


ENDINGS = (
    "agent frozen", "copy frozen", "owner frozen", "everything frozen", "review overdue", "retired",
    "copy ended",
)  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_ends_it_is_seen_by_the_next_question(
    ending: str, warm: AgentInstance, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    endings: dict[str, Callable[[], object]] = {
        "agent frozen": lambda: freeze(olivia, active_analyst),
        "copy frozen": lambda: containments.freeze_instance(actor=olivia, instance=warm, reason=WHY),
        "owner frozen": lambda: containments.freeze_owner(actor=olivia, owner=olivia, reason=WHY),
        "everything frozen": lambda: containments.freeze_everything(actor=ada, reason=WHY),
        "review overdue": lambda: lifecycle.freeze(
            actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW
        ),
        "retired": lambda: lifecycle.retire(actor=olivia, agent=active_analyst, reason="Done."),
        "copy ended": lambda: instances.end(actor=SYSTEM, instance=warm),
    }
    endings[ending]()
    assert not read(warm).allowed


def test_what_nobody_revoked_is_seen_soon(active_analyst: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody went around the product, and no revocation tells of it."""
    assert recent.SECONDS <= 1
    monkeypatch.setattr(standings, "_RECENT", recent.Recent(seconds=0.2))
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    tamper(Agent.objects.filter(pk=active_analyst.pk), purpose="Something else.")
    time.sleep(0.25)
    assert read(instance).reason == "version_not_approved"


def test_without_its_owner_it_reads_on_by_the_clock_and_not_by_memory(
    warm: AgentInstance, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    people.deactivate(actor=ada.actor, person=olivia)
    assert read(warm).ends_at is not None
    tamper(Agent.objects.filter(pk=active_analyst.pk), reads_until=timezone.now())
    assert not read(warm).allowed


def test_a_grant_is_looked_up_each_time(warm: AgentInstance) -> None:
    tamper(Grant.objects.filter(agent=warm.agent), ends_at=timezone.now() - timedelta(seconds=1))
    assert read(warm).reason == "no_grant"


def test_a_refusal_is_not_remembered(active_analyst: Agent) -> None:
    instance = start_instance(active_analyst)
    tamper(Agent.objects.filter(pk=active_analyst.pk), state="frozen")
    assert not read(instance).allowed
    tamper(Agent.objects.filter(pk=active_analyst.pk), state="active")
    assert read(instance).allowed


def test_a_write_is_decided_on_nothing_remembered(
    warm: AgentInstance, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, active_analyst, on, members[:2], uses=2)
    assert write(warm, on).allowed
    tamper(Agent.objects.filter(pk=active_analyst.pk), purpose="Something else.")
    assert read(warm).allowed  # by what was found a moment ago
    assert not write(warm, on).allowed


def test_one_copy_is_never_taken_for_another(warm: AgentInstance, active_analyst: Agent) -> None:
    other = start_instance(active_analyst)
    instances.end(actor=SYSTEM, instance=other)
    assert not read(other).allowed
    assert read(warm).allowed


def test_an_agent_asked_for_by_name_is_the_newest_copy_that_still_runs(
    patient: None, active_analyst: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_RECENT", recent.Recent(seconds=600))
    subject = Entity("agent", active_analyst.slug)
    older, newer = start_instance(active_analyst), start_instance(active_analyst)
    for _ in range(2):  # the second time by what was remembered
        assert access.running_copy(subject) == (active_analyst, newer)
    instances.end(actor=SYSTEM, instance=newer)
    assert access.running_copy(subject) == (active_analyst, older)


def test_a_token_from_before_the_end_is_not_carried_by_what_is_remembered(warm: AgentInstance) -> None:
    asked = replace(question(warm), epoch=revocations.current())
    assert decision_point.decide(asked).allowed
    assert decision_point.decide(replace(asked, epoch=9_999)).reason == "revoked"
    assert decision_point.decide(replace(asked, epoch=0)).reason == "revoked"


def test_each_answer_is_recorded_and_few_queries_are_asked(
    warm: AgentInstance, settings: LazySettings
) -> None:
    settings.LEDGER_SEAL_INLINE = False  # it has queries of its own, now and then
    before = Decision.objects.count()
    with CaptureQueriesContext(connection) as captured:
        assert read(warm).allowed
    assert Decision.objects.count() == before + 1
    assert len(captured) <= FEW_QUERIES, [query["sql"][:90] for query in captured]


def test_whoever_freezes_while_it_reads_has_the_last_word(
    warm: AgentInstance, active_analyst: Agent, olivia: Person
) -> None:
    """Sixteen readers and one freeze: once that is committed, nobody who asks is let through."""
    late: list[bool] = []

    def reads() -> None:
        for _ in range(20):
            frozen = Agent.objects.get(pk=active_analyst.pk).state == "frozen"
            allowed = read(warm).allowed
            late.append(frozen and allowed)

    results = storm([*[reads] * 8, lambda: freeze(olivia, active_analyst)])
    assert [result for result in results if isinstance(result, Exception)] == []
    assert late
    assert not any(late)
    assert not read(warm).allowed
