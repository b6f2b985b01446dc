"""Promise 5 for the way back: nobody lets go on alone what was frozen, and no database shell does either."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.db import DatabaseError, transaction
from django.utils import timezone

from agents.choices import AgentState, FreezeReason
from agents.errors import NotActiveError
from agents.models import (
    Agent,
    Person,
)
from agents.services import lifecycle, people
from audits.errors import Conflict, Denied, Invalid
from audits.services.history_verification import problems
from governance.choices import ContainmentState, UnfreezeState
from governance.models import Containment, Unfreeze
from governance.services import containments, unfreezing
from tests.agents.conftest import SYSTEM
from tests.governance.containing import WHY, ask_back, begin, confirm, execute, freeze, now
from tests.governance.story import (
    edit,
    events,
    read,
    start_instance,
    storm,
)
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


# --- Letting it go on -----------------------------------------------------------------------------------
def test_two_people_let_it_go_on_as_what_it_was(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    instance = start_instance(active_analyst)
    containment = freeze(olivia, active_analyst)
    unfreeze = ask_back(olivia, containment)
    assert not read(instance).allowed
    assert confirm(sasha, unfreeze).state == UnfreezeState.CONFIRMED
    agent = now(active_analyst)
    assert (agent.state, agent.freeze_reason) == (AgentState.ACTIVE, "")
    containment.refresh_from_db()
    assert containment.state == ContainmentState.LIFTED
    assert read(instance).allowed
    (told,) = events("unfreeze.ended")
    assert told.details["authentication"]["amr"] == ["pwd", "otp"]
    assert list(problems()) == []


@pytest.mark.parametrize("who", ["olivia", "sasha", "ada"])
def test_nobody_does_both(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    person = request.getfixturevalue(who)
    unfreeze = ask_back(person, freeze(person, active_analyst))
    for _ in range(2):
        with pytest.raises(Denied, match="their own"):
            confirm(person, unfreeze)
    with pytest.raises(Conflict):
        ask_back(person, Containment.objects.get())
    assert now(active_analyst).state == AgentState.FROZEN


def test_who_froze_it_may_be_one_of_the_two(active_analyst: Agent, sasha: Person, carla: Person) -> None:
    """Whoever stopped it knows why; alone they let nothing go on."""
    confirm(sasha, ask_back(carla, freeze(sasha, active_analyst)))
    assert now(active_analyst).state == AgentState.ACTIVE


@pytest.mark.parametrize("who", ["olivia", "daniel", "stella", "oscar", "aude"])
def test_the_owners_side_and_outsiders_do_not_confirm(
    who: str, active_analyst: Agent, sasha: Person, request: pytest.FixtureRequest
) -> None:
    unfreeze = ask_back(sasha, freeze(sasha, active_analyst))
    with pytest.raises(Denied):
        confirm(request.getfixturevalue(who), unfreeze)
    assert now(active_analyst).state == AgentState.FROZEN


def test_an_owner_on_the_board_does_not_confirm_for_their_own(
    active_analyst: Agent, sasha: Person, carla: Person
) -> None:
    unfreeze = ask_back(carla, freeze(carla, active_analyst))
    active_analyst.deputies.add(sasha)
    with pytest.raises((Denied, Conflict)):
        confirm(sasha, unfreeze)
    containments_of_owner = containments.freeze_owner(actor=carla, owner=sasha, reason=WHY)
    asked = ask_back(carla, containments_of_owner)
    with pytest.raises(Denied, match="for their own"):
        confirm(sasha, asked)


def test_an_old_sign_in_lets_nothing_go_on(
    active_analyst: Agent, olivia: Person, sasha: Person, settings: LazySettings
) -> None:
    settings.MFA = "required"
    containment = freeze(olivia, active_analyst)
    with pytest.raises(Denied, match="older"):
        ask_back(olivia, containment, authentication=proof(olivia, minutes=60))
    unfreeze = ask_back(olivia, containment)
    with pytest.raises(Denied, match="older"):
        confirm(sasha, unfreeze, authentication=proof(sasha, minutes=60))
    with pytest.raises(Denied, match="somebody else"):
        confirm(sasha, unfreeze, authentication=proof(olivia))
    with pytest.raises(Denied, match="second factor"):
        confirm(sasha, unfreeze, authentication=proof(sasha, "pwd"))
    assert now(active_analyst).state == AgentState.FROZEN


def test_an_ended_session_lets_nothing_go_on(active_analyst: Agent, olivia: Person, sasha: Person) -> None:

    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    gone = replace(proof(sasha), session="0195e3a0-0000-7000-8000-000000000000")
    with pytest.raises(Denied, match="session"):
        confirm(sasha, unfreeze, authentication=gone)


def test_what_changed_meanwhile_is_looked_at_anew(
    active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    edit(olivia, now(active_analyst), purpose="Something wider.")
    with pytest.raises(Conflict, match="changed"):
        confirm(sasha, unfreeze)
    unfreeze.refresh_from_db()
    assert unfreeze.state == UnfreezeState.VOIDED
    confirm(sasha, ask_back(olivia, Containment.objects.get()))
    assert now(active_analyst).state == AgentState.ACTIVE


def test_another_digest_than_shown_confirms_nothing(
    active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    with pytest.raises(Conflict, match="shown"):
        confirm(sasha, unfreeze, digest="0" * 64)
    unfreeze.refresh_from_db()
    assert unfreeze.state == UnfreezeState.REQUESTED


def test_a_request_that_nobody_confirms_expires(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        with pytest.raises(Conflict, match="in time"):
            confirm(sasha, unfreeze)
        assert unfreezing.sweep() == 0
    second = ask_back(olivia, Containment.objects.get())
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert unfreezing.sweep() == 1
    second.refresh_from_db()
    assert second.state == UnfreezeState.EXPIRED


def test_a_declined_request_leaves_it_frozen(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    with pytest.raises(Invalid):
        unfreezing.decline(actor=sasha, unfreeze=unfreeze, reason=" ")
    unfreezing.decline(actor=sasha, unfreeze=unfreeze, reason="Not tested yet.")
    with pytest.raises(Conflict):
        confirm(sasha, unfreeze)
    assert now(active_analyst).state == AgentState.FROZEN


def test_the_owners_word_alone_brings_nothing_back(active_analyst: Agent, olivia: Person) -> None:
    """A review lifts a suspension, and nothing else; also where it was suspended when it was frozen."""
    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    freeze(olivia, active_analyst)
    with pytest.raises(Conflict, match="not for its review"):
        lifecycle.attest(actor=olivia, agent=now(active_analyst), statement="It is true.")


def test_it_comes_back_as_suspended_as_it_was(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    confirm(sasha, ask_back(olivia, freeze(olivia, active_analyst)))
    assert (now(active_analyst).state, now(active_analyst).freeze_reason) == ("frozen", "review")


def test_it_does_not_come_back_without_an_owner(
    active_analyst: Agent, olivia: Person, sasha: Person, carla: Person
) -> None:
    containment = freeze(olivia, active_analyst)
    people.deactivate(actor=SYSTEM, person=olivia)
    confirm(sasha, ask_back(carla, containment))
    assert now(active_analyst).state == AgentState.OWNERLESS
    with pytest.raises(NotActiveError):
        begin(now(active_analyst))


# --- The database --------------------------------------------------------------------------------------
@pytest.mark.parametrize("state", ["active", "draft", "ownerless", "in_review"])
def test_raw_sql_does_not_bring_it_back(state: str, active_analyst: Agent, olivia: Person) -> None:
    freeze(olivia, active_analyst)
    with pytest.raises(DatabaseError, match="two people"), transaction.atomic():
        execute("UPDATE agents_agent SET state = %s", state)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE governance_containment SET state = 'lifted', ended_at = begun_at",
        "UPDATE governance_containment SET state = 'killed', ended_at = begun_at",
        "UPDATE governance_containment SET level = 'owner', agent_id = NULL, person_id = begun_by_id",
        "UPDATE governance_containment SET begun_at = begun_at, reason = 'another'",
        "DELETE FROM governance_unfreeze",
        "DELETE FROM governance_containment",
        "UPDATE governance_unfreeze SET state = 'confirmed', ended_at = requested_at",
        "UPDATE governance_unfreeze SET state = 'confirmed', ended_at = requested_at, "  # noqa: ISC004
        "ended_by_id = requested_by_id",
    ],
)
def test_raw_sql_does_not_lift_it(statement: str, active_analyst: Agent, olivia: Person) -> None:
    ask_back(olivia, freeze(olivia, active_analyst))
    with pytest.raises(DatabaseError), transaction.atomic():
        execute(statement)
    assert Containment.objects.get().state == ContainmentState.IN_FORCE


def test_a_forged_confirmation_is_found(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    """Whoever writes both signatures by hand is let through by the database; the ledger knows better."""
    ask_back(olivia, freeze(olivia, active_analyst))
    Unfreeze.objects.update(state="confirmed", ended_at=timezone.now(), ended_by=sasha)
    Containment.objects.update(state="lifted", ended_at=timezone.now())
    assert {problem.place.split("/")[0] for problem in problems()} == {
        "governance.containment",
        "governance.unfreeze",
    }


# --- At the same moment ---------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_two_confirm_at_once_and_it_goes_on_once(
    active_analyst: Agent, olivia: Person, sasha: Person, carla: Person, ada: Person
) -> None:
    unfreeze = ask_back(olivia, freeze(olivia, active_analyst))
    attempts: list[Callable[[], Any]] = [partial(confirm, person, unfreeze) for person in (sasha, carla, ada)]
    results = storm(attempts)
    assert sum(isinstance(result, Unfreeze) for result in results) == 1
    assert all(isinstance(result, Unfreeze | Conflict) for result in results)
    assert now(active_analyst).state == AgentState.ACTIVE
