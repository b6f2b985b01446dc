"""Who may read the ledger but not names sees pseudonyms: nothing there gives a person away."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import transaction
from django.test import Client

from agents.models import Person
from audits import keys, pseudonyms
from audits.actor import Actor
from audits.choices import Action, BundleKind
from audits.errors import Denied
from audits.models import Checkpoint, Event, Verification
from audits.services import bundles, sealing, verification
from audits.services.ledger import record

pytestmark = pytest.mark.django_db
LEDGER = "/admin/audits/event/"
SECRETS = ("Olivia", "Owner", "olivia@example.org")


@pytest.fixture
def told(olivia: Person) -> Event:
    """Olivia acts, is acted upon, and is quoted; all of it is sealed and verified."""
    with transaction.atomic():
        event = record(
            stream=f"person/{olivia.pk}",
            action=Action.PERSON_ADDED,
            actor=olivia.actor,
            object=f"person/{olivia.pk}",
            body={"name": "Olivia Owner", "mail": "olivia@example.org"},
        )
        record(stream="agent/one", action=Action.AGENT_REGISTERED, actor=olivia.actor, object="agent/one")
    sealing.seal()
    verification.check_event(actor=Actor.system("tester"), event_id=event.pk)
    Verification.objects.create(
        kind="stream", subject=f"person/{olivia.pk}", verdict="wrong", started_at=event.time,
        ended_at=event.time, place=f"stream person/{olivia.pk}", by=f"person/{olivia.pk}",
        problem=f"The event's column 'actor' was changed: it says 'person/{olivia.pk}'.",
        warnings=[f"The key of person/{olivia.pk} was destroyed, and is there again."],
    )  # fmt: skip
    return event


@pytest.fixture
def reader(client: Client, sasha: Person) -> Client:
    client.force_login(sasha)
    return client


def everything(event: Event) -> list[str]:
    """Every page, filter, order and download that such a reader may ask for."""
    size = Checkpoint.objects.order_by("-size")[0].size
    lists = [
        f"{LEDGER}?{query}"
        for query in ("", "reads=on", "o=-4", "outcome=success", "q=0", "stream=agent/one")
    ]
    verified = [f"/admin/audits/verification/{row.pk}/change/" for row in Verification.objects.all()]
    return [
        *lists,
        *(f"{LEDGER}{each.pk}/{part}/" for each in Event.objects.all() for part in ("change", "proof")),
        f"{LEDGER}{event.pk}/history/",
        f"{LEDGER}?_facets=True&all=",
        "/admin/",
        "/admin/audits/checkpoint/",
        f"/admin/audits/checkpoint/{size}/change/",
        f"/admin/audits/checkpoint/{size}/note/",
        "/admin/audits/verification/",
        "/admin/audits/verification/?verdict__exact=wrong",
        *verified,
    ]


def test_nothing_gives_the_name_or_the_id(reader: Client, told: Event, olivia: Person) -> None:
    for address in everything(told):
        text = reader.get(address, follow=True).content.decode(errors="replace")
        for secret in (*SECRETS, str(olivia.pk), olivia.pk.hex, str(olivia.pk)[-12:]):
            assert secret not in text, (address, secret)


def test_the_pseudonym_is_stable_and_everywhere_the_same(reader: Client, told: Event, olivia: Person) -> None:
    expected = pseudonyms.of(f"person/{olivia.pk}")
    assert re.fullmatch(r"Person [0-9a-f]{4}-[0-9a-f]{4}", expected)
    for address in (LEDGER, f"{LEDGER}{told.pk}/change/", "/admin/audits/verification/", "/admin/"):
        assert expected in reader.get(address).content.decode(), address


def test_it_needs_the_key_to_be_worked_out(
    told: Event, olivia: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = pseudonyms.of(f"person/{olivia.pk}")
    monkeypatch.setattr(keys, "mac", lambda: b"\1" * 32)
    assert pseudonyms.of(f"person/{olivia.pk}") != before


def found(client: Client, **query: str) -> list[Event]:
    rows: list[Event] = client.get(LEDGER, query).context["cl"].result_list
    return rows


@pytest.mark.parametrize("field", ["q", "person", "stream", "agent"])
def test_no_search_confirms_who_somebody_is(reader: Client, told: Event, olivia: Person, field: str) -> None:
    for text in (
        "Olivia",
        "olivia",
        "Olivia Owner",
        f"person/{olivia.pk}",
        f" person/{olivia.pk} ",
        f"PERSON/{olivia.pk}",
        str(olivia.pk),
        olivia.pk.hex,
        "person/",
        "person",
    ):
        assert found(reader, **{field: text}) == [], text


@pytest.mark.parametrize(
    "lookup",
    [
        "actor",
        "actor__exact",
        "actor__startswith",
        "object__contains",
        "body__name_box__isnull",
        "header__contains",
    ],
)
def test_no_lookup_of_the_database_is_a_search(
    reader: Client, told: Event, olivia: Person, lookup: str
) -> None:
    """Parameters that the form does not have change nothing: one cannot ask by them."""
    asked = found(reader, **{lookup: f"person/{olivia.pk}"})
    assert [row.pk for row in asked] == [row.pk for row in found(reader)]


def test_what_a_pseudonym_did_can_be_followed(reader: Client, told: Event, olivia: Person) -> None:
    for text in (pseudonyms.of(f"person/{olivia.pk}"), pseudonyms.of(f"person/{olivia.pk}")[7:].upper()):
        rows = found(reader, person=text)
        assert told.pk in {row.pk for row in rows}
        assert {row.actor for row in rows} | {row.object for row in rows} >= {f"person/{olivia.pk}"}
    assert found(reader, person="0000-0000") == []


def test_no_payload_and_no_entry(reader: Client, told: Event) -> None:
    text = reader.get(f"{LEDGER}{told.pk}/change/").content.decode()
    assert "withheld: you may not read names and payloads" in text.lower()
    assert reader.get(f"{LEDGER}{told.pk}/entry/").status_code == 403


def test_no_link_leads_out_of_the_ledger(reader: Client, told: Event) -> None:
    """A page of another room would say who registered the agent."""
    for address in (f"{LEDGER}?reads=on", f"{LEDGER}{told.pk}/change/"):
        main = reader.get(address).content.decode().partition("<main")[2].partition("</main>")[0]
        links = re.findall(r'href="(/[^"]*)"', main)
        assert links
        assert all(link.startswith("/admin/audits/") for link in links), links


def test_no_bundle_and_no_list_of_them(reader: Client, sasha: Person) -> None:
    assert reader.get("/admin/audits/bundle/").status_code == 403
    sasha.user_permissions.add(
        *Permission.objects.filter(
            content_type__app_label="audits", codename__in=("add_bundle", "view_bundle")
        )
    )
    again = Person.objects.get(pk=sasha.pk)
    assert reader.get("/admin/audits/bundle/").status_code == 403
    with pytest.raises(Denied, match="may not request bundles"):
        bundles.request(actor=again.actor, kind=BundleKind.AGENT, streams=["agent/one"], subject="One")


def test_auditors_see_names(client: Client, aude: Person, told: Event, olivia: Person) -> None:
    """The same pages, by somebody who may: the tests above would otherwise pass on empty pages."""
    client.force_login(aude)
    text = client.get(f"{LEDGER}{told.pk}/change/").content.decode()
    for words in ("Olivia Owner", "olivia@example.org", str(olivia.pk)):
        assert words in text
    assert client.get(f"{LEDGER}{told.pk}/entry/").status_code == 200
    for text in ("Olivia", str(olivia.pk), f"person/{olivia.pk}", "olivia"):
        assert told.pk in {row.pk for row in found(client, person=text)}, text
