"""What waits of agents that are prepared or run: for whom it appears, and that it goes when it is done."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.analyst import provenance
from agents.models import Agent, AgentVersion, Person, ThirdParty
from agents.services import register
from governance.choices import AssessmentKind, Gate
from governance.models import Mitigation, Release, RiskClass
from governance.services import assessments, dossiers, releases, risk
from portal import waiting
from portal.waiting import Task
from tests.conftest import ANSWERS
from tests.governance import papers, ready
from tests.governance.story import cast, describe, edit, tamper
from tests.portal import work
from tests.portal.pages import page, queries

pytestmark = pytest.mark.django_db


def group(person: Person, name: str) -> list[Task]:
    return next((found.tasks for found in waiting.groups(person) if found.name == name), [])


def waits_for(name: str) -> set[str]:
    return {person.username for person in Person.objects.all() if group(person, name)}


@pytest.fixture
def assessed(olivia: Person, analyst: Agent, analyst_version: AgentVersion) -> AgentVersion:
    """Of the analyst, whose class demands all ten gates."""
    ready.demand_gates()
    risk.assess(actor=olivia, agent=analyst, answers=ANSWERS)
    register.amend(actor=olivia, agent=analyst, changes={"monitoring_plan": ready.PLAN})
    return analyst_version


@pytest.fixture
def released(active_analyst: Agent, members: list[Person], olivia: Person) -> Release:
    """The analyst's second version, at its first step."""
    RiskClass.objects.update(rollout_steps=[10, 100])
    newer = register.add_version(
        actor=olivia, agent=active_analyst, label="2", provenance=provenance.current()
    )
    describe(olivia, newer)
    approval = dossiers.submit(actor=olivia, version=newer)
    for member in members:
        approval.refresh_from_db()
        if approval.state == "pending":
            cast(member, approval)
    return Release.objects.get()


def test_a_gate_waits_for_those_who_may_sign_it(
    assessed: AgentVersion, members: list[Person], *, stella: Person, ada: Person, aude: Person, oscar: Person
) -> None:
    agent = assessed.agent
    register.amend(actor=agent.owner, agent=agent, changes={"sponsor": members[1]})
    assert waits_for("gates") == {"olivia", "daniel", "sasha", "leo", "petra", "enzo", "stella"}
    [plan] = group(stella, "gates")
    assert f"version={assessed.pk}&amp;gate={Gate.MONITORING.value}" in plan.what
    ready.sign(stella, agent, assessed, Gate.MONITORING)
    ready.sign(agent.owner, agent, assessed, Gate.POST_DEPLOYMENT)
    assert waits_for("gates") == set()
    register.amend(actor=agent.owner, agent=agent, changes={"monitoring_plan": "Another one."})
    assert waits_for("gates") == {"sasha", "leo", "petra", "enzo", "stella"}


def test_a_draft_says_what_its_checklist_lacks_and_leads_there(
    assessed: AgentVersion, olivia: Person, sasha: Person, client: Client
) -> None:
    [draft] = group(olivia, "drafts")
    address = f"{reverse('admin:agents_agent_change', args=[assessed.agent_id])}?checklist={assessed.pk}"
    assert f"{address}#checklist" in draft.what
    assert draft.detail.endswith("gates of its checklist still lack something.")
    ready.make_ready(assessed.agent, assessed, owner=olivia, member=sasha)
    [draft] = group(olivia, "drafts")
    assert draft.detail == "Its checklist lacks nothing: submit it to the board."
    client.force_login(olivia)
    assert "checklist lacks nothing" in page(client, reverse("admin:waiting"))
    dossiers.submit(actor=olivia, version=assessed)
    assert waits_for("drafts") == set()


def test_a_draft_without_a_version_says_so(olivia: Person) -> None:
    work.agent(olivia)
    assert group(olivia, "drafts")[0].detail == "It has no version yet: add the build that is to run."


def test_a_complete_assessment_waits_for_its_seats_alone(
    analyst: Agent, members: list[Person], olivia: Person, stella: Person, ada: Person
) -> None:
    draft = assessments.begin(actor=olivia, agent=analyst, kind=AssessmentKind.SECURITY)
    assert waits_for("assessments") == set()
    assessments.withdraw(actor=olivia, assessment=draft, reason="Begun by mistake.")
    draft = papers.filled(olivia, analyst, AssessmentKind.SECURITY)
    assert waits_for("assessments") == {"sasha"}
    papers.sign(members[0], draft)
    assert waits_for("assessments") == set()


