"""The story: an agent is registered, approved, works, is refused, elevated, ended, and proved.

Every step goes through the same services as the admin, and checks what it says. A chapter, or a few that
belong together, is a module beside this one.
"""

from portal.demo import (
    closing,
    delegating,
    evidence,
    feed,
    guardrail,
    leaving,
    order_desk,
    registering,
    roles,
    secret,
    stopping,
    voting,
    working,
    writing,
)
from portal.demo.people import gather
from portal.demo.scene import Story
from portal.demo.screen import Screen
from portal.worker import InProcessWorker


def play() -> None:
    """Play every chapter.

    Raises:
        StepFailed: a step did not hold.
    """
    story = Story(Screen())
    story.people = gather()
    with InProcessWorker():
        agent, version = registering.register_the_agent(story)
        voting.the_board_decides(story, agent, version)
        report = working.ingest_a_report(story, agent)
        working.the_analyst_works(story, report)
        proposal = writing.a_write_is_refused(story, report)
        writing.the_owner_elevates(story, proposal)
        writing.the_next_write_is_refused(story, agent, report, proposal)
        stopping.play(story, agent, report)
        another_agent_elsewhere(story)
        bundle = evidence.the_auditor_asks(story, agent)
    evidence.the_auditor_verifies(story, bundle)
    closing.play(story, agent)


def another_agent_elsewhere(story: Story) -> None:
    """What governs an agent while it works, told of one that does not run in the portal."""
    desk = order_desk.open_it(story)
    roles.play(story, desk)
    guardrail.play(story, desk)
    token = delegating.play(story, desk)
    secret.play(story, desk)
    leaving.play(story, desk)
    feed.play(story, desk, token)
