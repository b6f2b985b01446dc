"""The page of a person: who may sign in is said by administrators, by POST, through the service."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person
from audits.models import Event

PRESSED = {"_form_submitted": "on"}

pytestmark = pytest.mark.django_db


def press(signed_in: Person, verb: str, person: Person) -> Any:
    client = Client()
    client.force_login(signed_in)
    return client.post(reverse(f"admin:agents_person_{verb}", args=[person.pk]), PRESSED)


def is_active(person: Person) -> bool:
    return Person.objects.get(pk=person.pk).is_active


def test_an_administrator_presses_the_button(ada: Person, olivia: Person) -> None:
    assert press(ada, "deactivate", olivia).status_code == 302
    assert not is_active(olivia)
    assert press(ada, "reactivate", olivia).status_code == 302
    assert is_active(olivia)


def test_an_administrator_amends_what_somebody_is_called(ada: Person, olivia: Person, aude: Person) -> None:
    client = Client()
    client.force_login(ada)
    url = reverse("admin:agents_person_amend", args=[olivia.pk])
    shown = client.get(url).content.decode()
    assert 'value="Owner"' in shown
    named = {"username": "olivia", "first_name": "Olivia", "last_name": "Ostwald", "email": "o@example.org"}
    assert client.post(url, PRESSED | named).status_code == 302
    olivia.refresh_from_db()
    assert (olivia.last_name, olivia.email) == ("Ostwald", "o@example.org")
    taken = client.post(url, PRESSED | named | {"username": "AUDE"})
    assert "is taken" in taken.content.decode()
    client.force_login(aude)
    assert client.post(url, PRESSED | named).status_code == 403


def test_an_administrator_says_what_somebody_may_see(ada: Person, oscar: Person, aude: Person) -> None:
    """Somebody whom a directory brought has no group yet."""
    url = reverse("admin:agents_person_assign_groups", args=[oscar.pk])
    owners = Group.objects.get(name="Owners")
    client = Client()
    client.force_login(aude)
    assert client.post(url, PRESSED | {"groups": [owners.pk]}).status_code == 403
    client.force_login(ada)
    assert client.post(url, PRESSED | {"groups": [owners.pk]}).status_code == 302
    assert [group.name for group in oscar.groups.all()] == ["Owners"]
    event = Event.objects.get(action="person.amended", outcome="success")
    assert event.details["after"] == {"groups": ["Owners"]}
    assert "checked" in client.get(url).content.decode()
    assert client.post(url, PRESSED).status_code == 302
    assert not oscar.groups.exists()


def test_getting_the_dialog_changes_nothing(ada: Person, olivia: Person) -> None:
    client = Client()
    client.force_login(ada)
    before = Event.objects.count()
    assert client.get(reverse("admin:agents_person_deactivate", args=[olivia.pk]), PRESSED).status_code == 200
    assert is_active(olivia)
    assert Event.objects.count() == before


@pytest.mark.parametrize("who", ["olivia", "sasha", "aude"])
def test_nobody_else_presses_it(who: str, oscar: Person, request: pytest.FixtureRequest) -> None:
    assert press(request.getfixturevalue(who), "deactivate", oscar).status_code == 403
    assert is_active(oscar)


def test_nobody_locks_themselves_out(ada: Person) -> None:
    assert press(ada, "deactivate", ada).status_code == 403
    assert is_active(ada)


def test_another_site_cannot_press_it(ada: Person, olivia: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(ada)
    assert (
        client.post(reverse("admin:agents_person_deactivate", args=[olivia.pk]), PRESSED).status_code == 403
    )
    assert is_active(olivia)


@pytest.mark.parametrize("address", ["01900000-0000-7000-8000-000000000000", "nothing", "1 OR 1=1"])
def test_an_action_on_nothing_is_refused_in_words(address: str, active_analyst: Agent, ada: Person) -> None:
    """Every action of every page, on an address at which there is nothing."""
    client = Client()
    client.force_login(ada)
    pages: list[Any] = list(admin.site._registry.values())
    for page in pages:
        for action in page._get_base_actions_detail():
            url = reverse(f"admin:{action.action_name}", args=[address])
            response = client.post(
                url,
                PRESSED
                | {"digest": "a", "comment": "", "reason": "x", "days": "1", "source": "x", "seq": "0"},
            )
            assert response.status_code in {200, 403}, url
            assert response.status_code == 403 or "nothing at this address" in response.content.decode(), url
