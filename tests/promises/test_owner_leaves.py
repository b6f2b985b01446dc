"""The owner is deactivated in the middle of things (promise 3): by whom, when and how makes no difference."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from agents import oversight
from agents.analyst import planner
from agents.analyst import run as analyst
from agents.choices import Access, AgentState, CredentialRefusal, RunReason
from agents.decision_point import Answer
from agents.errors import CredentialError
from agents.models import (
    Agent,
    AgentInstance,
    AgentVersion,
    Credential,
    Finding,
    FunctionCall,
    Person,
    Report,
)
from agents.services import credentials, handovers, people, revocations, runs
from audits.errors import Conflict, Denied
from audits.models import Event
from governance.choices import ApprovalState, ElevationEnd, ElevationState, RiskLevel
from governance.defaults import RISK_CLASSES
from governance.models import Approval, Elevation, RiskClass, Seat, Vote
from governance.services import approvals, dossiers, elevations, risk
from tests.agents.conftest import SYSTEM
from tests.conftest import ANSWERS
from tests.governance.story import (
    TICKET,
    approval_of,
    cast,
    elevate,
    events,
    question,
    race,
    read,
    request,
    resource,
    start_instance,
    write,
)
from tests.scim.directory import Directory
from tests.signing_in import proof

Leave = Callable[[Person], None]
HOUR = timedelta(minutes=60)


@pytest.fixture(params=["administrator", "directory", "command line"])
def leave(request: pytest.FixtureRequest, ada: Person) -> Leave:
    """Every way in which an account ends."""
    if request.param == "directory":
        directory = Directory()
        gone = {"op": "Replace", "path": "active", "value": "False"}

        def tell(person: Person) -> None:
            directory.patch(person, gone)

        return tell
    actor = ada.actor if request.param == "administrator" else SYSTEM
    return lambda person: people.deactivate(actor=actor, person=person)


def at(moment: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def no_grace() -> None:
    RiskClass.objects.update(owner_grace_minutes=0)


# --- What was asked ------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_dossier_before_the_board_is_voided_with_it(
    submitted: Approval, olivia: Person, sasha: Person, leave: Leave
) -> None:
    cast(sasha, submitted)
    leave(olivia)
    submitted.refresh_from_db()
    submitted.agent.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED
    assert "owner" in submitted.reason
    assert submitted.agent.state == AgentState.OWNERLESS
    assert submitted.agent.ownerless_at is not None
    assert approvals.sweep() == 0  # nothing was left for it


@pytest.mark.django_db
def test_a_requested_elevation_is_voided_with_it(
    active_analyst: Agent, olivia: Person, sasha: Person, leave: Leave
) -> None:
    elevation = request(olivia, active_analyst, resource())
    leave(olivia)
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.OWNER)
    assert approval_of(elevation).state == ApprovalState.VOIDED
    with pytest.raises(Conflict):
        cast(sasha, approval_of(elevation))


@pytest.mark.django_db
def test_what_a_deputy_asked_for_ends_with_the_deputy(
    active_analyst: Agent, olivia: Person, daniel: Person, leave: Leave
) -> None:
    elevation = request(daniel, active_analyst, resource())
    leave(daniel)
    elevation.refresh_from_db()
    active_analyst.refresh_from_db()
    assert elevation.state == ElevationState.ENDED
    assert active_analyst.state == AgentState.ACTIVE
    assert list(active_analyst.deputies.all()) == []
    assert active_analyst.edited == ["deputies"]
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"


@pytest.mark.django_db
def test_what_an_administrator_submitted_ends_with_them(
    ada: Person, analyst: Agent, analyst_version: AgentVersion, olivia: Person
) -> None:
    Person.objects.filter(pk=olivia.pk).update(is_superuser=True)  # so that an administrator is left
    risk.assess(actor=ada, agent=analyst, answers=ANSWERS)
    asked = dossiers.submit(actor=ada, version=analyst_version)
    people.deactivate(actor=SYSTEM, person=ada)
    asked.refresh_from_db()
    analyst.refresh_from_db()
    assert (asked.state, asked.reason) == (ApprovalState.VOIDED, "Who asked for it has left.")
    assert analyst.state == AgentState.DRAFT


@pytest.mark.django_db
def test_a_seat_ends_with_who_holds_it(submitted: Approval, sasha: Person, leave: Leave) -> None:
    cast(sasha, submitted)
    leave(sasha)
    assert not Seat.objects.filter(person=sasha, ends_at__isnull=True).exists()
    assert Vote.objects.filter(person=sasha).exists()
    assert len(events("seat.ended")) == 1


# --- What was given -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_writing_ends_at_once_and_reading_after_the_grace(
    active_analyst: Agent,
    olivia: Person,
    members: list[Person],
    leave: Leave,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    leave(olivia)
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.OWNER)
    written = write(instance, on)
    assert (written.allowed, written.requestable, written.reason) == (False, False, "owner_not_active")
    assert "reads only for a while" in written.message
    answer = read(instance)
    active_analyst.refresh_from_db()
    assert answer.allowed
    assert active_analyst.ownerless_at is not None
    assert active_analyst.reads_until == active_analyst.ownerless_at + HOUR
    assert answer.ends_at == active_analyst.reads_until
    at(active_analyst.reads_until, monkeypatch)
    assert read(instance).reason == "owner_not_active"  # the clock says so, no sweep


@pytest.mark.django_db
def test_without_grace_reading_ends_at_once_too(active_analyst: Agent, olivia: Person, leave: Leave) -> None:
    no_grace()
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    leave(olivia)
    assert read(instance).reason == "owner_not_active"


def test_high_risk_has_no_grace_by_default() -> None:
    assert RISK_CLASSES[RiskLevel.HIGH]["owner_grace_minutes"] == 0


@pytest.mark.django_db
def test_an_account_that_ends_behind_our_back_has_no_grace(active_analyst: Agent, olivia: Person) -> None:
    instance = start_instance(active_analyst)
    Agent.objects.filter(pk=active_analyst.pk).update(reads_until=timezone.now() + HOUR)
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    assert read(instance).reason == "owner_not_active"


def minted(instance: AgentInstance, answer: Answer) -> tuple[str, Credential]:
    return credentials.mint(answer=answer, question=question(instance), instance=instance, audience="here")


def use(instance: AgentInstance, token: str, credential: Credential) -> None:
    credentials.verify(
        holder=instance.actor,
        token=token,
        audience="here",
        action=credential.action,
        resource=credential.resource,
    )


@pytest.mark.django_db
def test_credentials_of_before_are_refused_and_those_of_after_end_with_the_grace(
    active_analyst: Agent, olivia: Person, leave: Leave, monkeypatch: pytest.MonkeyPatch
) -> None:
    instance = start_instance(active_analyst)
    answer = read(instance)
    token, credential = minted(instance, answer)
    leave(olivia)
    for attempt in (lambda: use(instance, token, credential), lambda: minted(instance, answer)):
        with pytest.raises(CredentialError) as error:
            attempt()
        assert error.value.refusal == CredentialRefusal.ENDED
    active_analyst.refresh_from_db()
    assert active_analyst.reads_until is not None
    at(active_analyst.reads_until - timedelta(seconds=3), monkeypatch)
    token, late = minted(instance, read(instance))
    assert late.expires_at == active_analyst.reads_until
    at(active_analyst.reads_until, monkeypatch)
    with pytest.raises(CredentialError):
        use(instance, token, late)


@pytest.mark.django_db
def test_a_write_is_not_minted_for_in_the_grace(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    answer = write(instance, on)
    assert answer.allowed
    people.deactivate(actor=SYSTEM, person=olivia)
    asked = question(instance, TICKET, on, Access.WRITE)
    epoch = revocations.current()
    with pytest.raises(CredentialError):
        credentials.mint(
            answer=replace(answer, epoch=epoch), question=asked, instance=instance, audience="here"
        )


def leaving_planner(monkeypatch: pytest.MonkeyPatch, person: Person) -> None:
    real = planner.complete
    left: list[Person] = []

    def complete(asked: Any) -> Any:
        if not left:
            left.append(person)
            people.deactivate(actor=SYSTEM, person=person)
        return real(asked)

    monkeypatch.setattr(planner, "complete", complete)


@pytest.mark.django_db
def test_a_run_goes_on_reading_in_the_grace_and_writes_nothing(
    active_analyst: Agent, olivia: Person, report: Report, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving_planner(monkeypatch, olivia)
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    calls = FunctionCall.objects.filter(run=run)
    assert run.calls > 0
    assert calls.filter(outcome="executed", function="get_vulnerability_info").exists()
    assert not calls.filter(outcome="executed", function=TICKET).exists()
    assert not calls.filter(requestable=True).exists()


@pytest.mark.django_db
def test_a_run_stops_where_there_is_no_grace(
    active_analyst: Agent, olivia: Person, report: Report, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    no_grace()
    leaving_planner(monkeypatch, olivia)
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert (run.reason, run.calls) == (RunReason.DENIED, 0)


# --- All of it or nothing ---------------------------------------------------------------------------------
@pytest.mark.django_db
def test_nobody_leaves_halfway(
    active_analyst: Agent, olivia: Person, daniel: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    elevation = request(olivia, active_analyst, resource())
    before = Event.objects.count()

    def fail(**_: Any) -> None:
        raise RuntimeError("The ledger's disk is full.")

    monkeypatch.setattr(oversight._registered[0], "person_left", fail)
    with pytest.raises(RuntimeError):
        people.deactivate(actor=SYSTEM, person=olivia)
    olivia.refresh_from_db()
    active_analyst.refresh_from_db()
    elevation.refresh_from_db()
    assert olivia.is_active
    assert active_analyst.state == AgentState.ACTIVE
    assert elevation.state == ElevationState.PENDING
    assert Event.objects.count() == before


@pytest.mark.django_db
def test_an_owner_who_comes_back_owns_nothing_until_they_accept(
    active_analyst: Agent, olivia: Person
) -> None:
    instance = start_instance(active_analyst)
    no_grace()
    people.deactivate(actor=SYSTEM, person=olivia)
    people.reactivate(actor=SYSTEM, person=olivia)
    active_analyst.refresh_from_db()
    assert active_analyst.state == AgentState.OWNERLESS
    assert read(instance).reason == "owner_not_active"
    with pytest.raises(Denied):
        request(Person.objects.get(pk=olivia.pk), active_analyst, resource())


@pytest.mark.django_db(transaction=True)
def test_leaving_and_the_last_vote_at_the_same_moment(
    submitted: Approval, olivia: Person, members: list[Person]
) -> None:
    """Whoever is first: there is never an active agent whose owner is not."""
    for member in members[:-1]:
        cast(member, submitted)
    results = race(
        [
            lambda: cast(members[-1], Approval.objects.get(pk=submitted.pk)),
            lambda: people.deactivate(actor=SYSTEM, person=Person.objects.get(pk=olivia.pk)),
        ]
    )
    assert results[1] is None, results
    assert isinstance(results[0], Vote | Conflict), results
    agent = Agent.objects.get(pk=submitted.agent_id)
    assert agent.state == AgentState.OWNERLESS
    assert not Approval.objects.filter(state=ApprovalState.PENDING).exists()


@pytest.mark.django_db(transaction=True)
def test_leaving_and_asking_at_the_same_moment(active_analyst: Agent, olivia: Person) -> None:
    on = resource()
    results = race(
        [
            lambda: request(Person.objects.get(pk=olivia.pk), active_analyst, on),
            lambda: people.deactivate(actor=SYSTEM, person=Person.objects.get(pk=olivia.pk)),
            lambda: read(start_instance(active_analyst)),
        ]
    )
    assert results[1] is None, results
    assert isinstance(results[0], Elevation | Denied), results
    assert not Elevation.objects.filter(state=ElevationState.PENDING).exists()
    assert elevations.sweep() == 0


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_deactivate_each_other_leave_one(ada: Person, olivia: Person) -> None:
    Person.objects.filter(pk=olivia.pk).update(is_superuser=True)
    people_of = [Person.objects.get(pk=ada.pk), Person.objects.get(pk=olivia.pk)]
    results = race(
        [
            lambda: people.deactivate(actor=people_of[0].actor, person=people_of[1]),
            lambda: people.deactivate(actor=people_of[1].actor, person=people_of[0]),
        ]
    )
    assert Person.objects.filter(is_superuser=True, is_active=True).count() == 1
    assert [type(result) for result in results].count(type(None)) == 1, results


@pytest.mark.django_db(transaction=True)
def test_an_agent_taken_over_while_its_new_owner_leaves(
    active_analyst: Agent, olivia: Person, oscar: Person
) -> None:
    handover = handovers.offer(actor=olivia, agent=active_analyst, to=oscar)
    results = race(
        [
            lambda: handovers.accept(actor=oscar, handover=handover, authentication=proof(oscar)),
            lambda: people.deactivate(actor=SYSTEM, person=Person.objects.get(pk=oscar.pk)),
        ]
    )
    assert results[1] is None, results
    assert isinstance(results[0], Agent | Conflict | Denied), results
    agent = Agent.objects.select_related("owner").get(pk=active_analyst.pk)
    assert agent.owner.is_active or agent.state == AgentState.OWNERLESS
    assert agent.owner == olivia or agent.state == AgentState.OWNERLESS
