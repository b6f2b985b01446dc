"""Who looks at the ledger is in the ledger (S2-19, promise 12): each page, search and download, once."""

from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.core.management import call_command
from django.db import DatabaseError
from django.db.models import Model
from django.test import Client

from agents.models import Agent, Person
from audits import bodies
from audits.actor import Actor
from audits.choices import Action, BundleKind, Outcome
from audits.errors import Denied
from audits.models import (
    Anchor,
    Bundle,
    Case,
    Checkpoint,
    Erasure,
    Event,
    Hold,
    Key,
    Redaction,
    RetentionRule,
    SinkCursor,
    Tombstone,
    Verification,
)
from audits.services import bundles, reading, sealing, verification
from audits.subject_keys import SubjectKeyUnusable
from tests.audits.happenings import happen
from tests.portal.pages import address as page_of
from tests.portal.pages import disposal, keys_and_anchors, listing, sinks

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


# --- Every page that the room has -------------------------------------------------------------------------
# Registered pages whose reading is no event, and why.
NOT_RECORDED: dict[type[Model], str] = {
    Anchor: "Heads of the tree that were given away, and receipts: no event, no name.",
    Key: "Public halves of keys and their statements: made to be given away.",
    SinkCursor: "How far a SIEM was told: numbers alone, no event, no name.",
}
RECORDED: dict[type[Model], str] = {
    Bundle: "bundles",
    Case: "cases",
    Checkpoint: "checkpoints",
    Erasure: "erasures",
    Event: "ledger",
    Hold: "holds",
    Redaction: "redactions",
    RetentionRule: "retention",
    Tombstone: "tombstones",
    Verification: "verifications",
}
# Addresses besides lists and pages. What is recorded otherwise, or shows nothing, says so.
OTHERS = {
    "audits_bundle_download": "recorded as `bundle.downloaded`",
    "audits_checkpoint_note": "recorded, see `pages`",
    "audits_event_entry": "recorded, see `pages`",
    "audits_event_proof": "recorded, see `pages`",
    "audits_redaction_quoted": "a form; what it finds is recorded as `subject.searched`",
}
STOCK = ("changelist", "add", "history", "delete", "change")
REGISTERED = [model for model in admin.site._registry if model._meta.app_label == "audits"]


def one_of_each() -> None:
    [event] = happen(1, stream="agent/told")
    sealing.seal()
    verification.check_event(actor=Actor.system("tester"), event_id=event.pk)
    bundles.request(
        actor=Actor.system("tester"), kind=BundleKind.AGENT, streams=["agent/told"], subject="Told"
    )
    disposal(1)
    keys_and_anchors(1)
    sinks(1)


def test_every_page_of_the_room_is_recorded_or_says_why_not() -> None:
    assert set(REGISTERED) == {*NOT_RECORDED, *RECORDED}
    assert not NOT_RECORDED.keys() & RECORDED.keys()


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: str(model._meta.model_name))
def test_lists_and_pages(client: Client, ada: Person, model: type[Model]) -> None:
    one_of_each()
    row = model._default_manager.all()[:1].get()
    client.force_login(ada)
    for where, part in ((listing(model), "list"), (page_of(row), "page")):
        before = len(readings(ada))
        assert client.get(where).status_code == 200
        new = [(read.object, read.details["part"], read.details["path"]) for read in readings(ada)[before:]]
        kind = str(model._meta.model_name)
        about = RECORDED.get(model) if part == "list" else f"{KINDS.get(kind, kind)}/{row.pk}"
        assert new == ([] if model in NOT_RECORDED else [(about, part, where)])


KINDS = {"retentionrule": "retention"}


def test_every_other_address_is_known() -> None:
    names = {
        str(pattern.name)
        for model in REGISTERED
        for pattern in admin.site.get_model_admin(model).get_urls()
        if pattern.name and not pattern.name.endswith(STOCK)
    }
    actions = {
        f"audits_{model._meta.model_name}_{action}"
        for model in REGISTERED
        for action in getattr(admin.site.get_model_admin(model), "actions_detail", None) or ()
    }
    assert names - actions == set(OTHERS)


