"""Edited since the board approved it: what follows, and the two ways out of it."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.choices import AgentState
from agents.models import Agent, Person
from audits.errors import Conflict, Denied
from governance import selectors
from governance.choices import ApprovalState, ElevationState
from governance.models import Approval
from governance.services import dossiers, risk
from tests.conftest import ANSWERS
from tests.governance.story import (
    approval_of,
    cast,
    edit,
    elevate,
    events,
    read,
    request,
    resource,
    start_instance,
    version_of,
    write,
)

pytestmark = pytest.mark.django_db
FIELDS: dict[str, Any] = {
    "name": "Another name",
    "purpose": "Does more than it was approved for.",
    "business_unit": "Elsewhere",
    "problem_class": "other",
    "environment": "test",
    "autonomy": "alone",
    "data_categories": ["everything"],
    "jurisdictions": ["DE"],
    "frameworks": ["GDPR"],
    "runbook": "Switch it off.",
    "monitoring_plan": "Nobody looks.",
}


@pytest.mark.parametrize("field", FIELDS)
def test_an_edit_leaves_reads_and_what_was_approved_is_put_back(
    field: str, active_analyst: Agent, olivia: Person
) -> None:
    approved = getattr(active_analyst, field)
    instance = start_instance(active_analyst)
    edit(olivia, active_analyst, **{field: FIELDS[field]})
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"
    assert dossiers.put_back(actor=olivia, agent=active_analyst) == []
    active_analyst.refresh_from_db()
    assert (getattr(active_analyst, field), active_analyst.edited) == (approved, [])
    assert write(instance, resource()).reason == "no_elevation"
    event = events("agent.put_back")[-1]
    assert (event.details["parts"], event.details["still_edited"]) == ([f"agent.{field}"], [])


def test_it_writes_again_and_elevations_do_not_come_back(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    instance, on = start_instance(active_analyst), resource()
    elevation = elevate(olivia, active_analyst, on, members[:2])
    edit(olivia, active_analyst, purpose="Another.")
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ENDED
    dossiers.put_back(actor=olivia, agent=active_analyst)
    assert not write(instance, on).allowed
    elevate(olivia, active_analyst, on, members[:2])
    assert write(instance, on).allowed


def test_people_are_put_back_but_for_the_owner(
    active_analyst: Agent, olivia: Person, daniel: Person, oscar: Person, ada: Person
) -> None:
    active_analyst.deputies.set([oscar])
    edit(olivia, active_analyst, sponsor=ada, owner=oscar)
    active_analyst.edited = ["deputies", "owner", "sponsor"]
    active_analyst.save(update_fields=["edited"])
    assert dossiers.put_back(actor=ada, agent=active_analyst) == ["owner"]
    active_analyst.refresh_from_db()
    assert list(active_analyst.deputies.all()) == [daniel]
    assert (active_analyst.owner, active_analyst.sponsor, active_analyst.edited) == (oscar, None, ["owner"])


def test_a_deputy_whose_account_is_closed_stays_out(
    active_analyst: Agent, olivia: Person, daniel: Person
) -> None:
    Person.objects.filter(pk=daniel.pk).update(is_active=False)
    active_analyst.deputies.clear()
    edit(olivia, active_analyst, purpose="Another.")
    assert dossiers.put_back(actor=olivia, agent=active_analyst) == ["deputies"]
    assert not active_analyst.deputies.exists()


def test_risk_is_not_put_back(active_analyst: Agent, olivia: Person) -> None:
    risk.assess(actor=olivia, agent=active_analyst, answers=ANSWERS | {"scale": "public"})
    with pytest.raises(Conflict, match="Nothing that can be put back"):
        dossiers.put_back(actor=olivia, agent=active_analyst)


def test_a_request_for_the_edited_dossier_is_voided_by_putting_back(
    active_analyst: Agent, olivia: Person
) -> None:
    edit(olivia, active_analyst, purpose="Another.")
    pending = dossiers.submit(actor=olivia, version=version_of(active_analyst))
    dossiers.put_back(actor=olivia, agent=active_analyst)
    pending.refresh_from_db()
    assert pending.state == ApprovalState.VOIDED
    assert Agent.objects.get().state == AgentState.ACTIVE


@pytest.mark.parametrize("who", ["sasha", "oscar", "aude"])
def test_others_put_nothing_back(
    who: str, active_analyst: Agent, olivia: Person, request: pytest.FixtureRequest
) -> None:
    edit(olivia, active_analyst, purpose="Another.")
    with pytest.raises(Denied):
        dossiers.put_back(actor=request.getfixturevalue(who), agent=active_analyst)
    assert len(events("agent.put_back", "denied")) == 1


def test_there_is_nothing_to_put_back_without_an_approval_or_an_edit(
    analyst: Agent, olivia: Person, active_analyst: Agent
) -> None:
    with pytest.raises(Conflict, match="Nothing that can be put back"):
        dossiers.put_back(actor=olivia, agent=active_analyst)
    Agent.objects.filter(pk=analyst.pk).update(state="draft", active_version=None, approved_digest="")
    with pytest.raises(Conflict, match="no approval"):
        dossiers.put_back(actor=olivia, agent=analyst)


def test_a_field_edited_by_raw_sql_denies_everything_until_it_is_put_back(
    active_analyst: Agent, olivia: Person
) -> None:
    instance = start_instance(active_analyst)
    Agent.objects.filter(pk=active_analyst.pk).update(purpose="Edited by hand.")
    assert read(instance).reason == "version_not_approved"
    dossiers.put_back(actor=olivia, agent=active_analyst)
    assert read(instance).allowed


def test_the_same_version_is_submitted_again_after_an_edit(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    instance = start_instance(active_analyst)
    version = version_of(active_analyst)
    with pytest.raises(Conflict, match="active as it is"):
        dossiers.submit(actor=olivia, version=version)
    edit(olivia, active_analyst, purpose="Looks at more scanners.")
    again = dossiers.submit(actor=olivia, version=version)
    assert read(instance).allowed
    for member in members:
        cast(member, again)
    active_analyst.refresh_from_db()
    assert (active_analyst.approved_digest, active_analyst.edited) == (again.digest, [])
    assert write(instance, resource()).reason == "no_elevation"
    assert selectors.previous_approval(again) is not None


def test_after_asked_for_changes_an_active_agent_still_reads_only(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    instance = start_instance(active_analyst)
    edit(olivia, active_analyst, purpose="Looks at more scanners.")
    again = dossiers.submit(actor=olivia, version=version_of(active_analyst))
    cast(members[0], again, "request_changes")  # type: ignore[arg-type]
    assert Approval.objects.get(pk=again.pk).state == ApprovalState.CHANGES_REQUESTED
    assert read(instance).allowed
    assert write(instance, resource()).reason == "edited"


# --- The page ------------------------------------------------------------------------------------------
def page_of(agent: Agent) -> str:
    return reverse("admin:agents_agent_change", args=[agent.pk])


def action(name: str, agent: Agent) -> str:
    return reverse(f"admin:agents_agent_{name}", args=[agent.pk])


def seen(client: Client, agent: Agent) -> str:
    response = client.get(page_of(agent))
    assert response.status_code == 200
    return response.content.decode()


def test_the_page_says_what_differs_and_how_to_mend_it(
    client: Client, active_analyst: Agent, olivia: Person, aude: Person
) -> None:
    client.force_login(olivia)
    assert "may only read" not in seen(client, active_analyst)
    assert action("put_back", active_analyst) not in seen(client, active_analyst)
    edit(olivia, active_analyst, purpose="Works through <b>scanner</b> reports and forgets them.")
    text = seen(client, active_analyst)
    assert "Edited since the board approved it: it may only read" in text
    assert "&lt;b&gt;scanner&lt;/b&gt;" in text
    assert '<del class="cs-gone">' in text
    assert action("put_back", active_analyst) in text
    client.force_login(aude)
    text = seen(client, active_analyst)
    assert "it may only read" in text
    assert action("put_back", active_analyst) not in text


def test_an_edit_around_the_portal_is_told_as_what_it_is(
    client: Client, active_analyst: Agent, olivia: Person
) -> None:
    Agent.objects.filter(pk=active_analyst.pk).update(purpose="Edited by hand.")
    client.force_login(olivia)
    assert "not edited through the portal" in seen(client, active_analyst)


def test_it_is_put_back_by_pressing_the_button(client: Client, active_analyst: Agent, olivia: Person) -> None:
    edit(olivia, active_analyst, purpose="Another.")
    client.force_login(olivia)
    client.post(action("put_back", active_analyst), {"_form_submitted": "on"})
    active_analyst.refresh_from_db()
    assert active_analyst.edited == []
    assert "may only read" not in seen(client, active_analyst)


def test_it_is_submitted_again_by_pressing_the_other(
    client: Client, active_analyst: Agent, olivia: Person
) -> None:
    edit(olivia, active_analyst, purpose="Another.")
    client.force_login(olivia)
    response = client.post(action("submit_again", active_analyst), {"_form_submitted": "on"})
    pending = Approval.objects.get(state="pending")
    assert response.headers["Location"] == reverse("admin:governance_approval_change", args=[pending.pk])
    assert "The board is asked about it already" in seen(client, active_analyst)


def test_an_elevation_request_does_not_survive_an_edit(active_analyst: Agent, olivia: Person) -> None:
    elevation = request(olivia, active_analyst, resource())
    edit(olivia, active_analyst, purpose="Another.")
    assert approval_of(elevation).state == ApprovalState.VOIDED
