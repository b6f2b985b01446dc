"""What was approved is what happens: edits, policies, resources, ends, classes; all at once too."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from agents.models import Agent, AgentInstance, Person
from audits.errors import Conflict, ServiceError
from governance import sensitivity
from governance.access_request import AccessRequestError
from governance.choices import ApprovalState, ElevationEnd, ElevationState
from governance.models import Approval, Elevation, Grant
from governance.services import access_requests, elevations
from tests.authzen.asking import Asker, apply_certification
from tests.governance import policing, story
from tests.governance.story import (
    approval_of,
    cast,
    edit,
    elevate,
    events,
    race,
    request,
    resource,
    start_instance,
    write,
)
from tests.oauth.client import Copy, a_write, ask, introspect, provisioned
from tests.oauth.requesting import requested

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy(active_analyst: Agent, olivia: Person) -> Copy:
    return provisioned(olivia, active_analyst)


# --- Revisions ------------------------------------------------------------------------------------------
def revise(actor: Person, elevation: Elevation, revision: int = 1, **more: Any) -> Elevation:
    values: dict[str, Any] = {
        "resource": elevation.resource,
        "intent": elevation.intent,
        "minutes": elevation.minutes,
        "uses": elevation.uses,
        "latest_end": elevation.latest_end,
    }
    return elevations.revise(actor=actor, elevation=elevation, revision=revision, **(values | more))


def newest(elevation: Elevation) -> Approval:
    rows = Approval.objects.select_related("agent").filter(subject_id=elevation.pk)
    return rows.order_by("-revision")[0]


def test_votes_on_the_wording_before_count_for_nothing(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    first = approval_of(elevation)
    cast(sasha, first)
    revise(olivia, elevation, uses=100)
    with pytest.raises(Conflict):
        cast(enzo, first)
    with pytest.raises(Conflict, match="read it anew"):
        cast(enzo, newest(elevation), digest=first.digest)
    cast(enzo, newest(elevation))
    elevation.refresh_from_db()
    assert (elevation.state, elevation.revision) == (ElevationState.PENDING, 2)
    cast(sasha, newest(elevation))
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ACTIVE


@pytest.mark.parametrize("said", [None, 1, 3])
def test_a_vote_says_the_revision(
    said: int | None, active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    revise(olivia, elevation, minutes=5)
    with pytest.raises(Conflict, match="read it anew"):
        cast(sasha, newest(elevation), revision=said)


def test_back_to_the_first_wording_is_no_way_back(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    """Two wordings that say the same are two revisions, with two digests."""
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation))
    revise(olivia, elevation, uses=9)
    revise(olivia, elevation, 2, uses=1)
    assert len({row.digest for row in Approval.objects.filter(subject_id=elevation.pk)}) == 3
    cast(enzo, newest(elevation))
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.PENDING


def test_an_edit_of_what_somebody_else_edited_or_decided(
    active_analyst: Agent, olivia: Person, daniel: Person, members: list[Person]
) -> None:
    elevation = request(olivia, active_analyst, resource())
    revise(olivia, elevation, uses=2)
    with pytest.raises(Conflict, match="revised meanwhile"):
        revise(daniel, elevation, uses=3)
    with pytest.raises(Conflict, match="Nothing is different"):
        revise(daniel, elevation, 2, uses=2)
    for person in members[:2]:
        cast(person, newest(elevation))
    with pytest.raises(Conflict):
        revise(olivia, elevation, 2, uses=50)
    elevation.refresh_from_db()
    assert elevation.uses == 2


@pytest.mark.parametrize("who", ["sasha", "oscar", "ada"])
def test_nobody_else_edits_it(
    who: str, active_analyst: Agent, olivia: Person, request: pytest.FixtureRequest
) -> None:
    elevation = story.request(olivia, active_analyst, resource())
    with pytest.raises(ServiceError):
        revise(request.getfixturevalue(who), elevation, uses=2)
    assert events("elevation.revised", "denied")


@pytest.mark.django_db(transaction=True)
def test_an_edit_and_the_last_vote_at_the_same_moment(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    """Either the vote was faster and the edit is refused, or the edit was and the vote is."""
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation))
    approval = approval_of(elevation)
    results = race([lambda: cast(enzo, approval), lambda: revise(olivia, elevation, uses=90)])
    assert sum(isinstance(result, ServiceError) for result in results) == 1, results
    elevation.refresh_from_db()
    assert (elevation.state, elevation.uses) in {(ElevationState.ACTIVE, 1), (ElevationState.PENDING, 90)}


@pytest.mark.django_db(transaction=True)
def test_a_cancel_and_the_last_vote_at_the_same_moment(
    client: Client, copy: Copy, sasha: Person, enzo: Person
) -> None:
    task = requested(client, copy, resource())
    elevation = Elevation.objects.get()
    cast(sasha, approval_of(elevation))
    approval = approval_of(elevation)
    results = race(
        [
            lambda: cast(enzo, approval),
            lambda: access_requests.cancel(actor=copy.instance, task=task["id"]),
        ]
    )
    failed = [result for result in results if isinstance(result, ServiceError)]
    assert len(failed) == 1, results
    elevation.refresh_from_db()
    approval.refresh_from_db()
    if isinstance(results[1], AccessRequestError):
        assert (elevation.state, approval.state) == (ElevationState.ACTIVE, ApprovalState.APPROVED)
    else:
        assert (elevation.state, approval.state) == (ElevationState.ENDED, ApprovalState.WITHDRAWN)
        assert not Grant.objects.filter(access="write").exists()


# --- Policies and resources -------------------------------------------------------------------------------
def test_a_vote_after_the_policies_changed(
    active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation))
    apply_certification()
    with pytest.raises(Conflict, match="policies"):
        cast(enzo, approval_of(elevation))
    elevation.refresh_from_db()
    assert (elevation.state, elevation.end_reason) == (ElevationState.ENDED, ElevationEnd.CHANGED)


def test_policies_that_change_end_what_was_approved_under_others(
    active_analyst: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    first = apply_certification()
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    policing.active("// Nothing.", schema=first.schema)
    assert not write(instance, on).allowed
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.POLICY


class Catalogue:
    """Everything was public; then it is secret."""

    level = 0

    def snapshot(self, resource: str) -> dict[str, Any]:  # noqa: ARG002 - the protocol's
        return {"sensitivity": self.level}

    def is_more_sensitive(self, before: dict[str, Any], resource: str) -> bool:  # noqa: ARG002
        return bool(self.level > before.get("sensitivity", 0))


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch) -> Catalogue:
    made = Catalogue()
    monkeypatch.setattr(sensitivity, "_registered", [made])
    return made


def test_a_resource_that_became_more_sensitive(
    catalogue: Catalogue, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    catalogue.level = 1
    assert write(instance, on).reason == "no_elevation"
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.SENSITIVITY
    catalogue.level = 0
    assert not write(instance, on).allowed


def test_one_that_did_so_before_the_vote(
    catalogue: Catalogue, active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    catalogue.level = 1
    with pytest.raises(Conflict, match="resource"):
        cast(sasha, approval_of(elevation))


# --- Tokens of what has ended -----------------------------------------------------------------------------
def _time(elevation: Elevation, *_people: Person) -> None:
    Elevation.objects.filter(pk=elevation.pk).update(ends_at=timezone.now() - timedelta(seconds=1))
    elevations.sweep()


def _owner(_elevation: Elevation, olivia: Person, *_people: Person) -> None:
    Person.objects.filter(pk=olivia.pk).update(is_active=False)


def _revoked(elevation: Elevation, olivia: Person, *_people: Person) -> None:
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)


def _policy(_elevation: Elevation, *_people: Person) -> None:
    apply_certification()


def _containment(elevation: Elevation, *_people: Person) -> None:
    Agent.objects.filter(pk=elevation.agent_id).update(state="frozen")


def _changed(elevation: Elevation, olivia: Person, *_people: Person) -> None:
    edit(olivia, elevation.agent, purpose="Something else.")


@pytest.mark.parametrize("ends", [_time, _owner, _revoked, _policy, _containment, _changed])
def test_a_token_is_dead_with_its_elevation(
    ends: Callable[..., None], client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on, asker = resource(), Asker()
    elevation = elevate(olivia, copy.instance.agent, on, members[:2], uses=5)
    token = ask(client, copy, a_write(on), proof=copy.proof()).json()["access_token"]
    assert introspect(client, token, asker.credential).json()["active"] is True
    elevation.refresh_from_db()
    ends(elevation, olivia)
    assert introspect(client, token, asker.credential).json() == {"active": False}
    assert ask(client, copy, a_write(on), proof=copy.proof()).json()["error"] == "access_denied"


def test_the_last_use_is_paid_for(client: Client, copy: Copy, olivia: Person, members: list[Person]) -> None:
    """The budget is over with it, and its own token still does what it was paid for."""
    on, asker = resource(), Asker()
    elevation = elevate(olivia, copy.instance.agent, on, members[:2])
    token = ask(client, copy, a_write(on), proof=copy.proof()).json()["access_token"]
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.BUDGET
    assert introspect(client, token, asker.credential).json()["active"] is True
    assert ask(client, copy, a_write(on), proof=copy.proof()).json()["reason"] == "budget_spent"


# --- Classes of resources ---------------------------------------------------------------------------------
def test_a_class_covers_what_the_manifest_means_and_nothing_else(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevate(olivia, active_analyst, "finding/*", members[:2], uses=2)
    instance = start_instance(active_analyst)
    for elsewhere in ("finding/*", "finding/", "finding/a/b", "findings/1", "endpoint/nvd", "finding/{x}"):
        assert not write(instance, elsewhere).allowed, elsewhere
    assert [write(instance, resource()).allowed for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize(
    "pattern", ["*", "*/*", "finding/**", "finding/*/x", "endpoint/*", "f*/1", "finding/1*"]
)
def test_no_other_pattern_can_be_asked_for(pattern: str, active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(ServiceError, match="It must be one resource"):
        request(olivia, active_analyst, pattern)


@pytest.mark.django_db(transaction=True)
def test_fifty_writes_at_once_on_a_class_with_a_budget_of_seventeen(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, "finding/*", members[:2], uses=17)
    instance = start_instance(active_analyst)
    answers = race([lambda: write(AgentInstance.objects.get(pk=instance.pk), resource())] * 50)
    assert [result for result in answers if isinstance(result, Exception)] == []
    assert sum(answer.allowed for answer in answers) == 17
    elevation.refresh_from_db()
    assert (elevation.used, elevation.end_reason) == (17, ElevationEnd.BUDGET)
