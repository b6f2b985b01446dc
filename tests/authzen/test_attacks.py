"""Those who ask without a right to, and those who send what nobody should."""

import json
import secrets
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from agents import bearer
from governance import authzen
from governance.models import Decision, EnforcementPoint
from governance.services import enforcement_points
from governance.services.enforcement_points import POINTS
from tests.authzen.asking import EVALUATION, EVALUATIONS, QUESTION, SEARCH, SYSTEM, Asker
from tests.governance.story import events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("certified")]

PATHS = [
    EVALUATION,
    EVALUATIONS,
    *(SEARCH + kind for kind in ("subject", "resource", "action")),
    "/access/v1/abac",
]


def headers(asker: Asker) -> dict[str, str]:
    """Credentials that must not count, by what is wrong with them."""
    right = asker.credential
    prefix, point, secret = right.split("_", 2)
    return {
        "empty bearer": "Bearer ",
        "bare bearer": "Bearer",
        "another scheme": f"Basic {right}",
        "no scheme": right,
        "upper case": f"Bearer {right.upper()}",
        "swapped case": f"Bearer {prefix}_{point}_{secret.swapcase()}",
        "another secret": f"Bearer {prefix}_{point}_{secrets.token_urlsafe(32)}",
        "another point": f"Bearer {prefix}_{uuid4().hex}_{secret}",
        "shortened": f"Bearer {right[:-1]}",
        "lengthened": f"Bearer {right}A",
        "two": f"Bearer {right} {right}",
        "a line of its own": f"Bearer {right}\n",
        "the digest": f"Bearer {prefix}_{point}_{asker.point.credential_sha256[:43]}",
        "not ASCII": "Bearer \u00fc\u00df",
        "NUL": "Bearer \0",
    }


def test_no_wrong_credential_counts_and_each_is_recorded(asker: Asker) -> None:
    tried = headers(asker)
    for name, header in tried.items():
        answered = Client().post(
            EVALUATION, json.dumps(QUESTION), content_type="application/json", HTTP_AUTHORIZATION=header
        )
        assert answered.status_code == 401, name
        assert isinstance(json.loads(answered.content), str)
        given = header.lower().startswith("bearer")
        assert ('error="invalid_token"' in answered["WWW-Authenticate"]) == given, name
        assert answered["WWW-Authenticate"].startswith('Bearer realm="countersign"')
    assert len(events("enforcement_point.refused", "denied")) == len(tried)
    assert not Decision.objects.exists()


@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_answered_without_a_credential(path: str) -> None:
    answered = Client().post(path, json.dumps(QUESTION), content_type="application/json")
    assert (answered.status_code, answered["WWW-Authenticate"]) == (401, 'Bearer realm="countersign"')


def test_the_scheme_is_read_in_any_case(asker: Asker) -> None:
    answered = Client().post(
        EVALUATION,
        json.dumps(QUESTION),
        content_type="application/json",
        headers={"Authorization": f"bEARER {asker.credential}"},
    )
    assert answered.status_code == 200


def test_a_revoked_credential_is_refused_at_once(asker: Asker) -> None:
    assert asker.decides()
    enforcement_points.revoke(actor=SYSTEM, point=asker.point)
    asker.refuses(EVALUATION, QUESTION, status=401)
    assert len(events("enforcement_point.refused", "denied")) == 1


def test_after_rotation_only_the_new_credential_counts(asker: Asker) -> None:
    before = asker.credential
    asker.credential = enforcement_points.rotate(actor=SYSTEM, point=asker.point)
    assert asker.decides()
    asker.credential = before
    asker.refuses(EVALUATION, QUESTION, status=401)


def test_the_secret_is_kept_nowhere(asker: Asker) -> None:
    secret = bearer.read(POINTS.prefix, asker.credential)
    assert secret is not None
    row = EnforcementPoint.objects.filter(pk=asker.point.pk).values().get()
    assert secret.secret not in str(row)
    assert row["credential_sha256"] == bearer.digest(secret.secret)


