"""The same short story in every test of governance: people vote, an owner asks, an agent wants to act."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

from django.db import connection, connections, transaction
from django.db.models import QuerySet

from agents import decision_point, oversight
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
from agents.services import locks, register
from audits import canonical, triggers
from audits.choices import Action
from audits.models import Event
from audits.services import history
from governance.choices import VoteChoice
from governance.models import Approval, ChangeRequest, Elevation, Vote
from governance.services import approvals, changes, elevations
from tests.signing_in import proof

LOOKUP = ("get_vulnerability_info", "endpoint/nvd")
TICKET = "open_ticket"
PATIENCE = 60
PARTS = {"owner": "owner", "sponsor": "sponsor"}


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
    """A vote on what the approval shows, with a comment: some votes need one."""
    return approvals.vote(
        actor=person,
        approval=approval,
        choice=choice,
        digest=more.pop("digest", approval.digest),
        revision=more.pop("revision", approval.revision),
        authentication=more.pop("authentication", proof(person)),
        comment=more.pop("comment", "Read it."),
        **more,
    )


def edit(actor: Person, agent: Agent, **fields: Any) -> Agent:
    """The agent's own fields edited as the product edits them: marked, recorded, and told to governance."""
    with transaction.atomic():
        held = locks.agent(agent.pk)
        for name, value in fields.items():
            setattr(held, name, value)
        held.save(update_fields=list(fields))
        register.mark_edited(
            actor=actor.actor, agent=held, parts=[PARTS.get(name, f"agent.{name}") for name in fields]
        )
        history.record(
            changed=[held],
            stream=held.stream,
            action=Action.AGENT_STATE_CHANGED,
            actor=actor.actor,
            object=f"agent/{held.pk}",
        )
        oversight.edited(actor=actor.actor, agent=held)
    agent.refresh_from_db()
    return agent


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


def describe(actor: Person, version: AgentVersion) -> ChangeRequest:
    """What a version changes that follows an approved one."""
    return changes.describe(
        actor=actor,
        version=version,
        kinds=["behaviour"],
        summary="It answers in fewer words.",
        impact="Nobody but the readers of its answers.",
        monitoring_plan="Failed runs, looked at by the owner each morning.",
        rollback_plan="Roll back the release.",
    )


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


@contextmanager
def without_triggers() -> Iterator[None]:
    """What somebody can do who takes the database's triggers off for a moment."""
    connection.check_constraints()
    triggers.remove(connection)
    try:
        yield
        connection.check_constraints()
    finally:
        triggers.install(connection)


def tamper(rows: QuerySet[Any], **values: Any) -> None:
    """Change rows as somebody would who took the triggers off."""
    with without_triggers():
        rows.update(**values)


def storm(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same moment, each in a thread and on a connection of its own, on any database."""
    results: list[Any] = [None] * len(calls)
    together = Barrier(len(calls))

    def run(position: int) -> None:
        try:
            together.wait(timeout=PATIENCE)
            results[position] = calls[position]()
        except Exception as error:  # noqa: BLE001 - what was raised is the result
            results[position] = error
        finally:
            connections.close_all()

    threads = [Thread(target=run, args=(position,)) for position in range(len(calls))]
    with room_for(len(calls)):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return results


@contextmanager
def room_for(threads: int) -> Iterator[None]:
    """A pool of connections that is not what the threads wait for: they are to meet at the rows."""
    options = connection.settings_dict["OPTIONS"]
    before = options.get("pool")
    if not before:
        yield
        return
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]
    options["pool"] = before | {"max_size": threads + 1, "timeout": PATIENCE}
    try:
        yield
    finally:
        connection.close()
        connection.close_pool()  # type: ignore[attr-defined]
        options["pool"] = before


def race(calls: Sequence[Callable[[], Any]]) -> list[Any]:
    """Do all of it at the same moment; what each returned or raised. On SQLite they follow each other."""
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
