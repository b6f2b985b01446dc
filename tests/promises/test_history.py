"""Promise 1, for fields: what people read as the history of a row cannot disagree unnoticed.

The attacker here is a superuser of the database: the triggers are off.
"""

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F

from agents.choices import FreezeReason
from agents.models import Agent, AgentVersion, Person
from agents.services import lifecycle, people
from audits import history
from audits.models import Body, Event, Redaction
from audits.models.base import new_id
from audits.services import history as recording
from audits.services import verification
from audits.services.history_verification import problems
from governance.models import Approval, RiskClass
from tests.agents.conftest import SYSTEM
from tests.audits.happenings import execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db


def rows(instance: Any) -> Any:
    return history.rows_of(history.of(instance), instance)


def found(instance: Any, *words: str) -> None:
    """One problem, which names the row and says these words."""
    (problem,) = problems()
    assert problem.place == f"{history.of(instance).label}/{instance.pk}"
    for word in words:
        assert word in problem.problem, problem


@pytest.fixture
def agent(active_analyst: Agent) -> Agent:
    """The whole story up to an active agent, and nothing wrong with it; then the triggers are off."""
    assert list(problems()) == []
    take_triggers_off()
    return active_analyst


# --- What the database refuses -----------------------------------------------------------------------------
@pytest.mark.parametrize("change", [{"name": "Another"}, {"number": 77}, {"related": {}}])
def test_the_database_refuses_to_change_history(active_analyst: Agent, change: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        rows(active_analyst).update(**change)


def test_the_database_refuses_to_delete_history(active_analyst: Agent) -> None:
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        rows(active_analyst)._raw_delete("default")


def test_history_cannot_be_forgotten_while_the_payload_is_there(active_analyst: Agent) -> None:
    events = rows(active_analyst).values_list("event_id", flat=True)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        recording.forget(events=events)


# --- History edited ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"name": "Another"},
        {"purpose": "Something wider."},
        {"candidate_percent": 2**14},
        {"state": "frozen"},
        {"owner_id": None},
        {"data_categories": [0.5]},
        {"related": {"deputies": []}},
        {"history_type": "~"},
        {"number": 0},
    ],
)
def test_an_edited_row_of_history(agent: Agent, change: dict[str, Any]) -> None:
    rows(agent).filter(number=1).update(**change)
    found(agent, "of its history was changed", "commits to")


def test_a_row_of_history_with_another_time(agent: Agent) -> None:
    rows(agent).filter(number=1).update(history_date="2020-01-01T00:00:00Z")
    found(agent, "Row 1", "does not have the time of its event")


def test_a_row_of_history_given_to_another_event(agent: Agent) -> None:
    stranger = Event.objects.exclude(pk__in=rows(agent).values("event_id")).first()
    assert stranger is not None
    rows(agent).filter(number=1).update(event=stranger)
    named = [problem.problem for problem in problems()]
    assert len(named) == 2
    assert any("which does not commit to it" in text for text in named)
    assert any("is missing: it was deleted" in text for text in named)


def test_two_rows_of_history_that_changed_places(agent: Agent) -> None:
    first, second = rows(agent).order_by("number")[:2]
    rows(agent).filter(number=1).update(event=second.event_id)
    rows(agent).filter(history_id=second.history_id).update(event=first.event_id)
    assert {problem.place for problem in problems()} == {f"agents.agent/{agent.pk}"}
    assert len(list(problems())) == 2


# --- History deleted, inserted -----------------------------------------------------------------------------
def test_a_deleted_row_of_history(agent: Agent) -> None:
    event = rows(agent).get(number=1).event_id
    rows(agent).filter(number=1)._raw_delete("default")
    found(agent, str(event), "that row is missing: it was deleted")


def test_the_newest_change_undone_with_its_history(agent: Agent) -> None:
    """The row is as its history says; the event still knows of another."""
    before = rows(agent).get(number=rows(agent).first().number - 1)
    rows(agent).filter(number__gt=before.number)._raw_delete("default")
    Agent.objects.filter(pk=agent.pk).update(
        state=before.state, active_version=None, approved_digest="", review_date=None
    )
    found(agent, "that row is missing: it was deleted")


def test_all_history_of_a_row_deleted(agent: Agent) -> None:
    count = rows(agent).count()
    rows(agent)._raw_delete("default")
    named = [problem.problem for problem in problems()]
    assert sum("that row is missing" in text for text in named) == count
    assert named[-1] == "It has no history: it was added without an event, or its history was deleted."


def test_a_forged_row_of_history(agent: Agent) -> None:
    """A row of its own event's, with a number of its own: the copy differs in its id alone."""
    copy = rows(agent).get(number=1)
    copy.history_id, copy.number = new_id(), 0
    copy.save(force_insert=True)
    assert {problem.place for problem in problems()} == {f"agents.agent/{agent.pk}"}


def test_a_forged_row_of_history_without_an_event(agent: Agent) -> None:
    newest = rows(agent).first()
    Agent.objects.filter(pk=agent.pk).update(purpose="Something wider.")
    newest.history_id, newest.number, newest.purpose = new_id(), newest.number + 1, "Something wider."
    newest.event_id = new_id()
    newest.save(force_insert=True)
    found(agent, f"Row {newest.number}", "which is not in the ledger")


