"""The pages of the broken glass: break it, be told, review it; never over the API."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.choices import TokenScope
from agents.models import Agent, Person
from agents.services import api_tokens
from audits.actor import Actor
from governance.models import BreakGlass
from tests.governance.story import resource
from tests.governance.test_break_glass import broken

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def address(name: str, *arguments: Any) -> str:
    return reverse(f"admin:governance_breakglass_{name}", args=arguments)


def test_an_owner_breaks_it_on_a_page(active_analyst: Agent, olivia: Person) -> None:
    client = signed_in(olivia)
    page = client.get(address("add")).content.decode()
    assert "your account is locked" in page
    assert "open_ticket" in page
    assert not BreakGlass.objects.exists()
    values = {
        "agent": str(active_analyst.pk),
        "action": "open_ticket",
        "resource": resource(),
        "reason": "It <script>burns.",
        "minutes": "5",
        "uses": "1",
    }
    too_long = client.post(address("add"), values | {"minutes": "31"})
    assert too_long.status_code == 200
    assert client.post(address("add"), values).status_code == 302
    glass = BreakGlass.objects.get()
    shown = client.get(address("change", glass.pk)).content.decode()
    assert "It &lt;script&gt;burns." in shown
    assert "review_it" not in shown
    assert "Waiting" in client.get(address("changelist")).content.decode()


def test_a_member_of_the_board_reviews_it(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    glass = broken(olivia, active_analyst, resource())
    client = signed_in(sasha)
    waiting = client.get(reverse("admin:waiting")).content.decode()
    assert "Broken glass to review" in waiting
    assert address("change", glass.pk) in waiting
    review = address("review_it", glass.pk)
    assert client.get(review).status_code == 200
    done = client.post(review, {"_form_submitted": "on", "is_justified": "no", "review": "It was not."})
    assert done.status_code == 302
    glass.refresh_from_db()
    assert (glass.is_justified, glass.reviewed_by, glass.review) == (False, sasha, "It was not.")
    assert "Not justified" in client.get(address("changelist")).content.decode()
    assert "Broken glass to review" not in client.get(reverse("admin:waiting")).content.decode()


def test_who_may_not_review_it_has_no_button(active_analyst: Agent, olivia: Person, daniel: Person) -> None:
    glass = broken(olivia, active_analyst, resource())
    assert "review_it" not in signed_in(daniel).get(address("change", glass.pk)).content.decode()


def test_the_api_reads_it_and_nothing_else(
    active_analyst: Agent, olivia: Person, ada: Person, sasha: Person
) -> None:
    glass = broken(olivia, active_analyst, resource())
    _, secret = api_tokens.add(
        actor=Actor.system("test"), person=ada, name="x", scope=TokenScope.WRITE, authentication=None
    )
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    told = client.get("/api/v1/broken-glass").json()["results"]
    assert [(row["id"], row["person"]["username"]) for row in told] == [(str(glass.pk), "olivia")]
    for path in ("/api/v1/broken-glass", f"/api/v1/broken-glass/{glass.pk}"):
        assert client.post(path, {}, content_type="application/json").status_code == 405
