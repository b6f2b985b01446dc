"""The history of a governed row, as people read it on its page."""

import re
from html import unescape

import pytest
from django.db.models import Model
from django.test import Client

from agents.models import Agent, Person
from agents.services import people, register
from audits import pseudonyms
from audits.actor import Actor
from audits.models import Event
from audits.services import history
from governance.models import Approval, Grant, RiskClass, Seat
from tests.governance.story import elevate, propose, resource, version_of
from tests.portal.pages import address, page, queries

pytestmark = pytest.mark.django_db
TESTER = Actor.system("tester")


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def section(text: str) -> str:
    """The words of the history, without their markup."""
    found = re.search(r'<section class="cs-section" id="history".*?</section>', text, re.DOTALL)
    assert found
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", found[0])))


def test_what_changed_is_said_field_by_field(aude: Person, active_analyst: Agent) -> None:
    text = section(page(signed_in(aude), address(active_analyst)))
    assert "State In review → became Active" in text
    assert re.search("Active version . → became Vulnerability analyst 1.0.0", text)
    assert "Added; show its first values" in text
    assert "Owner Olivia Owner" in text
    assert "Deputies Daniel Deputy" in text
    assert "governance-board" in text
    assert "agent.state_changed agent/" in text


def test_every_governed_page_has_its_history(
    ada: Person, olivia: Person, active_analyst: Agent, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    proposal = propose(active_analyst)
    told: list[Model] = [
        active_analyst,
        version_of(active_analyst),
        olivia,
        Seat.objects.all()[0],
        Approval.objects.all()[0],
        elevation,
        Grant.objects.all()[0],
    ]
    untold: list[Model] = [proposal, RiskClass.objects.get(level="high")]
    client = signed_in(ada)
    for row in told:
        assert "Added; show its first values" in section(page(client, address(row))), row
    for row in untold:
        assert "No change of it was recorded." in section(page(client, address(row))), row


def test_a_reader_of_the_ledger_is_led_to_the_event(aude: Person, active_analyst: Agent) -> None:
    event = Event.objects.filter(action="agent.state_changed").order_by("-pk").first()
    assert event is not None
    assert f'href="{address(event)}"' in page(signed_in(aude), address(active_analyst))


def test_who_may_not_read_the_ledger_sees_the_change_without_the_event(
    olivia: Person, active_analyst: Agent
) -> None:
    assert not olivia.has_perm("audits.view_event")
    shown = page(signed_in(olivia), address(active_analyst))
    assert "State In review → became Active" in section(shown)
    assert "/audits/event/" not in shown


def test_who_acted_is_a_pseudonym_for_those_who_may_not_read_names(
    aude: Person, sasha: Person, analyst: Agent
) -> None:
    assert not sasha.has_perm("audits.view_names")
    who = re.compile(r"(Olivia Owner|Person [0-9a-f]{4}-[0-9a-f]{4}) Added; show its first values")
    (by_name,) = who.findall(section(page(signed_in(aude), address(analyst))))
    (by_pseudonym,) = who.findall(section(page(signed_in(sasha), address(analyst))))
    assert (by_name, by_pseudonym) == ("Olivia Owner", pseudonyms.of(owner_of(analyst)))


def owner_of(agent: Agent) -> str:
    return f"person/{agent.owner_id}"


def test_people_are_links_only_for_those_who_may_see_them(
    olivia: Person, aude: Person, active_analyst: Agent
) -> None:
    link = f'href="{address(olivia)}"'
    assert link in page(signed_in(aude), address(active_analyst))
    assert link not in page(signed_in(olivia), address(active_analyst))


def test_no_password_is_in_the_history(ada: Person, olivia: Person) -> None:
    people.change_password(actor=olivia, password="another-sentence-of-words")
    people.deactivate(actor=TESTER, person=olivia)
    text = section(page(signed_in(ada), address(olivia)))
    assert "Active Yes → became No" in text
    assert "assword" not in text
    assert not {"password", "last_login"} & {field.name for field in Person.history.model.tracked_fields}


def test_foreign_words_are_marked_and_escaped(aude: Person, olivia: Person) -> None:
    hostile = "<script>alert(1)</script>"
    agent = register.register_agent(
        actor=olivia, slug="hostile", name="A", purpose=hostile, business_unit="IT", owner=olivia
    )
    shown = page(signed_in(aude), address(agent))
    assert hostile not in shown
    start = shown.index('id="history"')
    assert 'title="Untrusted text from the owner&#x27;s side"' in shown[start:]


def test_more_changes_take_no_more_queries_and_are_paged(aude: Person, active_analyst: Agent) -> None:
    client = signed_in(aude)

    def amend(step: int) -> None:
        changes = {"runbook": f"Step {step}."}
        register.amend(actor=active_analyst.owner, agent=active_analyst, changes=changes)

    amend(0)
    page(client, address(active_analyst))
    few = queries(client, address(active_analyst))
    for step in range(1, 13):
        amend(step)
    assert queries(client, address(active_analyst)) <= few + 1
    shown = page(client, address(active_analyst))
    assert "Pages of History" in shown
    assert "Step 11." in section(shown)
    assert "Step 12." in section(shown)
    assert "Added; show its first values" in section(page(client, f"{address(active_analyst)}?history=2"))


def test_an_adopted_change_is_shown(aude: Person, active_analyst: Agent) -> None:
    RiskClass.objects.filter(level="high").update(quorum=4)
    for number in (1, 2):
        if number == 2:
            RiskClass.objects.filter(level="high").update(quorum=3)
        history.adopt(actor=TESTER, model="governance.riskclass", key="high", reason="As the board wants.")
    text = section(page(signed_in(aude), address(RiskClass.objects.get(level="high"))))
    assert "Quorum 4 → became 3" in text
