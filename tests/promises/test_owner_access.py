"""No owner, no access (promise 3): the moment an owner is gone, so is the agent's access."""

import pytest

from agents.models import Agent, Person
from audits.errors import Conflict, Denied
from governance.choices import ApprovalState
from governance.models import Approval
from governance.services import elevations
from tests.governance.story import (
    approval_of,
    cast,
    elevate,
    read,
    request,
    resource,
    start_instance,
    write,
)

pytestmark = pytest.mark.django_db


def leave(person: Person) -> None:
    Person.objects.filter(pk=person.pk).update(is_active=False)


def test_reading_and_writing_stop_at_once(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    assert write(instance, on).allowed
    leave(olivia)
    assert read(instance).reason == "owner_not_active"
    assert write(instance, on).reason == "owner_not_active"


def test_an_open_dossier_is_voided(submitted: Approval, olivia: Person, sasha: Person) -> None:
    leave(olivia)
    with pytest.raises(Conflict, match="no active owner"):
        cast(sasha, submitted)
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.VOIDED


def test_an_open_elevation_is_voided(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    leave(olivia)
    with pytest.raises(Conflict, match="no active owner"):
        cast(sasha, approval_of(elevation))


def test_a_deputy_cannot_keep_it_going(active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    leave(olivia)
    with pytest.raises(Denied):
        request(daniel, active_analyst, resource())


def test_the_former_owner_asks_for_nothing(active_analyst: Agent, olivia: Person) -> None:
    leave(olivia)
    with pytest.raises(Denied):
        request(Person.objects.get(pk=olivia.pk), active_analyst, resource())


def test_a_new_owner_by_hand_is_not_what_was_approved(active_analyst: Agent, oscar: Person) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(owner=oscar)
    assert read(start_instance(active_analyst)).reason == "version_not_approved"


def test_live_elevations_are_ended_and_recorded_by_the_sweep(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    leave(olivia)
    assert elevations.sweep() == 1
    elevation.refresh_from_db()
    assert elevation.end_reason == "owner"
