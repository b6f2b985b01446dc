"""One person opens a write alone: told, reviewed by somebody else, and locked where nobody reviews it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.utils import timezone

from agents.choices import AgentState, NotificationKind
from agents.models import Agent, Notification, Person
from audits.errors import Conflict, Denied, Invalid
from audits.models import Event
from governance.choices import ElevationEnd
from governance.contents import digest_of
from governance.models import BreakGlass, Elevation, Grant
from governance.services import break_glass, elevations
from governance.tasks import end_what_is_over
from tests.authzen.asking import apply_certification
from tests.governance.story import events, resource, start_instance, tamper, write
from tests.signing_in import proof

pytestmark = pytest.mark.django_db


def broken(actor: Person, agent: Agent, on: str, **more: Any) -> BreakGlass:
    values: dict[str, Any] = {
        "action": "open_ticket",
        "resource": on,
        "reason": "The shop is down and the on-call team needs the ticket.",
        "minutes": 30,
        "uses": 2,
        "authentication": proof(actor),
    }
    return break_glass.break_glass(actor=actor, agent=agent, **(values | more))


def reviewed(actor: Person, glass: BreakGlass, *, is_justified: bool = True, **more: Any) -> BreakGlass:
    return break_glass.review(
        actor=actor, glass=glass, is_justified=is_justified, review="It was down.",
        **({"authentication": proof(actor)} | more),
    )  # fmt: skip


def test_it_opens_at_once_and_ends_by_itself(
    active_analyst: Agent, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    on = resource()
    glass = broken(olivia, active_analyst, on)
    instance = start_instance(active_analyst)
    assert write(instance, on).allowed
    assert not write(instance, resource()).allowed
    told = events("glass.broken")[-1]
    assert told.actor == f"person/{olivia.pk}"
    assert told.details["reason"].startswith("The shop is down")
    later = timezone.now() + timedelta(minutes=30)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert not write(instance, on).allowed
    glass.elevation.refresh_from_db()
    assert glass.elevation.end_reason == ElevationEnd.TIME


def test_its_budget_is_a_budget(active_analyst: Agent, olivia: Person) -> None:
    on = resource()
    broken(olivia, active_analyst, on)
    instance = start_instance(active_analyst)
    assert [write(instance, on).allowed for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("who", ["olivia", "daniel", "ada"])
def test_owner_deputies_and_administrators_break_it(
    who: str, active_analyst: Agent, request: pytest.FixtureRequest
) -> None:
    assert broken(request.getfixturevalue(who), active_analyst, resource()).person.username == who


@pytest.mark.parametrize("who", ["sasha", "oscar", "stella", "aude"])
def test_nobody_else_does(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    with pytest.raises(Denied):
        broken(request.getfixturevalue(who), active_analyst, resource())
    assert events("glass.broken", "denied")
    assert not Elevation.objects.exists()


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"minutes": 31}, "minutes"),
        ({"minutes": 0}, "minutes"),
        ({"reason": "  "}, "reason"),
        ({"resource": "finding/*"}, "resource"),
        ({"action": "get_vulnerability_info"}, "action"),
        ({"uses": 101}, "uses"),
    ],
)
def test_what_is_outside_its_limits(
    values: dict[str, Any], field: str, active_analyst: Agent, olivia: Person
) -> None:
    with pytest.raises(Invalid) as refused:
        broken(olivia, active_analyst, **({"on": resource()} | _renamed(values)))
    assert field in refused.value.fields


def _renamed(values: dict[str, Any]) -> dict[str, Any]:
    return {"on" if name == "resource" else name: value for name, value in values.items()}


@pytest.mark.parametrize("state", [AgentState.FROZEN, AgentState.OWNERLESS, AgentState.IN_REVIEW])
def test_it_overrides_the_vote_and_nothing_else(
    state: AgentState, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(state=state)
    with pytest.raises(Denied):
        broken(ada, active_analyst, resource())
    Agent.objects.filter(pk=active_analyst.pk).update(state=AgentState.ACTIVE, purpose="Other.")
    with pytest.raises(Conflict, match="not what the board approved"):
        broken(ada, active_analyst, resource())


def test_an_old_sign_in_does_not_do(active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    with pytest.raises(Denied):
        broken(olivia, active_analyst, resource(), authentication=proof(daniel))


def test_everybody_is_told(
    active_analyst: Agent, olivia: Person, daniel: Person, ada: Person, members: list[Person]
) -> None:
    glass = broken(olivia, active_analyst, resource())
    told = Notification.objects.filter(kind=NotificationKind.GLASS_BROKEN)
    assert {row.person for row in told} == {daniel, ada, *members}
    assert {row.due_at for row in told} == {glass.review_due_at}


def test_it_ends_with_the_policies(active_analyst: Agent, olivia: Person) -> None:
    on = resource()
    broken(olivia, active_analyst, on)
    apply_certification()
    assert not write(start_instance(active_analyst), on).allowed


def test_anybody_who_may_end_an_elevation_ends_it(
    active_analyst: Agent, olivia: Person, sasha: Person
) -> None:
    on = resource()
    glass = broken(olivia, active_analyst, on)
    elevations.end(actor=sasha.actor, elevation=glass.elevation, reason=ElevationEnd.REVOKED)
    assert not write(start_instance(active_analyst), on).allowed


# --- Its review ---------------------------------------------------------------------------------------
def test_somebody_else_reviews_it_once(
    active_analyst: Agent, olivia: Person, sasha: Person, leo: Person
) -> None:
    glass = reviewed(sasha, broken(olivia, active_analyst, resource()))
    assert (glass.reviewed_by, glass.is_justified) == (sasha, True)
    with pytest.raises(Conflict):
        reviewed(leo, BreakGlass.objects.get(), is_justified=False)
    assert events("glass.reviewed")[-1].details["is_justified"] is True


@pytest.mark.parametrize("who", ["olivia", "daniel", "oscar", "aude"])
def test_neither_who_did_it_nor_their_side_reviews_it(
    who: str, active_analyst: Agent, olivia: Person, request: pytest.FixtureRequest
) -> None:
    glass = broken(olivia, active_analyst, resource())
    with pytest.raises(Denied):
        reviewed(request.getfixturevalue(who), glass)


def test_nor_the_database_lets_them(active_analyst: Agent, olivia: Person) -> None:
    broken(olivia, active_analyst, resource())
    with pytest.raises(IntegrityError), transaction.atomic():
        BreakGlass.objects.update(reviewed_at=timezone.now(), reviewed_by=olivia, is_justified=True)


def test_a_review_says_something(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    glass = broken(olivia, active_analyst, resource())
    with pytest.raises(Invalid):
        break_glass.review(
            actor=sasha, glass=glass, is_justified=True, review=" ", authentication=proof(sasha)
        )


def test_the_account_is_locked_when_nobody_reviewed_it(
    active_analyst: Agent, olivia: Person, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = broken(olivia, active_analyst, resource())
    almost = glass.review_due_at - timedelta(seconds=1)
    monkeypatch.setattr(timezone, "now", lambda: almost)
    assert break_glass.sweep() == 0
    over = glass.review_due_at
    monkeypatch.setattr(timezone, "now", lambda: over)
    end_what_is_over()
    olivia.refresh_from_db()
    glass.refresh_from_db()
    assert not olivia.is_active
    assert glass.locked_at == over
    assert events("glass.account_locked")[-1].details["was_locked"] is True
    assert break_glass.sweep() == 0
    told = Notification.objects.filter(kind=NotificationKind.GLASS_REVIEWED, person=ada)
    assert "was locked" in told.get().title


def test_nothing_is_locked_that_was_reviewed(
    active_analyst: Agent, olivia: Person, sasha: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = reviewed(sasha, broken(olivia, active_analyst, resource()), is_justified=False)
    later = glass.review_due_at + timedelta(days=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert break_glass.sweep() == 0
    olivia.refresh_from_db()
    assert olivia.is_active


def test_the_last_administrator_is_not_locked_out_and_that_is_told(
    active_analyst: Agent, ada: Person, sasha: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    glass = broken(ada, active_analyst, resource())
    later = glass.review_due_at
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert break_glass.sweep() == 1
    ada.refresh_from_db()
    assert ada.is_active
    assert events("glass.account_locked")[-1].details["was_locked"] is False
    assert Notification.objects.filter(person=sasha, title__contains="could not be locked").exists()


# --- Attacks ------------------------------------------------------------------------------------------
def test_a_broken_glass_written_by_hand(active_analyst: Agent, olivia: Person) -> None:
    """Rows alone are worth nothing: the ledger has to tell of it."""
    on, other = resource(), resource()
    glass = broken(olivia, active_analyst, on)
    instance = start_instance(active_analyst)
    elevation = Elevation.objects.get()
    elevation.pk, elevation.resource = None, other
    elevation.id = BreakGlass().id
    elevation.save(force_insert=True)
    content = glass.content.replace(str(glass.elevation_id), str(elevation.pk)).replace(on, other)
    glass.pk = None
    glass.id = Elevation().id
    glass.elevation, glass.content, glass.digest = elevation, content, digest_of(content.encode())
    glass.save(force_insert=True)
    grant = Grant.objects.get(access="write")
    grant.id = Elevation().id
    grant.pk, grant.elevation, grant.resource = grant.id, elevation, other
    grant.save(force_insert=True)
    assert write(instance, other).reason == "no_elevation"
    assert write(instance, on).allowed


def test_a_broken_glass_whose_bytes_were_changed(active_analyst: Agent, olivia: Person) -> None:
    on = resource()
    glass = broken(olivia, active_analyst, on)
    assert write(start_instance(active_analyst), on).allowed
    forged = glass.content.replace('"uses":2', '"uses":9')
    with pytest.raises(DatabaseError, match="does not change"), transaction.atomic():
        BreakGlass.objects.update(content=forged)
    for values in ({"content": forged}, {"content": forged, "digest": digest_of(forged.encode())}):
        tamper(BreakGlass.objects.filter(pk=glass.pk), **values)
        assert not write(start_instance(active_analyst), on).allowed
    assert Event.objects.filter(action="glass.broken").count() == 1
