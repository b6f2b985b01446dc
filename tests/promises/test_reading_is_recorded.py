"""Who looks at the ledger is in the ledger (S2-19, promise 12): each page, search and download, once."""

from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError
from django.test import Client

from agents.models import Person
from audits import bodies
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Denied
from audits.models import Checkpoint, Event, Verification
from audits.services import reading, sealing, verification
from audits.subject_keys import SubjectKeyUnusable
from tests.audits.happenings import happen

pytestmark = pytest.mark.django_db
LEDGER = "/admin/audits/event/"


def readings(of: Person) -> list[Event]:
    """What `of` read, in order; each is in their own stream."""
    found = Event.objects.filter(action=Action.LEDGER_READ, actor=f"person/{of.pk}").order_by("id")
    assert all(event.stream == f"person/{of.pk}" for event in found)
    return list(found)


@pytest.fixture
def event(aude: Person, client: Client) -> Event:
    [event] = happen(1)
    sealing.seal()
    client.force_login(aude)
    return event


def test_the_list_with_what_was_searched(client: Client, aude: Person, event: Event) -> None:
    assert client.get(LEDGER, {"action": "run.queued", "person": "Olivia", "q": ""}).status_code == 200
    [read] = readings(aude)
    assert (read.object, read.outcome) == ("ledger", Outcome.SUCCESS)
    assert read.details == {
        "part": "list",
        "path": LEDGER,
        "filters": [{"name": "action", "value": "run.queued"}, {"name": "person", "value": "Olivia"}],
    }


def pages(event: Event) -> dict[str, tuple[str, str]]:
    """Address -> (object, part)."""
    size = Checkpoint.objects.get().size
    verified = Verification.objects.get()
    return {
        f"{LEDGER}{event.pk}/change/": (f"event/{event.pk}", "page"),
        f"{LEDGER}{event.pk}/proof/": (f"event/{event.pk}", "proof"),
        f"{LEDGER}{event.pk}/entry/": (f"event/{event.pk}", "entry"),
        "/admin/audits/checkpoint/": ("checkpoints", "list"),
        f"/admin/audits/checkpoint/{size}/change/": (f"checkpoint/{size}", "page"),
        f"/admin/audits/checkpoint/{size}/note/": (f"checkpoint/{size}", "note"),
        "/admin/audits/verification/": ("verifications", "list"),
        f"/admin/audits/verification/{verified.pk}/change/": (f"verification/{verified.pk}", "page"),
        "/admin/audits/bundle/": ("bundles", "list"),
    }


def test_each_page_and_download_once(client: Client, aude: Person, event: Event) -> None:
    verification.check_event(actor=Actor.system("tester"), event_id=event.pk)
    for number, (address, (what, part)) in enumerate(pages(event).items(), 1):
        assert client.get(address).status_code == 200, address
        found = readings(aude)
        assert len(found) == number, address
        assert (found[-1].object, found[-1].details["part"]) == (what, part)
        assert found[-1].details["path"] == address


def test_a_page_that_is_not_there_was_not_read(client: Client, aude: Person, event: Event) -> None:
    client.get(f"{LEDGER}{UUID(int=7)}/change/")
    assert client.get(f"{LEDGER}{UUID(int=7)}/proof/").status_code == 404
    client.get("/static/countersign.css")
    assert readings(aude) == []


@pytest.mark.parametrize("failure", [SubjectKeyUnusable("no key"), DatabaseError("disk full")])
def test_what_cannot_be_recorded_is_not_shown(
    client: Client, event: Event, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    """Fail closed: neither the list nor a page nor a download leaves the house unrecorded."""
    verification.check_event(actor=Actor.system("tester"), event_id=event.pk)
    addresses = [LEDGER, *pages(event)]

    def fail(**_: Any) -> None:
        raise failure

    monkeypatch.setattr(reading, "record", fail)
    for address in addresses:
        response = client.get(address)
        text = response.content.decode()
        assert response.status_code == 503, address
        assert "This page is not shown." in text
        for secret in (str(event.pk), "run/0", "agent/one", "tlog-proof"):
            assert secret not in text.replace(address, ""), address


def test_a_page_that_follows_what_goes_on_is_recorded_once(
    client: Client, aude: Person, event: Event
) -> None:
    address = f"{LEDGER}{event.pk}/change/"
    follow = {"HX-Request": "true"}
    client.get(address)
    for _refresh in range(3):
        assert client.get(address, headers=follow).status_code == 200
    assert len(readings(aude)) == 1


def test_claiming_to_follow_hides_nothing(client: Client, aude: Person, event: Event) -> None:
    """The header is the browser's word: without a recorded reading before it, it counts for nothing."""
    follow = {"HX-Request": "true"}
    client.get(f"{LEDGER}{event.pk}/change/", headers=follow)
    assert len(readings(aude)) == 1
    client.get(LEDGER, headers=follow)
    client.get(LEDGER, {"q": "run/0"}, headers=follow)
    assert len(readings(aude)) == 3


def test_readings_do_not_bury_the_list(client: Client, aude: Person, event: Event) -> None:
    client.get(LEDGER)
    shown = client.get(LEDGER)
    assert "ledger.read" not in {row.action for row in shown.context["cl"].result_list}
    assert "Show readings of the ledger too" in shown.content.decode()
    for query in ({"reads": "on"}, {"action": "ledger.read"}):
        rows = client.get(LEDGER, query).context["cl"].result_list
        assert "ledger.read" in {row.action for row in rows}


def test_a_refused_reading_is_recorded_too(oscar: Person) -> None:
    with pytest.raises(Denied, match="may not look at this part"):
        reading.look(
            actor=oscar.actor, object="ledger", permission="audits.view_event", part="list", path=LEDGER
        )
    [read] = readings(oscar)
    assert read.outcome == Outcome.DENIED


def test_an_agent_never_reads_it() -> None:
    robot = Actor(kind="agent", id="one", name="One")
    with pytest.raises(Denied, match="An agent may not look"):
        reading.look(actor=robot, object="ledger", permission="audits.view_event", part="list", path="/")


def test_the_names_of_readers_are_theirs_to_erase(client: Client, aude: Person, event: Event) -> None:
    client.get(LEDGER)
    [read] = readings(aude)
    assert bytes(read.body.body_key)[:16] == bytes(read.body.name_key)[:16]
    assert bodies.payload_subject(read.stream) == f"person/{aude.pk}"
