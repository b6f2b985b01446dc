"""What was allowed has an outcome, said once by who enforced it; nothing is guessed (S0-10, S2-7)."""

import json
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from agents.choices import ActionOutcome
from agents.models import Agent, AgentInstance, Finding, Person, Run
from agents.services import gateway
from audits.choices import Action
from audits.errors import Conflict
from audits.models import Event
from governance import outcome_selectors
from governance.models import Decision, DecisionOutcome, PolicyVersion
from governance.services import outcomes
from portal import waiting
from tests.agents.conftest import LOG4SHELL, SYSTEM
from tests.authzen.asking import EVALUATION, QUESTION, Asker, apply_certification

OUTCOMES = "/access/v1/outcomes"
pytestmark = pytest.mark.django_db


@pytest.fixture
def certified(db: None) -> PolicyVersion:
    return apply_certification()


@pytest.fixture
def asker(certified: PolicyVersion) -> Asker:
    return Asker()


def allowed(asker: Asker) -> str:
    answer = asker.ask(EVALUATION, QUESTION)
    assert answer["decision"] is True
    return str(answer["context"]["evaluation_id"])


def recorded() -> list[Event]:
    return list(Event.objects.filter(action=Action.OUTCOME_RECORDED).order_by("pk"))


@pytest.mark.parametrize("outcome", ActionOutcome.values)
def test_an_outcome_is_said_once_and_the_same_again_is_the_same(asker: Asker, outcome: str) -> None:
    evaluation = allowed(asker)
    told = {"evaluation_id": evaluation, "outcome": outcome, "detail": "As it was."}
    for _ in range(2):
        assert asker.ask(OUTCOMES, told) == {"evaluation_id": evaluation, "outcome": outcome}
    made = DecisionOutcome.objects.get()
    assert (str(made.decision_id), made.detail) == (evaluation, "As it was.")
    (event,) = recorded()
    assert json.loads(bytes(event.header))["evaluation"] == evaluation
    assert event.details["outcome"] == outcome


def test_another_outcome_is_refused_and_on_record(asker: Asker) -> None:
    evaluation = allowed(asker)
    asker.ask(OUTCOMES, {"evaluation_id": evaluation, "outcome": "executed"})
    message = asker.refuses(OUTCOMES, {"evaluation_id": evaluation, "outcome": "never_ran"}, 409)
    assert "executed already" in message
    assert DecisionOutcome.objects.get().outcome == ActionOutcome.EXECUTED
    assert [event.outcome for event in recorded()] == ["success", "failed"]


def test_nobody_speaks_for_somebody_else(asker: Asker) -> None:
    evaluation, other = allowed(asker), Asker("another-gateway")
    other.refuses(OUTCOMES, {"evaluation_id": evaluation, "outcome": "executed"}, 404)
    other.refuses(OUTCOMES, {"evaluation_id": str(uuid4()), "outcome": "executed"}, 404)
    assert Client().post(OUTCOMES, data=b"{}", content_type="application/json").status_code == 401
    assert not DecisionOutcome.objects.exists()


def test_what_was_denied_has_no_outcome(asker: Asker) -> None:
    denied = asker.ask(EVALUATION, {**QUESTION, "subject": {"type": "user", "id": "nobody"}})
    assert denied["decision"] is False
    told = {"evaluation_id": denied["context"]["evaluation_id"], "outcome": "executed"}
    assert "denied" in asker.refuses(OUTCOMES, told, 409)


@pytest.mark.parametrize(
    "changed",
    [
        {"evaluation_id": None},
        {"evaluation_id": "1"},
        {"evaluation_id": 1},
        {"evaluation_id": ["x"]},
        {"outcome": "fine"},
        {"outcome": None},
        {"outcome": "EXECUTED"},
        {"outcome": ["executed"]},
        {"detail": None},
        {"detail": 1},
        {"detail": "x" * 1001},
        {"more": "x"},
    ],
)
def test_what_is_malformed_is_said_as_a_string(asker: Asker, changed: dict[str, Any]) -> None:
    told = {"evaluation_id": allowed(asker), "outcome": "executed"} | changed
    asker.refuses(OUTCOMES, told, 400)
    assert not DecisionOutcome.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"outcome": "executed", "outcome": "failed"}', b"\xff"])
