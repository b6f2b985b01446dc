"""The auditors' pages: a ledger of any length, searched and paged; an event with its proof; the alarm."""

import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from agents.models import Agent, Person
from audits import ledger_search
from audits.admin.event import EventAdmin
from audits.choices import Action, Verdict
from audits.models import Body, Checkpoint, Entry, Event, Verification
from audits.services import sealing, verification
from audits.tlog_proof import Proof
from tests.audits.happenings import TESTER, happen, take_triggers_off

LEDGER = "/admin/audits/event/"
SENT = {"_form_submitted": "on"}


@pytest.fixture
def auditor(client: Client, aude: Person) -> Client:
    client.force_login(aude)
    return client


def rows(client: Client, address: str = "", **query: str) -> list[Event]:
    response = client.get(LEDGER + address, query)
    assert response.status_code == 200
    found: list[Event] = response.context["cl"].result_list
    return found


# --- Pages of the list ----------------------------------------------------------------------------------
def test_every_event_is_on_one_page_going_down_and_up(
    auditor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(EventAdmin, "list_per_page", 4)
    expected = [event.pk for event in happen(11, stream="agent/many")][::-1]
    address, down, addresses = "?stream=agent/many", list[object](), list[str]()
    while address:
        page = auditor.get(LEDGER + address).context["cl"]
        addresses.append(address)
        down += [event.pk for event in page.result_list]
        address = page.paginator.older
    assert down == expected
    assert len(addresses) == 3
    up = list[object]()
    address = addresses[-1]
    while address:
        page = auditor.get(LEDGER + address).context["cl"]
        up = [event.pk for event in page.result_list] + up
        address = page.paginator.newer
    assert up == expected


def test_nothing_is_counted_and_nothing_skipped(auditor: Client) -> None:
    happen(3)
    newest = rows(auditor)[0]
    for query in ({}, {"outcome": "success"}, {"q": "run/1"}, {"before": str(newest.pk)}, {"person": "a"}):
        with CaptureQueriesContext(connection) as captured:
            rows(auditor, **query)
        about_events = [each["sql"] for each in captured if "audits_event" in each["sql"]]
        assert about_events
        assert not [sql for sql in about_events if "COUNT(" in sql or "OFFSET" in sql]
    with CaptureQueriesContext(connection) as captured:
        assert auditor.get("/admin/audits/checkpoint/").status_code == 200
    assert not [each["sql"] for each in captured if "COUNT(" in each["sql"] and "audits" in each["sql"]]


@pytest.mark.parametrize("cursor", ["before", "after"])
@pytest.mark.parametrize("value", ["x", "00000000", "' OR 1=1 --"])
def test_a_place_that_is_none_shows_nothing(auditor: Client, cursor: str, value: str) -> None:
    happen(1)
    assert rows(auditor, **{cursor: value}) == []


def test_a_long_list_costs_no_more_queries(auditor: Client) -> None:
    happen(2)
    with CaptureQueriesContext(connection) as few:
        rows(auditor)
    happen(60, stream="agent/two")
    with CaptureQueriesContext(connection) as many:
        assert len(rows(auditor)) > 60
    assert len(many) == len(few)


# --- Searches -------------------------------------------------------------------------------------------
def test_an_agent_by_name_slug_id_and_stream(auditor: Client, analyst: Agent) -> None:
    happen(2)
    for text in (
        "Vulnerability analyst",
        "vulnerability-analyst",
        "VULNERAB",
        str(analyst.pk),
        analyst.stream,
    ):
        found = rows(auditor, agent=text)
        assert found, text
        assert {event.stream for event in found} == {analyst.stream}
    assert rows(auditor, agent="nobody") == []
    assert {event.stream for event in rows(auditor, stream=analyst.stream)} == {analyst.stream}


def test_a_person_by_name_finds_what_they_did_and_what_was_done_to_them(
    auditor: Client, analyst: Agent, olivia: Person
) -> None:
    found = rows(auditor, person="Olivia")
    mine = f"person/{olivia.pk}"
    assert found
    assert all(mine in {event.actor, event.object, event.stream} for event in found)
    assert {event.action for event in found} >= {Action.AGENT_REGISTERED, Action.PERSON_ADDED}


def test_action_outcome_framework_number_and_reference(auditor: Client) -> None:
    [one] = happen(1, frameworks=["iso-27001", "sox"])
    [other] = happen(1, stream="agent/two", action=Action.RUN_ENDED, frameworks=["pci-dss"])
    sealing.seal()
    seq = Entry.objects.get(event=one).seq
    for query, expected in (
        ({"action": "run.ended"}, other),
        ({"framework": "sox"}, one),
        ({"framework": "pci-dss"}, other),
        ({"number": str(seq)}, one),
        ({"q": str(seq)}, one),
        ({"q": str(other.pk)}, other),
        ({"q": f"event/{other.pk}"}, other),
        ({"q": "agent/two"}, other),
        ({"framework": "sox", "stream": "agent/one", "outcome": "success"}, one),
    ):
        assert [event.pk for event in rows(auditor, **query)] == [expected.pk], query
    for query in ({"framework": "so"}, {"framework": "sox", "stream": "agent/two"}, {"outcome": "failed"}):
        assert rows(auditor, **query) == [], query


def test_from_and_to(auditor: Client) -> None:
    [event] = happen(1, stream="agent/timed")
    moment = event.time

    def at(**shift: float) -> str:
        return (moment + timedelta(**shift)).strftime("%Y-%m-%dT%H:%M:%S")

    assert len(rows(auditor, stream="agent/timed", since=at(seconds=-2), until=at(seconds=2))) == 1
    assert rows(auditor, stream="agent/timed", since=at(seconds=2)) == []
    assert rows(auditor, stream="agent/timed", until=at(seconds=-2)) == []


@pytest.mark.parametrize("query", [{"number": "-1"}, {"since": "yesterday"}, {"action": "no.such"}])
def test_what_cannot_be_searched_for_is_said(auditor: Client, query: dict[str, str]) -> None:
    happen(1)
    response = auditor.get(LEDGER, query)
    assert response.status_code == 200
    assert list(response.context["cl"].result_list) == []
    assert 'class="cs-filters-wrong" role="alert"' in response.content.decode()


@pytest.mark.django_db
def test_the_size_is_estimated_without_counting() -> None:
    happen(5)
    sealing.seal()
    with CaptureQueriesContext(connection) as captured:
        assert ledger_search.estimated_events() >= 5
    assert not [each["sql"] for each in captured if "COUNT(" in each["sql"]]


# --- An event -------------------------------------------------------------------------------------------
@pytest.fixture
def events() -> list[Event]:
    made = happen(2, stream="agent/one") + happen(1, stream="agent/two") + happen(1, stream="agent/one")
    sealing.seal()
    return made


def page_of(event: Event) -> str:
    return f"{LEDGER}{event.pk}/change/"


def test_its_proof_is_shown_and_downloaded(auditor: Client, events: list[Event]) -> None:
    proved = verification.prove(event_id=events[1].pk)
    text = auditor.get(page_of(events[1])).content.decode()
    for each in (proved.leaf, *proved.proof.hashes):
        assert each.hex() in text
    proof = auditor.get(f"{LEDGER}{events[1].pk}/proof/")
    assert proof["Content-Disposition"].endswith(f'"event-{events[1].pk}.tlog-proof"')
    read = Proof.parse(proof.content.decode())
    entry = auditor.get(f"{LEDGER}{events[1].pk}/entry/").content
    assert read.index == Entry.objects.get(event=events[1]).seq
    assert entry.startswith(b'{"e":{"action":')


def test_its_neighbours(auditor: Client, events: list[Event]) -> None:
    shown = auditor.get(page_of(events[1])).context["neighbours"]
    assert {each.label: each.url for each in shown if "stream" in each.label} == {
        "Previous in its stream": page_of(events[0]),
        "Next in its stream": page_of(events[3]),
    }
    labels = {each.label: each.url for each in shown}
    assert labels["Next in the ledger"] == page_of(events[2])


def button(client: Client, address: str) -> str:
    found = re.search(r'(?:href|hx-get)="([^"]*verify[^"]*)"', client.get(address).content.decode())
    assert found
    return found[1]


def test_verify_this_says_in_words_what_it_found(auditor: Client, events: list[Event]) -> None:
    address = button(auditor, page_of(events[1]))
    assert auditor.get(address).status_code == 200
    assert not Verification.objects.exists(), "opening the dialog changes nothing"
    text = auditor.post(address, SENT, follow=True).content.decode()
    assert "Verified: the header is what was recorded" in text
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk).update(name_box=b"\1" * 60)
    text = auditor.post(address, SENT, follow=True).content.decode()
    assert "This event does NOT verify." in text
    assert set(Verification.objects.values_list("verdict", flat=True)) == {Verdict.SOUND, Verdict.WRONG}


