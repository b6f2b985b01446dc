"""Revoked means refused (promise 7), where enforcement points are concerned.

Whatever ends is in the feed, and nothing is taken for contained that has not been confirmed.
"""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client
from django.urls import reverse

from agents.choices import FreezeReason, RevocationLevel
from agents.models import Agent, Person, Revocation
from agents.services import copies, lifecycle, people, runs
from audits.actor import Actor
from governance import point_selectors
from governance.choices import ElevationEnd
from governance.models import Acknowledgement
from governance.point_selectors import Points
from governance.services import containments, elevations, enforcement_points, probes
from tests.authzen.asking import EVALUATION
from tests.feed.points import ACK, Follower, end, following, guarding
from tests.governance.containing import WHY
from tests.governance.story import LOOKUP, TICKET, elevate, resource
from tests.oauth.client import a_write, ask, introspect, provisioned

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture
def follower(db: None) -> Follower:
    return Follower()


def decision(follower: Follower, instance: Any, action: str = LOOKUP[0], on: str = LOOKUP[1]) -> bool:
    kind, _, name = on.partition("/")
    asked = {
        "subject": {"type": "agent_instance", "id": instance.spiffe_id},
        "action": {"name": action},
        "resource": {"type": kind, "id": name},
    }
    allowed: bool = follower.ask(EVALUATION, asked)["decision"]
    return allowed


def frozen(agent: Agent) -> Agent:
    return lifecycle.freeze(actor=SYSTEM, agent=agent, reason=FreezeReason.REVIEW)


# --- Whatever ends is in the feed, and over at the first answer after its commit ----------------------------
@pytest.mark.parametrize("how", ["owner", "suspended", "frozen", "everything", "retired"])
def test_whatever_ends_an_agent_is_told_and_counts_at_once(
    how: str, follower: Follower, active_analyst: Agent, olivia: Person, ada: Person
) -> None:
    ends: dict[str, Callable[[], object]] = {
        "owner": lambda: people.deactivate(actor=ada.actor, person=olivia),
        "suspended": lambda: frozen(active_analyst),
        "frozen": lambda: containments.freeze_agent(actor=ada, agent=active_analyst, reason=WHY),
        "everything": lambda: containments.freeze_everything(actor=ada, reason=WHY),
        "retired": lambda: lifecycle.retire(actor=olivia, agent=active_analyst, reason="It is over."),
    }
    copy = provisioned(olivia, active_analyst)
    token = ask(Client(), copy).json()["access_token"]
    assert introspect(Client(), token, follower.credential).json()["active"]
    assert decision(follower, copy.instance)
    before = follower.catch_up()
    ends[how]()
    page = follower.read(since=before)
    told = {(row["level"], row["subject"]) for row in page["revocations"]}
    assert told & {("agent", active_analyst.slug), ("owner", str(olivia.pk)), ("everything", "*")}
    assert introspect(Client(), token, follower.credential).json() == {"active": False}
    if how != "owner":  # without an owner it may read on for as long as its class lets it: promise 3
        assert not decision(follower, copy.instance)
    assert all(each.state == "behind" for each in Points().towards(page["current"]))


