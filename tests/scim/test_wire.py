"""Who may speak SCIM, in which form, and what the portal says about itself."""

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.models import Person, ScimClient
from agents.services import scim_clients
from audits.errors import Conflict, Denied, Invalid
from tests.governance.story import events
from tests.scim.directory import BARBARA, ERROR, SYSTEM, USER, USERS, Directory

pytestmark = pytest.mark.django_db
many = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
LIST = "admin:agents_scimclient_changelist"


# --- Credentials --------------------------------------------------------------------------------------
def test_without_a_credential_nobody_learns_anything(directory: Directory) -> None:
    other = Directory("okta")
    scim_clients.revoke(actor=SYSTEM, client=other.client)
    wrong = [
        "",
        "Bearer",
        "Basic YTpi",
        f"Bearer {directory.credential[:-1]}x",
        f"Bearer {directory.client.pk}",
        f"Bearer csscim_{directory.client.pk.hex}_{directory.client.credential_sha256[:43]}",
        f"Bearer {directory.credential.replace('csscim', 'cspep')}",
        f"Bearer {other.credential}",
    ]
    for path in (USERS, "/scim/v2/ServiceProviderConfig", "/scim/v2/nothing", "/scim/v2"):
        for header in wrong:
            answered = Client().get(path, headers={"Authorization": header})
            assert answered.status_code == 401
            assert answered["WWW-Authenticate"].startswith("Bearer")
            assert json.loads(answered.content)["schemas"] == [ERROR]
    refused = events("scim_client.refused", "denied")
    assert len(refused) == 4 * len(wrong)
    assert {event.actor for event in refused} == {"system/provisioning"}


def test_a_session_is_no_credential(ada: Person) -> None:
    client = Client()
    client.force_login(ada)
    assert client.get(USERS).status_code == 401
    assert client.post(USERS, json.dumps(BARBARA), content_type="application/json").status_code == 401


def test_its_life_is_recorded(ada: Person) -> None:
    client, first = scim_clients.add(actor=ada.actor, name="entra-id")
    second = scim_clients.rotate(actor=SYSTEM, client=client)
    assert first != second
    assert scim_clients.authenticate(actor=SYSTEM, credential=first) is None
    assert scim_clients.authenticate(actor=SYSTEM, credential=second) == client
    scim_clients.revoke(actor=ada.actor, client=client)
    assert scim_clients.authenticate(actor=SYSTEM, credential=second) is None
    for verb in ("added", "rotated", "revoked"):
        (event,) = events(f"scim_client.{verb}")
        assert event.object == f"scim_client/{client.pk}"
    assert [row.number for row in client.history.order_by("number")] == [1, 2, 3]
    for again in (scim_clients.rotate, scim_clients.revoke):
        with pytest.raises(Conflict):
            again(actor=SYSTEM, client=client)


@pytest.mark.parametrize("name", ["", "Entra", "entra_id", "-x", "a" * 65])
def test_a_name_is_plain(name: str) -> None:
    with pytest.raises(Invalid):
        scim_clients.add(actor=SYSTEM, name=name)


def test_only_administrators_manage_them(olivia: Person, directory: Directory) -> None:
    with pytest.raises(Denied):
        scim_clients.add(actor=olivia.actor, name="mine")
    with pytest.raises(Denied):
        scim_clients.rotate(actor=olivia.actor, client=directory.client)
    with pytest.raises(Denied):
        scim_clients.revoke(actor=olivia.actor, client=directory.client)
    with pytest.raises(Conflict):
        scim_clients.add(actor=SYSTEM, name="entra-id")


def test_the_command_prints_the_credential_and_nothing_else() -> None:
    said = StringIO()
    call_command("scim_client", "add", "entra-id", stdout=said)
    assert scim_clients.authenticate(actor=SYSTEM, credential=said.getvalue().strip())
    call_command("scim_client", "rotate", "entra-id", stdout=StringIO())
    call_command("scim_client", "revoke", "entra-id", stdout=StringIO())
    said = StringIO()
    call_command("scim_client", "list", stdout=said)
    assert said.getvalue().startswith("entra-id\trevoked\t")
    with pytest.raises(CommandError):
        call_command("scim_client", "rotate", "nobody")


def test_the_admin_adds_rotates_and_revokes(client: Client, ada: Person, aude: Person) -> None:
    client.force_login(ada)
    page = client.post(reverse("admin:agents_scimclient_add"), {"name": "okta"}, follow=True)
    row = ScimClient.objects.get()
    assert "csscim_" in page.content.decode()
    assert "csscim_" not in client.get(page.request["PATH_INFO"]).content.decode()
    for verb in ("rotate", "revoke"):
        client.post(reverse(f"admin:agents_scimclient_{verb}", args=[row.pk]), {"_form_submitted": "on"})
    row.refresh_from_db()
    assert row.rotated_at
    assert row.revoked_at
    client.force_login(aude)
    assert client.get(reverse(LIST)).status_code == 200
    assert client.get(reverse("admin:agents_scimclient_add")).status_code == 403


