"""Calling the management API as its users do: by HTTP, with a token."""

import json
import re
from collections.abc import Iterator
from typing import Any

from django.test import Client
from django.urls import get_resolver

from agents.choices import TokenScope
from agents.models import Person
from agents.services import api_tokens
from portal.api.description import Description
from tests import signing_in

PREFIX = "/api/v1"
PROBLEM = "application/problem+json"
BASE = "https://countersign.example/problems/"


class Caller:
    """Somebody with a token; an answer is what Django's test client gives."""

    def __init__(self, secret: str = "") -> None:
        self._client = Client(raise_request_exception=False)
        self._headers = {"Authorization": f"Bearer {secret}"} if secret else {}

    def get(self, path: str, query: dict[str, Any] | None = None, **headers: str) -> Any:
        return self._client.get(address(path), query, headers=self._headers | _named(headers))

    def post(
        self, path: str, body: Any = None, *, content_type: str = "application/json", **headers: str
    ) -> Any:
        raw = body if isinstance(body, bytes | str) else json.dumps({} if body is None else body)
        return self._client.post(
            address(path), raw, content_type=content_type, headers=self._headers | _named(headers)
        )

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.change("PATCH", path, body, **headers)

    def put(self, path: str, body: Any) -> Any:
        return self.change("PUT", path, body)

    def change(self, method: str, path: str, body: Any, **headers: str) -> Any:
        return self._client.generic(
            method,
            address(path),
            json.dumps(body).encode(),
            "application/json",
            headers=self._headers | _named(headers),
        )

    def send(self, path: str, form: dict[str, Any]) -> Any:
        """A form with files."""
        return self._client.post(address(path), form, headers=self._headers)

    def call(self, method: str, path: str, body: bytes = b"", content_type: str = "application/json") -> Any:
        return self._client.generic(method, address(path), body, content_type, headers=self._headers)


def address(path: str) -> str:
    return path if path.startswith("/api") else f"{PREFIX}/{path}"


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def secret_of(person: Person, scope: TokenScope = TokenScope.WRITE) -> str:
    _token, secret = api_tokens.add(
        actor=person.actor, person=person, name="A test", scope=scope, authentication=signing_in.proof(person)
    )
    return secret


def caller(person: Person, scope: TokenScope = TokenScope.WRITE) -> Caller:
    return Caller(secret_of(person, scope))


def problem(answered: Any, status: int, code: str) -> dict[str, Any]:
    """The problem that was answered: exactly the form of RFC 9457, whatever went wrong."""
    body: dict[str, Any] = json.loads(answered.content)
    assert answered.status_code == status, body
    assert answered["Content-Type"] == PROBLEM
    assert set(body) - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (body["type"], body["status"]) == (BASE + code, status)
    assert body["instance"] == answered.wsgi_request.path
    assert body["title"]
    assert body["detail"]
    for error in body.get("errors", []):
        assert set(error) in ({"pointer", "detail"}, {"parameter", "detail"})
    return body


def routes() -> Iterator[tuple[str, str]]:
    """Every method of every address of the API, as its description writes them; without the description."""
    for pattern, path in _paths(get_resolver("portal.api.urls").url_patterns, PREFIX + "/"):
        view = pattern.callback.view_class
        if view is not Description:
            for method in ("get", "post", "put", "patch", "delete"):
                if hasattr(view, method) and method in view.http_method_names:
                    yield method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)


def somewhere(path: str) -> str:
    """An address of this form at which nothing is."""
    named = {"{id}": "01999999-9999-7999-8999-999999999999", "{slug}": "x", "{name}": "x", "{label}": "1"}
    for place, value in named.items():
        path = path.replace(place, value)
    return path


def _paths(patterns: Any, before: str) -> Iterator[tuple[Any, str]]:
    for pattern in patterns:
        path = f"{before}{pattern.pattern}"
        if hasattr(pattern, "url_patterns"):
            yield from _paths(pattern.url_patterns, path)
        else:
            yield pattern, path
