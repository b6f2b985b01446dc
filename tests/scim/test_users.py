"""SCIM Users: added, read, found, replaced and deactivated, as RFC 7644 and real directories do it."""

import json
from typing import Any
from uuid import uuid4

import pytest

from agents.choices import AgentState
from agents.models import Agent, Person
from audits.models import Event
from tests.governance.story import events, read, resource, start_instance, write
from tests.scim.directory import BARBARA, USER, USERS, Directory

pytestmark = pytest.mark.django_db


def test_a_user_of_the_rfc_becomes_a_person_without_a_password(directory: Directory) -> None:
    answered = directory.send("POST", USERS, BARBARA)
    made = json.loads(answered.content)
    person = Person.objects.get(pk=made["id"])
    assert answered.status_code == 201
    assert answered["Location"] == made["meta"]["location"] == f"http://127.0.0.1:8000{USERS}/{person.pk}"
    assert made["schemas"] == [USER]
    assert made["name"] == {"formatted": "Barbara Jensen", "familyName": "Jensen", "givenName": "Barbara"}
    assert made["emails"] == [{"value": "bjensen@example.com", "type": "work", "primary": True}]
    assert made["active"] is True
    assert (person.username, person.email, person.external_id) == (
        "bjensen@example.com",
        "bjensen@example.com",
        "bjensen",
    )
    assert not person.has_usable_password()
    assert not person.groups.exists()
    assert not person.is_superuser


def test_what_a_directory_does_is_recorded_under_its_name(directory: Directory) -> None:
    person = directory.add()
    directory.patch(person, {"op": "replace", "path": "name.familyName", "value": "Jones"})
    directory.patch(person, {"op": "replace", "path": "active", "value": False})
    directory.patch(person, {"op": "replace", "path": "active", "value": True})
    for verb in ("added", "amended", "deactivated", "reactivated"):
        (event,) = events(f"person.{verb}")
        assert (event.actor, event.object) == ("system/scim-entra-id", f"person/{person.pk}")
    assert [row.last_name for row in person.history.order_by("number")] == [
        "Jensen",
        "Jones",
        "Jones",
        "Jones",
    ]


def test_what_is_unknown_is_ignored(directory: Directory) -> None:
    enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
    person = directory.add(
        title="Tour Guide", phoneNumbers=[{"value": "1"}], **{enterprise: {"department": "x"}}
    )
    shown = directory.ask("GET", f"{USERS}/{person.pk}")
    assert not {"title", "phoneNumbers", enterprise} & set(shown)
    before = Event.objects.count()
    directory.patch(
        person,
        {"op": "add", "path": "title", "value": "Chief"},
        {"op": "replace", "path": f"{enterprise}:department", "value": "y"},
        {"op": "replace", "path": 'phoneNumbers[type eq "work"].value', "value": "2"},
    )
    assert Event.objects.count() == before


def test_somebody_may_come_inactive(directory: Directory) -> None:
    assert not directory.add(active=False).is_active


def test_a_name_that_comes_whole_is_kept_whole(directory: Directory) -> None:
    assert str(directory.add(name=None, displayName="Babs Jensen")) == "Babs Jensen"


def test_nobody_is_added_twice(directory: Directory) -> None:
    directory.add()
    directory.refuses("POST", USERS, BARBARA, status=409, scim_type="uniqueness")
    capitals = {**BARBARA, "userName": "BJENSEN@example.com", "externalId": "other"}
    directory.refuses("POST", USERS, capitals, status=409, scim_type="uniqueness")
    same_id = {**BARBARA, "userName": "another"}
    directory.refuses("POST", USERS, same_id, status=409, scim_type="uniqueness")
    assert Person.objects.filter(last_name="Jensen").count() == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"userName": ""},
        {"userName": None},
        {"userName": 7},
        {"userName": "with a space"},
        {"userName": "a" * 151},
        {"externalId": "a" * 201},
        {"name": "Barbara"},
        {"name": {"givenName": ["Barbara"]}},
        {"emails": "babs@jensen.org"},
        {"emails": ["babs@jensen.org"]},
        {"emails": [{"value": "no address"}]},
        {"active": "perhaps"},
        {"active": 1},
    ],
)
def test_what_does_not_hold_is_refused(directory: Directory, changed: dict[str, Any]) -> None:
    directory.refuses("POST", USERS, {**BARBARA, **changed}, scim_type="invalidValue")
    assert not Person.objects.exists()


def test_put_replaces_what_there_is(directory: Directory) -> None:
    person = directory.add()
    sent = {"schemas": [USER], "id": str(uuid4()), "userName": "babs", "name": {"givenName": "Babs"}}
    shown = directory.ask("PUT", f"{USERS}/{person.pk}", sent)
    assert shown["id"] == str(person.pk)
    person.refresh_from_db()
    assert (person.username, person.first_name, person.last_name) == ("babs", "Babs", "")
    assert (person.email, person.external_id) == ("", "")
    assert person.is_active


