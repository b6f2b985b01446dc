"""The agent is stopped by one person and let go on by two, in front of the auditor."""

from collections.abc import Callable

from agents.choices import AgentState, RunState
from agents.models import Agent, Person, Report
from agents.services import revocations, runs
from governance.services import containments, unfreezing
from portal.demo.people import OWNER, SECURITY, played
from portal.demo.screen import Screen


def play(
    screen: Screen,
    people: dict[str, Person],
    agent: Agent,
    report: Report,
    *,
    wait_for: Callable[..., None],
) -> None:
    screen.chapter("One person stops it, two let it go on")
    before = revocations.current()
    containment = containments.freeze_agent(
        actor=people[SECURITY], agent=agent, reason="Something looks odd: we look first."
    )
    agent.refresh_from_db()
    screen.require(agent.state == AgentState.FROZEN, f"The agent is {agent.state}, not frozen.")
    screen.step(f"{people[SECURITY]} freezes it: revocation {revocations.current()}, after {before}")
    refuse_work(screen, people[OWNER], report, wait_for)
    unfreeze = unfreezing.request(
        actor=people[OWNER],
        containment=containment,
        reason="It was the scanner.",
        authentication=played(people[OWNER]),
    )
    unfreezing.confirm(
        actor=people["carla"],
        unfreeze=unfreeze,
        digest=unfreeze.digest,
        authentication=played(people["carla"]),
    )
    agent.refresh_from_db()
    screen.require(agent.state == AgentState.ACTIVE, f"The agent is {agent.state}, not active.")
    screen.step(f"{people[OWNER]} asks for it to go on, {people['carla']} confirms: it is active again")


def refuse_work(screen: Screen, owner: Person, report: Report, wait_for: Callable[..., None]) -> None:
    """Work that was queued before anybody knew is not begun."""
    run = runs.queue(actor=owner.actor, report=report)

    def ended() -> bool:
        run.refresh_from_db()
        return run.state in {RunState.COMPLETED, RunState.FAILED}

    wait_for("a worker takes up the next run", ended)
    screen.require(run.state == RunState.FAILED and not run.calls, "A frozen agent worked.")
    screen.refused(f"the next run: {run.get_reason_display().lower()}. {run.detail}")
