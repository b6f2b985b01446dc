"""The pages of governance: GET changes nothing, POST calls one service, refusals are shown."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from agents.models import Agent, Person
from audits.models import Event
from governance.choices import ApprovalState, AssessmentKind, Discipline, ElevationEnd, ElevationState
from governance.models import (
    Approval,
    Decision,
    Elevation,
    Grant,
    ImpactAssessment,
    Mitigation,
    RiskAssessment,
    RiskClass,
    Seat,
    Vote,
)
from governance.services import board
from tests.governance.papers import signed
from tests.governance.story import (
    approval_of,
    cast,
    elevate,
    events,
    propose,
    read,
    request,
    resource,
    start_instance,
)

pytestmark = pytest.mark.django_db
SignIn = Callable[[Person], Client]
VERBS = ("approve", "reject", "abstain")


def sign_in(person: Person) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(name: str, *arguments: Any) -> str:
    return reverse(f"admin:governance_{name}", args=arguments)


def submit(client: Client, url: str, **values: str) -> Any:
    """Press the button of a dialog."""
    return client.post(url, {"_form_submitted": "on", **values})


def html(client: Client, url: str) -> str:
    response = client.get(url)
    assert response.status_code == 200, response
    return response.content.decode()


def test_the_page_shows_everything_that_is_voted_on(submitted: Approval, sasha: Person) -> None:
    text = html(sign_in(sasha), page("approval_change", submitted.pk))
    for shown in (
        submitted.digest,
        submitted.agent.purpose,
        "open_ticket",
        "get_vulnerability_info",
        "Untrusted text",
        "Your vote in the seat Security is asked for",
        "0 of 5 approvals",
        "all of it is new",
    ):
        assert shown in text, shown


def test_the_page_escapes_what_it_shows(submitted: Approval, sasha: Person) -> None:
    Agent.objects.filter(pk=submitted.agent_id).update(name="<script>alert(1)</script>")
    assert "<script>alert(1)" not in html(sign_in(sasha), page("approval_change", submitted.pk))


def test_the_page_is_made_from_the_bytes_not_from_the_rows(submitted: Approval, sasha: Person) -> None:
    Agent.objects.filter(pk=submitted.agent_id).update(purpose="Edited meanwhile.")
    text = html(sign_in(sasha), page("approval_change", submitted.pk))
    assert "Edited meanwhile." not in text
    assert "Works through scanner reports" in text


def test_votes_and_differences_are_shown(active_analyst: Agent, sasha: Person, olivia: Person) -> None:
    first = Approval.objects.get()
    text = html(sign_in(olivia), page("approval_change", first.pk))
    assert "Sasha Security" in text
    assert "Approved. 5 people approved." in text


@pytest.mark.parametrize("verb", VERBS)
def test_opening_a_dialog_changes_nothing(verb: str, submitted: Approval, sasha: Person) -> None:
    client = sign_in(sasha)
    before = Event.objects.count()
    text = html(client, page(f"approval_{verb}", submitted.pk))
    assert submitted.digest in text
    assert not Vote.objects.exists()
    assert Event.objects.count() == before


@pytest.mark.parametrize(("verb", "choice"), list(zip(VERBS, VERBS, strict=True)))
def test_a_member_votes(verb: str, choice: str, submitted: Approval, sasha: Person) -> None:
    url = page(f"approval_{verb}", submitted.pk)
    response = submit(sign_in(sasha), url, digest=submitted.digest, comment="Read it.")
    assert response.status_code == 302
    vote = Vote.objects.get()
    assert (vote.choice, vote.person, vote.comment) == (choice, sasha, "Read it.")


def test_a_dialog_is_left_by_htmx_as_well(submitted: Approval, sasha: Person) -> None:
    client = Client(headers={"HX-Request": "true"})
    client.force_login(sasha)
    response = submit(client, page("approval_approve", submitted.pk), digest=submitted.digest)
    assert response.headers["HX-Redirect"] == page("approval_change", submitted.pk)


def test_a_vote_needs_the_csrf_token(submitted: Approval, sasha: Person) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(sasha)
    response = submit(client, page("approval_approve", submitted.pk), digest=submitted.digest)
    assert response.status_code == 403
    assert not Vote.objects.exists()


def test_a_stale_page_is_refused(submitted: Approval, sasha: Person) -> None:
    response = submit(sign_in(sasha), page("approval_approve", submitted.pk), digest="0" * 64)
    assert "read it anew" in response.content.decode()
    assert not Vote.objects.exists()


def test_the_owner_sees_the_refusal_and_it_is_recorded(submitted: Approval, olivia: Person) -> None:
    client = sign_in(olivia)
    url = page("approval_approve", submitted.pk)
    text = html(client, page("approval_change", submitted.pk))
    assert "Nobody approves their own" in text
    assert url not in text
    response = submit(client, url, digest=submitted.digest)
    assert "Nobody approves their own" in response.content.decode()
    assert not Vote.objects.exists()
    assert len(events("approval.voted", "denied")) == 1


def test_an_auditor_looks_and_does_not_vote(submitted: Approval, aude: Person) -> None:
    client = sign_in(aude)
    assert submitted.digest in html(client, page("approval_change", submitted.pk))
    response = submit(client, page("approval_approve", submitted.pk), digest=submitted.digest)
    assert "hold a seat" in response.content.decode()
    assert not Vote.objects.exists()


def test_the_page_says_why_there_is_nothing_to_press(
    submitted: Approval, sasha: Person, ada: Person, oscar: Person
) -> None:
    url = page("approval_change", submitted.pk)
    board.assign_seat(actor=ada, person=oscar, discipline=Discipline.SECURITY)
    oscar.groups.set(sasha.groups.all())
    cast(sasha, submitted)
    assert "You have voted on it" in html(sign_in(sasha), url)
    assert "The seat Security has voted on it" in html(sign_in(oscar), url)


def test_an_outsider_does_not_even_look(submitted: Approval, oscar: Person) -> None:
    client = sign_in(oscar)
    assert client.get(page("approval_change", submitted.pk)).status_code == 403
    response = submit(client, page("approval_approve", submitted.pk), digest=submitted.digest)
    assert response.status_code == 403


def test_an_approval_that_does_not_exist_is_no_error(submitted: Approval, sasha: Person) -> None:
    for name in (submitted.subject_id, "nothing"):
        response = submit(sign_in(sasha), page("approval_approve", name), digest="0" * 64)
        assert "nothing at this address" in response.content.decode()


def test_members_begin_with_what_waits_for_them(submitted: Approval, sasha: Person) -> None:
    client = sign_in(sasha)
    change = page("approval_change", submitted.pk)
    url = page("approval_changelist")
    assert change in html(client, url)
    cast(sasha, submitted)
    assert change not in html(client, url)
    assert change in html(client, f"{url}?waiting=pending")
    text = html(client, f"{url}?waiting=all")
    assert change in text
    assert "1 of 5" in text


def test_others_begin_with_everything(submitted: Approval, aude: Person, sasha: Person) -> None:
    cast(sasha, submitted)
    assert page("approval_change", submitted.pk) in html(sign_in(aude), page("approval_changelist"))


def test_the_owner_asks_for_what_the_agent_proposed(active_analyst: Agent, olivia: Person) -> None:
    proposal = propose(active_analyst)
    client = sign_in(olivia)
    url = f"{page('elevation_add')}?proposal={proposal.pk}"
    text = html(client, url)
    assert proposal.resource in text
    assert "Update log4j-core" in text
    assert 'value="10"' in text
    assert not Elevation.objects.exists()
    values = {"proposal": str(proposal.pk), "intent": "Track the fix.", "minutes": "10", "uses": "1"}
    response = client.post(page("elevation_add"), values)
    elevation = Elevation.objects.get()
    assert response.headers["Location"] == page("elevation_change", elevation.pk)
    assert (elevation.proposal, elevation.resource, elevation.minutes) == (proposal, proposal.resource, 10)


def test_the_owner_asks_for_something_of_their_own(active_analyst: Agent, daniel: Person) -> None:
    on = resource()
    client = sign_in(daniel)
    assert "open_ticket" in html(client, page("elevation_add"))
    values = {
        "agent": str(active_analyst.pk), "action": "open_ticket", "resource": on, "intent": "Track it.",
        "minutes": "5", "uses": "2",
    }  # fmt: skip
    client.post(page("elevation_add"), values)
    assert Elevation.objects.get().resource == on


def test_what_the_service_refuses_is_said_at_its_field(active_analyst: Agent, olivia: Person) -> None:
    values = {
        "agent": str(active_analyst.pk), "action": "open_ticket", "resource": resource(), "intent": "x",
        "minutes": "600", "uses": "1",
    }  # fmt: skip
    response = sign_in(olivia).post(page("elevation_add"), values)
    assert "From 1 to 120 minutes." in response.content.decode()
    assert not Elevation.objects.exists()


@pytest.mark.parametrize("who", ["sasha", "aude", "oscar"])
def test_others_do_not_ask(who: str, active_analyst: Agent, request: pytest.FixtureRequest) -> None:
    client = sign_in(request.getfixturevalue(who))
    assert client.get(page("elevation_add")).status_code == 403


def test_another_agents_proposal_is_not_for_this_owner(
    active_analyst: Agent, olivia: Person, daniel: Person
) -> None:
    proposal = propose(active_analyst)
    active_analyst.deputies.clear()
    client = sign_in(daniel)
    text = html(client, f"{page('elevation_add')}?proposal={proposal.pk}")
    assert "You answer for no active agent" in text
    client.post(page("elevation_add"), {"proposal": str(proposal.pk), "intent": "x", "minutes": 1, "uses": 1})
    assert not Elevation.objects.exists()


def test_an_elevation_is_shown_and_ended(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    client = sign_in(olivia)
    url = page("elevation_end_now", elevation.pk)
    text = html(client, page("elevation_change", elevation.pk))
    assert url in text
    assert page("approval_change", approval_of(elevation).pk) in text
    html(client, url)
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ACTIVE
    assert submit(client, url).status_code == 302
    elevation.refresh_from_db()
    assert elevation.end_reason == ElevationEnd.REVOKED
    assert url not in html(client, page("elevation_change", elevation.pk))


def test_who_may_not_end_it_reads_why(
    active_analyst: Agent, olivia: Person, members: list[Person], aude: Person
) -> None:
    elevation = elevate(olivia, active_analyst, resource(), members[:2])
    client = sign_in(aude)
    url = page("elevation_end_now", elevation.pk)
    assert url not in html(client, page("elevation_change", elevation.pk))
    assert "may end an elevation" in submit(client, url).content.decode()


def test_an_administrator_seats_a_person(ada: Person, oscar: Person, sasha: Person) -> None:
    client = sign_in(ada)
    text = html(client, page("seat_add"))
    assert "Oscar Outsider" in text
    assert "Sasha Security" not in text
    client.post(page("seat_add"), {"person": str(oscar.pk), "discipline": "legal"})
    seat = Seat.objects.get(person=oscar)
    url = page("seat_end_seat", seat.pk)
    assert url in html(client, page("seat_change", seat.pk))
    submit(client, url)
    seat.refresh_from_db()
    assert seat.ends_at is not None
    assert url not in html(client, page("seat_change", seat.pk))


@pytest.mark.parametrize("who", ["olivia", "sasha", "aude"])
def test_others_seat_nobody(who: str, sasha: Person, request: pytest.FixtureRequest) -> None:
    client = sign_in(request.getfixturevalue(who))
    assert client.get(page("seat_add")).status_code == 403
    assert submit(client, page("seat_end_seat", Seat.objects.get().pk)).status_code == 403
    assert Seat.objects.filter(ends_at__isnull=True).count() == 1


@pytest.fixture
def busy(active_analyst: Agent, olivia: Person, members: list[Person]) -> Agent:
    """An agent with one row of everything."""
    elevate(olivia, active_analyst, resource(), members[:2])
    request(olivia, active_analyst, resource())
    read(start_instance(active_analyst))
    signed(olivia, members[0], active_analyst, AssessmentKind.SECURITY)
    return active_analyst


MODELS = (
    Approval, Elevation, Seat, Grant, Decision, RiskAssessment, RiskClass, ImpactAssessment, Mitigation,
)  # fmt: skip


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_row_has_a_page_that_cannot_be_edited(model: Any, busy: Agent, aude: Person) -> None:
    client = sign_in(aude)
    name = model._meta.model_name
    row = model.objects.first()
    html(client, page(f"{name}_change", row.pk))
    assert client.post(page(f"{name}_change", row.pk), {}).status_code == 403
    assert client.post(page(f"{name}_delete", row.pk), {"post": "yes"}).status_code == 403
    assert model.objects.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_lists_are_found_filtered_and_read_with_few_queries(
    model: Any, busy: Agent, ada: Person, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(ada)
    url = page(f"{model._meta.model_name}_changelist")
    with django_assert_max_num_queries(30):
        html(client, f"{url}?waiting=all" if model is Approval else url)
    html(client, f"{url}?q=analyst")


@pytest.mark.parametrize("model", [Decision, Grant, Approval], ids=lambda model: model.__name__)
def test_a_longer_list_asks_no_more_of_the_database(
    model: Any, busy: Agent, ada: Person, olivia: Person, django_assert_num_queries: Any
) -> None:
    client = sign_in(ada)
    url = page(f"{model._meta.model_name}_changelist")
    few = _queries(client, url)
    instance = start_instance(busy)
    for _ in range(5):
        read(instance)
        request(olivia, busy, resource())
    assert _queries(client, url) == few


def _queries(client: Client, url: str) -> int:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    html(client, url)  # what is asked once until something happens
    with CaptureQueriesContext(connection) as captured:
        html(client, url)
    return len(captured)


def test_risk_classes_are_shown(ada: Person) -> None:
    client = sign_in(ada)
    assert "Medium" in html(client, page("riskclass_changelist"))
    assert "480" in html(client, page("riskclass_change", "low"))


def test_a_closed_request_says_how_it_ended(submitted: Approval, leo: Person) -> None:
    client = sign_in(leo)
    submit(client, page("approval_reject", submitted.pk), digest=submitted.digest, comment="No.")
    submitted.refresh_from_db()
    assert submitted.state == ApprovalState.REJECTED
    assert "The required seat Legal rejected it: a veto." in html(
        client, page("approval_change", submitted.pk)
    )
