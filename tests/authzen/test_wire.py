"""The wire format: its traps, one by one."""

import json
from typing import Any

import pytest
from django.conf import LazySettings
from django.http import HttpResponse
from django.test import Client

from governance.models import Decision
from tests.authzen.asking import (
    ACTIVE,
    ALICE,
    ARCHIVED,
    BOB,
    EVALUATION,
    EVALUATIONS,
    QUESTION,
    READ,
    SEARCH,
    WRITE,
    Asker,
)
from tests.governance.story import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certified")]


def without(name: str, part: str = "") -> dict[str, Any]:
    """The question, lacking a field or a field of it."""
    if not part:
        return {key: value for key, value in QUESTION.items() if key != name}
    return {**QUESTION, name: {key: value for key, value in QUESTION[name].items() if key != part}}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        (without("subject"), "subject is missing"),
        (without("action"), "action is missing"),
        (without("resource"), "resource is missing"),
        (without("subject", "type"), "subject.type is missing"),
        (without("subject", "id"), "subject.id is missing"),
        (without("action", "name"), "action.name is missing"),
        (without("resource", "type"), "resource.type is missing"),
        (without("resource", "id"), "resource.id is missing"),
        ({**QUESTION, "subject": "alice"}, "subject is not an object"),
        ({**QUESTION, "action": {"name": 123}}, "action.name is not a string"),
        ({**QUESTION, "resource": {"type": "record", "id": 1}}, "resource.id is not a string"),
        ({**QUESTION, "subject": None}, "subject is not an object"),
        ({**QUESTION, "context": None}, "context is not an object"),
        ({**QUESTION, "context": []}, "context is not an object"),
        ({**QUESTION, "subject": {**ALICE, "properties": None}}, "subject.properties is not an object"),
        ({**QUESTION, "action": {"name": ""}}, "action.name is empty"),
        ({**QUESTION, "subject": {"type": "user", "id": "a" * 501}}, "longer than 500"),
        ([], "not a JSON object"),
        ("text", "not a JSON object"),
    ],
)
def test_what_is_malformed_is_refused_with_a_string(body: object, named: str, asker: Asker) -> None:
    assert named in asker.refuses(EVALUATION, body)
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "",
        "application/json; charset=latin-1",
        "application/jsonx",
    ],
)
def test_a_wrong_content_type_is_400(content_type: str, asker: Asker) -> None:
    asker.refuses(EVALUATION, QUESTION, content_type=content_type)


def test_an_answer_says_how_long_it_is(asker: Asker) -> None:
    answered = asker.post(EVALUATION, QUESTION)
    assert answered["Content-Length"] == str(len(answered.content))
    assert answered["Cache-Control"] == "no-store"


def test_a_charset_may_be_named(asker: Asker) -> None:
    answered = asker.post(EVALUATION, QUESTION, content_type="application/json; charset=UTF-8")
    assert answered.status_code == 200


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS, SEARCH + "subject", "/access/v1/abac"])
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"{}x", b'{"a": NaN}', b'{"subject": "\\ud800"}'])
def test_what_is_not_json_is_400(path: str, body: bytes, asker: Asker) -> None:
    asker.refuses(path, body)


@pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options", "head"])
def test_other_methods_are_not_allowed(method: str) -> None:
    answered = getattr(Client(), method)(EVALUATION)
    assert (answered.status_code, answered["Allow"]) == (405, "POST")


def test_the_request_id_comes_back_whatever_the_answer(asker: Asker) -> None:
    identified = {"headers": {"X-Request-ID": "bfe9eb29 / 7"}}
    answers = [
        asker.post(EVALUATION, QUESTION, **identified),
        asker.post(EVALUATION, b"", **identified),
        Client().post(EVALUATION, headers={"X-Request-ID": "bfe9eb29 / 7"}),
        Client().get(EVALUATION, headers={"X-Request-ID": "bfe9eb29 / 7"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 401, 405]
    assert {answer["X-Request-ID"] for answer in answers} == {"bfe9eb29 / 7"}
    assert "X-Request-ID" not in asker.post(EVALUATION, QUESTION)


# --- Batches ------------------------------------------------------------------------------------------
def batch(*items: object, **rest: object) -> dict[str, Any]:
    return {"subject": ALICE, "action": WRITE, "evaluations": list(items), **rest}


PERMIT, DENY = {"resource": ACTIVE}, {"resource": ARCHIVED}


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"resource": None},
        {"resource": "x"},
        {"resource": {"type": "record"}},
        {**PERMIT, "context": None},
        5,
        None,
    ],
)
def test_a_bad_item_in_a_good_batch_is_its_own_false(bad: object, asker: Asker) -> None:
    answers = asker.ask(EVALUATIONS, batch(PERMIT, bad, PERMIT))
    assert answers == {"evaluations": [{"decision": True}, {"decision": False}, {"decision": True}]}
    assert Decision.objects.filter(reason="request_invalid", allowed=False).count() == 1


