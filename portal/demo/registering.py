"""An owner registers the analyst, and does what its checklist asks for before the board is asked."""

from agents.analyst import SLUG, provenance
from agents.models import Agent, AgentVersion
from agents.services import register
from audits.errors import Invalid
from governance.services import dossiers, risk
from portal.demo import assessments as impact
from portal.demo import papers, readiness, surroundings
from portal.demo.people import ADMINISTRATOR, DEPUTY, STEWARD
from portal.demo.scene import Story
from portal.demo.screen import StepFailed
from portal.registration import MONITORING_PLAN, RUNBOOK


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
