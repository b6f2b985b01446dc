"""A write: refused, opened by people for exactly that, done once, and refused again."""

from agents.choices import CallOutcome, ProposalState
from agents.models import Agent, ProposedAction, Report
from governance.choices import ElevationState
from governance.models import Approval, Elevation
from governance.services import elevations
from portal.demo.scene import Story
from portal.demo.screen import StepFailed
from portal.demo.voting import refuse_own_vote, vote_until_resolved
from portal.demo.working import decision_of, run_the_analyst, waiting_proposal


def a_write_is_refused(story: Story, report: Report) -> ProposedAction:
    screen = story.screen
    screen.chapter("It wants to open a ticket: a write")
    proposal = waiting_proposal(report)
    decision = decision_of(proposal.call)
    screen.require(not decision.allowed and decision.requestable, "The write was not a requestable denial.")
    screen.refused(f"{proposal.function} on {proposal.resource}: {decision.message}")
    screen.note("the denial is requestable: its owner may ask for exactly this")
    return proposal


def the_owner_elevates(story: Story, proposal: ProposedAction) -> None:
    screen = story.screen
    screen.chapter("Ten minutes of write elevation, for exactly that")
    elevation = elevations.request(
        actor=story.owner,
        agent=proposal.agent,
        action=proposal.function,
        resource=proposal.resource,
        intent="Open the ticket for the worst finding of this report.",
        minutes=10,
        uses=1,
        proposal=proposal,
    )
    approval = Approval.objects.get(subject_id=elevation.pk)
    screen.step(f"{story.owner} asks for {elevation}, {elevation.uses} use")
    refuse_own_vote(story, approval)
    vote_until_resolved(story, approval)

    def done() -> bool:
        proposal.refresh_from_db()
        return proposal.state not in {ProposalState.WAITING, ProposalState.QUEUED}

    story.wait_for("a worker performs the approved action", done)
    screen.require(
        proposal.state == ProposalState.EXECUTED, f"The write was {proposal.state}: {proposal.detail}"
    )
    ticket = proposal.finding.tickets.latest("pk")
    screen.step(f"{ticket} is {ticket.state}: {ticket.title}")
    elevation.refresh_from_db()
    screen.require(elevation.state == ElevationState.ENDED, f"The elevation is still {elevation.state}.")
    screen.step(f"the elevation has ended: {elevation.get_end_reason_display().lower()}")


def the_next_write_is_refused(story: Story, agent: Agent, report: Report, proposal: ProposedAction) -> None:
    screen = story.screen
    screen.chapter("The same write again")
    run = run_the_analyst(story, report)
    call = run.function_calls.filter(finding=proposal.finding, function=proposal.function).last()
    if call is None:
        raise StepFailed("The analyst did not ask for the ticket again. A language model may: try again.")
    screen.require(call.outcome == CallOutcome.DENIED, f"The same write again was {call.outcome}.")
    live = Elevation.objects.filter(agent=agent, state=ElevationState.ACTIVE).count()
    screen.require(live == 0, "An elevation is still live.")
    screen.refused(decision_of(call).message)