@pytest.mark.parametrize(
    "body",
    [
        batch(PERMIT, subject="alice"),
        batch(PERMIT, subject={"type": "user"}),
        batch(PERMIT, context=None),
        batch(PERMIT, options=None),
        batch(PERMIT, options={"evaluations_semantic": "first"}),
        batch(PERMIT, options={"evaluations_semantic": {}}),
        batch(PERMIT, options={"include_context": "yes"}),
        {**QUESTION, "evaluations": None},
        {**QUESTION, "evaluations": {}},
        {"evaluations": []},
        {},
        batch(*[PERMIT] * 257),
    ],
)
def test_what_is_wrong_with_the_whole_batch_is_400(body: dict[str, Any], asker: Asker) -> None:
    asker.refuses(EVALUATIONS, body)
    assert not Decision.objects.exists()


@pytest.mark.parametrize(
    ("semantic", "items", "decisions"),
    [
        ("execute_all", [PERMIT, DENY, PERMIT], [True, False, True]),
        ("deny_on_first_deny", [PERMIT, DENY, PERMIT], [True, False]),
        ("deny_on_first_deny", [PERMIT, {}, PERMIT], [True, False]),
        ("deny_on_first_deny", [PERMIT, PERMIT], [True, True]),
        ("permit_on_first_permit", [DENY, PERMIT, DENY], [False, True]),
        ("permit_on_first_permit", [DENY, DENY], [False, False]),
    ],
)
def test_the_three_semantics(semantic: str, items: list[Any], decisions: list[bool], asker: Asker) -> None:
    answers = asker.ask(EVALUATIONS, batch(*items, options={"evaluations_semantic": semantic}))
    assert [answer["decision"] for answer in answers["evaluations"]] == decisions
    assert Decision.objects.count() == len(decisions)


def test_an_item_replaces_a_default_as_a_whole(asker: Asker) -> None:
    """A property of the default closes the archive; an item without properties does not inherit it."""
    body = {"subject": ALICE, "action": WRITE, "resource": {**ACTIVE, "properties": {"status": "archived"}}}
    answers = asker.ask(EVALUATIONS, {**body, "evaluations": [{}, {"resource": ACTIVE}]})
    assert [answer["decision"] for answer in answers["evaluations"]] == [False, True]


def test_a_batch_answers_with_context_where_that_is_asked_for(asker: Asker) -> None:
    answers = asker.ask(EVALUATIONS, batch(PERMIT, {}, options={"include_context": True}))["evaluations"]
    assert answers[0]["context"]["reason"] == "allowed_by_policy"
    assert answers[1]["context"]["message"] == "resource is missing."


# --- Searches -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("subject", {"subject": {"type": "user"}, "resource": ACTIVE}),
        ("subject", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("subject", {"subject": {}, "action": READ, "resource": ACTIVE}),
        ("resource", {"action": READ, "resource": {"type": "record"}}),
        ("resource", {"subject": {"type": "user"}, "action": READ, "resource": {"type": "record"}}),
        ("action", {"subject": ALICE}),
        ("action", {"subject": {"type": "user"}, "resource": ACTIVE}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "context": None}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": None}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"limit": -1}}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"limit": True}}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"limit": None}}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"token": 1}}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"token": "made-up"}}),
        ("action", {"subject": ALICE, "resource": ACTIVE, "page": {"properties": []}}),
    ],
)
def test_a_search_needs_what_it_does_not_search_for(kind: str, body: dict[str, Any], asker: Asker) -> None:
    asker.refuses(SEARCH + kind, body)


SUBJECTS: dict[str, Any] = {"subject": {"type": "user"}, "action": READ, "resource": ACTIVE}


def pages(asker: Asker, limit: int, *, repeat: bool) -> list[list[str]]:
    found, page = [], {"limit": limit}
    while True:
        answer = asker.ask(SEARCH + "subject", {**SUBJECTS, "page": page})
        found.append([one["id"] for one in answer["results"]])
        assert answer["page"]["count"] == len(answer["results"])
        token = answer["page"]["next_token"]
        if not token:
            return found
        page = {"token": token, "limit": limit} if repeat else {"token": token}


