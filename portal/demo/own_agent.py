"""An agent of one's own before the demo's people: what it takes to try the product with it in minutes.

They do, by the same services, what people do on the pages: answer the questionnaire, sign the checklist,
test, sign the gates that only a person can judge, submit and vote. In the demo's database alone.
"""

from agents.choices import AgentState, DocumentKind, VersionTestKind
from agents.models import Agent, AgentDocument, AgentVersion, Person
from agents.services import documents
from audits.errors import Invalid
from governance import impact_selectors
from governance.answers import Answers
from governance.assessment_templates import security_checklist
from governance.assessment_templates.template import NOT_APPLICABLE
from governance.choices import ApprovalState, AssessmentKind, Gate, VoteChoice
from governance.models import Approval
from governance.services import approvals, dossiers, risk
from portal.demo import assessments, checks, readiness
from portal.demo.people import OWNER, SEATS, SECURITY, gather, played

# The least that an agent with a write can answer: internal data, its own systems, one team, asked each time.
ANSWERS = {
    "data_sensitivity": "internal",
    "financial_authority": "none",
    "customer_effect": "none",
    "autonomy": "asks",
    "external_action": "writes_inside",
    "scale": "team",
}
PAPERS = (
    (DocumentKind.ARCHITECTURE, "How it is built", "architecture.txt"),
    (DocumentKind.DATA_FLOW, "Which data flow where", "data-flow.txt"),
    (DocumentKind.POLICY, "What it may do", "policy.txt"),
    (DocumentKind.TESTING, "How it was tested", "testing.txt"),
)


def approve(slug: str) -> Agent:
    """Bring the newest version of an agent before the demo's board, and let it approve.

    Raises:
        Invalid: there is no such agent, or it has no version.
        NotTheDemo: the database is somebody's own; nothing was written.
    """
    people = gather()
    agent, version = _found(slug)
    owner = people[OWNER]
    risk.assess(actor=owner, agent=agent, answers=ANSWERS)
    _attach(owner, agent, version)
    _sign_checklist(owner, people[SECURITY], agent)
    readiness.run_checks(owner, version, VersionTestKind.FUNCTIONAL, checks.OF_ANY_AGENT)
    readiness.sign(people[SECURITY], agent, version, Gate.MONITORING, "I have read the plan. It is enough.")
    readiness.sign(owner, agent, version, Gate.POST_DEPLOYMENT, "Feedback reaches the owner by the tracker.")
    approval = dossiers.submit(actor=owner, version=version)
    _vote(people, approval)
    agent.refresh_from_db()
    if agent.state != AgentState.ACTIVE:
        raise Invalid(f"{agent.name} is {agent.get_state_display().lower()}, not active: {approval.state}.")
    return agent


def _found(slug: str) -> tuple[Agent, AgentVersion]:
    agent = Agent.objects.select_related("owner").filter(slug=slug).first()
    version = agent.versions.order_by("-added_at").first() if agent else None
    if agent is None or version is None:
        raise Invalid(f"There is no agent {slug} with a version. Register it and add one first.")
    return agent, version


def _attach(owner: Person, agent: Agent, version: AgentVersion) -> None:
    functions = ", ".join(f"{item['name']} ({item['access']})" for item in version.tool_manifest)
    text = f"{agent.name}: {agent.purpose}\nIt was tried in the demo, with these functions: {functions}.\n"
    for kind, title, file_name in PAPERS:
        if not AgentDocument.objects.filter(agent=agent, kind=kind).exists():
            documents.attach(
                actor=owner, agent=agent, kind=kind, title=title, file_name=file_name, content=text.encode()
            )


def _sign_checklist(owner: Person, signer: Person, agent: Agent) -> None:
    """Every point answered with what is true of a demo: that it was not looked at."""
    kind = AssessmentKind.SECURITY_CHECKLIST
    if kind in impact_selectors.signed_assessments(agent):
        return
    answers: Answers = {
        section.id: {
            field.id: {"answer": NOT_APPLICABLE, "remark": "Tried in the demo."} for field in section.fields
        }
        for section in security_checklist.TEMPLATE.sections
    }
    assessments.write_and_sign(owner, agent, kind, answers, [], signer=signer)


def _vote(people: dict[str, Person], approval: Approval) -> None:
    for username in SEATS:
        approvals.vote(
            actor=people[username],
            approval=approval,
            choice=VoteChoice.APPROVE,
            digest=approval.digest,
            authentication=played(people[username]),
            comment="For a try in the demo.",
        )
        approval.refresh_from_db()
        if approval.state != ApprovalState.PENDING:
            return