def test_what_is_no_object_is_refused(asker: Asker, body: bytes) -> None:
    asker.refuses(OUTCOMES, body, 400)


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_counts(asker: Asker) -> None:
    decision = Decision.objects.get(pk=allowed(asker))
    barrier = threading.Barrier(8)
    said: list[ActionOutcome | None] = []

    def tell(outcome: ActionOutcome) -> None:
        barrier.wait()
        try:
            outcomes.record(actor=SYSTEM, decision_id=decision.pk, outcome=outcome, detail="")
        except Conflict:
            said.append(None)
        else:
            said.append(outcome)
        finally:
            connection.close()

    kinds = [ActionOutcome.EXECUTED, ActionOutcome.FAILED] * 4
    threads = [threading.Thread(target=tell, args=(kind,)) for kind in kinds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    made = DecisionOutcome.objects.get()
    assert {each for each in said if each} == {made.outcome}
    assert said.count(None) == 4
    assert (
        len([event for event in recorded() if event.outcome != "failed" or "code" not in event.details]) == 1
    )


def test_the_database_keeps_what_was_said(asker: Asker) -> None:
    asker.ask(OUTCOMES, {"evaluation_id": allowed(asker), "outcome": "failed"})
    for change in (
        lambda: DecisionOutcome.objects.update(outcome="executed"),
        lambda: DecisionOutcome.objects.all().delete(),
    ):
        with pytest.raises(DatabaseError, match="said once"), transaction.atomic():
            change()


# --- The portal's own gateway ------------------------------------------------------------------------------
@pytest.fixture
def call(run: Run, finding: Finding, instance: AgentInstance) -> Callable[[str, str], gateway.Reply]:
    def make(function: str, arguments: str) -> gateway.Reply:
        return gateway.call(
            request=gateway.Request(
                run=run,
                finding=finding,
                instance=instance,
                turn=None,
                function=function,
                arguments=arguments,
                intent="Test.",
                propose=False,
            )
        )

    return make


def test_the_gateway_tells_of_each_of_its_own(call: Callable[[str, str], gateway.Reply]) -> None:
    call("get_vulnerability_info", json.dumps({"cve_id": LOG4SHELL}))
    call("open_ticket", '{"title": "T", "body": "B", "severity": "high"}')
    assert Decision.objects.filter(allowed=False).count() == 1
    told = DecisionOutcome.objects.get()
    assert (told.decision.action, told.outcome) == ("get_vulnerability_info", ActionOutcome.EXECUTED)


# --- Decisions without an outcome ---------------------------------------------------------------------------
def test_what_nobody_tells_of_is_listed_and_nothing_is_guessed(
    asker: Asker, client: Client, aude: Person, olivia: Person, active_analyst: Agent
) -> None:
    evaluation = allowed(asker)
    assert not outcome_selectors.without_outcome().exists(), "it is not late yet"
    Decision.objects.update(decided_at=timezone.now() - timedelta(hours=1), agent=active_analyst)
    assert [str(row.pk) for row in outcome_selectors.without_outcome()] == [evaluation]
    client.force_login(aude)
    listed = client.get(reverse("admin:governance_decision_changelist"), {"outcome": "none"})
    assert listed.context["cl"].result_count == 1
    assert "Not told" in listed.content.decode()
    assert "outcomes" in {group.name for group in waiting.groups(olivia)}
    asker.ask(OUTCOMES, {"evaluation_id": evaluation, "outcome": "executed", "detail": "<script>"})
    assert not outcome_selectors.without_outcome().exists()
    page = client.get(reverse("admin:governance_decision_change", args=[evaluation])).content.decode()
    assert "Executed" in page
    assert "&lt;script&gt;" in page
