"""`manage.py person deactivate|reactivate`: recorded, and refused in a sentence."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from agents.models import Agent, Person
from audits.choices import Action, Outcome
from audits.models import Event
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def person(*words: str) -> str:
    out = StringIO()
    call_command("person", *words, stdout=out)
    return out.getvalue().strip()


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        person(*words)
    assert error.value.returncode == 2
    return str(error.value)


def last(action: Action) -> Event:
    return Event.objects.filter(action=action).latest("id")


def test_there_and_back(client: Client, olivia: Person) -> None:
    assert client.login(username="olivia", password=PASSWORD)
    assert person("deactivate", "olivia") == "Olivia Owner cannot sign in any more."
    assert not client.login(username="olivia", password=PASSWORD)
    told = last(Action.PERSON_DEACTIVATED)
    assert (told.actor, told.stream, told.outcome) == (
        "system/command-line", f"person/{olivia.pk}", Outcome.SUCCESS,
    )  # fmt: skip
    assert person("reactivate", "olivia") == "Olivia Owner can sign in again as olivia."
    assert client.login(username="olivia", password=PASSWORD)
    assert last(Action.PERSON_REACTIVATED).actor == "system/command-line"


def test_what_their_agents_were_allowed_ends(olivia: Person, active_analyst: Agent) -> None:
    before = active_analyst.epoch
    person("deactivate", "olivia")
    active_analyst.refresh_from_db()
    assert active_analyst.epoch > before


def test_what_cannot_be_done_is_said(olivia: Person) -> None:
    assert "Nobody has the user name 'nobody'" in refused("deactivate", "nobody")
    assert refused("reactivate", "olivia")
    assert last(Action.PERSON_REACTIVATED).outcome == Outcome.FAILED
