"""Changing one's own password is an event like any other change (promise 1)."""

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Person
from audits.choices import Action
from audits.models import Event
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
NEW = "quite-another-sentence"


def change(client: Client, old: str, new: str) -> int:
    answer = {"old_password": old, "new_password1": new, "new_password2": new}
    return client.post(reverse("admin:password_change"), answer).status_code


def test_it_is_changed_and_recorded(client: Client, olivia: Person) -> None:
    client.force_login(olivia)
    assert client.get(reverse("admin:password_change")).status_code == 200
    assert change(client, PASSWORD, NEW) == 302
    olivia.refresh_from_db()
    assert olivia.check_password(NEW)
    event = Event.objects.get(action=Action.PERSON_PASSWORD_CHANGED)
    assert (event.actor, event.object) == (f"person/{olivia.pk}", f"person/{olivia.pk}")
    assert NEW not in str(event.details)
    assert client.get(reverse("admin:password_change_done")).status_code == 200


@pytest.mark.parametrize(("old", "new"), [("wrong", NEW), (PASSWORD, "short")])
def test_a_wrong_or_weak_one_changes_nothing(client: Client, olivia: Person, old: str, new: str) -> None:
    client.force_login(olivia)
    assert change(client, old, new) == 200
    olivia.refresh_from_db()
    assert olivia.check_password(PASSWORD)
    assert not Event.objects.filter(action=Action.PERSON_PASSWORD_CHANGED).exists()