def test_a_mitigation_waits_for_who_promised_it_overdue_first(
    analyst: Agent, sasha: Person, olivia: Person, daniel: Person
) -> None:
    plan = [papers.step(daniel, f"In {days} days", days) for days in (20, 3, 31)]
    papers.sign(sasha, papers.filled(olivia, analyst, AssessmentKind.SECURITY, plan))
    assert waits_for("mitigations") == {"daniel"}
    tamper(Mitigation.objects.filter(risk="In 20 days"), due=timezone.localdate() - timedelta(days=2))
    late, soon = group(daniel, "mitigations")
    assert late.due
    assert soon.due
    assert (late.due.is_over, soon.due.is_over) == (True, False)
    for mitigation in Mitigation.objects.exclude(risk="In 31 days"):
        assessments.close_mitigation(actor=daniel, mitigation=mitigation, note="Done.")
    assert waits_for("mitigations") == set()


def test_an_edited_agent_waits_for_the_owners_side_until_it_is_mended(
    active_analyst: Agent, olivia: Person, daniel: Person
) -> None:
    edit(olivia, active_analyst, purpose="Something else.")
    assert waits_for("edited") == {"olivia", "daniel"}
    [task] = group(daniel, "edited")
    assert "only reads until it is put back or submitted again: agent.purpose." in task.detail
    dossiers.submit(actor=olivia, version=active_analyst.versions.get())
    assert waits_for("edited") == set()
    dossiers.put_back(actor=olivia, agent=active_analyst)
    assert waits_for("edited") == set()


def test_a_release_waits_with_what_the_promotion_gate_says(released: Release, olivia: Person) -> None:
    assert waits_for("releases") == {"olivia", "daniel"}
    [task] = group(olivia, "releases")
    assert task.detail.startswith("10 of 100 tasks. Not yet: It has done nothing at this step yet.")
    Release.objects.update(step_at=timezone.now() - timedelta(days=2))
    [task] = group(olivia, "releases")
    assert task.detail == "10 of 100 tasks. Nothing stands against the next step."
    released.refresh_from_db()
    releases.promote(actor=olivia, release=released)
    assert waits_for("releases") == set()


def test_a_new_version_waits_until_it_is_submitted(active_analyst: Agent, olivia: Person) -> None:
    newer = register.add_version(
        actor=olivia, agent=active_analyst, label="2", provenance=provenance.current()
    )
    assert waits_for("successors") == {"olivia", "daniel"}
    describe(olivia, newer)
    dossiers.submit(actor=olivia, version=newer)
    assert waits_for("successors") == set()


def test_a_third_party_waits_for_who_keeps_it(stella: Person, ada: Person, olivia: Person) -> None:
    late = ThirdParty.objects.create(
        slug="nist",
        name="NIST",
        provides="Records.",
        assess_again_by=timezone.localdate() - timedelta(days=3),
    )
    assert waits_for("third_parties") == {"stella", "ada"}
    [task] = group(stella, "third_parties")
    assert task.detail == "Assessment 3 days overdue."
    ThirdParty.objects.filter(pk=late.pk).update(assess_again_by=timezone.localdate())
    assert waits_for("third_parties") == set()


def prepare(owner: Person, count: int) -> None:
    """Agents that want a signature, lack something, and have an assessment to be signed."""
    for _ in range(count):
        agent = work.agent(owner)
        version = register.add_version(actor=owner, agent=agent, label="1", provenance=provenance.current())
        risk.assess(actor=owner, agent=agent, answers=ANSWERS)
        register.amend(actor=owner, agent=agent, changes={"monitoring_plan": ready.PLAN})
        ready.record(owner.actor, version, "functional")
        papers.filled(owner, agent, AssessmentKind.SECURITY)


def test_twelve_in_preparation_cost_as_much_as_three(client: Client, sasha: Person, olivia: Person) -> None:
    ready.demand_gates()
    prepare(olivia, 3)
    few = {}
    for person in (sasha, olivia):
        client.force_login(person)
        few[person] = queries(client, reverse("admin:waiting"))
    prepare(olivia, 9)
    for person in (sasha, olivia):
        client.force_login(person)
        assert queries(client, reverse("admin:waiting")) == few[person]
    assert len(group(sasha, "gates")) == len(group(sasha, "assessments")) == 12
