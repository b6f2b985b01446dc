"""The pages of write elevations: an edit is a revision, and who sees which button."""

import pytest
from django.test import Client
from django.urls import reverse

from agents.choices import TokenScope
from agents.models import Agent, Person
from governance.models import Approval
from tests.api.calling import secret_of
from tests.governance import story
from tests.governance.story import approval_of, cast, elevate, request, resource

pytestmark = pytest.mark.django_db


def signed_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def test_an_owner_edits_what_waits(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation))
    client = signed_in(olivia)
    address = reverse("admin:governance_elevation_revise", args=[elevation.pk])
    shown = client.get(address).content.decode()
    assert elevation.intent in shown
    values = {
        "_form_submitted": "on",
        "resource": elevation.resource,
        "intent": "Less than before.",
        "minutes": "5",
        "uses": "1",
        "revision": "1",
    }
    assert client.post(address, values).status_code == 302
    elevation.refresh_from_db()
    assert (elevation.revision, elevation.minutes, elevation.intent) == (2, 5, "Less than before.")
    asked = Approval.objects.filter(subject_id=elevation.pk).order_by("revision")
    assert [approval.state for approval in asked] == ["voided", "pending"]
    page = client.get(reverse("admin:governance_elevation_change", args=[elevation.pk])).content.decode()
    assert "Revision 2 is asked for instead" in page
    stale = client.post(address, values)
    assert "revised meanwhile" in stale.content.decode()


def test_a_vote_on_a_page_from_before_the_edit(active_analyst: Agent, olivia: Person, sasha: Person) -> None:
    """The dialog sends digest and revision back as they were shown."""
    elevation = request(olivia, active_analyst, resource())
    approval = approval_of(elevation)
    address = reverse("admin:governance_approval_approve", args=[approval.pk])
    client = signed_in(sasha)
    assert 'name="revision" value="1"' in client.get(address).content.decode()
    sent = {"_form_submitted": "on", "digest": approval.digest, "comment": "", "revision": "2"}
    assert "read it anew" in client.post(address, sent).content.decode()
    assert client.post(address, sent | {"revision": "1"}).status_code == 302
    assert approval.votes.count() == 1


@pytest.mark.parametrize(
    ("who", "sees"), [("olivia", True), ("daniel", True), ("sasha", False), ("ada", False)]
)
def test_who_may_edit_has_the_button(
    who: str, active_analyst: Agent, olivia: Person, request: pytest.FixtureRequest, *, sees: bool
) -> None:
    elevation = story.request(olivia, active_analyst, resource())
    client = signed_in(request.getfixturevalue(who))
    page = client.get(reverse("admin:governance_elevation_change", args=[elevation.pk])).content.decode()
    assert ("Edit the request" in page) is sees


def test_what_is_decided_has_none(active_analyst: Agent, olivia: Person, members: list[Person]) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    page = signed_in(olivia).get(reverse("admin:governance_elevation_change", args=[elevation.pk]))
    assert "Edit the request" not in page.content.decode()
    assert "End now" in page.content.decode()


def test_the_api_revises_as_well(active_analyst: Agent, olivia: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    client = Client(headers={"Authorization": f"Bearer {secret_of(olivia, TokenScope.WRITE)}"})
    body = {"revision": 1, "resource": "finding/*", "intent": "All of them.", "minutes": 30, "uses": 9}
    path = f"/api/v1/elevations/{elevation.pk}/revision"
    told = client.post(path, body, content_type="application/json")
    assert told.status_code == 200, told.content
    assert (told.json()["revision"], told.json()["resource"]) == (2, "finding/*")
    again = client.post(path, body, content_type="application/json")
    assert again.status_code == 409
