"""The same request with the same `Idempotency-Key` is done once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import LazySettings
from django.db import connection

from agents.models import Agent, AgentVersion, Person, TokenFailures
from audits.models import ApiAnswer, Event
from audits.services import api_answers, erasure
from governance.models import Approval
from governance.services import risk
from tests.api.calling import Caller, caller, problem, secret_of
from tests.api.test_resources import AGENT
from tests.conftest import ANSWERS

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


def test_asked_again_it_is_answered_the_same(owner: Caller) -> None:
    first = owner.post("agents", AGENT, Idempotency_Key=KEY)
    again = owner.post("agents", dict(reversed(AGENT.items())), Idempotency_Key=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again["Location"] == first["Location"]
    assert Event.objects.filter(action="agent.registered").count() == 1


def test_without_a_key_or_with_another_it_is_another_request(owner: Caller) -> None:
    owner.post("agents", AGENT, Idempotency_Key=KEY)
    problem(owner.post("agents", AGENT), 409, "conflict")
    problem(owner.post("agents", AGENT, Idempotency_Key="another"), 409, "conflict")


def test_a_key_is_for_one_request(owner: Caller) -> None:
    owner.post("agents", AGENT, Idempotency_Key=KEY)
    problem(owner.post("agents", AGENT | {"slug": "other"}, Idempotency_Key=KEY), 422, "invalid")
    problem(owner.post("runs", AGENT, Idempotency_Key=KEY), 422, "invalid")
    assert Agent.objects.count() == 1


def test_a_key_is_its_tokens_own(owner: Caller, olivia: Person, daniel: Person) -> None:
    owner.post("agents", AGENT, Idempotency_Key=KEY)
    problem(caller(olivia).post("agents", AGENT, Idempotency_Key=KEY), 409, "conflict")
    problem(caller(daniel).post("agents", AGENT, Idempotency_Key=KEY), 403, "denied")


def test_what_was_refused_may_be_asked_again(owner: Caller, olivia: Person) -> None:
    problem(owner.post("agents", AGENT | {"owner": "nora"}, Idempotency_Key=KEY), 422, "invalid")
    assert not ApiAnswer.objects.exists()
    assert owner.post("agents", AGENT, Idempotency_Key=KEY).status_code == 201


def test_while_it_is_answered_nobody_else_begins(owner: Caller) -> None:
    first = owner.post("agents", AGENT, Idempotency_Key=KEY)
    ApiAnswer.objects.update(status=0)
    problem(owner.post("agents", AGENT, Idempotency_Key=KEY), 409, "conflict")
    answer = ApiAnswer.objects.get()
    ApiAnswer.objects.update(asked_at=answer.asked_at - timedelta(minutes=6))
    problem(owner.post("agents", AGENT, Idempotency_Key=KEY), 409, "conflict")  # the slug is taken
    assert not ApiAnswer.objects.exists()
    assert first.status_code == 201


def test_a_submission_is_made_once(owner: Caller, olivia: Person, analyst_version: AgentVersion) -> None:
    agent = analyst_version.agent
    risk.assess(actor=olivia, agent=agent, answers=ANSWERS)
    path = f"agents/{agent.slug}/versions/{analyst_version.label}/submission"
    first, again = (owner.post(path, Idempotency_Key=KEY) for _ in range(2))
    assert (first.status_code, again.json()) == (201, first.json())
    problem(owner.post(path), 409, "conflict")
    assert Approval.objects.count() == 1


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 256, "a\tb"])
def test_what_is_no_key(owner: Caller, key: str) -> None:
    problem(owner.post("agents", AGENT, Idempotency_Key=key), 400, "malformed")
    assert not Agent.objects.exists()


def test_answers_are_forgotten_after_a_day_and_with_people(
    owner: Caller, dora: Person, oscar: Person
) -> None:
    owner.post("agents", AGENT, Idempotency_Key=KEY)
    assert api_answers.sweep() == 0
    answer = ApiAnswer.objects.get()
    ApiAnswer.objects.update(asked_at=answer.asked_at - timedelta(hours=24))
    assert api_answers.sweep() == 1
    problem(owner.post("agents", AGENT, Idempotency_Key=KEY), 409, "conflict")
    owner.post("agents", AGENT | {"slug": "third"}, Idempotency_Key=KEY)
    assert ApiAnswer.objects.count() == 1
    erasure.erase(actor=dora.actor, subject=oscar.actor.ref, reason="Article 17")
    assert not ApiAnswer.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one(olivia: Person) -> None:
    secret = secret_of(olivia)

    def ask(_number: int) -> int:
        try:
            status: int = Caller(secret).post("agents", AGENT, Idempotency_Key=KEY).status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(8)))
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    assert Agent.objects.count() == 1
    assert Event.objects.filter(action="agent.registered", outcome="success").count() == 1
    assert not Event.objects.filter(action="agent.registered", outcome="failed").exists()


@pytest.mark.django_db(transaction=True)
def test_refusals_are_counted_exactly(settings: LazySettings) -> None:
    def ask(_number: int) -> int:
        try:
            status: int = Caller("cst_wrong").get("me").status_code
            return status
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(ask, range(20)))
    assert statuses.count(401) == settings.AXES_FAILURE_LIMIT
    assert statuses.count(429) == 20 - settings.AXES_FAILURE_LIMIT
    assert TokenFailures.objects.get().number == 20
