"""The containment page: who has confirmed what, towards everything and towards one agent."""

import re
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents import outbound
from agents.choices import AgentState, FreezeReason
from agents.models import Agent, Person
from agents.services import lifecycle
from governance.models import EnforcementPoint
from governance.services import probes
from tests.authzen.asking import SYSTEM
from tests.feed.points import Follower, end
from tests.feed.test_probes import URL, answering

pytestmark = pytest.mark.django_db


@pytest.fixture
def looker(client: Client, aude: Person) -> Client:
    client.force_login(aude)
    return client


def shown(looker: Client, **query: str) -> str:
    answered = looker.get(reverse("admin:containment_state"), query)
    assert answered.status_code == 200
    return answered.content.decode()


def names(page: str) -> list[str]:
    """The enforcement points in the table, in its order."""
    table = page.partition('id="points"')[2]
    return re.findall(r'href="/admin/governance/enforcementpoint/[^"]+"[^>]*>([^<]+)<', table)


def rows(page: str) -> list[str]:
    table = page.partition('id="points"')[2].partition("<tbody>")[2].partition("</tbody>")[0]
    return [" ".join(re.sub(r"<[^>]+>", " ", row).split()) for row in table.split("<tr>")[1:]]


def various(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of each state, and one that is revoked."""
    monkeypatch.setattr(probes, "PATIENCE_SECONDS", 0)
    behind, liar = Follower("behind"), Follower("liar")
    liar.declare(probe_url=URL)
    with outbound.replaced_by(answering(200)):
        probes.probe(actor=SYSTEM, point=liar.point)
    liar.catch_up()
    behind.catch_up()
    end()
    Follower("declared").declare(mode="asks")
    Follower("never")
    for name in ("acknowledged", "stale"):
        Follower(name).catch_up()
    EnforcementPoint.objects.filter(name="stale").update(asked_at=timezone.now() - timedelta(hours=1))


def test_each_state_is_told_in_a_word(looker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    various(monkeypatch)
    page = shown(looker)
    assert names(page) == ["acknowledged", "behind", "declared", "liar", "never", "stale"]
    for row, word in zip(
        rows(page),
        ("Acknowledged", "Behind", "Asks each time, as declared", "Lets through", "Never asked", "Stale"),
        strict=True,
    ):
        assert word in row, row
    assert "2 of 6 enforcement points have confirmed, 1 of them because a person declared it." in page
    assert re.search(r"acknowledged Acknowledged 2 [\d,]+ ms", rows(page)[0])
    assert "Let it through" in rows(page)[3]


def test_what_is_shown_is_narrowed(looker: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    various(monkeypatch)
    assert names(shown(looker, state="unconfirmed")) == ["behind", "liar", "never", "stale"]
    assert names(shown(looker, state="stale")) == ["stale"]
    assert "None of them is in that state" in shown(looker, state="unknown")
    assert len(names(shown(looker, state="nonsense"))) == 6


def test_for_one_agent_the_points_are_shown_towards_its_end(looker: Client, active_analyst: Agent) -> None:
    follower = Follower()
    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    number = follower.catch_up()
    end("somebody-else")
    assert "Behind" in rows(shown(looker))[0]
    page = shown(looker, agent=active_analyst.slug)
    assert f"revocation {number}, the end of {active_analyst.slug}" in page
    assert "Acknowledged" in rows(page)[0]
    assert "Not contained" not in page
    assert "No agent is frozen" in shown(looker, agent="nobody")


def test_without_enforcement_points_it_says_so(looker: Client, active_analyst: Agent) -> None:
    page = shown(looker)
    assert "the decision point alone refuses" in page
    assert "No agent is frozen" in page
    assert "No enforcement point is registered" in page


def test_who_may_not_see_enforcement_points_does_not_see_the_page(client: Client, oscar: Person) -> None:
    client.force_login(oscar)
    assert client.get(reverse("admin:containment_state")).status_code == 403


def test_more_points_and_agents_cost_no_more_queries(
    looker: Client, active_analyst: Agent, settings: LazySettings
) -> None:
    def asked() -> int:
        shown(looker)
        with CaptureQueriesContext(connection) as captured:
            shown(looker)
        return len(captured)

    lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
    Follower("one").catch_up()
    few = asked()
    for number in range(4):
        Follower(f"more-{number}").catch_up()
        copy = Agent.objects.get(pk=active_analyst.pk)
        Agent.objects.create(
            slug=f"agent-{number}", name="Agent", purpose=copy.purpose, business_unit=copy.business_unit,
            owner=copy.owner, state=AgentState.FROZEN,
        )  # fmt: skip
        end(f"agent-{number}")
    assert asked() == few
