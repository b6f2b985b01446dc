"""Errors have one form, each time (RFC 9457), and say what to mend; nothing of ours leaks."""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client

from agents.models import Agent, Person, Report
from audits.api.problems import BASE, Problem
from tests.api.calling import PREFIX, Caller, caller, problem, routes, somewhere
from tests.api.test_resources import AGENT, REPORT, _version

DOCS = Path(__file__).parents[2] / "docs" / "api.md"


@pytest.fixture
def owner(olivia: Person) -> Caller:
    return caller(olivia)


# --- Addresses, methods, forms --------------------------------------------------------------------------
@pytest.mark.django_db
@pytest.mark.parametrize(
    "path", ["/api/v1/nothing", "/api/v1", "/api/", "/api/v2/agents", "/api/v1/agents/", "/api/v1/runs/no-id"]
)
def test_an_unknown_address(path: str, owner: Caller) -> None:
    problem(owner.get(path), 404, "not-found")
    problem(Caller().get(path), 404, "not-found")


def test_methods_that_are_not_offered(owner: Caller) -> None:
    offered = set(routes())
    for path in sorted({path for _method, path in offered}):
        there = somewhere(path)
        for method in ("get", "post", "put", "patch", "delete", "options", "trace"):
            if (method, path) not in offered:
                answered = owner.call(method.upper(), there)
                problem(answered, 405, "method-not-allowed")
                assert answered["Allow"]


def test_an_answer_that_is_not_accepted(owner: Caller) -> None:
    problem(owner.get("agents", Accept="text/html"), 406, "not-acceptable")
    problem(owner.get("agents", Accept="application/xml;q=1"), 406, "not-acceptable")


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"]
)
def test_a_body_of_another_type(owner: Caller, media_type: str) -> None:
    problem(owner.post("agents", b"a=b", content_type=media_type), 415, "unsupported-media-type")


BROKEN = [
    b"{",
    b'{"slug": NaN}',
    b'{"slug": "a", "slug": "b"}',
    b'{"slug": 1e999}',
    b'{"slug": "\\u0000"}',
    b'{"slug": "\\ud800"}',
    b"\xff\xfe\x00",
    b"[" * 10_000,
    b'{"slug": 123456789012345678901234567890}',
    b"nothing",
]


@pytest.mark.parametrize("body", BROKEN)
def test_a_body_that_two_readers_would_read_differently(owner: Caller, body: bytes) -> None:
    problem(owner.post("agents", body), 400, "malformed")
    assert not Agent.objects.exists()


@pytest.mark.parametrize("body", [b"[]", b'"text"', b"7", b"null", b"[{}]"])
def test_a_body_that_is_no_object(owner: Caller, body: bytes) -> None:
    problem(owner.post("agents", body), 422, "invalid")


def test_a_body_that_is_too_large(owner: Caller) -> None:
    problem(owner.post("agents", b" " * (1024 * 1024 + 1)), 413, "too-large")


def test_a_body_in_chunks(owner: Caller) -> None:
    problem(owner.post("agents", AGENT, Transfer_Encoding="chunked"), 411, "length-required")


def test_another_host(owner: Caller) -> None:
    problem(owner.get("me", Host="attacker.example"), 400, "malformed")


# --- What is wrong, and where ----------------------------------------------------------------------------
def test_every_mistake_of_a_body_is_pointed_at(owner: Caller) -> None:
    body = _version(label="a/b", extra=1) | {"tool_manifest": [{"name": "x", "access": "own", "a~/b": 1}]}
    agent = caller_agent(owner)
    told = problem(owner.post(f"agents/{agent}/versions", body), 422, "invalid")
    assert {error["pointer"] for error in told["errors"]} == {
        "/label",
        "/extra",
        "/tool_manifest/0/access",
        "/tool_manifest/0/resource",
        "/tool_manifest/0/a~0~1b",
    }


def caller_agent(owner: Caller) -> str:
    slug: str = owner.post("agents", AGENT).json()["slug"]
    return slug


