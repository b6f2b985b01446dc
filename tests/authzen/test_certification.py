"""The certification scenario of the AuthZEN working group, level by level, on policies of our own."""

from typing import Any

import pytest

from governance.models import PolicyVersion
from tests.authzen.asking import (
    ACTIVE,
    ALICE,
    ARCHIVED,
    BOB,
    EVALUATION,
    EVALUATIONS,
    QUESTION,
    READ,
    WRITE,
    Asker,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certified")]

ADMIN = {**BOB, "properties": {"role": "admin"}}
RECORDS = [{"resource": ACTIVE}, {"resource": ARCHIVED}]
PEOPLE = [{"subject": ALICE}, {"subject": ADMIN}]
CONTEXT = {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}


def deletes(*, softly: bool) -> dict[str, Any]:
    return {"name": "delete", "properties": {"soft": softly}}


@pytest.mark.parametrize(
    ("subject", "action", "resource", "allowed"),
    [
        (ALICE, READ, ACTIVE, True),
        (ALICE, WRITE, ACTIVE, True),
        (BOB, READ, ACTIVE, True),
        (BOB, WRITE, ACTIVE, False),
        (ALICE, WRITE, ARCHIVED, False),
        (ALICE, WRITE, {**ARCHIVED, "id": "record-1"}, False),
        (ADMIN, WRITE, ARCHIVED, True),
        ({**ADMIN, "id": "alice"}, WRITE, ARCHIVED, True),
        (ALICE, deletes(softly=True), ACTIVE, True),
        (ALICE, deletes(softly=False), ACTIVE, False),
    ],
)
@pytest.mark.parametrize("context", [{}, {"context": CONTEXT}])
def test_the_eight_decisions(
    *, subject: object, action: object, resource: object, allowed: bool, context: dict[str, Any], asker: Asker
) -> None:
    for _ in range(2):
        assert asker.decides(subject=subject, action=action, resource=resource, **context) is allowed


def test_more_properties_and_unknown_fields_change_nothing(asker: Asker) -> None:
    assert asker.decides(
        subject={**ALICE, "properties": {"department": "Sales", "role": "manager"}, "x": 1},
        action={**READ, "properties": {"method": "GET"}},
        resource={**ACTIVE, "properties": {"status": "active", "owner": "bob"}},
        foo="bar",
        futureField={"nested": True},
    )


@pytest.mark.parametrize(
    ("body", "decisions"),
    [
        ({"subject": ALICE, "action": READ, "evaluations": RECORDS}, None),
        ({"subject": BOB, "resource": ACTIVE, "evaluations": [{"action": READ}, {"action": WRITE}]}, [1, 0]),
        ({"subject": ALICE, "action": WRITE, "evaluations": RECORDS}, [1, 0]),
        ({"action": WRITE, "resource": ARCHIVED, "evaluations": PEOPLE}, [0, 1]),
        ({"evaluations": [QUESTION, {"subject": BOB, "action": WRITE, "resource": ACTIVE}]}, [1, 0]),
        ({**QUESTION, "action": WRITE, "evaluations": [{}, {"resource": ARCHIVED}]}, [1, 0]),
        (
            {
                "subject": ALICE, "action": READ, "context": CONTEXT,
                "evaluations": [{"resource": ACTIVE}, {"resource": ACTIVE, "context": {"source": "batch"}}],
            },
            [1, 1],
        ),
    ],
)  # fmt: skip
def test_batches(body: dict[str, Any], decisions: list[int] | None, asker: Asker) -> None:
    answers = asker.ask(EVALUATIONS, body)
    assert set(answers) == {"evaluations"}
    assert [set(answer) for answer in answers["evaluations"]] == [{"decision"}] * 2
    if decisions is not None:
        assert [answer["decision"] for answer in answers["evaluations"]] == [bool(one) for one in decisions]


def test_a_batch_without_evaluations_is_one_evaluation(asker: Asker) -> None:
    for body in (QUESTION, {**QUESTION, "evaluations": []}):
        assert asker.ask(EVALUATIONS, body)["decision"] is True


@pytest.mark.parametrize("context", [{}, {"context": CONTEXT}])
@pytest.mark.parametrize("named", [{}, {"id": "alice"}, {"id": 7}])
def test_subjects_are_found_whatever_id_is_sent(
    named: dict[str, Any], context: dict[str, Any], asker: Asker
) -> None:
    found = asker.finds("subject", subject={"type": "user", **named}, action=READ, resource=ACTIVE, **context)
    assert found == ["alice", "bob"]


@pytest.mark.parametrize("named", [{}, {"id": "record-1"}])
def test_resources_are_found_whatever_id_is_sent(named: dict[str, Any], asker: Asker) -> None:
    found = asker.finds("resource", subject=ALICE, action=READ, resource={"type": "record", **named})
    assert found == ["record-1", "record-2"]


def test_actions_are_found(asker: Asker) -> None:
    assert asker.finds("action", subject=ALICE, resource=ACTIVE) == ["read", "write"]
    assert asker.finds("action", subject=ALICE, resource=ACTIVE, context=CONTEXT) == ["read", "write"]


def test_searches_see_properties(asker: Asker) -> None:
    assert asker.finds("subject", subject={"type": "user"}, action=WRITE, resource=ARCHIVED) == ["bob"]
    assert asker.finds("resource", subject=ADMIN, action=WRITE, resource={"type": "record"}) == ["record-2"]
    assert "write" in asker.finds("action", subject=ADMIN, resource=ARCHIVED)


def test_what_is_found_is_allowed(asker: Asker) -> None:
    for name in asker.finds("resource", subject=ALICE, action=WRITE, resource={"type": "record"}):
        assert asker.decides(action=WRITE, resource={"type": "record", "id": name})


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("action", {"subject": {"type": "user", "id": "nonexistent-user"}, "resource": ACTIVE}),
        ("action", {"subject": {"type": "spaceship", "id": "1"}, "resource": ACTIVE}),
        ("subject", {"subject": {"type": "spaceship"}, "action": READ, "resource": ACTIVE}),
        ("resource", {"subject": ALICE, "action": READ, "resource": {"type": "space ship"}}),
        ("resource", {"subject": ALICE, "action": {"name": "fly"}, "resource": {"type": "record"}}),
        ("action", {"subject": {"type": "agent", "id": "nobody"}, "resource": ACTIVE}),
        ("resource", {"subject": {"type": "agent", "id": "nobody"}, "action": READ, "resource": ACTIVE}),
        ("subject", {"subject": {"type": "agent_instance"}, "action": READ, "resource": ACTIVE}),
    ],
)
def test_nothing_found_is_an_empty_list(kind: str, body: dict[str, Any], asker: Asker) -> None:
    assert asker.ask(f"/access/v1/search/{kind}", body) == {"results": []}


def test_an_answer_names_what_decided(asker: Asker, certified: PolicyVersion) -> None:
    context = asker.ask(EVALUATION, QUESTION)["context"]
    assert (context["reason"], context["policy_version"]) == ("allowed_by_policy", certified.label)
    denied = asker.ask(EVALUATION, {**QUESTION, "action": WRITE, "resource": ARCHIVED})["context"]
    assert denied["reason"] == "forbidden_by_policy"
    assert asker.ask(EVALUATION, {**QUESTION, "action": {"name": "fly"}})["context"]["reason"] == "no_policy"
