"""The built-in services: they accept nothing without a credential for exactly this."""

from functools import partial

import pytest

from agents.choices import Access, Severity, TicketState
from agents.decision_point import Question
from agents.errors import CredentialError
from agents.models import AgentInstance, Finding, Report, Ticket
from agents.services import assessments, credentials, revocations, tickets
from audits.actor import Actor
from audits.choices import Action
from audits.models import Event
from audits.models.base import new_id
from tests.agents.conftest import LOG4SHELL, make_finding, make_report
from tests.agents.test_credentials import answer
from tests.governance.story import race

pytestmark = pytest.mark.django_db


def token_for(instance: AgentInstance, action: str, resource: str, service: str) -> str:
    question = Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=action,
        resource=resource,
        access=Access.WRITE,
        task_id=new_id(),
        intent="Test.",
    )
    audience = f"http://127.0.0.1:8000/services/{service}"
    return credentials.mint(
        answer=answer(epoch=revocations.current()), question=question, instance=instance, audience=audience
    )[0]


def ticket_token(instance: AgentInstance, finding: Finding) -> str:
    return token_for(instance, "open_ticket", f"finding/{finding.pk}", "tickets")


def open_ticket(instance: AgentInstance, finding: Finding, token: str = "") -> dict[str, object]:
    return tickets.open_or_note(
        actor=instance.actor,
        token=token or ticket_token(instance, finding),
        finding=finding,
        title="Update Log4j",
        body="To 2.17.1.",
        severity=Severity.CRITICAL,
    )


def test_a_ticket_is_opened_and_recorded(instance: AgentInstance, finding: Finding) -> None:
    assert open_ticket(instance, finding) == {"ticket": "SEC-1", "created": True}
    ticket = Ticket.objects.get()
    assert (ticket.finding, ticket.severity, ticket.state) == (finding, "critical", TicketState.OPEN)
    event = Event.objects.get(action=Action.TICKET_OPENED)
    assert (event.object, event.stream) == ("ticket/1", instance.agent.stream)


def test_the_same_finding_again_is_a_note(instance: AgentInstance, finding: Finding) -> None:
    open_ticket(instance, finding)
    assert open_ticket(instance, finding) == {"ticket": "SEC-1", "created": False}
    assert Ticket.objects.get().notes.get().text == "Update Log4j\n\nTo 2.17.1."
    assert Event.objects.filter(action=Action.TICKET_NOTED).count() == 1


def test_a_closed_ticket_is_left_alone(instance: AgentInstance, finding: Finding) -> None:
    open_ticket(instance, finding)
    Ticket.objects.update(state=TicketState.CLOSED)
    assert open_ticket(instance, finding) == {"ticket": "SEC-2", "created": True}


@pytest.mark.django_db(transaction=True)
def test_numbers_have_no_gaps_when_many_come_at_once(instance: AgentInstance, report: Report) -> None:
    findings = [make_finding(report, position) for position in range(8)]
    tokens = [ticket_token(instance, finding) for finding in findings]
    outcomes = race([partial(open_ticket, instance, *pair) for pair in zip(findings, tokens, strict=True)])
    assert all(isinstance(outcome, dict) and outcome["created"] for outcome in outcomes), outcomes
    assert sorted(Ticket.objects.values_list("number", flat=True)) == list(range(1, 9))


@pytest.mark.django_db(transaction=True)
def test_a_finding_gets_one_ticket_when_many_come_at_once(instance: AgentInstance, finding: Finding) -> None:
    tokens = [ticket_token(instance, finding) for _ in range(4)]
    outcomes = race([partial(open_ticket, instance, finding, token) for token in tokens])
    assert [outcome["created"] for outcome in outcomes].count(True) == 1
    assert Ticket.objects.get().notes.count() == 3


def test_without_a_token_nothing_is_opened(instance: AgentInstance, finding: Finding) -> None:
    with pytest.raises(CredentialError):
        open_ticket(instance, finding, "x")
    assert not Ticket.objects.exists()


def test_a_token_for_another_finding_opens_nothing(
    instance: AgentInstance, finding: Finding, report: Report
) -> None:
    token = ticket_token(instance, make_finding(report, 1))
    with pytest.raises(CredentialError):
        open_ticket(instance, finding, token)
    assert not Ticket.objects.exists()


def test_somebody_elses_token_opens_nothing(instance: AgentInstance, finding: Finding) -> None:
    thief = Actor(kind="agent", id="spiffe://countersign.local/agent/thief/i/1", name="thief")
    with pytest.raises(CredentialError, match="another instance"):
        tickets.open_or_note(
            actor=thief,
            token=ticket_token(instance, finding),
            finding=finding,
            title="A",
            body="B",
            severity=Severity.LOW,
        )
    assert not Ticket.objects.exists()


def assess(
    instance: AgentInstance, finding: Finding, severity: Severity | None = None, actor: Actor | None = None
) -> dict[str, object]:
    return assessments.assess(
        actor=actor or instance.actor,
        token=token_for(instance, "assess_vulnerability", "endpoint/assessments", "assessments"),
        finding=finding,
        vulnerability_id=LOG4SHELL,
        severity=severity,
    )


def test_the_organisations_view(instance: AgentInstance, finding: Finding) -> None:
    make_finding(make_report("b", finding.report.target))
    make_finding(make_report("c", "another"))
    make_finding(make_report("d", "another"), vulnerability_ids=["CVE-2020-0001"])
    assert assess(instance, finding, Severity.HIGH) == {
        "vulnerability_id": LOG4SHELL,
        "severity": Severity.HIGH,
        "deadline_days": 30,
        "deadline_source": "built-in defaults",
        "other_reports": 2,
        "other_targets": 1,
        "fix_known": True,
        "fixed_version": "2.17.1",
    }


def test_without_a_severity_the_scanners_counts(instance: AgentInstance, finding: Finding) -> None:
    assert assess(instance, finding)["deadline_days"] == 14


def test_every_severity_has_a_deadline() -> None:
    days = [assessments.REMEDIATION_DAYS[severity] for severity in Severity]
    assert days == sorted(days)


def test_somebody_elses_token_asks_nothing(instance: AgentInstance, finding: Finding) -> None:
    with pytest.raises(CredentialError, match="another instance"):
        assess(instance, finding, actor=Actor(kind="agent", id="thief", name="thief"))