# --- Form ---------------------------------------------------------------------------------------------
def test_bodies_of_another_form_are_refused(directory: Directory) -> None:
    person = directory.add()
    path = f"{USERS}/{person.pk}"
    assert directory.send("POST", USERS, b"{}", content_type="text/plain").status_code == 415
    assert directory.send("POST", USERS, b"x" * 300_000).status_code == 413
    for body in (b"{", b"[]", b"\xff", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 50 + b"]" * 50):
        directory.refuses("POST", USERS, body, scim_type="invalidSyntax")
        directory.refuses("PATCH", path, body, scim_type="invalidSyntax")
    sent = json.dumps({**BARBARA, "userName": "plain", "externalId": ""}).encode()
    assert directory.send("POST", USERS, sent, content_type="application/json").status_code == 201


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("DELETE", USERS, 405),
        ("POST", "/scim/v2/ServiceProviderConfig", 405),
        ("GET", "/scim/v2/Groups", 404),
        ("GET", f"{USERS}/bjensen", 404),
        ("GET", f"{USERS}/x/y", 404),
        ("GET", "/scim/v2/Me", 501),
        ("GET", "/scim/v2/Schemas/nothing", 404),
        ("GET", "/scim/v2/", 404),
    ],
)
def test_there_is_nothing_else(directory: Directory, method: str, path: str, status: int) -> None:
    directory.refuses(method, path, status=status)


def test_other_addresses_are_the_portals() -> None:
    assert Client().get("/scim/v22/Users").status_code == 404
    assert Client().get("/scim/v22/Users")["Content-Type"].startswith("text/html")


def test_what_it_says_about_itself(directory: Directory) -> None:
    config = directory.ask("GET", "/scim/v2/ServiceProviderConfig")
    assert config["patch"]["supported"]
    assert config["filter"] == {"supported": True, "maxResults": 200}
    (kind,) = directory.ask("GET", "/scim/v2/ResourceTypes")["Resources"]
    assert directory.ask("GET", "/scim/v2/ResourceTypes/User") == kind
    assert kind["schema"] == USER
    (schema,) = directory.ask("GET", "/scim/v2/Schemas")["Resources"]
    assert directory.ask("GET", f"/scim/v2/Schemas/{USER}") == schema
    shown = set(directory.ask("GET", f"{USERS}/{directory.add().pk}")) - {"schemas", "id", "meta"}
    assert shown == {attribute["name"] for attribute in schema["attributes"]}


# --- Whatever is sent ---------------------------------------------------------------------------------
scalars: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
)
names = st.sampled_from(
    ["userName", "active", "emails", "name", "givenName", "value", "type", "externalId", "id", "op", "path"]
) | st.text(max_size=6)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4),
    max_leaves=8,
)
paths = st.sampled_from(
    ["active", "userName", "emails", 'emails[type eq "work"].value', "name.givenName", f"{USER}:name", "x.y"]
) | st.text(max_size=20)
operations = st.fixed_dictionaries(
    {},
    optional={
        "op": st.sampled_from(["add", "Replace", "remove"]) | scalars,
        "path": paths | scalars,
        "value": values,
    },
)
words = st.sampled_from(
    ["userName", "active", "emails", "id", "eq", "co", "pr", "and", "or", "not", "(", ")", "[", "]", '"a"',
     "true", "null", "1", ".", '"', "\\", "emails[", "urn:x:y", "\x00"]
)  # fmt: skip


def answers(directory: Directory, method: str, path: str, body: object) -> None:
    answered = directory.send(method, path, body)
    assert answered.status_code < 500, (answered.status_code, answered.content, body)
    assert isinstance(json.loads(answered.content), dict)


@given(text=st.lists(words, max_size=12).map(" ".join) | st.text(max_size=60))
@many
def test_any_filter_is_answered_or_refused(text: str, three_people: Directory) -> None:
    from urllib.parse import quote

    asked = quote(text.encode("utf-8", "surrogatepass"))
    answers(three_people, "GET", f"{USERS}?filter={asked}", None)


@given(sent=st.lists(operations, max_size=3) | values)
@many
def test_any_patch_is_answered_or_refused(sent: Any, three_people: Directory) -> None:
    person = Person.objects.filter(is_superuser=False).first()
    assert person is not None
    answers(three_people, "PATCH", f"{USERS}/{person.pk}", {"Operations": sent})


@given(body=st.dictionaries(names, values, max_size=6) | values)
@many
def test_any_user_is_answered_or_refused(body: Any, three_people: Directory) -> None:
    answers(three_people, "POST", USERS, {} if body is None else body)


@pytest.fixture
def three_people(directory: Directory, olivia: Person, daniel: Person, oscar: Person) -> Directory:
    return directory
