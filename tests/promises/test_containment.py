"""Promise 7: one person stops it at once, at every level, with whatever was minted and whatever runs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.test import Client
from django.utils import timezone

from agents import decision_point
from agents.analyst import planner
from agents.analyst import run as analyst
from agents.choices import RunReason
from agents.errors import CredentialError, NotActiveError
from agents.models import (
    Agent,
    AgentInstance,
    Credential,
    Finding,
    FunctionCall,
    InstanceKey,
    Person,
    Report,
    Revocation,
)
from agents.services import copies, credentials, people, runs
from audits.errors import Conflict, Denied, Invalid
from audits.services.history_verification import problems
from governance.access import _epoch
from governance.choices import ElevationEnd
from governance.models import Containment, Decision, Grant, Vote
from governance.services import containments, elevations, enforcement_points
from tests.agents.conftest import SYSTEM
from tests.governance.containing import WHY, ask_back, begin, confirm, freeze, now
from tests.governance.story import (
    approval_of,
    cast,
    elevate,
    events,
    question,
    race,
    read,
    resource,
    start_instance,
    storm,
    write,
)
from tests.governance.story import request as ask_for
from tests.oauth.client import Copy, ask, introspect, provisioned, public

pytestmark = pytest.mark.django_db


# --- Stopping -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["olivia", "daniel", "sasha", "ada", "stella"])
def test_one_person_stops_it_at_once(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    containment = freeze(request.getfixturevalue(who), active_analyst)
    assert (now(active_analyst).state, now(active_analyst).freeze_reason) == ("frozen", "contained")
    answer = read(instance)
    assert (answer.allowed, answer.reason, answer.requestable) == (False, "contained_agent", False)
    (told,) = events("containment.begun")
    assert (told.object, told.details["reason"]) == (f"containment/{containment.pk}", WHY)
    assert list(problems()) == []


@pytest.mark.parametrize("who", ["oscar", "aude"])
def test_an_outsider_stops_nothing(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(who)
    instance = start_instance(active_analyst)
    attempts: tuple[Callable[[], object], ...] = (
        lambda: freeze(person, active_analyst),
        lambda: containments.freeze_instance(actor=person, instance=instance, reason=WHY),
        lambda: containments.freeze_owner(actor=person, owner=active_analyst.owner, reason=WHY),
        lambda: containments.freeze_everything(actor=person, reason=WHY),
    )
    for stop in attempts:
        with pytest.raises(Denied):
            stop()
    assert read(instance).allowed
    assert len(events("containment.begun", "denied")) == 4


def test_somebody_whose_account_is_over_stops_nothing(active_analyst: Agent, sasha: Person) -> None:
    people.deactivate(actor=SYSTEM, person=sasha)
    sasha.refresh_from_db()
    with pytest.raises(Denied):
        freeze(sasha, active_analyst)


def test_a_reason_is_asked_for(active_analyst: Agent, olivia: Person) -> None:
    for reason in ("", "  ", "x" * 2_001):
        with pytest.raises(Invalid):
            containments.freeze_agent(actor=olivia, agent=active_analyst, reason=reason)
    assert not Containment.objects.exists()


def test_it_is_frozen_once(active_analyst: Agent, olivia: Person, ada: Person) -> None:
    freeze(olivia, active_analyst)
    with pytest.raises(Conflict):
        freeze(ada, active_analyst)
    containments.freeze_everything(actor=ada, reason=WHY)
    with pytest.raises(Conflict):
        containments.freeze_everything(actor=ada, reason=WHY)


def test_what_it_was_given_to_write_with_ends(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    freeze(olivia, active_analyst)
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.CONTAINED
    assert write(instance, on).reason == "contained_agent"


def test_the_widest_reason_is_given(
    active_analyst: Agent, olivia: Person, ada: Person, carla: Person
) -> None:
    """One copy, the agent, its owner's agents, everything: each stops it alone, and all have a code."""
    frozen, other = start_instance(active_analyst), start_instance(active_analyst)
    containments.freeze_instance(actor=olivia, instance=frozen, reason=WHY)
    assert read(frozen).reason == "contained_instance"
    assert read(other).allowed
    with pytest.raises(Conflict):
        containments.freeze_instance(actor=olivia, instance=frozen, reason=WHY)
    freeze(carla, active_analyst)
    assert read(other).reason == "contained_agent"
    containments.freeze_owner(actor=olivia, owner=olivia, reason=WHY)
    assert read(other).reason == "contained_owner"
    containments.freeze_everything(actor=ada, reason=WHY)
    assert read(frozen).reason == "contained_everything"
    levels = Revocation.objects.filter(reason="contained").order_by("id")
    assert [row.level for row in levels] == ["instance", "agent", "owner", "everything"]
    assert Decision.objects.filter(reason__startswith="contained_").count() == 4


