"""The story: an agent is registered, approved, works, is refused, elevated, ended, and proved.

Every step goes through the same services as the admin, and checks what it says. A chapter, or a few that
belong together, is a module beside this one.
"""

from agents.choices import ProposalState
from agents.models import Agent, ProposedAction
from governance.services import dossiers
from portal.demo import (
    delegating,
    evidence,
    feed,
    guardrail,
    leaving,
    order_desk,
    readiness,
    registering,
    roles,
    secret,
    stopping,
    voting,
    working,
    writing,
)
from portal.demo.people import PEOPLE, gather, sign_in_password
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
    leave_something_to_do(story, agent)
    say_the_sign_ins(story)


def another_agent_elsewhere(story: Story) -> None:
    """What governs an agent while it works, told of one that does not run in the portal."""
    desk = order_desk.open_it(story)
    roles.play(story, desk)
    guardrail.play(story, desk)
    token = delegating.play(story, desk)
    secret.play(story, desk)
    leaving.play(story, desk)
    feed.play(story, desk, token)


def leave_something_to_do(story: Story, agent: Agent) -> None:
    """A newcomer who signs in finds a decision to take and an elevation to ask for."""
    screen = story.screen
    screen.chapter("Left for you to try")
    version = registering.add_version(story, agent)
    voting.say_what_changes(story, version)
    readiness.make_ready(story.people, agent, version)
    dossiers.submit(actor=story.owner, version=version)
    screen.step(f"version {version.label} waits for the board: sign in as sasha and vote")
    waiting = ProposedAction.objects.filter(agent=agent, state=ProposalState.WAITING).count()
    screen.step(f"{waiting} proposed actions wait for write elevation: sign in as olivia and ask for one")
    screen.step("the order desk is frozen: ask for it to go on as olivia, and confirm it as carla")


def say_the_sign_ins(story: Story) -> None:
    screen = story.screen
    screen.chapter("Every step held")
    screen.table(
        "sign in as",
        "who",
        rows=[(name, f"{first} {last}, {role}") for name, (first, last, role, _) in PEOPLE.items()],
    )
    screen.step(f"password of all of them: [bold]{sign_in_password()}[/]")