def test_members_that_are_missing(owner: Caller) -> None:
    told = problem(owner.post("agents", {}), 422, "invalid")
    pointers = {error["pointer"] for error in told["errors"]}
    assert pointers == {"/slug", "/name", "/purpose", "/business_unit", "/owner"}


def test_no_member_that_is_not_declared_gets_in(owner: Caller) -> None:
    """Mass assignment: nobody activates an agent by naming its fields."""
    for name, value in {"state": "active", "epoch": 9, "approved_digest": "a" * 64, "id": "x"}.items():
        told = problem(owner.post("agents", AGENT | {name: value}), 422, "invalid")
        assert [error["pointer"] for error in told["errors"]] == [f"/{name}"]
    assert not Agent.objects.exists()


def test_no_query_parameter_that_is_not_declared_is_ignored(ada: Person) -> None:
    everybody = caller(ada)
    for method, path in routes():
        there = path.replace("{id}", "01999999-9999-7999-8999-999999999999").replace("{label}", "1")
        answered = everybody.call(
            method.upper(), there.replace("{slug}", "x").replace("{name}", "x") + "?whatever=1"
        )
        told = problem(answered, 400, "bad-parameter")
        assert told["errors"] == [{"parameter": "whatever", "detail": "There is no such parameter here."}]


@pytest.mark.parametrize(
    "query",
    [
        "page_size=0", "page_size=201", "page_size=x", "page_size=1&page_size=2", "cursor=%00", "cursor=!!",
        "cursor=bm8", "state=unknown", "state=", "cursor=",
    ],
)  # fmt: skip
def test_wrong_query_parameters(owner: Caller, query: str) -> None:
    told = problem(owner.get(f"{PREFIX}/agents?{query}"), 400, "bad-parameter")
    assert told["errors"][0]["parameter"] == query.partition("=")[0]


HOSTILE = ["' OR 1=1 --", "../../etc/passwd", "<script>alert(1)</script>", "\u202eevil", "{{7*7}}", "a" * 150]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(owner: Caller, text: str) -> None:
    answered = owner.post("agents", AGENT | {"name": text, "purpose": text})
    assert answered.status_code == 201
    assert answered["Content-Type"] == "application/json"
    assert answered["X-Content-Type-Options"] == "nosniff"
    assert answered.json()["name"] == text
    assert owner.get("agents", {"owner": text}).json()["results"] == []


def test_hostile_files(owner: Caller) -> None:
    for name in ("../../x.json", "a\r\nSet-Cookie: b=c.json", "é" * 100):
        content = REPORT + b" " * len(name)
        path = f"{PREFIX}/reports"
        answered = Client().post(
            f"{path}?file_name={quote(name)}",
            content,
            content_type="application/octet-stream",
            headers=owner._headers,
        )
        assert answered.status_code == 201
    assert Report.objects.count() == 3


# --- What never happens -----------------------------------------------------------------------------------
def test_a_defect_of_ours_is_logged_and_not_told(
    owner: Caller, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(**_arguments: Any) -> None:
        raise RuntimeError("the password is hunter2")

    monkeypatch.setattr("agents.services.register.register_agent", fail)
    answered = owner.post("agents", AGENT)
    told = problem(answered, 500, "failed")
    assert "hunter2" not in json.dumps(told)
    assert "hunter2" in caplog.text


def test_a_defect_before_the_views_has_the_same_form(owner: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("portal.api.door.resolve", None)
    problem(owner.get("me"), 500, "failed")


def test_no_answer_is_kept_or_framed(owner: Caller) -> None:
    for path in ("me", "nothing", "openapi.json"):
        answered = owner.get(path)
        assert answered["Cache-Control"] == "no-store"
        assert answered["X-Frame-Options"] == "DENY"
        assert "default-src 'none'" in answered["Content-Security-Policy"]
        assert "Set-Cookie" not in answered
        assert not answered.cookies


# --- The types ------------------------------------------------------------------------------------------
def test_every_type_is_in_the_docs_and_no_other() -> None:
    documented = dict(
        re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert documented == {each.code: str(each.status) for each in Problem}
    assert f"`{BASE}" in DOCS.read_text(encoding="utf-8")
