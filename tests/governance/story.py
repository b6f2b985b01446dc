"""The same short story in every test of governance: people vote, an owner asks, an agent wants to act."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

from django.db import connection, connections
from django.db.models import QuerySet

from agents import decision_point
from agents.choices import Access, CallOutcome, ReportFormat, Severity
from agents.decision_point import Answer, Question
from agents.models import (
    Agent,
    AgentInstance,
    AgentVersion,
    Finding,
    FunctionCall,
    Person,
    ProposedAction,
    Report,
    Run,
)
from audits import canonical, triggers
from audits.models import Event
from governance.choices import VoteChoice
from governance.models import Approval, Elevation, Vote
from governance.services import approvals, elevations
from tests.signing_in import proof

LOOKUP = ("get_vulnerability_info", "endpoint/nvd")
TICKET = "open_ticket"


def resource() -> str:
    """Something that the analyst could write to."""
    return f"finding/{uuid4()}"


def version_of(agent: Agent) -> AgentVersion:
    """What the agent runs."""
    assert agent.active_version is not None
    return agent.active_version


def start_instance(agent: Agent) -> AgentInstance:
    return AgentInstance.objects.create(
        agent=agent,
        version=version_of(agent),
        spiffe_id=f"spiffe://countersign.local/agent/{agent.slug}/i/{uuid4()}",
    )


def question(
    instance: AgentInstance,
    action: str = LOOKUP[0],
    on: str = LOOKUP[1],
    access: Access = Access.READ,
) -> Question:
    return Question(
        agent=instance.agent,
        instance=instance,
        version=instance.version,
        action=action,
        resource=on,
        access=access,
        task_id=uuid4(),
        intent="Find out what the vulnerability means.",
    )


def read(instance: AgentInstance) -> Answer:
    """The analyst looks a vulnerability up."""
    return decision_point.decide(question(instance))


def write(instance: AgentInstance, on: str, digest: str = "") -> Answer:
    """The analyst opens a ticket."""
    return decision_point.decide(replace(question(instance, TICKET, on, Access.WRITE), digest=digest))


def cast(person: Person, approval: Approval, choice: VoteChoice = VoteChoice.APPROVE, **more: Any) -> Vote:
    """A vote on what the approval shows."""
    return approvals.vote(
        actor=person,
        approval=approval,
        choice=choice,
        digest=more.pop("digest", approval.digest),
        authentication=more.pop("authentication", proof(person)),
        **more,
    )


def request(actor: Person, agent: Agent, on: str, **more: Any) -> Elevation:
    """An owner asks for ten minutes and one ticket."""
    values: dict[str, Any] = {
        "action": TICKET,
        "resource": on,
        "intent": "Track the fix of this vulnerability.",
        "minutes": 10,
        "uses": 1,
    }
    return elevations.request(actor=actor, agent=agent, **(values | more))


def approval_of(elevation: Elevation) -> Approval:
    return Approval.objects.select_related("agent").get(subject_id=elevation.pk)


def elevate(actor: Person, agent: Agent, on: str, approvers: Sequence[Person], **more: Any) -> Elevation:
    """Asked for and approved."""
    elevation = request(actor, agent, on, **more)
    for person in approvers:
        cast(person, approval_of(elevation))
    elevation.refresh_from_db()
    return elevation


def propose(agent: Agent) -> ProposedAction:
    """A ticket that the analyst wanted to open and may not."""
    report = Report.objects.create(
        format=ReportFormat.SUMMARY,
        target="registry.example.org/shop:1.0",
        file_name="report.json",
        sha256=uuid4().hex * 2,
        size=2,
        ingested_by="system/test-setup",
    )
    finding = Finding.objects.create(
        report=report,
        position=0,
        vulnerability_ids=["CVE-2021-44228"],
        title="Log4Shell",
        severity=Severity.CRITICAL,
        component_name="log4j-core",
    )
    run = Run.objects.create(agent=agent, report=report, requested_by="system/test-setup")
    arguments = {"title": "Update log4j-core", "body": "CVE-2021-44228", "severity": "critical"}
    on = f"finding/{finding.pk}"
    call = FunctionCall.objects.create(
        run=run, finding=finding, function=TICKET, arguments=arguments, outcome=CallOutcome.DENIED
    )
    return ProposedAction.objects.create(
        agent=agent,
        call=call,
        run=run,
        finding=finding,
        function=TICKET,
        resource=on,
        arguments=arguments,
        digest=canonical.digest({"function": TICKET, "resource": on, "arguments": arguments}),
    )


def events(action: str, outcome: str = "success") -> list[Event]:
    """The ledger's events of one kind, the oldest first."""
    return list(Event.objects.filter(action=action, outcome=outcome).order_by("pk"))


def tamper(rows: QuerySet[Any], **values: Any) -> None:
    """Change rows as somebody would who took the database's triggers off for a moment."""
    connection.check_constraints()
    triggers.remove(connection)
    rows.update(**values)
    connection.check_constraints()
    triggers.install(connection)


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same moment; what each returned or raised.

    SQLite has one writer at a time, and a test's database of it lives in one connection: there they
    follow each other.
    """
    results: list[Any] = [None] * len(calls)
    together = Barrier(len(calls))

    def run(position: int, *, wait: bool) -> None:
        if wait:
            together.wait()
        try:
            results[position] = calls[position]()
        except Exception as error:  # noqa: BLE001 - what was raised is the result
            results[position] = error

    def run_in_thread(position: int) -> None:
        try:
            run(position, wait=True)
        finally:
            connections.close_all()

    if connection.vendor != "postgresql":
        for position in range(len(calls)):
            run(position, wait=False)
        return results
    threads = [Thread(target=run_in_thread, args=(position,)) for position in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