def test_a_damaged_event_is_shown_as_damaged(auditor: Client, events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk).update(name_box=b"\1" * 60, body_box=b"\1" * 60)
    assert "the name was damaged" in auditor.get(LEDGER).content.decode()
    assert "does not open with its key" in auditor.get(page_of(events[1])).content.decode()


def test_a_body_that_is_gone_without_a_reason_is_said(auditor: Client, events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk)._raw_delete(using="default")
    text = auditor.get(page_of(events[1])).content.decode()
    assert "Its body was redacted." in text
    assert "No event says why." in text


def test_a_checkpoint_is_verified_and_downloaded(auditor: Client, events: list[Event]) -> None:
    checkpoint = Checkpoint.objects.get()
    address = f"/admin/audits/checkpoint/{checkpoint.size}/change/"
    assert auditor.get(address.replace("change", "note")).content.decode() == checkpoint.note
    assert (
        "Verified: the stored tree"
        in auditor.post(button(auditor, address), SENT, follow=True).content.decode()
    )


# --- The overview ---------------------------------------------------------------------------------------
def test_the_overview_raises_the_alarm(auditor: Client, events: list[Event]) -> None:
    overview = reverse("admin:index")
    assert "not yet" in auditor.get(overview).content.decode()
    _, sound = verification.check_ledger(actor=TESTER)
    text = auditor.get(overview).content.decode()
    assert f"/verification/{sound.pk}/" in text
    assert "does NOT verify" not in text
    take_triggers_off()
    Event.objects.filter(pk=events[0].pk).update(outcome="denied")
    _, wrong = verification.check_ledger(actor=TESTER)
    text = auditor.get(overview).content.decode()
    assert "The ledger does NOT verify." in text
    assert "column &#x27;outcome&#x27; was changed" in text
    page = auditor.get(f"/admin/audits/verification/{wrong.pk}/change/").content.decode()
    assert 'role="alert"' in page
    Verification.objects.create(
        kind="since", verdict="unable", problem="The keys are gone.", started_at=timezone.now(),
        ended_at=timezone.now(), by="system/verifier",
    )  # fmt: skip
    assert "could not be verified: The keys are gone." in auditor.get(overview).content.decode()