def test_the_chair_stops_everything_and_a_mere_member_does_not(
    active_analyst: Agent, sasha: Person, carla: Person
) -> None:
    seat = sasha.seats.get()
    seat.is_chair = True
    seat.save()
    with pytest.raises(Denied):
        containments.freeze_everything(actor=carla, reason=WHY)
    containments.freeze_everything(actor=sasha, reason=WHY)
    with pytest.raises(NotActiveError):
        begin(active_analyst)


@pytest.mark.parametrize("level", ["owner", "everything"])
def test_an_elevation_of_what_is_frozen_with_others_ends_with_it(
    level: str, active_analyst: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    """In the transaction of the freeze: its grant, its tokens, and what people are asked about it."""
    elevation = elevate(olivia, active_analyst, resource(), members[:2], uses=5)
    asked = ask_for(olivia, active_analyst, resource())
    if level == "owner":
        containments.freeze_owner(actor=ada, owner=olivia, reason=WHY)
    else:
        containments.freeze_everything(actor=ada, reason=WHY)
    elevation.refresh_from_db()
    asked.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.CONTAINED
    assert elevation.ended_at is not None
    grant = Grant.objects.get(elevation=elevation)
    assert grant.ends_at is not None
    assert grant.ends_at <= timezone.now()
    assert Revocation.objects.filter(level="elevation", subject=str(elevation.pk)).exists()
    assert (asked.state, approval_of(asked).state) == ("ended", "voided")
    assert elevations.sweep() == 0
    assert events("elevation.ended")[-1].actor == f"person/{ada.pk}"


def test_an_elevation_of_others_goes_on_when_one_owner_is_frozen(
    active_analyst: Agent, olivia: Person, daniel: Person, ada: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2], uses=5)
    containments.freeze_owner(actor=ada, owner=daniel, reason=WHY)
    elevation.refresh_from_db()
    assert elevation.state == "active"


@pytest.mark.django_db(transaction=True)
def test_a_freeze_that_fails_ends_nothing(
    active_analyst: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2], uses=5)
    with (
        patch("governance.services.elevation_states.telling.elevation_ended", side_effect=RuntimeError),
        pytest.raises(RuntimeError),
    ):
        containments.freeze_everything(actor=ada, reason=WHY)
    elevation.refresh_from_db()
    assert elevation.state == "active"
    assert not Containment.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_the_last_yes_and_a_freeze_at_once_leave_nothing_open(
    active_analyst: Agent, olivia: Person, ada: Person, members: list[Person]
) -> None:
    """Whichever comes first: what the vote opens, the freeze ends, or the vote sees that it is frozen."""
    elevation = ask_for(olivia, active_analyst, resource())
    cast(members[0], approval_of(elevation))
    voted, begun = race(
        [
            lambda: cast(members[1], approval_of(elevation)),
            lambda: containments.freeze_owner(actor=ada, owner=olivia, reason=WHY),
        ]
    )
    assert isinstance(begun, Containment)
    assert isinstance(voted, Vote | Conflict)
    elevation.refresh_from_db()
    assert elevation.state == "ended"
    assert elevations.sweep() == 0


