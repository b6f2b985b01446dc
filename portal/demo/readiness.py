"""What the deployment checklist asks for before the demo's board is asked (S1-27), by real services."""

from collections.abc import Mapping

from django.utils import timezone

from agents.choices import VersionTestKind, VersionTestOutcome
from agents.models import Agent, AgentVersion, Person
from agents.services import version_tests
from agents.suite_results import SuiteResult
from governance import gate_facts
from governance.choices import Gate
from governance.gates import signing
from governance.models import GateSignature
from governance.services import gates
from portal.demo import checks
from portal.demo.people import OWNER, SECURITY, played

CONTACTS = (
    "Feedback and incidents reach Olivia Marsh, and Daniel Hoang while she is away, over the tracker. We "
    "review the entry when it is due."
)


def make_ready(people: dict[str, Person], agent: Agent, version: AgentVersion) -> None:
    """Test the version, and sign what only a person can judge."""
    for kind, suite in checks.SUITES.items():
        run_checks(people[OWNER], version, kind, suite)
    sign(people[SECURITY], agent, version, Gate.MONITORING, "I have read the plan. It is enough for it.")
    sign(people[OWNER], agent, version, Gate.POST_DEPLOYMENT, CONTACTS)


def run_checks(
    owner: Person, version: AgentVersion, kind: VersionTestKind, suite: Mapping[str, checks.Check]
) -> None:
    """Run the demo's own checks, and record what came of them."""
    started = timezone.now()
    passed, failed = checks.run(suite, version)
    version_tests.record(
        actor=owner.actor,
        version=version,
        result=SuiteResult(
            kind=kind.value,
            suite=f"demo/{kind.value}",
            outcome=(VersionTestOutcome.FAILED if failed else VersionTestOutcome.PASSED).value,
            passed=passed,
            failed=failed,
            skipped=0,
            started_at=started,
            ended_at=timezone.now(),
            tool="countersign-demo",
            run_id=f"demo-{version.label}",
        ),
    )


def sign(person: Person, agent: Agent, version: AgentVersion, gate: Gate, statement: str) -> GateSignature:
    facts = gate_facts.gather(agent, version)
    return gates.sign(
        actor=person,
        version=version,
        gate=gate,
        statement=statement,
        digest=signing.digest(gate, facts),
        authentication=played(person),
    )
