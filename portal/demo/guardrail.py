"""A policy on its way from draft to active: what it would change is seen before it changes anything."""

from agents.models import Person
from governance import cedar
from governance.choices import DecisionReason, PolicyChoice, PolicyState
from governance.models import PolicyVersion
from governance.services import policies, policy_trials, policy_votes
from portal.demo.order_desk import OrderDesk
from portal.demo.people import ADMINISTRATOR, played
from portal.demo.scene import Story
from portal.demo.working import DEMO_FILES

FOLDER = DEMO_FILES / "policies"
TITLE = "No bulk exports by agents"
EXPORT = ("export_orders", "export/2026")
APPROVERS = ("sasha", "carla")
OVER = (PolicyState.ACTIVE, PolicyState.SUPERSEDED, PolicyState.WITHDRAWN)


def play(story: Story, desk: OrderDesk) -> None:
    screen = story.screen
    screen.chapter("A guardrail, from draft to active")
    version = PolicyVersion.objects.filter(state=PolicyState.ACTIVE, sha256=_digest()).first()
    if version:
        screen.step(f"{version.label}, {TITLE.lower()}, is active already")
    else:
        version = _bring_in(story, desk)
    answer = desk.asks(*EXPORT)
    screen.require(answer.reason == DecisionReason.GUARDRAIL, f"The export was {answer.reason}.")
    screen.refused(f"{' on '.join(EXPORT)}, decided by {version.label}. {answer.message}")


def _bring_in(story: Story, desk: OrderDesk) -> PolicyVersion:
    screen, author = story.screen, story.people[ADMINISTRATOR]
    before = desk.asks(*EXPORT)
    screen.require(before.allowed, f"The export was refused before: {before.message}")
    screen.step(f"{' on '.join(EXPORT)} is allowed: the board approved it")
    version = _validated(author)
    screen.step(f"{author} drafts {version.label}; it fits its schema, and no byte changes any more")
    replay = policy_trials.replay(actor=author.actor, version=version)
    changes = [f"{row['action']} of {row['subject']} ({row['count']})" for row in replay.result]
    screen.require(replay.changed, "The replay found nothing that would change.")
    screen.step(f"what if: of {replay.replayed} recorded decisions it denies {', '.join(changes)}")
    policy_trials.start_shadow(actor=author.actor, version=version)
    screen.require(desk.asks(*EXPORT).allowed, "A policy in shadow changed an answer.")
    noticed = version.differences.count()
    screen.require(noticed, "The shadow did not notice what it would have denied.")
    screen.step(f"in shadow it changes no answer; {noticed} difference is kept")
    return _approved(story, policy_votes.propose(actor=author, version=version))


def _text() -> policies.Text:
    files = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.glob("*.cedar"))}
    schema = (FOLDER / "schema.cedarschema").read_text(encoding="utf-8")
    return policies.Text(files, schema, policies.NO_ENTITIES, TITLE)


def _digest() -> str:
    text = _text()
    return cedar.digests(text.policies, text.schema, text.entities)["sha256"]


def _validated(author: Person) -> PolicyVersion:
    """A version of its author's; what a story that was interrupted left on its way is withdrawn."""
    for left in PolicyVersion.objects.filter(author=author, title=TITLE).exclude(state__in=OVER):
        policies.withdraw(actor=author.actor, version=left, reason="The story was interrupted.")
    text = _text()
    draft = policies.draft(
        actor=author.actor, policies=text.policies, schema=text.schema, entities=text.entities, title=TITLE
    )
    return policies.validate(actor=author.actor, version=draft)


def _approved(story: Story, version: PolicyVersion) -> PolicyVersion:
    for username in APPROVERS:
        member = story.people[username]
        version = policy_votes.vote(
            actor=member,
            version=version,
            choice=PolicyChoice.APPROVE,
            digest=version.sha256,
            authentication=played(member),
            comment="Read, with the replay.",
        )
        story.screen.step(f"{member} approves it by its digest")
    story.screen.require(version.state == PolicyState.ACTIVE, f"{version.label} is {version.state}.")
    return version
