"""Proposed actions: carried out once, and only as far as a fresh decision lets them."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import tasks
from agents.analyst import prompt
from agents.analyst import run as analyst
from agents.choices import AgentState, CallOutcome, ProposalState
from agents.models import Agent, AgentInstance, Finding, FunctionCall, Person, ProposedAction, Run, Ticket
from agents.services import proposals, runs
from audits.choices import Action
from audits.errors import Conflict
from audits.models import Event
from governance.choices import ElevationEnd, VoteChoice
from governance.models import Approval, Elevation
from governance.services import approvals, elevations
from tests.agents.conftest import SYSTEM, ScriptedDecisions
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


@pytest.fixture
def proposal(run: Run, finding: Finding) -> ProposedAction:
    analyst.perform(run_id=run.pk)
    return run.proposals.get()


def performed(proposal: ProposedAction) -> ProposedAction:
    proposals.queue(actor=SYSTEM, proposal=proposal)
    tasks.perform_proposal(str(proposal.pk))
    proposal.refresh_from_db()
    return proposal


def elevated(proposal: ProposedAction, owner: Person, members: list[Person]) -> Elevation:
    elevation = elevations.request(
        actor=owner,
        agent=proposal.agent,
        action=proposal.function,
        resource=proposal.resource,
        intent="Open the ticket.",
        minutes=10,
        uses=1,
        proposal=proposal,
    )
    approval = Approval.objects.get(subject_id=elevation.pk)
    for member in members:
        approval.refresh_from_db()
        if approval.state == "pending":
            approvals.vote(
                actor=member,
                authentication=proof(member),
                approval=approval,
                choice=VoteChoice.APPROVE,
                digest=approval.digest,
                revision=approval.revision,
            )
    elevation.refresh_from_db()
    return elevation


def test_under_elevation_the_ticket_is_opened_and_the_budget_used(
    proposal: ProposedAction, olivia: Person, members: list[Person]
) -> None:
    elevation = elevated(proposal, olivia, members)
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.QUEUED
    proposals.perform(proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.detail) == (ProposalState.EXECUTED, "")
    ticket = Ticket.objects.get()
    assert (ticket.finding, ticket.title) == (proposal.finding, proposal.arguments["title"])
    elevation.refresh_from_db()
    assert (elevation.used, elevation.end_reason) == (1, ElevationEnd.BUDGET)
    call = FunctionCall.objects.get(outcome=CallOutcome.EXECUTED, function="open_ticket")
    assert call.credential is not None
    assert call.credential.elevation_id == elevation.pk
    assert elevation.ends_at is not None
    assert call.credential.expires_at <= elevation.ends_at
    resolved = Event.objects.get(action=Action.ACTION_RESOLVED)
    assert (resolved.outcome, resolved.object) == ("success", f"proposal/{proposal.pk}")


def test_without_elevation_it_is_refused_with_the_decisions_words(proposal: ProposedAction) -> None:
    performed(proposal)
    assert proposal.state == ProposalState.REFUSED
    assert "write elevation" in proposal.detail
    assert not Ticket.objects.exists()
    assert Event.objects.get(action=Action.ACTION_RESOLVED).outcome == "denied"


def test_a_refused_one_may_be_queued_again(proposal: ProposedAction, decisions: ScriptedDecisions) -> None:
    decisions.allow = False
    assert performed(proposal).state == ProposalState.REFUSED
    decisions.allow = True
    assert performed(proposal).state == ProposalState.EXECUTED


def test_it_is_carried_out_once(proposal: ProposedAction, decisions: ScriptedDecisions) -> None:
    performed(proposal)
    tasks.perform_proposal(str(proposal.pk))
    ticket = Ticket.objects.get()
    assert ticket.notes.count() == 0
    with pytest.raises(Conflict):
        proposals.queue(actor=SYSTEM, proposal=proposal)


def test_a_queued_one_is_not_queued_twice(proposal: ProposedAction) -> None:
    proposals.queue(actor=SYSTEM, proposal=proposal)
    with pytest.raises(Conflict):
        proposals.queue(actor=SYSTEM, proposal=proposal)
    assert Event.objects.filter(action=Action.ACTION_QUEUED).count() == 1


def test_it_has_an_instance_of_its_own(proposal: ProposedAction, decisions: ScriptedDecisions) -> None:
    performed(proposal)
    first, second = AgentInstance.objects.order_by("started_at")
    assert decisions.asked[0].instance == second
    assert first.ended_at is not None
    assert second.ended_at is not None


def test_what_changed_since_is_not_carried_out(
    proposal: ProposedAction, decisions: ScriptedDecisions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prompt, "SYSTEM", "Another prompt.")
    performed(proposal)
    assert (proposal.state, decisions.asked) == (ProposalState.REFUSED, [])
    assert "prompt_digest" in proposal.detail


def test_a_frozen_agent_carries_nothing_out(proposal: ProposedAction, decisions: ScriptedDecisions) -> None:
    Agent.objects.update(state=AgentState.FROZEN)
    performed(proposal)
    assert (proposal.state, decisions.asked) == (ProposalState.REFUSED, [])


def test_arguments_that_were_edited_into_nonsense_are_refused(
    proposal: ProposedAction, decisions: ScriptedDecisions
) -> None:
    ProposedAction.objects.update(arguments={"title": "A", "rows": "*"})
    performed(proposal)
    assert (proposal.state, decisions.asked) == (ProposalState.REFUSED, [])


def test_an_error_of_ours_leaves_it_failed(proposal: ProposedAction, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr("agents.services.gateway.call", broken)
    proposals.queue(actor=SYSTEM, proposal=proposal)
    with pytest.raises(ZeroDivisionError):
        proposals.perform(proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert (proposal.state, proposal.detail) == (ProposalState.FAILED, proposals.WORKER_LOST)


def test_one_whose_worker_died_is_not_tried_again(
    proposal: ProposedAction, decisions: ScriptedDecisions
) -> None:
    proposals.queue(actor=SYSTEM, proposal=proposal)
    ProposedAction.objects.update(claimed_at=timezone.now() - timedelta(days=1))
    assert runs.sweep() == 1
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.FAILED
    tasks.perform_proposal(str(proposal.pk))
    assert decisions.asked == []


def test_one_that_nobody_took_is_asked_for_again(
    proposal: ProposedAction, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    proposals.queue(actor=SYSTEM, proposal=proposal)
    ProposedAction.objects.update(enqueued_at=timezone.now() - timedelta(minutes=5))
    messages: list[Any] = []
    monkeypatch.setattr("celery.current_app.send_task", lambda name, args: messages.append((name, args)))
    with django_capture_on_commit_callbacks(execute=True):
        assert proposals.sweep() == 1
        assert proposals.sweep() == 0
    assert ("agents.tasks.perform_proposal", (str(proposal.pk),)) in messages