def test_put_of_the_same_changes_nothing(directory: Directory) -> None:
    person = directory.add()
    before = Event.objects.count()
    directory.ask("PUT", f"{USERS}/{person.pk}", BARBARA)
    assert Event.objects.count() == before


def test_put_leaves_somebody_inactive_whose_state_it_does_not_say(directory: Directory) -> None:
    person = directory.add(active=False)
    directory.ask("PUT", f"{USERS}/{person.pk}", BARBARA)
    person.refresh_from_db()
    assert not person.is_active


def test_what_is_deleted_is_deactivated_and_stays(directory: Directory) -> None:
    person = directory.add()
    for _ in range(2):
        answered = directory.send("DELETE", f"{USERS}/{person.pk}")
        assert (answered.status_code, answered.content) == (204, b"")
    assert directory.ask("GET", f"{USERS}/{person.pk}")["active"] is False
    assert len(events("person.deactivated")) == 1


def test_nobody_is_there(directory: Directory) -> None:
    for method, body in (("GET", None), ("PUT", BARBARA), ("PATCH", {"Operations": [{}]}), ("DELETE", None)):
        directory.refuses(method, f"{USERS}/{uuid4()}", body, status=404)


def test_one_who_was_erased_is_unknown(directory: Directory) -> None:
    person = directory.add()
    Person.objects.filter(pk=person.pk).update(username="erased-0123456789ab", email="", is_active=False)
    directory.refuses("GET", f"{USERS}/{person.pk}", status=404)
    directory.refuses("PUT", f"{USERS}/{person.pk}", BARBARA, status=404)
    assert directory.ask("GET", USERS)["totalResults"] == 0


# --- Administrators -----------------------------------------------------------------------------------
def test_nobody_becomes_an_administrator_by_scim(directory: Directory) -> None:
    person = directory.add(is_superuser=True, isAdministrator=True, roles=[{"value": "administrator"}])
    directory.patch(person, {"op": "add", "value": {"is_superuser": True, "groups": ["Board"]}})
    person.refresh_from_db()
    assert not person.is_superuser
    assert not person.groups.exists()


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("DELETE", None),
        ("PUT", {**BARBARA, "userName": "ada"}),
        ("PATCH", {"Operations": [{"op": "replace", "path": "active", "value": False}]}),
        ("PATCH", {"Operations": [{"op": "replace", "path": "userName", "value": "eve"}]}),
        ("PATCH", {"Operations": [{"op": "replace", "path": "emails", "value": [{"value": "eve@x.org"}]}]}),
    ],
)
def test_administrators_are_left_alone(directory: Directory, ada: Person, method: str, body: Any) -> None:
    detail = directory.refuses(method, f"{USERS}/{ada.pk}", body, status=403)
    assert "COUNTERSIGN_SCIM_ADMINISTRATORS" in detail
    ada.refresh_from_db()
    assert (ada.is_active, ada.username, ada.email) == (True, "ada", "ada@example.org")
    assert [event.actor for event in Event.objects.filter(outcome="denied")] == ["system/scim-entra-id"]


def test_the_last_administrator_stays_whatever_the_setting(
    directory: Directory, ada: Person, olivia: Person, settings: Any
) -> None:
    settings.SCIM_ADMINISTRATORS = True
    Person.objects.filter(pk=olivia.pk).update(is_superuser=True)
    directory.send("DELETE", f"{USERS}/{olivia.pk}")
    olivia.refresh_from_db()
    assert not olivia.is_active
    assert "last administrator" in directory.refuses("DELETE", f"{USERS}/{ada.pk}", status=409)
    ada.refresh_from_db()
    assert ada.is_active


# --- Finding ------------------------------------------------------------------------------------------
@pytest.fixture
def three(directory: Directory) -> Directory:
    for name in ("anna", "bert", "carl"):
        directory.add(
            userName=f"{name}@example.org",
            externalId=f"id-{name}",
            emails=[{"value": f"{name}@mail.example.org"}],
            active=name != "carl",
        )
    return directory


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ('userName eq "anna@example.org"', "a"),
        ('username EQ "ANNA@example.org"', "a"),
        (f'{USER}:userName eq "anna@example.org"', "a"),
        ('userName eq "nobody"', ""),
        ('externalId eq "id-bert"', "b"),
        ('externalId eq "ID-BERT"', ""),
        ("active eq true", "ab"),
        ('active eq "False"', "c"),
        ("active ne true", "c"),
        ('emails.value eq "carl@mail.example.org"', "c"),
        ('emails eq "carl@mail.example.org"', "c"),
        ('emails[type eq "work" and value sw "carl"]', "c"),
        ('emails[type eq "home"]', ""),
        ('id eq "no-uuid"', ""),
        ('userName sw "b"', "b"),
        ('userName co "AR"', "c"),
        ('userName ew "@example.org"', "abc"),
        ("userName pr and active eq true", "ab"),
        ('userName sw "a" or userName sw "b" and active eq false', "a"),
        ('(userName sw "a" or userName sw "c") and active eq false', "c"),
        ('not (userName sw "a") and not (active eq false)', "b"),
        ('userName ne "anna@example.org"', "bc"),
        ("externalId eq null", ""),
        ('name.familyName eq "jensen"', "abc"),
    ],
)
def test_a_filter_finds(three: Directory, asked: str, found: str) -> None:
    assert [name[0] for name in three.finds(asked)] == list(found)


