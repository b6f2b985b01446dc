"""Write elevation as a protocol: only what was denied can be asked for, only what was approved is opened."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from django.test import Client
from django.utils import timezone

from agents import decision_point, signing
from agents.choices import Access
from agents.models import Agent, AgentInstance, Person
from audits.errors import Conflict
from governance.choices import ElevationEnd, ElevationState
from governance.models import Approval, Decision, Elevation, Grant
from governance.services import elevations
from tests.authzen.asking import Asker
from tests.governance.story import (
    TICKET,
    approval_of,
    cast,
    elevate,
    events,
    question,
    race,
    request,
    resource,
    start_instance,
    tamper,
    write,
)
from tests.oauth.client import Copy, ask, new_key, provisioned
from tests.oauth.requesting import URN, body, cancel, denied, requested, status, submit

pytestmark = pytest.mark.django_db


@pytest.fixture
def copy(active_analyst: Agent, olivia: Person) -> Copy:
    return provisioned(olivia, active_analyst)


@pytest.fixture
def other(copy: Copy, olivia: Person) -> Copy:
    """Another copy of the same agent."""
    return provisioned(olivia, copy.instance.agent)


def unbound(answer: Any, *problems: str) -> None:
    names = problems or ("invalid_denial_binding",)
    assert answer.json()["type"] in {f"{URN}{name}" for name in names}, answer.content
    assert not Elevation.objects.exists()


# --- What was not denied cannot be asked for --------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"action": {"name": "close_ticket"}},
        {"action": {"name": "get_vulnerability_info"}},
        {"resource": {"type": "finding", "id": str(uuid4())}},
        {"resource": {"type": "finding", "id": "*"}},
        {"subject": {"type": "agent_instance", "id": "spiffe://countersign.local/agent/x/i/1"}},
        {"subject": {"type": "agent", "id": "another-agent"}},
        {"subject": {"type": "user", "id": "olivia"}},
    ],
)
def test_another_evaluation_than_the_one_that_was_denied(
    change: dict[str, Any], client: Client, copy: Copy
) -> None:
    unbound(submit(client, copy, body(denied(client, copy, resource())) | change))


@pytest.mark.parametrize(
    "change",
    [{"intent": "Something else."}, {"digest": "0" * 64}, {"task_id": str(uuid4())}],
)
def test_another_context_than_the_one_that_was_denied(
    change: dict[str, str], client: Client, copy: Copy
) -> None:
    what = body(denied(client, copy, resource()))
    unbound(submit(client, copy, what | {"context": what["context"] | change}))


def test_a_context_without_what_was_said(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    what["context"] = {"business_justification": "x"}
    unbound(submit(client, copy, what))


def test_the_binding_token_of_another_copy(client: Client, copy: Copy, other: Copy) -> None:
    unbound(submit(client, other, body(denied(client, copy, resource()))))
    what = body(denied(client, copy, resource()))
    unbound(
        submit(client, other, what | {"subject": {"type": "agent_instance", "id": other.instance.spiffe_id}})
    )


def test_the_binding_token_of_another_denial(client: Client, copy: Copy) -> None:
    one, two = (body(denied(client, copy, resource())) for _ in range(2))
    unbound(submit(client, copy, one | {"denial": two["denial"]}))
    mixed = one["denial"] | {"evaluation_id": two["denial"]["evaluation_id"]}
    unbound(submit(client, copy, one | {"denial": mixed}))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * 5000])
def test_a_binding_token_that_is_none(token: str, client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    what["denial"]["binding_token"] = token
    answer = submit(client, copy, what)
    assert answer.status_code == 400
    assert not Elevation.objects.exists()


def _forged(token: str, *, key: Any = None, **headers: Any) -> str:
    claims = jwt.decode(token, options={"verify_signature": False})
    kept = jwt.get_unverified_header(token) | headers
    algorithm = kept.pop("alg")
    ours = signing.key()
    signer: Any = {"none": None, "HS256": "s" * 64}.get(algorithm, key or ours.private)
    return jwt.encode(claims, signer, algorithm=algorithm, headers=kept)


@pytest.mark.parametrize(
    "forge",
    [
        lambda token: _forged(token, key=new_key()),
        lambda token: _forged(token, alg="none"),
        lambda token: _forged(token, alg="HS256"),
        lambda token: _forged(token, typ="at+jwt"),
        lambda token: _forged(token, typ="JWT"),
        lambda token: _forged(token, kid="another"),
        lambda token: token[:-4] + ("AAAA" if not token.endswith("AAAA") else "BBBB"),
    ],
)
def test_a_binding_token_of_ones_own_making(forge: Callable[[str], str], client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    what["denial"]["binding_token"] = forge(what["denial"]["binding_token"])
    unbound(submit(client, copy, what))


def test_an_access_token_in_place_of_a_binding_token(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    what["denial"]["binding_token"] = ask(client, copy).json()["access_token"]
    unbound(submit(client, copy, what))


def test_a_denial_that_is_too_old(client: Client, copy: Copy, settings: Any) -> None:
    settings.ACCESS_REQUEST_MINUTES = 0
    unbound(submit(client, copy, body(denied(client, copy, resource()))), "expired_denial")


def test_a_denial_whose_end_was_put_off(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    what["denial"]["expires_at"] = "2099-01-01T00:00:00Z"
    unbound(submit(client, copy, what))


def test_a_denial_asked_about_twice(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    assert submit(client, copy, what).status_code == 202
    answer = submit(client, copy, what)
    assert answer.json()["type"] == f"{URN}invalid_denial_binding"
    assert Elevation.objects.count() == 1


def test_a_permission_put_as_a_denial(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    """The decision is looked at again: a token over an evaluation that was allowed binds nothing."""
    what = body(denied(client, copy, resource()))
    Decision.objects.filter(pk=what["denial"]["evaluation_id"]).update(requestable=False)
    unbound(submit(client, copy, what), "not_requestable")


def test_every_refusal_is_recorded(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    submit(client, copy, what | {"action": {"name": "close_ticket"}})
    refused = events("access_request.refused", "denied")[-1]
    assert refused.actor == f"agent/{copy.instance.spiffe_id}"


# --- Whose it is --------------------------------------------------------------------------------------
def test_another_copy_neither_sees_nor_cancels_it(client: Client, copy: Copy, other: Copy) -> None:
    task = requested(client, copy, resource())
    for answer in (status(client, other, task["id"]), cancel(client, other, task["id"])):
        assert (answer.status_code, answer.json()["type"]) == (404, f"{URN}unknown_task")
    assert Elevation.objects.get().state == ElevationState.PENDING


def test_a_copy_that_was_removed_asks_nothing(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    AgentInstance.objects.filter(pk=copy.instance.pk).update(ended_at=timezone.now())
    assert submit(client, copy, what).status_code == 401


def test_an_agent_that_lost_its_owner_asks_nothing(client: Client, copy: Copy, olivia: Person) -> None:
    what = body(denied(client, copy, resource()))
    Person.objects.filter(pk=olivia.pk).update(is_active=False)
    assert submit(client, copy, what).status_code == 403
    assert not Elevation.objects.exists()


# --- An approval alone opens nothing --------------------------------------------------------------------
@pytest.mark.parametrize("approval", [{"id": "x"}, "x", None, {"id": str(uuid4()), "state": "e30.e30."}])
def test_an_approval_that_is_none(approval: Any, copy: Copy) -> None:
    assert not _evaluate(Asker(), copy, resource(), approval)["decision"]


def _evaluate(asker: Asker, copy: Copy, on: str, approval: Any) -> Any:
    kind, _, name = on.partition("/")
    evaluation = {
        "subject": {"type": "agent_instance", "id": copy.instance.spiffe_id},
        "action": {"name": TICKET},
        "resource": {"type": kind, "id": name},
        "context": {"intent": "Track the fix.", "approval": approval},
    }
    return asker.ask("/access/v1/evaluation", evaluation)


def test_an_approval_for_one_resource_named_for_another(
    client: Client, copy: Copy, members: list[Person]
) -> None:
    on, asker = resource(), Asker()
    task = requested(client, copy, on)
    for person in members[:2]:
        cast(person, approval_of(Elevation.objects.get()))
    approval = status(client, copy, task["id"]).json()["result"]["approval"]
    elsewhere = _evaluate(asker, copy, resource(), approval)
    assert not elsewhere["decision"]
    assert elsewhere["context"]["next_action"] == "request"
    assert _evaluate(asker, copy, on, None)["decision"]
    spent = _evaluate(asker, copy, on, approval)
    assert (spent["decision"], spent["context"]["reason"]) == (False, "budget_spent")


def test_an_approval_named_after_it_ended(
    client: Client, copy: Copy, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    task = requested(client, copy, on)
    for person in members[:2]:
        cast(person, approval_of(Elevation.objects.get()))
    approval = status(client, copy, task["id"]).json()["result"]["approval"]
    elevations.end(actor=olivia.actor, elevation=Elevation.objects.get(), reason=ElevationEnd.REVOKED)
    assert not _evaluate(Asker(), copy, on, approval)["decision"]


# --- Every field, after the approval --------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"action": "close_ticket"},
        {"resource": "finding/another"},
        {"resource": "finding/*"},
        {"access": Access.READ},
        {"digest": "0" * 64},
    ],
)
def test_a_question_that_differs_in_one_field_from_what_was_approved(
    change: dict[str, Any], active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on, digest = resource(), "a" * 64
    instance = start_instance(active_analyst)
    exact = replace(question(instance, TICKET, on, Access.WRITE), digest=digest)
    denial = Decision.objects.get(pk=decision_point.decide(exact).id)
    wanted = elevations.Wanted(TICKET, on, "Track it.", 10, 5, call_digest=digest)
    asked = elevations.request_by_copy(actor=instance, denial=denial, wanted=wanted, key="1", digest="b" * 64)
    for person in members[:2]:
        cast(person, approval_of(asked.elevation))
    assert not decision_point.decide(replace(exact, **change)).allowed
    assert decision_point.decide(exact).allowed


@pytest.mark.parametrize(
    "values",
    [
        {"action": "get_vulnerability_info"},
        {"resource": "finding/another"},
        {"minutes": 100},
        {"uses": 50},
        {"intent": "Something else."},
        {"revision": 2},
        {"call_digest": "0" * 64},
        {"latest_end": timezone.now() + timedelta(days=1)},
    ],
)
def test_a_request_whose_row_was_changed_after_a_vote(
    values: dict[str, Any], active_analyst: Agent, olivia: Person, sasha: Person, enzo: Person
) -> None:
    elevation = request(olivia, active_analyst, resource())
    cast(sasha, approval_of(elevation))
    Elevation.objects.filter(pk=elevation.pk).update(**values)
    with pytest.raises(Conflict, match="closed"):
        cast(enzo, approval_of(elevation))
    assert not Grant.objects.filter(access="write").exists()


@pytest.mark.parametrize("table", ["content", "digest", "rule", "excluded", "revision"])
def test_an_approval_whose_bytes_were_changed_after_it_was_given(
    table: str, active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=5)
    approval = approval_of(elevation)
    forged: dict[str, Any] = {
        "content": approval.content.replace('"uses":5', '"uses":6'),
        "digest": "0" * 64,
        "rule": {"seats": [], "quorum": 1, "veto": False},
        "excluded": [],
        "revision": 7,
    }
    tamper(Approval.objects.filter(pk=approval.pk), **{table: forged[table]})
    assert write(start_instance(active_analyst), on).allowed is (table == "revision")


# --- All at once ----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_one_denial_asked_about_ten_times_at_once(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    answers = race([lambda: submit(Client(), copy, what) for _ in range(10)])
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [202] + [400] * 9, answers
    assert Elevation.objects.count() == Approval.objects.filter(subject="elevation").count() == 1


@pytest.mark.django_db(transaction=True)
def test_one_key_ten_times_at_once(client: Client, copy: Copy) -> None:
    what = body(denied(client, copy, resource()))
    answers = race([lambda: submit(Client(), copy, what, key="once") for _ in range(10)])
    assert {answer.status_code for answer in answers} == {202}, answers
    assert len({answer.json()["task"]["id"] for answer in answers}) == 1
