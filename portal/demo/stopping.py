"""The agent is stopped by one person and let go on by two, in front of the auditor."""

from agents.choices import AgentState, RunState
from agents.models import Agent, Report
from agents.services import revocations, runs
from governance.choices import UnfreezeState
from governance.models import Containment
from governance.services import containments, unfreezing
from portal.demo.people import OWNER, SECURITY, played
from portal.demo.scene import Story


def play(story: Story, agent: Agent, report: Report) -> None:
    screen, people = story.screen, story.people
    screen.chapter("One person stops it, two let it go on")
    before = revocations.current()
    containment = containments.freeze_agent(
        actor=people[SECURITY], agent=agent, reason="Something looks odd: we look first."
    )
    agent.refresh_from_db()
    screen.require(agent.state == AgentState.FROZEN, f"The agent is {agent.state}, not frozen.")
    screen.step(f"{people[SECURITY]} freezes it: revocation {revocations.current()}, after {before}")
    refuse_work(story, report)
    let_go(story, containment, "It was the scanner.")
    agent.refresh_from_db()
    screen.require(agent.state == AgentState.ACTIVE, f"The agent is {agent.state}, not active.")
    screen.step(f"{people[OWNER]} asks for it to go on, {people['carla']} confirms: it is active again")


def let_go(story: Story, containment: Containment, reason: str) -> None:
    """One asks for it, unless somebody has already; another one confirms what comes back."""
    owner, member = story.owner, story.people["carla"]
    asked = containment.unfreezes.filter(state=UnfreezeState.REQUESTED).first()
    unfreeze = asked or unfreezing.request(
        actor=owner, containment=containment, reason=reason, authentication=played(owner)
    )
    unfreezing.confirm(actor=member, unfreeze=unfreeze, digest=unfreeze.digest, authentication=played(member))


def refuse_work(story: Story, report: Report) -> None:
    """Work that was queued before anybody knew is not begun."""
    run = runs.queue(actor=story.owner.actor, report=report)

    def ended() -> bool:
        run.refresh_from_db()
        return run.state in {RunState.COMPLETED, RunState.FAILED}

    story.wait_for("a worker takes up the next run", ended)
    story.screen.require(run.state == RunState.FAILED and not run.calls, "A frozen agent worked.")
    story.screen.refused(f"the next run: {run.get_reason_display().lower()}. {run.detail}")
