"""An agent that is ready for the board: everything that the deployment checklist asks for (S1-27).

Entry, tests, documents and signatures come about by the services that people use. Impact assessments are
written by hand, straight into their table: their own tests fill them in.
"""

from collections.abc import Iterable
from datetime import timedelta
from uuid import uuid4

from django.utils import timezone

from agents.choices import DocumentKind, VersionTestKind, VersionTestOutcome
from agents.models import Agent, AgentDocument, AgentVersion, Person, VersionTest
from agents.services import documents, register, version_tests
from agents.suite_results import SuiteResult
from audits.actor import Actor
from audits.choices import BundleKind, BundleState, Completeness
from audits.models import Bundle
from governance import gate_facts, gates, selectors
from governance.choices import AssessmentKind, AssessmentState, Exercise, Gate
from governance.gates import signing
from governance.gates.facts import Result
from governance.models import GateSignature, ImpactAssessment, RiskClass
from governance.services import gates as gates_service
from tests.signing_in import proof

RUNBOOK = """Isolate: freeze it in the register.
Roll back: activate the version before.
Quarantine: keep its host for the inquiry.
"""
PLAN = "Refused calls a day; more than ten is too much; the owner looks each morning."
ENTRY = {
    "problem_class": "security-analysis",
    "data_categories": ["vulnerability reports"],
    "jurisdictions": ["DE"],
    "runbook": RUNBOOK,
    "monitoring_plan": PLAN,
}
PAPERS = (DocumentKind.ARCHITECTURE, DocumentKind.DATA_FLOW, DocumentKind.POLICY)


def demand_gates(names: Iterable[str] = Gate.values) -> None:
    """Every risk class demands these gates before the board is asked, as in a real installation."""
    RiskClass.objects.update(gates=list(names))


def result_of(gate: Gate, agent: Agent, version: AgentVersion) -> Result:
    """How one gate stands now."""
    agent.refresh_from_db()
    return next(one for one in gates.evaluate(gate_facts.gather(agent, version)) if one.gate == gate)


def unmet(agent: Agent, version: AgentVersion) -> set[Gate]:
    """The gates at which something is missing before the board is asked."""
    agent.refresh_from_db()
    return {one.gate for one in gates.evaluate(gate_facts.gather(agent, version)) if not one.ready}


def passing(kind: str, **changed: object) -> SuiteResult:
    """A run that passed a minute ago."""
    now = timezone.now()
    values: dict[str, object] = {
        "kind": kind,
        "suite": f"{kind}/all",
        "outcome": VersionTestOutcome.PASSED.value,
        "passed": 12,
        "failed": 0,
        "skipped": 1,
        "started_at": now - timedelta(minutes=2),
        "ended_at": now - timedelta(minutes=1),
        "tool": "pytest",
        "tool_version": "8.4",
        "run_id": f"run-{uuid4()}",
        "run_url": "https://ci.example.org/runs/7",
        "report_sha256": "ab" * 32,
    }
    return SuiteResult(**(values | changed))  # type: ignore[arg-type]


def record(actor: Actor, version: AgentVersion, kind: str, **changed: object) -> VersionTest:
    return version_tests.record(actor=actor, version=version, result=passing(kind, **changed))[0]


def failing(kind: str, **changed: object) -> SuiteResult:
    return passing(kind, outcome="failed", failed=1, **changed)


def assess(agent: Agent, kind: str, *, writer: Person, signer: Person, days_ago: int = 0) -> ImpactAssessment:
    """A signed assessment of that kind, so old."""
    return ImpactAssessment.objects.create(
        agent=agent,
        kind=kind,
        serial=ImpactAssessment.objects.filter(agent=agent, kind=kind).count() + 1,
        template_version=1,
        state=AssessmentState.SIGNED,
        writers=[str(writer.pk)],
        written_by=writer,
        signed_by=signer,
        signed_as="security",
        signed_at=timezone.now() - timedelta(days=days_ago),
        content="{}",
        sha256=uuid4().hex * 2,
    )


def attach(actor: Person, agent: Agent, kind: DocumentKind) -> AgentDocument:
    return documents.attach(
        actor=actor, agent=agent, kind=kind, title=kind.label, file_name="paper.txt", content=kind.encode()
    )


def sign(
    person: Person, agent: Agent, version: AgentVersion, gate: Gate, document: AgentDocument | None = None
) -> GateSignature:
    """What is there now."""
    agent.refresh_from_db()
    return gates_service.sign(
        actor=person,
        version=version,
        gate=gate,
        statement="I have read it, and I stand for it.",
        digest=signing.digest(gate, gate_facts.gather(agent, version)),
        authentication=proof(person),
        document=document,
    )


def build_bundle(agent: Agent) -> Bundle:
    """The row of an evidence bundle that is complete; the file is nobody's business here."""
    now = timezone.now()
    return Bundle.objects.create(
        kind=BundleKind.AGENT,
        streams=[agent.stream],
        subject=agent.name,
        requested_by="system/test-setup",
        requested_by_name="test-setup",
        requested_at=now,
        built_at=now,
        state=BundleState.READY,
        completeness=Completeness.STREAM,
        file_name=f"{uuid4()}.zip",
        sha256="cd" * 32,
    )


def make_ready(agent: Agent, version: AgentVersion, *, owner: Person, member: Person) -> None:
    """Everything that the risk class of the agent asks for before the board; the risk is assessed already.

    `member` holds a seat on the board and signs what the owner's side cannot.
    """
    risk_class = selectors.risk_class_of(agent)
    assert risk_class is not None
    register.amend(
        actor=owner,
        agent=agent,
        changes={name: value for name, value in ENTRY.items() if getattr(agent, name) != value},
    )
    for kind in {*risk_class.assessments, AssessmentKind.PRIVACY.value}:
        assess(agent, kind, writer=owner, signer=member)
    exercised = [VersionTestKind.RED_TEAM.value] if risk_class.exercise != Exercise.NONE else []
    for kind in (*risk_class.tests, *exercised):
        record(owner.actor, version, kind)
    papers = [attach(owner, agent, kind) for kind in PAPERS]
    sign(member, agent, version, Gate.MONITORING)
    sign(owner, agent, version, Gate.POST_DEPLOYMENT)
    if risk_class.level in signing.RULES[Gate.RUNBOOKS].levels:
        sign(owner, agent, version, Gate.RUNBOOKS, papers[0])
