"""The overview shows what is so, to those who may see it, and says what to do where there is nothing."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.analyst import provenance
from agents.models import Agent, Person
from agents.services import register
from audits.admin.show import relative
from audits.models import Checkpoint, Entry
from audits.services import sealing
from governance.choices import VoteChoice
from governance.models import Approval, Elevation, Seat
from governance.services import approvals, board
from portal.dashboard import minutes_left
from tests.portal import work
from tests.signing_in import proof


def overview(client: Client, person: Person, page: str = "index") -> str:
    client.force_login(person)
    response = client.get(reverse(f"admin:{page}"))
    assert response.status_code == 200
    return response.content.decode()


def badge(client: Client, person: Person) -> int:
    client.force_login(person)
    items = client.get(reverse("admin:index")).context["sidebar_navigation"][0]["items"]
    count: int = next(item["badge"] for item in items if item["title"] == "Waiting for me")
    return count


def test_an_empty_portal_says_what_to_do_next(client: Client, ada: Person) -> None:
    text = overview(client, ada)
    for words in (
        "Nothing waits for you.",
        "No agent is registered yet.",
        "None: no agent may write anything now.",
        "No run yet.",
    ):
        assert words in text


def test_an_outsider_sees_no_figures(client: Client, oscar: Person, active_analyst: Agent) -> None:
    text = overview(client, oscar)
    assert "Nothing waits for you." in text
    for words in ("Agents</h2>", "Latest runs", "Ledger</h2>", "Live write elevations"):
        assert words not in text


def test_owners_see_no_ledger(client: Client, olivia: Person) -> None:
    text = overview(client, olivia)
    assert "Agents</h2>" in text
    assert "Ledger</h2>" not in text


def test_agents_are_counted_by_state(
    client: Client, aude: Person, olivia: Person, active_analyst: Agent
) -> None:
    work.agent(olivia)
    work.agent(olivia)
    client.force_login(aude)
    figures = client.get(reverse("admin:index")).context["agents"]
    assert {figure["url"].rpartition("=")[2]: figure["number"] for figure in figures} == {
        "draft": 2,
        "active": 1,
    }
    assert all(client.get(figure["url"]).status_code == 200 for figure in figures)


def test_the_ledger_is_shown_as_it_is(client: Client, aude: Person) -> None:
    client.force_login(aude)
    sealing.seal()
    shown = client.get(reverse("admin:index")).context["ledger"]
    assert shown["size"] == Entry.objects.count() > 0
    assert shown["unsealed"] == 0
    assert shown["checkpoint"] == Checkpoint.objects.order_by("-size").first()


def test_a_board_member_finds_the_vote_and_it_is_gone_once_cast(
    client: Client, sasha: Person, submitted: Approval
) -> None:
    assert badge(client, sasha) == 1
    assert submitted.title in overview(client, sasha, "waiting")
    approvals.vote(
        actor=sasha,
        authentication=proof(sasha),
        approval=submitted,
        choice=VoteChoice.APPROVE,
        digest=submitted.digest,
    )
    assert badge(client, sasha) == 0
    assert "Nothing waits for you." in overview(client, sasha, "waiting")


def test_the_owners_own_dossier_does_not_wait_for_the_owner(
    client: Client, olivia: Person, submitted: Approval
) -> None:
    assert badge(client, olivia) == 0
    assert submitted.title not in overview(client, olivia, "waiting")


@pytest.mark.parametrize("who", ["olivia", "daniel"])
def test_a_refused_write_waits_for_who_answers_for_the_agent(
    client: Client, active_analyst: Agent, request: pytest.FixtureRequest, who: str
) -> None:
    work.run(active_analyst, work.report())
    person = request.getfixturevalue(who)
    assert badge(client, person) == 1
    assert "Ask for write elevation" in overview(client, person, "waiting")


def test_a_refused_write_does_not_wait_for_others(
    client: Client, active_analyst: Agent, aude: Person
) -> None:
    work.run(active_analyst, work.report())
    assert badge(client, aude) == 0


def test_a_draft_waits_for_its_owner(client: Client, olivia: Person, analyst: Agent) -> None:
    assert badge(client, olivia) == 1
    assert "Bring before the board" in overview(client, olivia, "waiting")


def test_owners_are_led_to_register_the_analyst_until_it_is_there(
    client: Client, olivia: Person, aude: Person
) -> None:
    page = reverse("admin:register_analyst")
    assert page in overview(client, olivia)
    assert client.get(page).status_code == 200
    assert page not in overview(client, aude)
    assert client.get(page).status_code == 403


def test_a_draft_of_the_analyst_leads_to_the_page_that_adds_its_build_and_then_to_its_checklist(
    client: Client, olivia: Person, analyst: Agent
) -> None:
    waiting = overview(client, olivia, "waiting")
    assert reverse("admin:register_analyst") in waiting
    assert client.get(reverse("admin:register_analyst")).status_code == 200
    register.add_version(actor=olivia, agent=analyst, label="1", provenance=provenance.current())
    waiting = overview(client, olivia, "waiting")
    assert reverse("admin:register_analyst") not in waiting
    assert reverse("admin:agents_agent_change", args=[analyst.pk]) in waiting


def test_live_elevations_show_what_is_left_of_them(
    client: Client, active_analyst: Agent, olivia: Person
) -> None:
    ends_at = timezone.now() + timedelta(minutes=7, seconds=30)
    Elevation.objects.create(
        agent=active_analyst,
        action="open_ticket",
        resource=f"finding/{uuid4()}",
        intent="For a test",
        minutes=10,
        uses=3,
        used=1,
        requested_by=olivia,
        state="active",
        starts_at=timezone.now(),
        ends_at=ends_at,
    )
    text = overview(client, olivia)
    assert "7 min left" in text
    assert "1 of 3 used" in text


@pytest.mark.parametrize(
    ("seconds", "words"), [(-1, "over"), (0, "over"), (45, "4"), (61, "1 min left"), (3600, "min left")]
)
def test_what_is_left_in_words(seconds: int, words: str) -> None:
    assert words in minutes_left(timezone.now() + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "just now"),
        (-59, "just now"),
        (20, "in 20 s"),
        (-60, "1 min ago"),
        (3599, "in 59 min"),
        (-7200, "2 h ago"),
        (3 * 86400, "in 3 d"),
    ],
)
def test_times_have_a_hint(seconds: int, words: str) -> None:
    assert relative(work.NOON + timedelta(seconds=seconds), work.NOON) == words


def test_each_role_is_told_what_to_do_next(
    client: Client, *, ada: Person, olivia: Person, sasha: Person, aude: Person, active_analyst: Agent
) -> None:
    assert "ingest a report" in overview(client, olivia)
    assert "No request waits for the seat Security." in overview(client, sasha)
    assert reverse("admin:audits_bundle_add") in overview(client, aude)
    board.end_seat(actor=ada, seat=Seat.objects.get(person=sasha))
    text = overview(client, ada)
    assert "Nobody holds the board&#x27;s seats Security" in text
    assert reverse("admin:governance_seat_add") in text


def test_the_overview_says_who_one_is(
    client: Client, *, ada: Person, sasha: Person, aude: Person, oscar: Person, active_analyst: Agent
) -> None:
    for person, words in (
        (ada, "administrator"),
        (sasha, "board, seat Security"),
        (aude, "auditor"),
        (oscar, "no role yet"),
    ):
        assert words in overview(client, person, "index"), person


def test_icons_are_not_read_aloud(client: Client, ada: Person, active_analyst: Agent) -> None:
    client.force_login(ada)
    for name in ("index", "agents_agent_changelist", "agents_person_add"):
        tags = client.get(reverse(f"admin:{name}")).content.decode().split("<")
        icons = [tag for tag in tags if tag.startswith("span ") and "material-symbols-outlined" in tag]
        assert icons
        assert all('aria-hidden="true"' in icon for icon in icons), name
        assert any(tag.startswith("input ") for tag in tags), name