def test_an_elevation_that_ends_is_told_and_its_token_over(
    follower: Follower, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    copy = provisioned(olivia, active_analyst)
    token = ask(Client(), copy, a_write(on), proof=copy.proof()).json()["access_token"]
    assert introspect(Client(), token, follower.credential).json()["active"]
    assert decision(follower, copy.instance, TICKET, on)
    before = follower.catch_up()
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    assert follower.read(since=before)["revocations"]
    assert introspect(Client(), token, follower.credential).json() == {"active": False}
    assert not decision(follower, copy.instance, TICKET, on)


def test_a_copy_that_is_removed_is_told(follower: Follower, active_analyst: Agent, olivia: Person) -> None:
    copy = provisioned(olivia, active_analyst)
    token = ask(Client(), copy).json()["access_token"]
    before = follower.catch_up()
    copies.deprovision(actor=olivia, instance=copy.instance)
    told = [(row["level"], row["subject"]) for row in follower.read(since=before)["revocations"]]
    assert ("instance", copy.instance.spiffe_id) in told
    assert introspect(Client(), token, follower.credential).json() == {"active": False}


# --- Nothing is confirmed by anybody else, or before it happened --------------------------------------------
def test_nobody_acknowledges_for_another(follower: Follower, active_analyst: Agent) -> None:
    other = Follower("other")
    frozen(active_analyst)
    other.catch_up()
    other.refuses(ACK, {"number": 1, "point": str(follower.point.pk)})
    assert not Acknowledgement.objects.filter(point=follower.point).exists()
    (found,) = point_selectors.contained()
    assert not found.is_contained
    assert [each.point for each in found.missing] == [follower.point]


def test_nobody_acknowledges_in_advance(follower: Follower, active_analyst: Agent) -> None:
    current = follower.catch_up()
    for ahead in (1, 2, 1_000):
        follower.refuses(ACK, {"number": current + ahead})
    frozen(active_analyst)
    (found,) = point_selectors.contained()
    assert not found.is_contained


# --- Unknown is never green ---------------------------------------------------------------------------------
def test_a_point_that_never_acknowledges_is_never_contained(
    follower: Follower, active_analyst: Agent, aude: Person, client: Client
) -> None:
    client.force_login(aude)
    frozen(active_analyst)
    for asks in (False, True, True):
        if asks:
            follower.read()
        page = client.get(reverse("admin:containment_state")).content.decode()
        assert "Not contained" in page
        assert "0 of 1 enforcement points have confirmed" in page
    follower.catch_up()
    page = client.get(reverse("admin:containment_state")).content.decode()
    assert "Not contained" not in page
    assert "1 of 1 enforcement points have confirmed" in page


def test_what_was_confirmed_and_is_not_heard_any_more_is_not_green(
    follower: Follower, active_analyst: Agent, settings: LazySettings
) -> None:
    frozen(active_analyst)
    follower.catch_up()
    assert point_selectors.contained()[0].is_contained
    settings.FEED_STALE_SECONDS = -1
    (found,) = point_selectors.contained()
    assert not found.is_contained
    assert found.standings[0].state == "stale"


def test_an_agent_with_work_left_is_not_contained(
    follower: Follower, active_analyst: Agent, report: Any
) -> None:
    run = runs.queue(actor=SYSTEM, report=report)
    frozen(active_analyst)
    follower.catch_up()
    (found,) = point_selectors.contained()
    assert (found.jobs, found.is_contained) == (1, run.agent_id != active_analyst.pk)


def test_what_a_person_declared_is_shown_as_declared(
    follower: Follower, active_analyst: Agent, aude: Person, client: Client
) -> None:
    frozen(active_analyst)
    follower.declare(mode="asks")
    (found,) = point_selectors.contained()
    assert found.is_contained
    assert found.standings[0].state == "declared"
    client.force_login(aude)
    page = client.get(reverse("admin:containment_state")).content.decode()
    assert "Asks each time, as declared" in page
    assert "1 of them because a person declared it" in page


def test_a_revoked_point_is_waited_for_no_longer(follower: Follower, active_analyst: Agent) -> None:
    frozen(active_analyst)
    assert not point_selectors.contained()[0].is_contained
    enforcement_points.revoke(actor=SYSTEM, point=follower.point)
    (found,) = point_selectors.contained()
    assert (found.is_contained, found.standings) == (True, ())


@pytest.mark.parametrize("level", ["agent", "owner", "everything"])
def test_whoever_is_frozen_with_others_is_to_be_contained_too(
    level: str, follower: Follower, active_analyst: Agent, ada: Person
) -> None:
    follower.catch_up()
    assert point_selectors.contained() == []
    named: dict[str, Any] = {"agent": {"agent": active_analyst}, "owner": {"owner": active_analyst.owner}}
    containments.freeze(actor=ada, level=level, reason=WHY, **named.get(level, {}))
    (found,) = point_selectors.contained()
    assert (found.agent, found.is_contained) == (active_analyst, False)
    follower.catch_up()
    assert point_selectors.contained()[0].is_contained


# --- Who lies is found --------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("mode", ["follows", "asks"])
def test_a_point_that_lies_is_found_and_never_green(mode: str, active_analyst: Agent, ada: Person) -> None:
    """It acknowledges everything, or somebody declared that it asks: and it lets through."""
    liar = Follower("liar")
    frozen(active_analyst)
    with following(liar, heed=False) as answer, guarding(answer) as url:
        liar.declare(mode=mode, probe_url=url)
        probes.probe(actor=SYSTEM, point=liar.point)
    (found,) = point_selectors.contained()
    assert not found.is_contained
    assert found.standings[0].state == "lets_through"
    assert ada.notifications.filter(kind="point_lets_through").exists()


def test_an_end_at_any_level_counts_for_the_agent(follower: Follower, active_analyst: Agent) -> None:
    """The cut-off is the highest number over all levels, and so is what has to be acknowledged."""
    frozen(active_analyst)
    follower.catch_up()
    for level, subject in (
        (RevocationLevel.EVERYTHING, "*"),
        (RevocationLevel.OWNER, str(active_analyst.owner_id)),
        (RevocationLevel.AGENT, active_analyst.slug),
    ):
        number = end(subject, level)
        (found,) = point_selectors.contained()
        assert (found.number, found.is_contained) == (number, False)
        follower.catch_up()
        assert point_selectors.contained()[0].is_contained
    assert Revocation.objects.filter(number__isnull=True).count() == 0
    end("another-agent")
    assert point_selectors.contained()[0].is_contained