@pytest.mark.parametrize("repeat", [True, False])
def test_pages_follow_each_other(*, repeat: bool, asker: Asker) -> None:
    assert pages(asker, 1, repeat=repeat) == [["alice"], ["bob"]]
    assert pages(asker, 2, repeat=repeat) == [["alice", "bob"]]


def test_the_page_comes_first_and_only_where_it_is_asked_for(asker: Asker) -> None:
    assert list(asker.ask(SEARCH + "subject", {**SUBJECTS, "page": {}})) == ["page", "results"]
    assert list(asker.ask(SEARCH + "subject", SUBJECTS)) == ["results"]


def test_a_limit_of_zero_finds_nothing_and_says_that_more_follows(asker: Asker) -> None:
    answer = asker.ask(SEARCH + "subject", {**SUBJECTS, "page": {"limit": 0}})
    assert answer["results"] == []
    assert answer["page"]["next_token"]


@pytest.mark.parametrize(
    "changed",
    [{"action": WRITE}, {"context": {"a": 1}}, {"resource": ARCHIVED}, {"page": {"limit": 2}}],
)
def test_a_token_belongs_to_its_search(changed: dict[str, Any], asker: Asker) -> None:
    first = asker.ask(SEARCH + "subject", {**SUBJECTS, "page": {"limit": 1}})
    page = {**changed.get("page", {}), "token": first["page"]["next_token"]}
    asker.refuses(SEARCH + "subject", {**SUBJECTS, **changed, "page": page})


def test_a_token_belongs_to_who_asked(asker: Asker) -> None:
    token = asker.ask(SEARCH + "subject", {**SUBJECTS, "page": {"limit": 1}})["page"]["next_token"]
    Asker("another").refuses(SEARCH + "subject", {**SUBJECTS, "page": {"token": token}})


def test_a_search_decides_nothing_and_is_recorded(asker: Asker) -> None:
    asker.ask(SEARCH + "subject", SUBJECTS)
    assert not Decision.objects.exists()
    (event,) = events("decision.searched")
    assert event.actor == "system/enforcement-point-crm-gateway"


# --- Metadata and records -----------------------------------------------------------------------------
def test_the_metadata_is_public(settings: LazySettings) -> None:
    settings.ISSUER = "https://pdp.example.org/"
    answered: HttpResponse = Client().get("/.well-known/authzen-configuration")  # type: ignore[assignment]
    assert (answered.status_code, answered["Content-Type"]) == (200, "application/json")
    assert json.loads(answered.content) == {
        "policy_decision_point": "https://pdp.example.org",
        "access_evaluation_endpoint": "https://pdp.example.org/access/v1/evaluation",
        "access_evaluations_endpoint": "https://pdp.example.org/access/v1/evaluations",
        "search_subject_endpoint": "https://pdp.example.org/access/v1/search/subject",
        "search_resource_endpoint": "https://pdp.example.org/access/v1/search/resource",
        "search_action_endpoint": "https://pdp.example.org/access/v1/search/action",
        "countersign_revocations_endpoint": "https://pdp.example.org/access/v1/revocations",
        "countersign_revocations_acknowledgement_endpoint": "https://pdp.example.org/access/v1/revocations/ack",
        "access_request_endpoint": "https://pdp.example.org/access/v1/requests",
    }
    assert Client().post("/.well-known/authzen-configuration").status_code == 405


def test_every_decision_is_recorded_with_who_asked_and_what_decided(asker: Asker) -> None:
    answer = asker.ask(EVALUATION, {**QUESTION, "subject": BOB, "context": {"intent": "Look."}})
    decision = Decision.objects.get(pk=answer["context"]["evaluation_id"])
    assert (decision.subject, decision.action, decision.resource) == ("user/bob", "read", "record/record-1")
    assert (decision.allowed, decision.reason, decision.policy_version) == (
        True,
        "allowed_by_policy",
        "cedar/1",
    )
    assert (decision.enforcement_point, decision.intent) == (asker.point, "Look.")
    event = events("decision.made")[-1]
    assert event.fields["evaluation"] == str(decision.pk)
    assert event.fields["policy"]["version"] == "cedar/1"
    assert event.stream == f"point/{asker.point.pk}"


def test_an_answer_costs_few_queries_and_no_session(asker: Asker, django_assert_max_num_queries: Any) -> None:
    asker.ask(EVALUATION, QUESTION)
    with django_assert_max_num_queries(8):
        answered = asker.post(EVALUATION, QUESTION)
    assert not answered.cookies