def test_a_person_is_found_by_their_id(three: Directory) -> None:
    anna = Person.objects.get(username__startswith="anna")
    assert three.finds(f'id eq "{anna.pk}"') == [anna.username]
    assert len(three.finds(f'id ne "{anna.pk}"')) == 2


@pytest.mark.parametrize(
    "asked",
    [
        "userName",
        "userName eq",
        'userName is "x"',
        'eq "x"',
        'userName eq "x" and',
        '(userName eq "x"',
        'userName eq "x")',
        'userName eq "x" active eq true',
        'not userName eq "x"',
        'password eq "x"',
        'emails[type eq "work"',
        "userName eq 7",
        "active eq 1",
        "active gt true",
        'id co "a"',
        'userName eq "\\ud800"',
        'userName eq "\\u0000"',
        'userName eq "\\x"',
        "(" * 30 + 'userName eq "x"' + ")" * 30,
        'userName eq "' + "x" * 3000 + '"',
    ],
)
def test_what_is_no_filter_is_refused(three: Directory, asked: str) -> None:
    from urllib.parse import quote

    three.refuses("GET", f"{USERS}?filter={quote(asked)}", scim_type="invalidFilter")


def test_pages_of_a_list(three: Directory) -> None:
    first = three.ask("GET", f"{USERS}?startIndex=1&count=2")
    assert (first["totalResults"], first["startIndex"], first["itemsPerPage"]) == (3, 1, 2)
    second = three.ask("GET", f"{USERS}?startIndex=3&count=2")
    names = [each["userName"][0] for each in first["Resources"] + second["Resources"]]
    assert sorted(names) == ["a", "b", "c"]
    assert three.ask("GET", f"{USERS}?count=0")["Resources"] == []
    assert three.ask("GET", f"{USERS}?count=-5")["totalResults"] == 3
    assert three.ask("GET", f"{USERS}?startIndex=-7")["startIndex"] == 1
    assert three.ask("GET", f"{USERS}?startIndex=99999999999999999999")["Resources"] == []
    three.refuses("GET", f"{USERS}?count=many", scim_type="invalidValue")


def test_a_list_costs_the_same_whatever_its_length(
    directory: Directory, django_assert_max_num_queries: Any
) -> None:
    Person.objects.bulk_create(Person(username=f"p{number}") for number in range(150))
    with django_assert_max_num_queries(6):
        assert directory.ask("GET", f"{USERS}?count=1000")["itemsPerPage"] == 150


def test_only_what_is_asked_for_is_shown(directory: Directory) -> None:
    person = directory.add()
    path = f"{USERS}/{person.pk}"
    few = directory.ask("GET", f"{path}?attributes=userName,name.givenName")
    assert few == {
        "schemas": [USER],
        "id": str(person.pk),
        "userName": person.username,
        "name": {"givenName": "Barbara"},
    }
    without = directory.ask("GET", f"{path}?excludedAttributes=emails,name.formatted,id")
    assert "emails" not in without
    assert without["name"] == {"givenName": "Barbara", "familyName": "Jensen"}
    assert without["id"] == str(person.pk)


def test_another_name_of_an_owner_is_an_edit_of_their_agents(
    directory: Directory, active_analyst: Agent, olivia: Person
) -> None:
    """Dossiers know people by their usernames: the agent reads, and writes once the board has approved."""
    directory.patch(olivia, {"op": "replace", "path": "name.familyName", "value": "Ostwald"})
    active_analyst.refresh_from_db()
    assert active_analyst.edited == []
    directory.patch(olivia, {"op": "replace", "path": "userName", "value": "olivia.ostwald"})
    active_analyst.refresh_from_db()
    assert active_analyst.edited == ["owner"]
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"


def test_one_who_leaves_leaves_their_agents_without_an_owner(
    directory: Directory, active_analyst: Agent, olivia: Person
) -> None:
    directory.send("DELETE", f"{USERS}/{olivia.pk}")
    active_analyst.refresh_from_db()
    assert active_analyst.state == AgentState.OWNERLESS
    (told,) = [event for event in events("agent.state_changed") if event.details["to"] == "ownerless"]
    assert told.actor == "system/scim-entra-id"
