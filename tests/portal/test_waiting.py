"""What waits for somebody: in groups, whatever ends first on top, with who asks, since when and by when."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Person
from agents.services import people
from governance.choices import Discipline, VoteChoice
from governance.models import Approval, Grant, RiskAssessment, RiskClass
from governance.services import shrinkings
from governance.services.board import assign_seat
from portal import waiting
from portal.waiting import Task, due
from tests.governance import policing
from tests.governance.containing import ask_back, confirm, freeze
from tests.governance.story import cast, tamper
from tests.governance.test_shrinking import aged
from tests.portal import work
from tests.portal.pages import page, queries


def group(person: Person, name: str) -> list[Task]:
    return next((found.tasks for found in waiting.groups(person) if found.name == name), [])


def ask(agent: Agent, **more: Any) -> Approval:
    values: dict[str, Any] = {
        "subject": "agent_version",
        "subject_id": uuid4(),
        "title": f"{agent.name} {uuid4()}",
        "content": "{}",
        "digest": "0" * 64,
        "rule": {},
        "excluded": [],
        "requested_by": agent.owner,
        "expires_at": timezone.now() + timedelta(days=3, minutes=5),
    }
    return Approval.objects.create(agent=agent, **(values | more))


def fill(owner: Person, number: int) -> None:
    """For the owner drafts, writes and changes; for the board votes."""
    low = RiskClass.objects.get(level="low")
    for _ in range(number):
        work.run(work.agent(owner), work.report())
        rejected = work.agent(owner)
        ask(rejected, state="rejected", resolved_at=timezone.now(), reason="A veto.")
        waits = work.agent(owner)
        ask(waits)
        RiskAssessment.objects.create(
            agent=waits, answers={}, score=0, risk_class=low, computed="low", assessed_by=f"person/{owner.pk}"
        )


@pytest.mark.parametrize("address", ["admin:waiting", "admin:index"])
def test_thirty_cost_as_much_as_three(client: Client, sasha: Person, olivia: Person, address: str) -> None:
    for person in (sasha, olivia):
        client.force_login(person)
        fill(olivia, 3)
        few = queries(client, reverse(address))
        fill(olivia, 27)
        assert queries(client, reverse(address)) == few


def test_a_vote_says_who_asks_since_when_by_when_and_for_what(
    client: Client, sasha: Person, submitted: Approval
) -> None:
    [task] = group(sasha, "votes")
    assert submitted.title in task.what
    assert "Vulnerability analyst" in task.agent
    assert "High" in task.risk or "Medium" in task.risk or "Low" in task.risk
    assert task.asked_by == "Olivia Owner"
    assert task.due
    assert task.due.words == "13 days left"
    client.force_login(sasha)
    text = page(client, reverse("admin:waiting"))
    for words in ("To vote on", "Olivia Owner", "13 days left", "Risk class", "By when"):
        assert words in text


def test_what_ends_first_is_on_top(sasha: Person, olivia: Person) -> None:
    now = timezone.now()
    for days in (5, 2, 9, 1):
        ask(work.agent(olivia), expires_at=now + timedelta(days=days, minutes=1))
    found = [task.due.words for task in group(sasha, "votes") if task.due]
    assert found == ["1 day left", "2 days left", "5 days left", "9 days left"]


@pytest.mark.parametrize(
    ("seconds", "words", "is_over", "is_soon"),
    [
        (3 * 86400, "3 days left", False, False),
        (86400, "1 day left", False, False),
        (86399, "23 hours left", False, True),
        (3600, "1 hour left", False, True),
        (59, "less than a minute left", False, True),
        (0, "overdue for less than a minute", True, False),
        (-7200, "overdue for 2 hours", True, False),
    ],
)
def test_by_when_in_words(seconds: int, words: str, *, is_over: bool, is_soon: bool) -> None:
    found = due(work.NOON + timedelta(seconds=seconds), work.NOON)
    assert found
    assert (found.words, found.is_over, found.is_soon) == (words, is_over, is_soon)


def test_without_a_date_there_is_none() -> None:
    assert due(None) is None


def test_what_is_late_is_not_told_by_its_colour_alone(client: Client, olivia: Person) -> None:
    work.notification(olivia, due_at=timezone.now() - timedelta(hours=2, minutes=1))
    client.force_login(olivia)
    text = page(client, reverse("admin:notifications"))
    assert "Overdue for 2 hours" in text


def test_a_rejected_draft_asks_for_changes_and_is_a_draft_no_more(
    olivia: Person, sasha: Person, submitted: Approval, daniel: Person
) -> None:
    assert waiting.count(olivia) == 0
    cast(sasha, submitted, VoteChoice.REJECT)
    for person in (olivia, daniel):
        [task] = group(person, "changes")
        assert submitted.title in task.what
        assert task.detail == "Rejected: The required seat Security rejected it: a veto."
        assert group(person, "drafts") == []
    assert group(sasha, "changes") == []


def test_an_agent_that_runs_meanwhile_asks_for_changes_for_a_month(
    olivia: Person, active_analyst: Agent
) -> None:
    ask(active_analyst, state="rejected", resolved_at=timezone.now(), reason="A veto.")
    assert len(group(olivia, "changes")) == 1
    ask(active_analyst)
    assert group(olivia, "changes") == []


def test_an_old_refusal_is_not_kept_before_an_agent_that_runs(olivia: Person, active_analyst: Agent) -> None:
    long_ago = timezone.now() - timedelta(days=31)
    ask(active_analyst, state="rejected", resolved_at=long_ago, reason="A veto.")
    assert group(olivia, "changes") == []


def test_a_write_names_the_finding_as_foreign_text(
    client: Client, olivia: Person, active_analyst: Agent
) -> None:
    work.run(active_analyst, work.report())
    client.force_login(olivia)
    text = page(client, reverse("admin:waiting"))
    assert "Untrusted text from the scanner" in text
    assert work.HOSTILE not in text


def test_the_first_are_shown_and_the_rest_counted(client: Client, olivia: Person) -> None:
    for _ in range(8):
        work.agent(olivia)
    [drafts] = waiting.groups(olivia, most=5)
    assert (drafts.number, len(drafts.tasks), drafts.more) == (8, 5, 3)
    assert waiting.count(olivia) == 8
    client.force_login(olivia)
    shown = client.get(reverse("admin:index")).context
    assert shown["waiting_count"] == 8


@pytest.mark.django_db
def test_what_is_frozen_waits_for_a_second_person(
    active_analyst: Agent, olivia: Person, sasha: Person, carla: Person
) -> None:
    asked = ask_back(carla, freeze(olivia, active_analyst))
    [task] = group(sasha, "unfreezes")
    assert task.asked_by == str(carla)
    assert not group(carla, "unfreezes")
    assert not group(olivia, "unfreezes")
    confirm(sasha, asked)
    assert not group(sasha, "unfreezes")


@pytest.mark.django_db
def test_a_proposed_policy_version_waits_for_those_who_may_approve_it(
    client: Client, ada: Person, sasha: Person, carla: Person, olivia: Person
) -> None:
    policing.active()
    version = policing.proposed()
    for person in (sasha, carla):
        [task] = group(person, "policies")
        assert version.label in task.what
        assert task.asked_by == str(ada)
    assert not group(ada, "policies")
    assert not group(olivia, "policies")
    before = waiting.count(sasha)
    policing.vote(sasha, version)
    assert (group(sasha, "policies"), waiting.count(sasha)) == ([], before - 1)
    client.force_login(carla)
    assert "Policies to approve" in page(client, reverse("admin:waiting"))
    assert client.get(reverse("admin:governance_policyversion_change", args=[version.pk])).status_code == 200
    policing.vote(carla, version)
    assert not group(carla, "policies")


@pytest.mark.django_db
def test_who_wrote_a_policy_version_is_not_asked_about_it_in_their_seat(ada: Person, sasha: Person) -> None:
    assign_seat(actor=ada, person=ada, discipline=Discipline.LEGAL)
    policing.proposed()
    assert not group(ada, "policies")
    assert group(sasha, "policies")


@pytest.mark.django_db
def test_an_unused_grant_waits_for_the_owners_side(
    client: Client, active_analyst: Agent, *, olivia: Person, daniel: Person, ada: Person, sasha: Person
) -> None:
    proposal = shrinkings.propose(actor=ada, grant=aged())
    for person in (olivia, daniel):
        [task] = group(person, "shrinkings")
        assert task.detail == "Nothing is left of it; what was allowed in 90 days stays allowed."
        assert task.asked_by == str(ada)
        assert waiting.count(person) == 1
    assert not group(ada, "shrinkings")
    assert not group(sasha, "shrinkings")
    client.force_login(olivia)
    assert "Unused grants to shrink" in page(client, reverse("admin:waiting"))
    assert "Confirm" in page(client, reverse("admin:governance_shrinking_change", args=[proposal.pk]))
    people.deactivate(actor=ada.actor, person=olivia)
    assert len(group(ada, "shrinkings")) == 1
    assert not group(Person.objects.get(pk=olivia.pk), "shrinkings")
    shrinkings.decline(actor=daniel, proposal=proposal, reason="For the yearly audit.")
    assert not group(daniel, "shrinkings")


@pytest.mark.django_db
def test_a_grant_that_ended_meanwhile_asks_nobody(active_analyst: Agent, olivia: Person, ada: Person) -> None:
    grant = aged()
    shrinkings.propose(actor=ada, grant=grant)
    tamper(Grant.objects.filter(pk=grant.pk), ends_at=timezone.now())
    assert not group(olivia, "shrinkings")
