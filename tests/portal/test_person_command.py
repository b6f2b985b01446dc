"""`manage.py person`: the first administrator, a one-time way in, and second factors that are lost."""

import re
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.core.management import CommandError, call_command
from django.test import Client

from agents.models import Agent, Person
from audits.choices import Action, Outcome
from audits.models import Event
from tests import signing_in
from tests.epochs import epoch_of

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("person", *arguments, stdout=out)
    return out.getvalue()


def test_an_administrator_is_added_with_a_way_in_that_works_once(client: Client) -> None:
    said = run("add", "grace", "--first-name", "Grace", "--last-name", "H", "--email", "g@example.org",
               "--administrator", "--invite")  # fmt: skip
    grace = Person.objects.get(username="grace")
    assert grace.is_superuser
    assert not grace.has_usable_password()
    way_in = re.search(r"/sign-in/invitation/\S+", said)
    assert way_in
    new = {"password": "a-long-unusual-phrase", "again": "a-long-unusual-phrase"}
    client.post(way_in[0], new)
    grace.refresh_from_db()
    assert grace.check_password("a-long-unusual-phrase")
    assert "spent or too old" in client.post(way_in[0], new).content.decode()
    assert Event.objects.get(action="person.invited").actor == "system/command-line"


def test_lost_second_factors_are_reset_and_recorded(olivia: Person) -> None:
    signing_in.add_app(olivia)
    assert "1 second factors" in run("reset-mfa", "olivia")
    assert not Authenticator.objects.filter(user=olivia).exists()
    event = Event.objects.get(action="second_factor.reset")
    assert (event.actor, event.object) == ("system/command-line", f"person/{olivia.pk}")
    assert event.details["kinds"] == ["totp"]


@pytest.mark.parametrize("verb", ["invite", "reset-mfa"])
def test_nobody_of_that_name(verb: str, db: None) -> None:
    with pytest.raises(CommandError, match="Nobody signs in as nobody"):
        run(verb, "nobody")


def test_resetting_nothing_is_said(olivia: Person) -> None:
    with pytest.raises(CommandError, match="has no second factor"):
        run("reset-mfa", "olivia")


def refused(*words: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*words)
    assert error.value.returncode == 2
    return str(error.value)


def last(action: Action) -> Event:
    return Event.objects.filter(action=action).latest("id")


def test_deactivated_and_reactivated(olivia: Person) -> None:
    assert "cannot sign in any more" in run("deactivate", "olivia")
    told = last(Action.PERSON_DEACTIVATED)
    assert (told.actor, told.stream) == ("system/command-line", f"person/{olivia.pk}")
    olivia.refresh_from_db()
    assert not olivia.is_active
    assert "can sign in again as olivia" in run("reactivate", "olivia")
    assert last(Action.PERSON_REACTIVATED).actor == "system/command-line"


def test_what_their_agents_were_allowed_ends(olivia: Person, active_analyst: Agent) -> None:
    before = epoch_of(active_analyst)
    run("deactivate", "olivia")
    active_analyst.refresh_from_db()
    assert epoch_of(active_analyst) > before


def test_what_cannot_be_done_is_said(olivia: Person) -> None:
    assert "Nobody signs in as nobody" in refused("deactivate", "nobody")
    assert refused("reactivate", "olivia")
    assert last(Action.PERSON_REACTIVATED).outcome == Outcome.FAILED
