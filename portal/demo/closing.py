"""What the story leaves for whoever signs in: something to decide, something to ask for, pages to look at."""

from django.urls import reverse

from agents.choices import ProposalState
from agents.models import Agent, ProposedAction
from governance.services import dossiers
from portal.demo import readiness, registering, voting
from portal.demo.people import PEOPLE, sign_in_password
from portal.demo.scene import Story

PAGES = (
    ("Runs", "the analyst's work, step by step", "admin:agents_run_changelist"),
    ("Decisions", "what each was asked, and why it was answered so", "admin:governance_decision_changelist"),
    (
        "Policies",
        "the guardrail, and what it would have changed",
        "admin:governance_policyversion_changelist",
    ),
    (
        "Role assignments",
        "what the order desk may do of it all",
        "admin:governance_roleassignment_changelist",
    ),
    ("Resources", "how sensitive what roles speak of is", "admin:governance_resource_changelist"),
    ("Secrets", "a reference, its lease and its rotation", "admin:agents_secretreference_changelist"),
    ("Egress attempts", "where it went, and where it did not", "admin:agents_egressattempt_changelist"),
    ("Delegations", "for whom an agent acts, and since when not", "admin:agents_delegation_changelist"),
    ("Containment state", "who has said so, and who has not", "admin:containment_state"),
    ("Ledger", "all of it, sealed", "admin:audits_event_changelist"),
)


def play(story: Story, agent: Agent) -> None:
    leave_something_to_do(story, agent)
    say_the_sign_ins(story)


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
    say_where_to_look(story)


def say_where_to_look(story: Story) -> None:
    story.screen.note("worth a look, as ada or as aude, who may read everything:")
    story.screen.table(
        "page", "what is there", "address", rows=[(title, what, reverse(name)) for title, what, name in PAGES]
    )


def say_the_sign_ins(story: Story) -> None:
    screen = story.screen
    screen.chapter("Every step held")
    screen.table(
        "sign in as",
        "who",
        rows=[(name, f"{first} {last}, {role}") for name, (first, last, role, _) in PEOPLE.items()],
    )
    screen.step(f"password of all of them: [bold]{sign_in_password()}[/]")
