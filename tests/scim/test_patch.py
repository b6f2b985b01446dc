"""PATCH: what the RFC asks for, and what Entra ID and Okta send."""

from typing import Any

import pytest

from agents.models import Person
from agents.scim import patch
from agents.scim.errors import ScimError
from audits.models import Event
from tests.scim.directory import PATCH_OP, USER, USERS, Directory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "replace", "path": "active", "value": False},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "REPLACE", "path": "active", "value": "false"},
        {"op": "replace", "value": {"active": False}},
        {"op": "Replace", "value": {"Active": "False"}},
        {"op": "add", "path": "active", "value": False},
        {"op": "replace", "path": f"{USER}:active", "value": False},
        {"op": "replace", "value": {f"{USER}:active": False}},
        {"OP": "replace", "Path": "ACTIVE", "Value": False},
    ],
)
def test_every_way_to_say_that_somebody_has_left(directory: Directory, operation: dict[str, Any]) -> None:
    assert not directory.patch(directory.add(), operation).is_active


@pytest.mark.parametrize(
    ("operation", "field", "value"),
    [
        ({"op": "Replace", "path": "userName", "value": "babs"}, "username", "babs"),
        ({"op": "Add", "path": "name.givenName", "value": "Babs"}, "first_name", "Babs"),
        ({"op": "replace", "value": {"name.givenName": "Babs"}}, "first_name", "Babs"),
        ({"op": "replace", "value": {"name": {"givenName": "Babs"}}}, "first_name", "Babs"),
        ({"op": "replace", "path": "name", "value": {"givenName": "Babs"}}, "last_name", "Jensen"),
        ({"op": "remove", "path": "name.givenName"}, "first_name", ""),
        ({"op": "remove", "path": "emails"}, "email", ""),
        ({"op": "remove", "path": 'emails[type eq "work"]'}, "email", ""),
        ({"op": "remove", "path": 'emails[type eq "home"]'}, "email", "bjensen@example.com"),
        ({"op": "remove", "path": "emails.value"}, "email", ""),
        ({"op": "replace", "path": 'emails[type eq "work"].value', "value": "b@x.org"}, "email", "b@x.org"),
        ({"op": "replace", "path": 'emails[primary eq true].value', "value": "b@x.org"}, "email", "b@x.org"),
        (
            {"op": "add", "path": 'emails[type eq "other"].value', "value": "b@x.org"},
            "email",
            "bjensen@example.com",
        ),
        (
            {"op": "add", "path": "emails", "value": [{"value": "b@x.org", "primary": True}]},
            "email",
            "b@x.org",
        ),
        ({"op": "replace", "path": "emails", "value": [{"value": "b@x.org"}]}, "email", "b@x.org"),
        ({"op": "replace", "path": "emails.value", "value": "b@x.org"}, "email", "b@x.org"),
        ({"op": "replace", "path": "externalId", "value": "7"}, "external_id", "7"),
        ({"op": "remove", "path": "externalId"}, "external_id", ""),
        ({"op": "replace", "value": {"id": "x", "meta": {}, "userName": "babs"}}, "username", "babs"),
    ],
)  # fmt: skip
def test_what_an_operation_does(
    directory: Directory, operation: dict[str, Any], field: str, value: str
) -> None:
    assert getattr(directory.patch(directory.add(), operation), field) == value


def test_an_address_that_was_not_there_is_written_as_entra_does_it(directory: Directory) -> None:
    person = directory.add(emails=[])
    operation = {"op": "Add", "path": 'emails[type eq "work"].value', "value": "b@x.org"}
    assert directory.patch(person, operation).email == "b@x.org"


def test_several_operations_are_one_change(directory: Directory) -> None:
    person = directory.patch(
        directory.add(),
        {"op": "Replace", "path": "name.familyName", "value": "Jones"},
        {"op": "Replace", "path": "active", "value": "False"},
        {"op": "Replace", "path": "name.familyName", "value": "Smith"},
    )
    assert (person.last_name, person.is_active) == ("Smith", False)


@pytest.mark.parametrize(
    ("operation", "scim_type"),
    [
        ({"op": "move", "path": "active", "value": False}, "invalidSyntax"),
        ({"path": "active", "value": False}, "invalidSyntax"),
        ({"op": "replace", "path": "active"}, "invalidValue"),
        ({"op": "replace", "path": "active", "value": "perhaps"}, "invalidValue"),
        ({"op": "remove", "path": "active"}, ""),
        ({"op": "remove", "path": "userName"}, "invalidValue"),
        ({"op": "remove"}, "noTarget"),
        ({"op": "replace", "value": "False"}, "invalidValue"),
        ({"op": "replace", "path": "a..b", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "emails[", "value": 1}, "invalidPath"),
        ({"op": "replace", "path": 7, "value": 1}, "invalidPath"),
        ({"op": "replace", "path": "emails[type is 1].value", "value": "x"}, "invalidFilter"),
        ({"op": "replace", "path": 'emails[type ne "work"].value', "value": "x"}, "noTarget"),
        ({"op": "replace", "path": 'userName[type eq "work"]', "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "userName.first", "value": "x"}, "invalidPath"),
        ({"op": "replace", "path": "id", "value": "x"}, "mutability"),
        ({"op": "add", "path": "groups", "value": []}, "mutability"),
    ],
)
def test_one_wrong_operation_and_nothing_is_done(
    directory: Directory, operation: dict[str, Any], scim_type: str
) -> None:
    person = directory.add()
    before = Event.objects.count()
    first = {"op": "replace", "path": "userName", "value": "babs"}
    body = {"schemas": [PATCH_OP], "Operations": [first, operation]}
    if not scim_type:  # without a word of the directory somebody is active
        directory.ask("PATCH", f"{USERS}/{person.pk}", body)
        return
    directory.refuses("PATCH", f"{USERS}/{person.pk}", body, scim_type=scim_type)
    assert Person.objects.get(pk=person.pk).username == "bjensen@example.com"
    assert Event.objects.count() == before


def test_a_name_that_is_taken_undoes_the_deactivation_too(directory: Directory, olivia: Person) -> None:
    person = directory.add()
    body = {
        "Operations": [
            {"op": "replace", "path": "active", "value": False},
            {"op": "replace", "path": "userName", "value": "OLIVIA"},
        ]
    }
    directory.refuses("PATCH", f"{USERS}/{person.pk}", body, status=409, scim_type="uniqueness")
    assert Person.objects.get(pk=person.pk).is_active
    assert not Event.objects.filter(action="person.deactivated").exists()


@pytest.mark.parametrize("body", [{}, {"Operations": []}, {"Operations": {}}, {"Operations": ["x"]}, []])
def test_a_body_without_operations(directory: Directory, body: Any) -> None:
    directory.refuses("PATCH", f"{USERS}/{directory.add().pk}", body, scim_type="invalidSyntax")


def test_names_that_differ_in_capitals_alone_are_one_name() -> None:
    with pytest.raises(ScimError):
        patch.lowered({"active": True, "Active": False})


def test_too_many_operations() -> None:
    with pytest.raises(ScimError):
        patch.apply({}, {"Operations": [{"op": "remove", "path": "title"}] * 101})
