"""How the tests ask as a CI pipeline does."""

import json
from collections.abc import Mapping
from typing import Any

from django.test import Client

from agents.models import Agent, AgentVersion
from governance.models import Pipeline
from governance.services import pipelines
from tests.conftest import SETUP
from tests.governance import ready

TESTS, GATE = "/api/v1/tests", "/api/v1/gate"
PROBLEM = "application/problem+json"
BASE = "https://countersign.example/problems/"


class Asker:
    """A pipeline with its credential."""

    def __init__(self, *agents: Agent, name: str = "shop-ci") -> None:
        self.pipeline: Pipeline
        self.pipeline, self.credential = pipelines.add(actor=SETUP, name=name, agents=agents)
        self._client = Client()

    def post(self, path: str, body: object, **options: Any) -> Any:
        """Bytes go as they are, everything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("content_type", "application/json")
        headers = {"Authorization": f"Bearer {self.credential}", **options.pop("headers", {})}
        return self._client.post(path, data=content, headers=headers, **options)

    def ask(self, agent: Agent, version: str, **more: str) -> dict[str, Any]:
        """What the gate answers."""
        answered = self.post(GATE, {"agent": agent.slug, "version": version, **more})
        assert answered.status_code == 200, answered.content
        found: dict[str, Any] = json.loads(answered.content)
        return found

    def refuses(self, path: str, body: object, status: int, code: str, **options: Any) -> dict[str, Any]:
        """The problem that is answered: of the form of RFC 9457."""
        answered = self.post(path, body, **options)
        return problem(answered, status, code)


def problem(answered: Any, status: int, code: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answered.content)
    assert answered.status_code == status, found
    assert answered["Content-Type"] == PROBLEM
    assert set(found) - {"errors"} == {"type", "title", "status", "detail", "instance"}
    assert (found["type"], found["status"]) == (BASE + code, status)
    return found


def run_of(tested: AgentVersion, kind: str = "functional", **changed: Any) -> dict[str, Any]:
    """What a pipeline sends of a run that passed."""
    result = ready.passing(kind)
    values: Mapping[str, Any] = {
        name: value.isoformat() if name.endswith("_at") else value
        for name, value in ((name, getattr(result, name)) for name in result.__slots__)
    }
    return {"agent": tested.agent.slug, "version": tested.digest, **values, "commit": "", **changed}