# --- What was minted, and what runs ---------------------------------------------------------------------
@pytest.mark.parametrize("level", ["agent", "instance", "owner", "everything"])
def test_a_token_from_before_is_inactive_at_once(
    level: str, client: Client, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    _, credential = enforcement_points.add(actor=SYSTEM, name="gateway")
    copy = provisioned(olivia, active_analyst)
    token = ask(client, copy).json()["access_token"]
    assert introspect(client, token, credential).json()["active"] is True
    {
        "agent": lambda: freeze(olivia, active_analyst),
        "instance": lambda: containments.freeze_instance(actor=olivia, instance=copy.instance, reason=WHY),
        "owner": lambda: containments.freeze_owner(actor=ada, owner=olivia, reason=WHY),
        "everything": lambda: containments.freeze_everything(actor=ada, reason=WHY),
    }[level]()
    assert introspect(client, token, credential).json() == {"active": False}
    refused = ask(client, copy)
    assert refused.status_code == 400
    assert refused.json()["reason"] == f"contained_{level}"


def test_a_token_stays_dead_when_it_goes_on(
    client: Client, active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    _, credential = enforcement_points.add(actor=SYSTEM, name="gateway")
    copy = provisioned(olivia, active_analyst)
    token = ask(client, copy).json()["access_token"]
    confirm(sasha, ask_back(olivia, freeze(olivia, active_analyst)))
    assert introspect(client, token, credential).json() == {"active": False}
    assert ask(client, copy).status_code == 200


def test_a_token_dies_with_the_elevation_it_is_for(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    instance = start_instance(active_analyst)
    answer, asked = write(instance, on), question(instance, "open_ticket", on)
    reading = credentials.mint(
        answer=read(instance), question=question(instance), instance=instance, audience="here"
    )
    writing = credentials.mint(answer=answer, question=asked, instance=instance, audience="here")
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    with pytest.raises(CredentialError, match="ended"):
        credentials.verify(
            holder=instance.actor, token=writing[0], audience="here", action="open_ticket", resource=on
        )
    held = reading[1]
    credentials.verify(
        holder=instance.actor,
        token=reading[0],
        audience="here",
        action=held.action,
        resource=held.resource,
    )


def test_a_token_dies_with_the_key_that_asked_for_it(
    client: Client, active_analyst: Agent, olivia: Person, settings: LazySettings
) -> None:
    _, credential = enforcement_points.add(actor=SYSTEM, name="gateway")
    copy = provisioned(olivia, active_analyst)
    token = ask(client, copy).json()["access_token"]
    settings.KEY_OVERLAP_MINUTES = 0
    newer = Copy(copy.instance)
    copies.rotate_key(actor=olivia, instance=copy.instance, jwk=public(newer.key))
    assert introspect(client, token, credential).json() == {"active": False}
    assert copies.sweep() == 1
    assert copies.sweep() == 0
    row = Revocation.objects.latest("id")
    old = InstanceKey.objects.get(ends_at__isnull=False)
    assert (row.level, row.subject, row.reason) == ("key", old.thumbprint, "key_replaced")
    assert ask(client, newer).status_code == 200


def test_what_was_decided_before_is_not_minted_after(active_analyst: Agent, ada: Person) -> None:
    instance = start_instance(active_analyst)
    answer = read(instance)
    containments.freeze_everything(actor=ada, reason=WHY)
    with pytest.raises(CredentialError):
        credentials.mint(answer=answer, question=question(instance), instance=instance, audience="here")
    assert not Credential.objects.exists()


@pytest.mark.parametrize("level", ["agent", "owner", "everything", "instance"])
def test_a_run_stops_before_its_next_call(  # noqa: PLR0917 - fixtures
    level: str,
    active_analyst: Agent,
    olivia: Person,
    ada: Person,
    report: Report,
    finding: Finding,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, frozen = planner.complete, list[Containment]()

    def complete(asked: Any) -> Any:
        if not frozen:
            frozen.append(
                {
                    "agent": lambda: freeze(olivia, active_analyst),
                    "owner": lambda: containments.freeze_owner(actor=ada, owner=olivia, reason=WHY),
                    "everything": lambda: containments.freeze_everything(actor=ada, reason=WHY),
                    "instance": lambda: containments.freeze_instance(
                        actor=olivia, instance=AgentInstance.objects.get(), reason=WHY
                    ),
                }[level]()
            )
        return real(asked)

    monkeypatch.setattr(planner, "complete", complete)
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert (run.reason, run.turns, run.calls) == (RunReason.DENIED, 1, 0)
    assert not FunctionCall.objects.exists()


def test_a_queued_run_does_not_start(
    active_analyst: Agent, olivia: Person, ada: Person, report: Report, finding: Finding
) -> None:
    stops: tuple[Callable[[], object], ...] = (
        lambda: containments.freeze_owner(actor=ada, owner=olivia, reason=WHY),
        lambda: freeze(olivia, active_analyst),
    )
    for stop in stops:
        run = runs.queue(actor=SYSTEM, report=report)
        stop()
        analyst.perform(run_id=run.pk)
        run.refresh_from_db()
        assert (run.reason, run.turns, run.calls) == (RunReason.DENIED, 0, 0)
    assert not AgentInstance.objects.exists()


def test_no_copy_is_provisioned(active_analyst: Agent, olivia: Person, ada: Person) -> None:
    containments.freeze_owner(actor=ada, owner=olivia, reason=WHY)
    with pytest.raises(Conflict, match="frozen"):
        provisioned(olivia, active_analyst)


@pytest.mark.parametrize("epoch", [0, -1, "1", True, 10**30])
def test_an_enforcement_point_may_say_what_token_it_was_shown(active_analyst: Agent, epoch: object) -> None:

    instance = start_instance(active_analyst)
    shown = question(instance)
    good = read(instance).epoch

    assert decision_point.decide(replace(shown, epoch=_epoch(good))).allowed
    assert decision_point.decide(replace(shown, epoch=_epoch(epoch))).reason == "revoked"


# --- At the same moment--------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_frozen_while_it_writes(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    """Of the writes at that moment each is allowed before or refused after; none is allowed after."""
    on = resource()
    elevate(olivia, active_analyst, on, members[:2], uses=50)
    instance = start_instance(active_analyst)
    results = storm([lambda: freeze(olivia, active_analyst), *[lambda: write(instance, on)] * 6])
    assert isinstance(results[0], Containment)
    assert not write(instance, on).allowed
    frozen_at = events("containment.begun")[0].pk
    late = [event for event in events("decision.made") if event.pk > frozen_at]
    assert not [event for event in late if event.details["access"] == "write" and event.details["allowed"]]
