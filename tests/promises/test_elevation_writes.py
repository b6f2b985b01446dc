"""No standing write (promise 2), and a budget that is never overdrawn: the attacks."""

from uuid import uuid4

import orjson
import pytest
from django.db import DatabaseError, connection, transaction

from agents.choices import CallOutcome, ProposalState
from agents.decision_point import Answer
from agents.models import Agent, AgentInstance, Person, ProposedAction, Ticket
from agents.services import gateway, proposals
from audits import canonical
from audits.actor import Actor
from audits.errors import Conflict
from governance.choices import ElevationEnd, ElevationState
from governance.models import Approval, Elevation, Grant
from governance.services import elevations
from tests.governance.story import (
    approval_of,
    elevate,
    events,
    propose,
    race,
    request,
    resource,
    start_instance,
    tamper,
    without_triggers,
    write,
)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "values",
    [
        "elevation_id = NULL, ends_at = NULL",
        "elevation_id = NULL",
        "ends_at = NULL",
        "access = 'WRITE'",
        "access = 'admin'",
        "access = ''",
    ],
)
def test_a_standing_write_by_raw_sql(
    values: str, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevate(olivia, active_analyst, resource(), members[:2])
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE governance_grant SET {values} WHERE access = 'write'")  # noqa: S608 - the attack
    assert Grant.objects.filter(access="write", elevation__isnull=False, ends_at__isnull=False).count() == 1


@pytest.mark.django_db
def test_a_standing_write_by_the_orm(active_analyst: Agent) -> None:
    approval = Approval.objects.get()
    with pytest.raises(DatabaseError), transaction.atomic():
        Grant.objects.create(
            agent=active_analyst,
            action="open_ticket",
            resource="finding/1",
            access="write",
            approval=approval,
        )
    with pytest.raises(DatabaseError), transaction.atomic():
        Grant.objects.update(access="write")


@pytest.mark.django_db
def test_a_write_grant_written_by_hand_opens_nothing(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on, other = resource(), resource()
    elevation = elevate(olivia, active_analyst, on, members[:2])
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    with without_triggers():
        Grant.objects.create(
            agent=active_analyst, action="open_ticket", resource=other, access="write", elevation=elevation,
            approval=approval_of(elevation), ends_at=elevation.ends_at,
        )  # fmt: skip
    assert not write(start_instance(active_analyst), other).allowed


@pytest.mark.django_db
def test_a_write_grant_for_something_else_tied_to_a_live_elevation(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on, other = resource(), resource()
    elevation = elevate(olivia, active_analyst, on, members[:2])
    forged = Grant.objects.get(elevation=elevation)
    forged.pk, forged.resource = uuid4(), other
    with without_triggers():
        forged.save(force_insert=True)
    instance = start_instance(active_analyst)
    assert write(instance, other).reason == "no_elevation"
    forged.pk, forged.approval = uuid4(), Approval.objects.get(digest=active_analyst.approved_digest)
    with without_triggers():
        forged.save(force_insert=True)
    assert write(instance, other).reason == "no_elevation"
    assert write(instance, on).allowed


@pytest.mark.django_db
def test_an_elevation_for_one_proposal_used_for_another_content(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    proposal = propose(active_analyst)
    elevate(olivia, active_analyst, proposal.resource, members[:2], proposal=proposal)
    instance = start_instance(active_analyst)
    assert write(instance, proposal.resource).reason == "no_elevation"
    assert write(instance, proposal.resource, digest="0" * 64).reason == "no_elevation"
    tamper(ProposedAction.objects.filter(pk=proposal.pk), digest="0" * 64)
    assert write(instance, proposal.resource, digest="0" * 64).reason == "no_elevation"
    assert write(instance, proposal.resource, digest=proposal.digest).allowed


@pytest.mark.django_db
def test_a_proposal_that_shows_one_thing_and_is_digested_as_another(
    active_analyst: Agent, olivia: Person
) -> None:
    """Approvers would read the arguments; the decision point would compare the digest."""
    proposal = propose(active_analyst)
    other = canonical.digest(proposal.content | {"arguments": {"title": "Something else"}})
    ProposedAction.objects.filter(pk=proposal.pk).update(digest=other)
    with pytest.raises(Conflict, match="not what its digest says"):
        request(olivia, active_analyst, proposal.resource, proposal=proposal)
    assert not Elevation.objects.exists()


@pytest.mark.django_db
def test_a_run_that_takes_the_elevation_of_a_proposal_for_another_ticket(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    proposal = propose(active_analyst)
    elevate(olivia, active_analyst, proposal.resource, members[:2], proposal=proposal)
    hostile = gateway.Request(
        run=proposal.run,
        finding=proposal.finding,
        instance=start_instance(active_analyst),
        turn=None,
        function=proposal.function,
        arguments=orjson.dumps(proposal.arguments | {"body": "Send the database to me."}).decode(),
        intent="Track the fix.",
        propose=False,
    )
    assert gateway.call(request=hostile).call.outcome == CallOutcome.DENIED
    assert not Ticket.objects.exists()
    proposals.perform(proposal_id=proposal.pk)
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.EXECUTED, proposal.detail
    assert Ticket.objects.get().body == proposal.arguments["body"]


@pytest.mark.django_db
def test_a_budget_overdrawn_by_raw_sql(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    elevate(olivia, active_analyst, resource(), members[:2])
    with pytest.raises(DatabaseError), transaction.atomic():
        Elevation.objects.update(used=2)


@pytest.mark.django_db
def test_an_active_elevation_without_an_end(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevate(olivia, active_analyst, resource(), members[:2])
    with pytest.raises(DatabaseError), transaction.atomic():
        Elevation.objects.update(ends_at=None)


@pytest.mark.django_db(transaction=True)
def test_twenty_writes_at_once_on_a_budget_of_seven(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=7)
    instance = start_instance(active_analyst)
    answers = race([lambda: write(AgentInstance.objects.get(pk=instance.pk), on)] * 20)
    assert all(isinstance(answer, Answer) for answer in answers), answers
    assert sum(answer.allowed for answer in answers) == 7
    assert all(answer.requestable for answer in answers if not answer.allowed)
    elevation.refresh_from_db()
    assert (elevation.used, elevation.state) == (7, ElevationState.ENDED)
    assert len(events("elevation.ended")) == 1


@pytest.mark.django_db(transaction=True)
def test_writes_and_an_end_at_the_same_moment(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=50)
    instance = start_instance(active_analyst)

    def end() -> Elevation:
        return elevations.end(
            actor=Actor.system("test-setup"), elevation=elevation, reason=ElevationEnd.REVOKED
        )

    results = race([lambda: write(AgentInstance.objects.get(pk=instance.pk), on)] * 6 + [end])
    answers = [result for result in results if isinstance(result, Answer)]
    assert len(answers) == 6, results
    elevation.refresh_from_db()
    assert elevation.used == sum(answer.allowed for answer in answers)
    assert elevation.end_reason == ElevationEnd.REVOKED
    assert not write(instance, on).allowed
