"""Write elevation: asking, approving, using up, ending."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest
from django.utils import timezone

from agents.choices import AgentState, ProposalState
from agents.models import Agent, Person
from agents.services import revocations
from audits.actor import Actor
from audits.errors import Conflict, Denied, Invalid
from governance.choices import ApprovalState, ElevationEnd, ElevationState, Sensitivity, VoteChoice
from governance.models import Elevation, Grant, RiskClass
from governance.services import approvals, elevations, resources
from governance.tasks import end_what_is_over
from tests.governance.roles import resource as catalogued
from tests.governance.story import (
    approval_of,
    cast,
    elevate,
    events,
    propose,
    request,
    resource,
    start_instance,
    version_of,
    write,
)

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test-setup")


def test_the_owner_asks(active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    on = resource()
    elevation = request(olivia, active_analyst, on)
    approval = approval_of(elevation)
    content = orjson.loads(approval.content)
    assert elevation.state == ElevationState.PENDING
    assert approval.rule == {"seats": ["security"], "quorum": 2, "veto": True}
    assert set(approval.excluded) == {str(olivia.pk), str(daniel.pk)}
    assert (content["action"], content["resource"], content["minutes"], content["uses"]) == (
        "open_ticket", on, 10, 1,
    )  # fmt: skip
    assert content["version"]["digest"] == version_of(active_analyst).digest
    assert content["dossier"] == active_analyst.approved_digest
    assert approval.expires_at - approval.requested_at < timedelta(hours=4, minutes=1)


def test_a_deputy_asks(active_analyst: Agent, daniel: Person) -> None:
    assert request(daniel, active_analyst, resource()).requested_by == daniel


@pytest.mark.parametrize("who", ["ada", "sasha", "oscar"])
def test_nobody_else_asks(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(who)
    with pytest.raises(Denied):
        elevations.request(
            actor=person, agent=active_analyst, action="open_ticket", resource=resource(), intent="x",
            minutes=1, uses=1,
        )  # fmt: skip
    assert events("elevation.requested", "denied")[-1].actor == f"person/{person.pk}"
    assert not Elevation.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"action": "drop_database"}, "action"),
        ({"action": "get_vulnerability_info"}, "action"),
        ({"resource": "finding/{finding_id}"}, "resource"),
        ({"resource": "endpoint/nvd"}, "resource"),
        ({"intent": "  "}, "intent"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 121}, "minutes"),
        ({"uses": 0}, "uses"),
        ({"uses": 101}, "uses"),
    ],
)
def test_what_is_outside_the_limits_is_named(
    values: dict[str, Any], field: str, active_analyst: Agent, olivia: Person
) -> None:
    with pytest.raises(Invalid) as refusal:
        request(olivia, active_analyst, **{"on": resource(), **_renamed(values)})
    assert list(refusal.value.fields) == [field]
    assert not Elevation.objects.exists()


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    return {"on" if name == "resource" else name: value for name, value in values.items()}


@pytest.mark.parametrize("state", [AgentState.DRAFT, AgentState.IN_REVIEW, AgentState.FROZEN])
def test_nothing_is_asked_for_an_agent_that_is_not_active(
    state: AgentState, active_analyst: Agent, olivia: Person
) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(state=state)
    with pytest.raises(Denied, match="not active"):
        request(olivia, active_analyst, resource())


def test_nor_without_an_active_owner(active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    with pytest.raises(Denied, match="no active owner"):
        request(daniel, active_analyst, resource())


def test_nor_for_something_that_was_not_approved(active_analyst: Agent, olivia: Person) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(purpose="Something else.")
    with pytest.raises(Conflict, match="not what the board approved"):
        request(olivia, active_analyst, resource())


def test_two_people_with_the_required_seat_open_it(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    on = resource()
    elevation = request(olivia, active_analyst, on)
    cast(enzo, approval_of(elevation))
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.PENDING
    cast(sasha, approval_of(elevation))
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ACTIVE
    assert elevation.starts_at is not None
    assert elevation.ends_at == elevation.starts_at + timedelta(minutes=10)
    grant = Grant.objects.get(elevation=elevation)
    assert (grant.action, grant.resource, grant.access, grant.ends_at) == (
        "open_ticket", on, "write", elevation.ends_at,
    )  # fmt: skip
    assert len(events("elevation.started")) == 1


def test_the_requester_does_not_approve(active_analyst: Agent, olivia: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    with pytest.raises(Denied):
        cast(olivia, approval_of(elevation))


def test_a_veto_refuses_it(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation), VoteChoice.REJECT)
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.REJECTED, ElevationEnd.REJECTED)
    assert not Grant.objects.filter(elevation=elevation).exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"purpose": "Something else."}, ElevationEnd.CHANGED),
        ({"state": AgentState.FROZEN}, ElevationEnd.CHANGED),
        ({"owner__is_active": False}, ElevationEnd.OWNER),
    ],
)
def test_what_changes_before_the_start_voids_it(
    change: dict[str, Any], reason: ElevationEnd, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevation = request(olivia, active_analyst, resource())
    cast(members[0], approval_of(elevation))
    if "owner__is_active" in change:
        Person.objects.filter(pk=olivia.pk).update(is_active=False)
    else:
        Agent.objects.filter(pk=active_analyst.pk).update(**change)
    with pytest.raises(Conflict, match="closed"):
        cast(members[1], approval_of(elevation))
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, reason)
    assert approval_of(elevation).state == ApprovalState.VOIDED


@pytest.mark.parametrize(
    "change", [{"minutes": 100}, {"uses": 50}, {"resource": "finding/x"}, {"intent": "y"}]
)
def test_an_edited_request_is_voided(
    change: dict[str, Any], active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    Elevation.objects.filter(pk=elevation.pk).update(**change)
    with pytest.raises(Conflict, match="closed"):
        cast(sasha, approval_of(elevation))


def test_a_stricter_class_counts_at_once_and_a_milder_one_does_not(
    active_analyst: Agent, olivia: Person
) -> None:
    RiskClass.objects.filter(level="medium").update(
        elevation_quorum=1, elevation_seats=["legal"], elevation_max_minutes=20
    )
    with pytest.raises(Invalid, match="1 to 20"):
        request(olivia, active_analyst, resource(), minutes=21)
    RiskClass.objects.filter(level="medium").update(elevation_max_minutes=480)
    with pytest.raises(Invalid, match="1 to 120"):
        request(olivia, active_analyst, resource(), minutes=121)
    rule = approval_of(request(olivia, active_analyst, resource())).rule
    assert rule == {"seats": ["legal", "security"], "quorum": 2, "veto": True}


def test_a_proposal_is_bound_and_carried_out(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    proposal = propose(active_analyst)
    elevation = elevate(olivia, active_analyst, proposal.resource, [sasha, enzo], proposal=proposal)
    content = orjson.loads(approval_of(elevation).content)
    assert content["proposal"]["digest"] == proposal.digest
    assert orjson.loads(content["proposal"]["arguments"]) == proposal.arguments
    proposal.refresh_from_db()
    assert proposal.state == ProposalState.QUEUED


def test_other_arguments_than_the_approved_ones_void_it(
    active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    proposal = propose(active_analyst)
    elevation = request(olivia, active_analyst, proposal.resource, proposal=proposal)
    proposal.arguments = {"title": "Something else"}
    proposal.save()
    with pytest.raises(Conflict, match="closed"):
        cast(sasha, approval_of(elevation))


def test_a_proposal_of_something_else_is_refused(active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(Invalid, match="something else"):
        request(olivia, active_analyst, resource(), proposal=propose(active_analyst))


def test_a_proposal_has_one_elevation_at_a_time(active_analyst: Agent, olivia: Person) -> None:
    proposal = propose(active_analyst)
    request(olivia, active_analyst, proposal.resource, proposal=proposal)
    with pytest.raises(Conflict, match="under way"):
        request(olivia, active_analyst, proposal.resource, proposal=proposal)


def test_a_proposal_that_was_carried_out_needs_none(active_analyst: Agent, olivia: Person) -> None:
    proposal = propose(active_analyst)
    proposal.state = ProposalState.EXECUTED
    proposal.save()
    with pytest.raises(Conflict, match="not waiting"):
        request(olivia, active_analyst, proposal.resource, proposal=proposal)


def test_a_proposal_that_moved_on_voids_its_request(
    active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    proposal = propose(active_analyst)
    elevation = request(olivia, active_analyst, proposal.resource, proposal=proposal)
    proposal.state = ProposalState.EXECUTED
    proposal.save()
    with pytest.raises(Conflict, match="not waiting"):
        cast(sasha, approval_of(elevation))


def test_ending_takes_effect_at_once(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, [sasha, enzo], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    before = revocations.current()
    ended = elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    assert (ended.state, ended.end_reason) == (ElevationState.ENDED, ElevationEnd.REVOKED)
    assert not write(instance, on).allowed
    (row,) = revocations.since(before, limit=9)
    assert (row.level, row.subject, row.reason) == ("elevation", str(elevation.pk), "ended")
    assert Grant.objects.get(elevation=elevation).ends_at <= timezone.now()  # type: ignore[operator]
    assert events("elevation.ended")[-1].details["reason"] == "revoked"
    assert len(events("grant.ended")) == 1


@pytest.mark.parametrize("who", ["olivia", "daniel", "leo", "ada"])
def test_owner_side_board_and_administrators_may_end_it(
    who: str, active_analyst: Agent, olivia: Person, members: list[Person], request: pytest.FixtureRequest
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    person = request.getfixturevalue(who)
    elevations.end(actor=person.actor, elevation=elevation, reason=ElevationEnd.REVOKED)


def test_others_may_not_end_it(
    active_analyst: Agent, olivia: Person, oscar: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    with pytest.raises(Denied):
        elevations.end(actor=oscar.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    agent = Actor(kind="agent", id="spiffe://x", name="x")
    with pytest.raises(Denied, match="own access"):
        elevations.end(actor=agent, elevation=elevation, reason=ElevationEnd.REVOKED)
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ACTIVE
    assert len(events("elevation.ended", "denied")) == 2


def test_a_person_only_revokes(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    with pytest.raises(Invalid):
        elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.BUDGET)


def test_an_elevation_ends_once(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    elevations.end(actor=SYSTEM, elevation=elevation, reason=ElevationEnd.REVOKED)
    with pytest.raises(Conflict, match="over already"):
        elevations.end(actor=SYSTEM, elevation=elevation, reason=ElevationEnd.REVOKED)


def test_a_request_can_be_withdrawn(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.WITHDRAWN)
    with pytest.raises(Conflict, match="withdrawn"):
        cast(sasha, approval_of(elevation))


def test_a_request_that_nobody_decides_expires(
    active_analyst: Agent, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    elevation = request(olivia, active_analyst, resource())
    later = timezone.now() + timedelta(hours=5)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert approvals.sweep() == 1
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.EXPIRED)


def test_the_sweep_ends_what_is_over(
    active_analyst: Agent, olivia: Person, members: list[Person], monkeypatch: pytest.MonkeyPatch
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    assert elevations.sweep() == 0
    later = timezone.now() + timedelta(minutes=10)
    monkeypatch.setattr(timezone, "now", lambda: later)
    end_what_is_over()
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.TIME)
    assert elevations.sweep() == 0


@pytest.mark.parametrize(
    ("gone", "reason"), [("owner", ElevationEnd.OWNER), ("agent", ElevationEnd.CONTAINED)]
)
def test_the_sweep_ends_what_has_lost_its_ground(
    gone: str, reason: ElevationEnd, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    if gone == "owner":
        Person.objects.filter(pk=olivia.pk).update(is_active=False)
    else:
        Agent.objects.filter(pk=active_analyst.pk).update(state=AgentState.FROZEN)
    assert elevations.sweep() == 1
    elevation.refresh_from_db()
    assert elevation.end_reason == reason


def test_the_last_use_ends_it_and_leaves_the_epoch(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=2)
    instance = start_instance(active_analyst)
    before = revocations.current()
    assert [write(instance, on).allowed for _ in range(3)] == [True, True, False]
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason, elevation.used) == (
        ElevationState.ENDED, ElevationEnd.BUDGET, 2,
    )  # fmt: skip
    assert revocations.current() == before


@pytest.mark.parametrize("whole", [False, True])
def test_a_resource_that_became_more_sensitive_is_not_written_any_more(
    *, whole: bool, active_analyst: Agent, olivia: Person, members: list[Person], stella: Person
) -> None:
    """By the catalogue: what approvers were told of it, or of the class that it is in, does not hold."""
    known = catalogued(stella, "findings", "finding/{finding_id}")
    on = resource()
    elevate(olivia, active_analyst, "finding/*" if whole else on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    facts = replace(resources.Facts.of(known), sensitivity=Sensitivity.RESTRICTED)
    resources.change(actor=stella, resource=known, facts=facts)
    assert write(instance, on).reason == "no_elevation"
    assert Elevation.objects.get().end_reason == ElevationEnd.SENSITIVITY