def test_a_session_of_the_portal_is_no_credential(ada: Any) -> None:
    client = Client()
    client.force_login(ada)
    answered = client.post(EVALUATION, json.dumps(QUESTION), content_type="application/json")
    assert answered.status_code == 401


def test_an_oversized_body_is_not_read(asker: Asker) -> None:
    padding = "x" * authzen.MAX_BODY_BYTES
    asker.refuses(EVALUATION, {**QUESTION, "padding": padding}, status=413)
    assert not Decision.objects.exists()


def test_a_body_in_chunks_is_refused_and_not_taken_for_an_empty_one(asker: Asker) -> None:
    asker.refuses(EVALUATION, QUESTION, status=411, headers={"Transfer-Encoding": "chunked"})


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
def test_deep_nesting_is_refused(opening: bytes, asker: Asker) -> None:
    assert "deeper" in asker.refuses(EVALUATION, b'{"context": ' + opening * 10_000)
    nested: object = {}
    for _ in range(40):
        nested = {"a": nested}
    asker.refuses(EVALUATION, {**QUESTION, "context": nested})


@pytest.mark.parametrize(
    "body",
    [
        b'{"subject": {"type": "user", "id": "bob"}, "subject": {"type": "user", "id": "alice"}}',
        b'{"subject": {"type": "user", "id": "bob", "\\u0069d": "alice"}}',
    ],
)
def test_a_key_that_occurs_twice_is_refused(body: bytes, asker: Asker) -> None:
    assert "twice" in asker.refuses(EVALUATION, body)


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_text_that_no_database_takes_is_refused(text: str, asker: Asker) -> None:
    asker.refuses(EVALUATION, {**QUESTION, "subject": {"type": "user", "id": text}})


@pytest.mark.parametrize(
    "subject",
    [
        {"type": 'user::"alice', "id": "x"},
        {"type": "user", "id": 'alice" || true || "'},
        {"type": "in", "id": "alice"},
        {"type": "Action", "id": "read"},
        {"type": "user", "id": "alice\n"},
        {"type": " user", "id": "alice"},
        {"type": "__cedar", "id": "alice"},
    ],
)
def test_names_are_never_policy_text(subject: dict[str, str], asker: Asker) -> None:
    assert not asker.decides(subject=subject)


@pytest.mark.parametrize(
    "value",
    [
        {"__entity": {"type": "user", "id": "alice"}},
        {"__extn": {"fn": "decimal", "arg": "x"}},
        {"deep": [{"__expr": "1"}]},
        0.00001,
        1e300,
        2**63,
    ],
)
def test_what_cedar_cannot_say_is_denied_and_never_left_out(value: object, asker: Asker) -> None:
    for question in (
        {"context": {"value": value}},
        {"resource": {**QUESTION["resource"], "properties": {"value": value}}},
    ):
        answer = asker.ask(EVALUATION, {**QUESTION, **question})
        assert (answer["decision"], answer["context"]["reason"]) == (False, "policy_error")


@pytest.mark.parametrize("value", [None, 1.0, 0.5, -3, [None, 1, "a"], {"a": {"b": None}}, True])
def test_what_cedar_can_say_does_not_stand_in_the_way(value: object, asker: Asker) -> None:
    assert asker.decides(context={"value": value})
    assert asker.decides(resource={**QUESTION["resource"], "properties": {"value": value}})


def test_the_action_s_properties_cannot_be_forged_through_the_context(asker: Asker) -> None:
    hard = {"name": "delete", "properties": {"soft": False}}
    assert not asker.decides(action=hard, context={"action_properties": {"soft": True}})


def test_a_broken_decision_point_allows_nothing(asker: Asker, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError("The disk is gone.")

    monkeypatch.setattr("audits.services.ledger.record", broken)
    message = asker.refuses(EVALUATION, QUESTION, status=500)
    assert "disk" not in message
    assert not Decision.objects.exists()
