"""The story: an agent is registered, approved, works, is refused, elevated, ended, and proved.

Every step goes through the same services as the admin, and checks what it says.
"""

import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings

from agents.analyst import SLUG, provenance
from agents.choices import AgentState, CallOutcome, ProposalState, RunState, Severity
from agents.models import Agent, AgentVersion, Assessment, FunctionCall, Person, ProposedAction, Report, Run
from agents.services import register, reports, runs, vulnerabilities
from audits.choices import BundleKind, BundleState
from audits.errors import Denied, Invalid
from audits.models import Bundle
from audits.queue import enqueue
from audits.services import bundles
from audits.tasks import build_bundle
from governance.choices import ApprovalState, ChangeKind, ElevationState, ReleaseState, VoteChoice
from governance.models import Approval, Decision, Elevation, Release
from governance.services import approvals, changes, dossiers, elevations, releases, risk
from portal.demo import assessments as impact
from portal.demo import papers, readiness, stopping, surroundings
from portal.demo.auditor import damage, verify
from portal.demo.people import (
    ADMINISTRATOR,
    AUDITOR,
    DEMO,
    DEPUTY,
    OWNER,
    PEOPLE,
    SEATS,
    STEWARD,
    gather,
    played,
    sign_in_password,
)
from portal.demo.screen import Screen, StepFailed
from portal.registration import MONITORING_PLAN, RUNBOOK
from portal.worker import InProcessWorker

DEMO_FILES = Path(settings.BASE_DIR) / "demo"
PATIENCE_SECONDS = 120


@dataclass
class Story:
    """What the chapters hand on to each other."""

    screen: Screen
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def owner(self) -> Person:
        return self.people[OWNER]

    def wait_for(self, what: str, ready: Callable[[], bool], *, seconds: int = PATIENCE_SECONDS) -> None:
        """Wait until a worker has done it; the answer is in the database, not in the queue."""
        deadline = time.monotonic() + seconds
        with self.screen.waiting(what):
            while not ready():
                self.screen.require(time.monotonic() < deadline, f"{what}: not done in {seconds} s.")
                time.sleep(0.1)


def play() -> None:
    """Play every chapter.

    Raises:
        StepFailed: a step did not hold.
    """
    story = Story(Screen())
    story.people = gather()
    with InProcessWorker():
        agent, version = register_the_agent(story)
        the_board_decides(story, agent, version)
        report = ingest_a_report(story, agent)
        the_analyst_works(story, report)
        proposal = a_write_is_refused(story, report)
        the_owner_elevates(story, proposal)
        the_next_write_is_refused(story, agent, report, proposal)
        stopping.play(story.screen, story.people, agent, report, wait_for=story.wait_for)
        bundle = the_auditor_asks(story, agent)
    the_auditor_verifies(story, bundle)
    leave_something_to_do(story, agent)
    say_the_sign_ins(story)


def register_the_agent(story: Story) -> tuple[Agent, AgentVersion]:
    screen = story.screen
    screen.chapter("An owner registers an agent")
    agent = Agent.objects.filter(slug=SLUG).first()
    if agent is None:
        agent = register.register_agent(
            actor=story.owner,
            slug=SLUG,
            name="Vulnerability analyst",
            purpose="Works through scanner reports, looks every vulnerability up, and says what it means.",
            business_unit="Security operations",
            owner=story.owner,
            deputies=[story.people[DEPUTY]],
            sponsor=story.people[ADMINISTRATOR],
            problem_class="security-analysis",
            data_categories=["vulnerability reports"],
            jurisdictions=["DE"],
            frameworks=["GDPR"],
            runbook=RUNBOOK,
            monitoring_plan=MONITORING_PLAN,
        )
        screen.step(f"{agent.name} is registered; it answers to {agent.owner}")
    else:
        screen.step(f"{agent.name} is in the register already, {agent.get_state_display().lower()}")
    version = add_version(story, agent)
    screen.step(f"version {version.label}: {version.model_provider} / {version.model_name}")
    screen.note(f"prompt {version.prompt_digest[:16]}…  code {version.code_commit[:16]}…")
    screen.table(
        "may call",
        "access",
        "on",
        rows=[(t["name"], t["access"], t["resource"]) for t in version.tool_manifest],
    )
    papers.attach(story.owner, agent)
    screen.step("attached what its evidence needs: architecture, data flows, policy, tests")
    surroundings.describe(story.people[STEWARD], story.owner, agent)
    names = ", ".join(sorted(str(each.target) for each in agent.dependencies.filter(ended_at=None)))
    screen.step(f"what it depends on is in the register: {names}")
    assessment = risk.assess(actor=story.owner, agent=agent, answers=demo_answers())
    screen.step(
        f"risk class from the questionnaire: [bold]{assessment.risk_class}[/] (score {assessment.score})"
    )
    refuse_before_the_checklist(story, version)
    for signed in impact.sign(story.owner, story.people, agent):
        screen.step(f"{signed.get_kind_display()}: written by {agent.owner}, signed by {signed.signed_by}")
    readiness.make_ready(story.people, agent, version)
    screen.step("tested and signed: nothing of the deployment checklist is missing any more")
    return agent, version


