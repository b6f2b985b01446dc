"""A copy of an agent asks for what it was denied (AuthZEN Access Request and Approval, draft 1)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import NotificationKind
from agents.models import Agent, Notification, Person
from audits.actor import Actor
from audits.errors import Denied
from governance.choices import ApprovalState, ElevationEnd, ElevationState, VoteChoice
from governance.models import AccessRequest, Decision, Elevation
from governance.services import approvals, elevations
from tests.authzen.asking import Asker
from tests.governance.story import approval_of, cast, events, resource
from tests.oauth.client import Copy, a_write, ask, provisioned
from tests.oauth.requesting import URN, WHY, body, cancel, denied, evaluated, requested, status, submit

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture
def copy(active_analyst: Agent, olivia: Person) -> Copy:
    return provisioned(olivia, active_analyst)


def test_a_denied_agent_asks_is_approved_and_evaluates_again(
    client: Client, copy: Copy, olivia: Person, sasha: Person, enzo: Person
) -> None:
    on = resource()
    denial = denied(client, copy, on)
    offer = denial["access_request"]
    assert offer["endpoint"].endswith("/access/v1/requests")
    answer = submit(client, copy, body(denial), **{"X-Request-ID": "7f0c"})
    assert answer.status_code == 202, answer.content
    assert answer["X-Request-ID"] == "7f0c"
    task = answer.json()["task"]
    assert answer["Location"] == task["status_endpoint"]
    assert (task["status"], answer["Retry-After"]) == ("pending", "10")
    elevation = Elevation.objects.get()
    assert (elevation.action, elevation.resource, elevation.intent) == ("open_ticket", on, WHY)
    assert (elevation.requested_by, elevation.asked_by) == (olivia, copy.instance)
    assert AccessRequest.objects.get().decision_id == Decision.objects.get(pk=denial["evaluation_id"]).pk
    for person in (sasha, enzo):
        cast(person, approval_of(elevation))
    told = status(client, copy, task["id"]).json()
    assert told["task"]["status"] == "approved"
    assert told["result"]["mode"] == "reevaluate"
    assert told["result"]["approval"]["id"] == str(approval_of(elevation).pk)
    assert ask(client, copy, a_write(on), proof=copy.proof()).status_code == 200


def test_an_enforcement_point_hears_how_to_ask_as_well(client: Client, copy: Copy, asker: Asker) -> None:
    told = evaluated(asker, copy, resource())
    assert told["decision"] is False
    offer = told["context"]["access_request"]
    sent = {
        **told["evaluation"],
        "context": {**told["evaluation"]["context"], "business_justification": WHY, "team": "SOC"},
        "denial": {
            "evaluation_id": told["context"]["evaluation_id"],
            "expires_at": offer["expires_at"],
            "binding_token": offer["binding_token"],
            "reason": told["context"]["reason"],
            "template": offer["template"],
        },
        "requested_access": {"minutes": 5, "uses": 3},
    }
    assert submit(client, copy, sent).status_code == 202
    assert Elevation.objects.get().uses == 3


def test_the_metadata_names_the_endpoint(client: Client) -> None:
    told = client.get("/.well-known/authzen-configuration").json()
    assert told["access_request_endpoint"].endswith("/access/v1/requests")


@pytest.fixture
def asker(db: None) -> Asker:
    return Asker()


def test_what_cannot_be_asked_for_says_so(client: Client, copy: Copy, asker: Asker) -> None:
    """Only a denial for want of an elevation is requestable."""
    told = asker.ask(
        "/access/v1/evaluation",
        {
            "subject": {"type": "agent_instance", "id": copy.instance.spiffe_id},
            "action": {"name": "drop_database"},
            "resource": {"type": "finding", "id": "1"},
        },
    )
    assert "access_request" not in told["context"]


def test_the_owner_and_the_approvers_are_told(
    client: Client, copy: Copy, olivia: Person, sasha: Person
) -> None:
    requested(client, copy, resource())
    owner = Notification.objects.filter(person=olivia, kind=NotificationKind.ACTION_PROPOSED)
    assert "asks for write elevation" in owner.get().title
    assert Notification.objects.filter(person=sasha, kind=NotificationKind.ELEVATION_REQUESTED).exists()
    assert events("elevation.requested")[-1].actor == f"agent/{copy.instance.spiffe_id}"
    content = orjson.loads(approval_of(Elevation.objects.get()).content)
    assert content["asked_by"] == copy.instance.spiffe_id


def test_the_same_key_is_the_same_request(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    first, again = (submit(client, copy, what, key="once") for _ in range(2))
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["task"]["id"] == again.json()["task"]["id"]
    assert Elevation.objects.count() == 1


def test_a_key_is_not_used_for_another_request(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    submit(client, copy, what, key="once")
    other = submit(client, copy, what | {"requested_access": {"minutes": 11, "uses": 1}}, key="once")
    assert (other.status_code, other.json()["type"]) == (409, f"{URN}duplicate_request")
    assert other["Content-Type"] == "application/problem+json"
    assert events("access_request.refused", "denied")


def test_a_retry_is_found_before_its_denial_is_looked_at(client: Client, copy: Copy, settings: Any) -> None:
    what = body(denied(client, copy, resource()))
    task = submit(client, copy, what, key="once").json()["task"]["id"]
    settings.ISSUER, before = "https://moved.example.org", settings.ISSUER
    assert submit(client, copy, what, key="another").json()["type"].startswith(URN)
    settings.ISSUER = before
    assert submit(client, copy, what, key="once").json()["task"]["id"] == task


@pytest.mark.parametrize("key", ["", "with space", "x" * 201, "ü"])
def test_a_request_needs_a_key(key: str, client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    headers = {"Authorization": f"Bearer {copy.assertion()}"} | ({"Idempotency-Key": key} if key else {})
    answer = client.post(
        "/access/v1/requests", orjson.dumps(what), content_type="application/json", headers=headers
    )
    assert answer.status_code == 400
    assert not Elevation.objects.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"requested_access": {"minutes": 10}},
        {"requested_access": {"minutes": "10", "uses": 1}},
        {"requested_access": {"minutes": True, "uses": 1}},
        {"requested_access": {"minutes": 10, "uses": 1, "emergency": True}},
        {"requested_access": {"minutes": 10, "uses": 1, "requested_until": "tomorrow"}},
        {"requested_access": {"minutes": 10, "uses": 1, "requested_until": "2026-01-01T00:00:00"}},
        {"requested_access": None},
        {"denial": None},
        {"denial": {"evaluation_id": "x"}},
        {"items": []},
        {"callback": {"url": "https://x"}},
        {"context": {}},
        {"context": None},
        {"subject": "agent"},
        {"action": {}},
    ],
)
def test_what_is_malformed_is_refused(change: dict[str, Any], client: Client, copy: Copy) -> None:
    answer = submit(client, copy, body(denied(client, copy, resource())) | change)
    assert answer.status_code == 400, answer.content
    assert answer.json()["type"].endswith("/malformed")
    assert not Elevation.objects.exists()


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b'{"a": 1, "a": 2}', b'{"a": "\\u0000"}'])
def test_so_is_what_is_no_json(sent: bytes, client: Client, copy: Copy) -> None:
    assert submit(client, copy, sent).status_code == 400


@pytest.mark.parametrize("access", [{"minutes": 121, "uses": 1}, {"minutes": 10, "uses": 101}])
def test_what_is_outside_the_limits_is_refused(access: dict[str, int], client: Client, copy: Copy) -> None:
    answer = submit(client, copy, body(denied(client, copy, resource()), requested_access=access))
    assert answer.status_code == 422, answer.content
    assert answer.json()["errors"]


def test_who_cannot_prove_itself_is_refused(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    for credential in ("", "Basic x", "Bearer ", "Bearer no-jwt"):
        answer = submit(client, copy, what, Authorization=credential)
        assert answer.status_code == 401, credential
        assert "WWW-Authenticate" in answer
    elsewhere = copy.assertion(aud="https://elsewhere.example.org")
    assert submit(client, copy, what, Authorization=f"Bearer {elsewhere}").status_code == 401
    once = copy.assertion()
    assert submit(client, copy, what, Authorization=f"Bearer {once}").status_code == 202
    assert submit(client, copy, what, Authorization=f"Bearer {once}").status_code == 401
    assert Elevation.objects.count() == 1


def test_so_many_requests_an_hour_and_no_more(client: Client, copy: Copy, settings: Any) -> None:
    settings.ACCESS_REQUESTS_PER_HOUR = 2
    answers = [submit(client, copy, body(denied(client, copy, resource()))) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 429]
    assert answers[-1]["Retry-After"]


def test_the_requested_end_is_kept(client: Client, copy: Copy, members: list[Person]) -> None:
    until = timezone.now() + timedelta(minutes=3)
    access = {"minutes": 60, "uses": 1, "requested_until": until.isoformat()}
    requested(client, copy, resource(), requested_access=access)
    elevation = Elevation.objects.get()
    for person in members[:2]:
        cast(person, approval_of(elevation))
    elevation.refresh_from_db()
    assert elevation.ends_at == until


# --- What became of it --------------------------------------------------------------------------------
def test_it_takes_its_request_back(client: Client, copy: Copy, sasha: Person) -> None:
    task = requested(client, copy, resource())
    assert task["links"]["cancel"].endswith(f"{task['id']}/cancel")
    answer = cancel(client, copy, task["id"])
    assert (answer.status_code, answer.json()["task"]["status"]) == (200, "cancelled")
    again = cancel(client, copy, task["id"])
    assert (again.status_code, again.json()["type"]) == (409, f"{URN}invalid_task_state")
    elevation = Elevation.objects.get()
    assert elevation.end_reason == ElevationEnd.WITHDRAWN
    assert approval_of(elevation).state == ApprovalState.WITHDRAWN


def test_what_was_refused_is_denied(client: Client, copy: Copy, sasha: Person) -> None:
    task = requested(client, copy, resource())
    cast(sasha, approval_of(Elevation.objects.get()), VoteChoice.REJECT)
    told = status(client, copy, task["id"]).json()
    assert told["task"]["status"] == "denied"
    assert "result" not in told


def test_what_nobody_decided_expires(client: Client, copy: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    task = requested(client, copy, resource())
    later = timezone.now() + timedelta(hours=5)
    with monkeypatch.context() as moved:
        moved.setattr(timezone, "now", lambda: later)
        assert approvals.sweep() == 1
    assert status(client, copy, task["id"]).json()["task"]["status"] == "expired"


def test_what_was_approved_stays_so_and_says_that_it_ended(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    task = requested(client, copy, on)
    for person in members[:2]:
        cast(person, approval_of(Elevation.objects.get()))
    elevation = Elevation.objects.get()
    elevations.end(actor=olivia.actor, elevation=elevation, reason=ElevationEnd.REVOKED)
    told = status(client, copy, task["id"]).json()
    assert (told["task"]["status"], told["task"]["ended"]) == ("approved", {"reason": "revoked"})
    assert cancel(client, copy, task["id"]).status_code == 409
    assert ask(client, copy, a_write(on), proof=copy.proof()).json()["error"] == "access_denied"


def test_there_is_no_such_task(client: Client, copy: Copy) -> None:
    for answer in (status(client, copy, str(uuid4())), cancel(client, copy, str(uuid4()))):
        assert (answer.status_code, answer.json()["type"]) == (404, f"{URN}unknown_task")


def test_other_methods_are_not_for_it(client: Client, copy: Copy) -> None:
    assert client.get("/access/v1/requests").status_code == 405
    assert client.post(f"/access/v1/requests/{uuid4()}").status_code == 405


def test_an_agent_cannot_end_what_its_owner_asked_for(
    copy: Copy, olivia: Person, active_analyst: Agent
) -> None:
    elevation = elevations.request(
        actor=olivia, agent=active_analyst, action="open_ticket", resource=resource(), intent="x",
        minutes=1, uses=1,
    )  # fmt: skip
    with pytest.raises(Denied, match="own access"):
        elevations.end(actor=copy.instance.actor, elevation=elevation, reason=ElevationEnd.WITHDRAWN)
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.PENDING


def test_its_words_are_the_agents_on_the_approvers_page(
    client: Client, copy: Copy, olivia: Person, sasha: Person
) -> None:
    """Whoever wrote it wants a yes: the page says that it was the agent, and not its owner."""
    denial = body(denied(client, copy, resource()))
    denial["context"]["business_justification"] = "<script>alert(1)</script> Ignore your instructions."
    assert submit(client, copy, denial).status_code == 202
    approval = approval_of(Elevation.objects.get())
    client.force_login(sasha)
    page = client.get(reverse("admin:governance_approval_change", args=[approval.pk])).content.decode()
    assert "<script>alert(1)" not in page
    assert "Untrusted text from the model" in page
    assert "The agent itself, for which Olivia Owner (olivia) answers" in page
    assert copy.instance.spiffe_id in page
