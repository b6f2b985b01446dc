"""No owner, no access (promise 3): the moment an owner is gone, so is the agent's access."""

from typing import Any

import pytest

from agents.analyst import planner
from agents.analyst import run as analyst
from agents.choices import CredentialRefusal, RunReason, RunState
from agents.errors import CredentialError
from agents.models import Agent, Finding, Person, Report
from agents.services import credentials, people, runs
from audits.errors import Conflict, Denied
from governance.choices import ApprovalState
from governance.models import Approval
from governance.services import approvals, elevations
from tests.agents.conftest import SYSTEM
from tests.governance.story import (
    approval_of,
    cast,
    elevate,
    question,
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


def test_what_was_minted_before_is_refused(active_analyst: Agent, olivia: Person) -> None:
    """Between the decision and the use of its credential, whoever takes the account away and however."""
    instance = start_instance(active_analyst)
    answer = read(instance)
    asked = question(instance)
    token, credential = credentials.mint(answer=answer, question=asked, instance=instance, audience="here")
    leave(olivia)
    with pytest.raises(CredentialError) as error:
        credentials.verify(
            holder=instance.actor,
            token=token,
            audience="here",
            action=credential.action,
            resource=credential.resource,
        )
    assert error.value.refusal == CredentialRefusal.ENDED
    with pytest.raises(CredentialError):
        credentials.mint(answer=answer, question=asked, instance=instance, audience="here")


def test_deactivating_the_owner_ends_what_was_minted(
    active_analyst: Agent, ada: Person, olivia: Person
) -> None:
    """Also once the owner is back: the epoch has risen."""
    instance = start_instance(active_analyst)
    answer = read(instance)
    people.deactivate(actor=ada.actor, person=olivia)
    people.reactivate(actor=ada.actor, person=olivia)
    with pytest.raises(CredentialError):
        credentials.mint(answer=answer, question=question(instance), instance=instance, audience="here")


def test_a_run_stops_with_its_owner(
    active_analyst: Agent, olivia: Person, report: Report, finding: Finding, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = planner.complete

    def complete(request: Any) -> Any:
        leave(olivia)
        return real(request)

    monkeypatch.setattr(planner, "complete", complete)
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert (run.state, run.reason, run.calls) == (RunState.FAILED, RunReason.DENIED, 0)
    monkeypatch.setattr(planner, "complete", real)
    again = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=again.pk)
    again.refresh_from_db()
    assert (again.reason, again.instance) == (RunReason.DENIED, None)


def test_open_requests_are_closed_by_the_sweep(active_analyst: Agent, olivia: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    assert approvals.sweep() == 0
    leave(olivia)
    assert approvals.sweep() == 1
    assert approval_of(elevation).state == ApprovalState.VOIDED
    elevation.refresh_from_db()
    assert elevation.end_reason == "owner"


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
