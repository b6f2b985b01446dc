"""The board decides on a digest, and nobody on their own."""

from agents.choices import AgentState
from agents.models import Agent, AgentVersion
from audits.errors import Denied
from governance.choices import ApprovalState, ChangeKind, ReleaseState, VoteChoice
from governance.models import Approval, Release
from governance.services import approvals, changes, dossiers, releases
from portal.demo.people import SEATS, played
from portal.demo.scene import Story
from portal.demo.screen import StepFailed


def the_board_decides(story: Story, agent: Agent, version: AgentVersion) -> None:
    screen = story.screen
    screen.chapter("The board decides, on a digest")
    if agent.active_version_id:
        say_what_changes(story, version)
    approval = dossiers.submit(actor=story.owner, version=version)
    screen.step(f"the dossier is frozen: SHA-256 {approval.digest}")
    refuse_own_vote(story, approval)
    vote_until_resolved(story, approval)
    release_step_by_step(story, agent)
    agent.refresh_from_db()
    screen.require(agent.state == AgentState.ACTIVE, f"The agent is {agent.state}, not active.")
    screen.require(agent.approved_digest == approval.digest, "What is active is not what was approved.")
    writes = agent.grants.filter(access="write", ends_at__isnull=True).count()
    screen.require(writes == 0, "The agent has a standing write grant.")
    reads = agent.grants.filter(access="read", ends_at__isnull=True)
    screen.step(f"{agent.name} is active and read-only: {', '.join(grant.action for grant in reads)}")


def say_what_changes(story: Story, version: AgentVersion) -> None:
    """The same build under another label: nothing to fear, and said so."""
    changes.describe(
        actor=story.owner,
        version=version,
        kinds=[ChangeKind.BEHAVIOUR],
        summary="The build that runs here, under a new label. Nothing else changes.",
        impact="Nobody notices.",
        monitoring_plan="Failed runs and denied calls, looked at by the owner at each step of the release.",
        rollback_plan="Roll the release back: the version before does all the work again, at once.",
    )


def release_step_by_step(story: Story, agent: Agent) -> None:
    """A version that follows an active one gets the tasks share by share."""
    for release in Release.objects.filter(agent=agent, state=ReleaseState.UNDER_WAY):
        story.screen.step(f"released for {release.percent} of 100 tasks")
        current = release
        while current.state == ReleaseState.UNDER_WAY:
            current = releases.promote(actor=story.owner, release=current)
            story.screen.step(f"promoted: {current.percent} of 100 tasks")


def refuse_own_vote(story: Story, approval: Approval) -> None:
    try:
        approvals.vote(
            actor=story.owner,
            approval=approval,
            choice=VoteChoice.APPROVE,
            digest=approval.digest,
            revision=approval.revision,
            authentication=played(story.owner),
        )
    except Denied as denial:
        story.screen.refused(f"{story.owner}'s own vote. {denial.message}")
    else:
        raise StepFailed("The owner's own vote was counted.")


def vote_until_resolved(story: Story, approval: Approval) -> None:
    """Board members vote in their seats until the rule is met."""
    for username, discipline in SEATS.items():
        member = story.people[username]
        approvals.vote(
            actor=member,
            approval=approval,
            choice=VoteChoice.APPROVE,
            digest=approval.digest,
            revision=approval.revision,
            authentication=played(member),
            comment="Read and compared.",
        )
        story.screen.step(f"{member} approves for {discipline.label.lower()}")
        approval.refresh_from_db()
        if approval.state != ApprovalState.PENDING:
            break
    story.screen.require(approval.state == ApprovalState.APPROVED, f"The approval is {approval.state}.")
