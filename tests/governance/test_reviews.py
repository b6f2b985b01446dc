"""Reviews come due, sponsors leave, agents retire (S4-2, S1-3, S2-2)."""

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import AgentState, FreezeReason
from agents.models import Agent, AgentInstance, Handover, Person
from agents.services import handovers, lifecycle, people, register
from audits.errors import Conflict, Denied, Invalid
from governance import selectors
from governance.choices import ElevationState
from governance.models import Approval, Elevation, RiskClass
from governance.services import dossiers, reviews
from tests.agents.conftest import SYSTEM
from tests.epochs import epoch_of
from tests.governance.story import (
    elevate,
    events,
    read,
    request,
    resource,
    start_instance,
    version_of,
    write,
)
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


def wait_until(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "localdate", lambda: day)


@pytest.fixture
def due(active_analyst: Agent) -> date:
    """When the analyst's review is due."""
    assert active_analyst.review_date == timezone.localdate() + timedelta(days=180)
    return active_analyst.review_date


# --- Reviews ----------------------------------------------------------------------------------------------
def test_an_overdue_review_warns_then_suspends_by_class(
    active_analyst: Agent, due: date, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Medium: 30 days before it the owner is warned, 30 days after it the agent does nothing."""
    instance = start_instance(active_analyst)
    wait_until(due - timedelta(days=31), monkeypatch)
    assert not selectors.reviews_due(olivia).exists()
    wait_until(due - timedelta(days=30), monkeypatch)
    assert list(selectors.reviews_due(olivia)) == [active_analyst]
    wait_until(due + timedelta(days=30), monkeypatch)
    assert read(instance).allowed
    assert reviews.sweep() == 0
    wait_until(due + timedelta(days=31), monkeypatch)
    assert read(instance).reason == "review_overdue"  # the clock says so, no sweep
    assert reviews.sweep() == 1
    active_analyst.refresh_from_db()
    assert (active_analyst.state, active_analyst.freeze_reason) == (AgentState.FROZEN, FreezeReason.REVIEW)
    assert events("agent.state_changed")[-1].details["why"] == "Its review is overdue"
    assert read(instance).reason == "review_overdue"
    assert reviews.sweep() == 0


def test_another_class_has_other_days(
    active_analyst: Agent, due: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    RiskClass.objects.update(review_suspend_days=0)
    wait_until(due, monkeypatch)
    assert not selectors.is_suspended(active_analyst)
    wait_until(due + timedelta(days=1), monkeypatch)
    assert selectors.is_suspended(active_analyst)


def test_the_owner_attests_and_the_agent_goes_on(
    active_analyst: Agent, due: date, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = due + timedelta(days=31)
    wait_until(late, monkeypatch)
    reviews.sweep()
    agent = lifecycle.attest(actor=olivia, agent=active_analyst, statement="Purpose and data are the same.")
    assert (agent.state, agent.freeze_reason) == (AgentState.ACTIVE, "")
    assert agent.review_date == late + timedelta(days=180)
    assert agent.attested_at is not None
    assert read(start_instance(agent)).allowed
    (told,) = events("agent.attested")
    assert told.details["statement"] == "Purpose and data are the same."
    assert told.details["was_frozen"] is True


def test_attesting_before_it_is_due_counts_from_today(
    active_analyst: Agent, due: date, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = epoch_of(active_analyst)
    wait_until(due - timedelta(days=10), monkeypatch)
    agent = lifecycle.attest(actor=olivia, agent=active_analyst, statement="All of it.")
    assert agent.review_date == due + timedelta(days=170)
    assert epoch_of(agent) == before


def test_only_the_owner_attests(active_analyst: Agent, ada: Person, daniel: Person, aude: Person) -> None:
    for person in (ada, daniel, aude):
        with pytest.raises(Denied):
            lifecycle.attest(actor=person, agent=active_analyst, statement="It is true.")
    assert len(events("agent.attested", "denied")) == 3


def test_nothing_is_attested_without_a_word(active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid):
        lifecycle.attest(actor=olivia, agent=active_analyst, statement=" ")


def test_a_draft_has_no_review(analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Conflict):
        lifecycle.attest(actor=olivia, agent=analyst, statement="It is true.")


def test_what_is_frozen_for_another_reason_stays_frozen(active_analyst: Agent, olivia: Person) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(state=AgentState.FROZEN)
    with pytest.raises(Conflict, match="not for its review"):
        lifecycle.attest(actor=olivia, agent=active_analyst, statement="It is true.")
    with pytest.raises(Conflict):
        lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)


def test_suspension_takes_what_was_given_to_write(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    live = elevate(olivia, active_analyst, resource(), members[:2])
    asked = request(olivia, active_analyst, resource())
    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    for elevation in (live, asked):
        elevation.refresh_from_db()
        assert elevation.state == ElevationState.ENDED


# --- Sponsors -----------------------------------------------------------------------------------------------
@pytest.fixture
def sponsored(active_analyst: Agent, oscar: Person) -> Agent:
    """The analyst with a sponsor, as if the board had approved it so."""
    Agent.objects.filter(pk=active_analyst.pk).update(sponsor=oscar, edited=["sponsor"])
    active_analyst.refresh_from_db()
    return active_analyst


def test_a_sponsor_who_leaves_ends_writing_and_then_reading(
    sponsored: Agent, oscar: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = start_instance(sponsored)
    people.deactivate(actor=SYSTEM, person=oscar)
    sponsored.refresh_from_db()
    assert sponsored.review_date == timezone.localdate()
    assert sponsored.state == AgentState.ACTIVE
    assert sponsored.reads_until is not None
    assert read(instance).allowed
    written = write(instance, resource())
    assert (written.allowed, written.reason) == (False, "sponsor_gone")
    end = sponsored.reads_until
    monkeypatch.setattr(timezone, "now", lambda: end)
    assert read(instance).reason == "sponsor_gone"
    assert reviews.sweep() == 1
    sponsored.refresh_from_db()
    assert (sponsored.state, sponsored.freeze_reason) == (AgentState.FROZEN, FreezeReason.SPONSOR)


def test_without_grace_it_is_frozen_at_once(sponsored: Agent, oscar: Person) -> None:
    RiskClass.objects.update(owner_grace_minutes=0)
    people.deactivate(actor=SYSTEM, person=oscar)
    sponsored.refresh_from_db()
    assert (sponsored.state, sponsored.freeze_reason) == (AgentState.FROZEN, FreezeReason.SPONSOR)
    assert read(start_instance(sponsored)).reason == "agent_not_active"


def test_its_owner_finds_another_sponsor_and_attests(
    sponsored: Agent, olivia: Person, oscar: Person, aude: Person
) -> None:
    RiskClass.objects.update(owner_grace_minutes=0)
    people.deactivate(actor=SYSTEM, person=oscar)
    with pytest.raises(Conflict, match="sponsor"):
        lifecycle.attest(actor=olivia, agent=sponsored, statement="It is true.")
    Agent.objects.filter(pk=sponsored.pk).update(sponsor=aude)
    agent = lifecycle.attest(actor=olivia, agent=sponsored, statement="Aude wants it now.")
    assert (agent.state, agent.reads_until) == (AgentState.ACTIVE, None)
    assert read(start_instance(agent)).allowed


def test_the_page_leads_the_owner_from_a_lost_sponsor_to_another_one(
    sponsored: Agent, olivia: Person, oscar: Person, aude: Person, client: Client
) -> None:
    RiskClass.objects.update(owner_grace_minutes=0)
    people.deactivate(actor=SYSTEM, person=oscar)
    client.force_login(olivia)
    where = reverse("admin:agents_agent_change", args=[sponsored.pk])
    assert "Name another sponsor by editing the entry" in client.get(where).content.decode()
    edit = reverse("admin:agents_agent_edit", args=[sponsored.pk])
    assert edit in client.get(where).content.decode()
    form = client.get(edit).context["form"]
    typed = {name: form[name].value() for name in form.fields}
    typed["sponsor"] = str(aude.pk)
    answered = client.post(edit, {name: value for name, value in typed.items() if value is not None})
    assert answered.status_code == 302, answered.context["form"].errors
    lifecycle.attest(actor=olivia, agent=sponsored, statement="Aude wants it now.")
    sponsored.refresh_from_db()
    assert (sponsored.sponsor, sponsored.state) == (aude, AgentState.ACTIVE)
    assert "Name another sponsor" not in client.get(where).content.decode()
    assert read(start_instance(sponsored)).allowed


def test_nothing_comes_before_the_board_without_its_sponsor(
    submitted: Approval, olivia: Person, oscar: Person
) -> None:
    Agent.objects.filter(pk=submitted.agent_id).update(sponsor=oscar)
    people.deactivate(actor=SYSTEM, person=oscar)
    submitted.refresh_from_db()
    assert submitted.state == "voided"
    with pytest.raises(Conflict, match="sponsor"):
        dossiers.submit(actor=olivia, version=submitted.agent.versions.get())


def test_a_new_owner_does_not_make_up_for_a_lost_sponsor(
    sponsored: Agent, ada: Person, olivia: Person, oscar: Person, aude: Person
) -> None:
    people.deactivate(actor=SYSTEM, person=oscar)
    people.deactivate(actor=SYSTEM, person=olivia)
    handover = handovers.offer(actor=ada, agent=sponsored, to=aude)
    agent = handovers.accept(actor=aude, handover=handover, authentication=proof(aude))
    assert agent.reads_until is not None
    assert write(start_instance(agent), resource()).reason == "sponsor_gone"


# --- The end ------------------------------------------------------------------------------------------------
def test_what_is_retired_leaves_nothing_behind(
    active_analyst: Agent, olivia: Person, oscar: Person, members: list[Person]
) -> None:
    elevate(olivia, active_analyst, resource(), members[:2])
    request(olivia, active_analyst, resource())
    instance = start_instance(active_analyst)
    handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    agent = lifecycle.retire(actor=olivia, agent=active_analyst, reason="The project has ended.")
    assert agent.state == AgentState.RETIRED
    (told,) = events("agent.retired")
    assert told.details["left"] == {
        "grants": 0, "elevations": 0, "requests": 0, "instances": 0, "handovers": 0, "secret_leases": 0,
        "roles": 0,
    }  # fmt: skip
    assert told.details["reason"] == "The project has ended."
    assert not AgentInstance.objects.filter(ended_at__isnull=True).exists()
    assert not Elevation.objects.exclude(state=ElevationState.ENDED).exists()
    assert not Handover.objects.filter(state="offered").exists()
    assert read(instance).reason == "agent_not_active"


def test_what_is_retired_does_not_come_back(
    active_analyst: Agent, ada: Person, olivia: Person, oscar: Person
) -> None:
    lifecycle.retire(actor=ada, agent=active_analyst, reason="It is over.")
    version = version_of(active_analyst)
    agent = Agent.objects.get(pk=active_analyst.pk)
    attempts: list[Any] = [
        lambda: lifecycle.retire(actor=olivia, agent=agent, reason="Again."),
        lambda: lifecycle.attest(actor=olivia, agent=agent, statement="It is true."),
        lambda: lifecycle.freeze(actor=SYSTEM, agent=agent, reason=FreezeReason.REVIEW),
        lambda: handovers.offer(actor=olivia, agent=agent, to=oscar),
        lambda: dossiers.submit(actor=olivia, version=version),
        lambda: register.return_to_draft(actor=SYSTEM, agent=agent),
        lambda: register.activate(
            actor=SYSTEM,
            agent=agent,
            version=version,
            approved_digest="a" * 64,
            review_date=timezone.localdate(),
        ),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict):
            attempt()
    people.deactivate(actor=SYSTEM, person=olivia)
    agent.refresh_from_db()
    assert agent.state == AgentState.RETIRED


def test_only_owner_and_administrators_retire(active_analyst: Agent, daniel: Person, aude: Person) -> None:
    for person in (daniel, aude):
        with pytest.raises(Denied):
            lifecycle.retire(actor=person, agent=active_analyst, reason="I want to.")
    with pytest.raises(Invalid):
        lifecycle.retire(actor=active_analyst.owner, agent=active_analyst, reason=" ")


# --- The pages ----------------------------------------------------------------------------------------------
def test_the_page_warns_and_the_button_attests(
    client: Client, active_analyst: Agent, due: date, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.force_login(olivia)
    page = reverse("admin:agents_agent_change", args=[active_analyst.pk])
    assert "Without it the agent is suspended" not in client.get(page).content.decode()
    wait_until(due + timedelta(days=1), monkeypatch)
    shown = client.get(page).content.decode()
    assert f"The review was due on {due}." in shown
    assert "Overdue" in client.get(reverse("admin:agents_agent_changelist")).content.decode()
    assert "Review" in client.get(reverse("admin:waiting")).content.decode()
    pressed = {"_form_submitted": "on", "statement": "All of it."}
    attest = reverse("admin:agents_agent_attest", args=[active_analyst.pk])
    assert client.post(attest, pressed).status_code == 302
    assert "Without it the agent is suspended" not in client.get(page).content.decode()


def test_the_button_retires(client: Client, active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    retire = reverse("admin:agents_agent_retire", args=[active_analyst.pk])
    pressed = {"_form_submitted": "on", "reason": "It is over."}
    client.force_login(daniel)
    assert client.post(retire, pressed).status_code == 403
    client.force_login(olivia)
    assert client.post(retire, pressed).status_code == 302
    active_analyst.refresh_from_db()
    assert active_analyst.state == AgentState.RETIRED
    assert client.post(retire, pressed).status_code == 403