def test_a_forged_row_of_history_under_an_event_of_another_kind(agent: Agent) -> None:
    """Payloads of what agents do by the thousand are not searched: nothing may hang on them either."""
    (event,) = happen(stream=agent.stream)
    newest = rows(agent).first()
    newest.history_id, newest.number, newest.event = new_id(), newest.number + 1, event
    newest.save(force_insert=True)
    found(agent, f"Row {newest.number}", "tells of something else")


# --- A governed row changed behind its back ----------------------------------------------------------------
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("purpose", "Something wider."),
        ("runbook", "Another."),
        ("data_categories", "[]"),
        ("slug", "another"),
    ],
)
def test_a_row_changed_with_a_database_shell(agent: Agent, column: str, value: object) -> None:
    execute(f"UPDATE agents_agent SET {column} = %s", value)  # noqa: S608 - our own names
    found(agent, f"in: {column}.", "changed without an event")


def test_verifying_the_ledger_says_so(agent: Agent) -> None:
    assert verification.verify().is_sound
    execute("UPDATE agents_agent SET runbook = 'Another.'")
    report = verification.verify()
    assert (report.is_sound, report.place) == (False, f"agents.agent/{agent.pk}")
    assert "It is not what its history says in: runbook." in report.problem


def test_a_deputy_added_with_a_database_shell(agent: Agent, oscar: Person) -> None:
    agent.deputies.add(oscar)
    found(agent, "in: deputies.")


def test_an_administrator_made_with_a_database_shell(oscar: Person) -> None:
    Person.objects.filter(pk=oscar.pk).update(is_superuser=True)
    found(oscar, "in: is_superuser.")


def test_a_group_joined_with_a_database_shell(oscar: Person, aude: Person) -> None:
    oscar.groups.set(aude.groups.all())
    found(oscar, "in: groups.")


def test_an_approved_content_changed_with_a_database_shell(agent: Agent) -> None:
    approval = Approval.objects.get()
    Approval.objects.update(content="{}", title="Another")
    found(approval, "in: title, content.")


def test_a_risk_class_changed_with_a_database_shell(db: None) -> None:
    high = RiskClass.objects.get(level="high")
    RiskClass.objects.filter(level="high").update(quorum=1, elevation_quorum=1)
    found(high, "in: quorum, elevation_quorum.")


def test_a_row_added_with_a_database_shell(olivia: Person) -> None:
    agent = Agent.objects.create(slug="another", name="Another", owner=olivia)
    found(agent, "It has no history")


def test_a_row_deleted_with_a_database_shell(analyst_version: AgentVersion) -> None:
    key = analyst_version.pk
    AgentVersion.objects.filter(pk=key)._raw_delete("default")
    analyst_version.pk = key
    found(analyst_version, "is not there: it was deleted")


# --- What goes, and what is accepted -----------------------------------------------------------------------
def redact(event: Event) -> None:
    Redaction.objects.create(event_id=event.pk, by=new_id(), redacted_at=event.time)
    take_triggers_off()
    Body.objects.filter(event_id=event.pk)._raw_delete("default")


def test_history_goes_with_the_payload_that_commits_to_it(oscar: Person) -> None:
    event = Event.objects.get(action="person.added", object=f"person/{oscar.pk}")
    redact(event)
    found(oscar, "the event's payload was erased and this must go as well")
    assert recording.forget(events=[event.pk]) == 1
    assert not rows(oscar).exists()
    assert list(problems()) == []


def test_the_database_lets_history_go_with_its_payload(oscar: Person) -> None:
    """And this alone, with the triggers on."""
    event = Event.objects.get(action="person.added", object=f"person/{oscar.pk}")
    Redaction.objects.create(event_id=event.pk, by=new_id(), redacted_at=event.time)
    assert recording.forget(events=[event.pk]) == 1


def test_a_redaction_does_not_cover_a_change_that_came_later(oscar: Person) -> None:
    event = Event.objects.get(action="person.added", object=f"person/{oscar.pk}")
    redact(event)
    recording.forget(events=[event.pk])
    people.deactivate(actor=SYSTEM, person=oscar)
    Person.objects.filter(pk=oscar.pk).update(is_active=True)
    found(oscar, "in: is_active.")


def test_what_an_administrator_changed_is_adopted(ada: Person) -> None:
    RiskClass.objects.filter(level="high").update(elevation_quorum=5)
    recording.adopt(
        actor=ada.actor, model="governance.riskclass", key="high", reason="The board wants five for writes."
    )
    assert list(problems()) == []
    RiskClass.objects.filter(level="high").update(elevation_quorum=F("elevation_quorum") - 4)
    found(RiskClass.objects.get(level="high"), "in: elevation_quorum.", "row 1")


def test_a_change_through_the_services_is_no_problem(agent: Agent) -> None:
    lifecycle.freeze(actor=SYSTEM, agent=agent, reason=FreezeReason.REVIEW)
    assert list(problems()) == []