@pytest.mark.parametrize("model", RECORDED, ids=lambda model: str(model._meta.model_name))
def test_none_of_them_is_shown_unrecorded(
    client: Client, ada: Person, model: type[Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    one_of_each()
    row = model._default_manager.all()[:1].get()
    client.force_login(ada)

    def fail(**_: Any) -> None:
        raise SubjectKeyUnusable("no key")

    monkeypatch.setattr(reading, "record", fail)
    for where in (listing(model), page_of(row)):
        assert client.get(where).status_code == 503


def test_the_history_on_a_page_of_another_room(client: Client, aude: Person, analyst: Agent) -> None:
    client.force_login(aude)
    text = client.get(page_of(analyst)).content.decode()
    assert "Added; show its first values" in text
    [read] = readings(aude)
    assert (read.object, read.details["part"], read.details["path"]) == (
        "history", "history", page_of(analyst),
    )  # fmt: skip


def test_history_that_cannot_be_recorded_is_left_out(
    client: Client, aude: Person, analyst: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's page is its own room's: it stays, without what the ledger tells of it."""

    def fail(**_: Any) -> None:
        raise SubjectKeyUnusable("no key")

    monkeypatch.setattr(reading, "record", fail)
    client.force_login(aude)
    text = client.get(page_of(analyst)).content.decode()
    assert "Not shown, for that you look could not be recorded. no key" in text
    assert "Added; show its first values" not in text


@pytest.mark.parametrize("model", [Bundle, Case, Erasure, Hold])
def test_pages_about_people_are_not_for_those_without_names(
    client: Client, sasha: Person, model: type[Model]
) -> None:
    """Even where a role of one's own may view the model: what is written there names people."""
    one_of_each()
    row = model._default_manager.all()[:1].get()
    sasha.user_permissions.add(Permission.objects.get(codename=f"view_{model._meta.model_name}"))
    client.force_login(sasha)
    for where in (listing(model), page_of(row)):
        assert client.get(where).status_code == 403


def test_what_holds_a_segment_is_not_told_to_those_without_names(
    client: Client, sasha: Person, dora: Person
) -> None:
    for reader, told in ((sasha, False), (dora, True)):
        client.force_login(reader)
        text = client.get(listing(RetentionRule)).content.decode()
        assert ("Segments old enough to look at" in text) is told


# --- The command line -------------------------------------------------------------------------------------
SHOWN = {
    "prove": ("ledger", "prove", "{event}"),
    "compare": ("ledger", "compare", "{checkpoint}"),
    "erase": ("ledger", "erase", "person/{person}"),
    "prune": ("ledger", "prune"),
}


def told(verb: str, event: Event, person: Person, tmp_path: Path) -> list[str]:
    """The words of a command."""
    kept = tmp_path / "kept.txt"
    kept.write_text(Checkpoint.objects.get().note)
    return [word.format(event=event.pk, checkpoint=kept, person=person.pk) for word in SHOWN[verb]]


@pytest.mark.parametrize("verb", SHOWN)
def test_what_a_terminal_shows_is_recorded(verb: str, event: Event, aude: Person, tmp_path: Path) -> None:
    out = StringIO()
    call_command(*told(verb, event, aude, tmp_path), stdout=out)
    [read] = Event.objects.filter(action=Action.LEDGER_READ)
    assert (read.actor, read.stream, read.outcome) == ("system/command-line", "system", Outcome.SUCCESS)
    assert (read.details["part"], read.details["path"]) == (verb, f"manage.py ledger {verb}")
    about = {"prove": f"event/{event.pk}", "erase": f"person/{aude.pk}"}
    assert read.object == about.get(verb, "ledger")
    assert out.getvalue()


@pytest.mark.parametrize("verb", SHOWN)
def test_a_terminal_shows_nothing_unrecorded(
    verb: str, event: Event, aude: Person, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_: Any) -> None:
        raise SubjectKeyUnusable("no key")

    monkeypatch.setattr(reading, "record", fail)
    out, said = StringIO(), StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command(*told(verb, event, aude, tmp_path), stdout=out, stderr=said)
    assert (ended.value.code, out.getvalue(), said.getvalue().strip()) == (2, "", "no key")


def test_what_a_terminal_takes_away_is_an_event_of_its_own(
    event: Event, aude: Person, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path / "bundles"
    call_command("ledger", "export-subject", f"person/{aude.pk}", stdout=StringIO())
    file = str(tmp_path / "evidence.zip")
    call_command("bundle", "build", "--person", aude.username, "--out", file, stdout=StringIO())
    taken = Event.objects.filter(actor="system/command-line").order_by("id")
    assert [each.action for each in taken] == [
        Action.SUBJECT_EXPORTED, Action.BUNDLE_REQUESTED, Action.BUNDLE_DOWNLOADED,
    ]  # fmt: skip