def refuse_before_the_checklist(story: Story, version: AgentVersion) -> None:
    """A version that nobody has tested or signed for does not come before the board."""
    try:
        dossiers.submit(actor=story.owner, version=version)
    except Invalid as refusal:
        story.screen.refused(f"the board is not asked yet. {refusal.message}")
    else:
        raise StepFailed("The board was asked before the deployment checklist was met.")


def add_version(story: Story, agent: Agent) -> AgentVersion:
    """The build that runs here, under the next label."""
    return register.add_version(
        actor=story.owner,
        agent=agent,
        label=f"1.0.{agent.versions.count()}",
        provenance=provenance.current(),
    )


def demo_answers() -> dict[str, str]:
    """The middle answer to every question of the risk questionnaire."""
    return {question.id: question.options[1].id for question in risk.QUESTIONS}


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


def ingest_a_report(story: Story, agent: Agent) -> Report:
    screen = story.screen
    screen.chapter("A scanner's report comes in")
    loaded = vulnerabilities.load(actor=DEMO, files=[("nvd.json", (DEMO_FILES / "nvd.json").read_bytes())])
    screen.step(f"{loaded} NVD records are in the local mirror; the demo asks no network")
    path = DEMO_FILES / "report.json"
    report, new = reports.ingest(
        actor=story.owner.actor, file_name=path.name, content=path.read_bytes(), agent=agent
    )
    screen.step(
        f"{path.name}: {report.get_format_display()}, {report.findings.count()} findings in {report.target}"
        if new
        else f"{path.name} is known already (same bytes): nothing is doubled"
    )
    return report


def the_analyst_works(story: Story, report: Report) -> None:
    screen = story.screen
    screen.chapter("The analyst works through it")
    run = run_the_analyst(story, report)
    screen.step(f"planned by: {run.planner}")
    screen.step(
        f"{run.turns} model turns, {run.calls} function calls, ended: {run.get_reason_display().lower()}"
    )
    screen.note("one finding, step by step:")
    proposal = waiting_proposal(report)
    calls = run.function_calls.filter(finding=proposal.finding).select_related("credential")
    screen.table(
        "function",
        "decision",
        "credential lived",
        "outcome",
        rows=[
            (
                call.function,
                call.decision_reason,
                f"at most {(c.expires_at - c.issued_at).seconds} s"
                if (c := call.credential)
                else "none minted",
                call.outcome,
            )
            for call in calls
        ],
    )
    show_assessments(story, run)


def decision_of(call: FunctionCall) -> Decision:
    if call.decision_id is None:
        raise StepFailed(f"{call.function} was not decided.")
    return Decision.objects.get(pk=call.decision_id)


def waiting_proposal(report: Report) -> ProposedAction:
    """The write that the analyst wanted for the worst finding."""
    waiting = ProposedAction.objects.filter(finding__report=report, state=ProposalState.WAITING)
    if not waiting:
        raise StepFailed("The analyst did not ask for a ticket. A language model may forget to: try again.")
    return min(waiting.select_related("finding"), key=lambda one: Severity(one.finding.severity).rank)


def run_the_analyst(story: Story, report: Report) -> Run:
    run = runs.queue(actor=story.owner.actor, report=report)

    def ended() -> bool:
        run.refresh_from_db()
        return run.state in {RunState.COMPLETED, RunState.FAILED}

    # A run ends by itself: a language model may take its time until then.
    story.wait_for("a worker runs the analyst", ended, seconds=settings.RUN_MAX_SECONDS + PATIENCE_SECONDS)
    if run.state != RunState.COMPLETED:
        failed = run.assessments.exclude(detail="").values_list("detail", flat=True)
        raise StepFailed(
            f"The run ended: {run.get_reason_display()}. {run.detail} {failed.first() or ''}".rstrip()
            + "\nThe portal shows the run with this reason. Mend it and play the story again: it goes on."
        )
    return run


def show_assessments(story: Story, run: Run) -> None:
    assessments = Assessment.objects.filter(run=run).select_related("finding").order_by("at")
    story.screen.require(
        assessments.count() == run.report.findings.count(), "A finding was left without an assessment."
    )
    story.screen.table(
        "finding",
        "severity",
        "NVD",
        "compliance",
        "standards affected",
        rows=[
            (
                a.finding.vulnerability_id,
                a.severity,
                a.nvd_facts.get("cvss_score") or a.nvd_outcome or "no CVE",
                a.compliance_impact["compliance_status"],
                summary(a.compliance_impact["standards_affected"]),
            )
            for a in assessments
        ],
    )
    for assessment in assessments.exclude(nvd_reason="")[:2]:
        story.screen.note(f"{assessment.finding.vulnerability_id}: {assessment.nvd_reason}")


def summary(names: list[str]) -> str:
    return names[0] + (f" +{len(names) - 1}" if len(names) > 1 else "") if names else "none"


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


def the_auditor_asks(story: Story, agent: Agent) -> Bundle:
    screen = story.screen
    screen.chapter("An auditor asks for the evidence")
    bundle = bundles.request(
        actor=story.people[AUDITOR].actor, kind=BundleKind.AGENT, streams=[agent.stream], subject=agent.slug
    )
    enqueue(build_bundle, str(bundle.pk))

    def built() -> bool:
        bundle.refresh_from_db()
        return bundle.state in {BundleState.READY, BundleState.FAILED}

    story.wait_for("a worker builds the bundle", built)
    screen.require(bundle.state == BundleState.READY, f"The bundle {bundle.state}: {bundle.error}")
    size = f"{bundle.event_count} events, {bundle.size // 1024} KiB"
    screen.step(f"{bundle.file_name}: {size}, completeness: {bundle.completeness}")
    return bundle


def the_auditor_verifies(story: Story, bundle: Bundle) -> None:
    """In a process of its own that imports nothing of ours, with the key that the auditor already had."""
    screen = story.screen
    screen.chapter("…and verifies it, offline, trusting nobody here")
    path = bundle.path
    with tempfile.TemporaryDirectory() as scratch:
        verifier = Path(scratch) / "verify.py"
        with zipfile.ZipFile(path) as archive:
            verifier.write_bytes(archive.read("verify.py"))
        code, output = verify(verifier, path)
        screen.note(output.replace("\n", "\n     "))
        screen.require(code == 0, f"The bundle does not verify (exit code {code}).")
        screen.step("verified")
        damaged = Path(scratch) / "damaged.zip"
        damage(path, damaged)
        code, output = verify(verifier, damaged)
        screen.require(code == 1, f"A flipped byte was not found (exit code {code}).")
        screen.refused("the same bundle with one byte flipped")
        screen.note(output.strip().splitlines()[-1])


def leave_something_to_do(story: Story, agent: Agent) -> None:
    """A newcomer who signs in finds a decision to take and an elevation to ask for."""
    screen = story.screen
    screen.chapter("Left for you to try")
    version = add_version(story, agent)
    say_what_changes(story, version)
    readiness.make_ready(story.people, agent, version)
    dossiers.submit(actor=story.owner, version=version)
    screen.step(f"version {version.label} waits for the board: sign in as sasha and vote")
    waiting = ProposedAction.objects.filter(agent=agent, state=ProposalState.WAITING).count()
    screen.step(f"{waiting} proposed actions wait for write elevation: sign in as olivia and ask for one")


def say_the_sign_ins(story: Story) -> None:
    screen = story.screen
    screen.chapter("Every step held")
    screen.table(
        "sign in as",
        "who",
        rows=[(name, f"{first} {last}, {role}") for name, (first, last, role, _) in PEOPLE.items()],
    )
    screen.step(f"password of all of them: [bold]{sign_in_password()}[/]")
