"""How the tests ask the decision point over HTTP, and the policies that they ask about."""

import json
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.test import Client

from audits.actor import Actor
from governance.models import EnforcementPoint, PolicyVersion
from governance.services import enforcement_points, policies

CERTIFICATION = Path(__file__).parent / "certification"
EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
SEARCH = "/access/v1/search/"
SYSTEM = Actor.system("test-setup")
ALICE: dict[str, Any] = {"type": "user", "id": "alice"}
BOB: dict[str, Any] = {"type": "user", "id": "bob"}
READ: dict[str, Any] = {"name": "read"}
WRITE: dict[str, Any] = {"name": "write"}
ACTIVE: dict[str, Any] = {"type": "record", "id": "record-1"}
ARCHIVED: dict[str, Any] = {"type": "record", "id": "record-2", "properties": {"status": "archived"}}
QUESTION: dict[str, Any] = {"subject": ALICE, "action": READ, "resource": ACTIVE}


class Asker:
    """An enforcement point with its credential."""

    def __init__(self, name: str = "crm-gateway") -> None:
        self.point: EnforcementPoint
        self.point, self.credential = enforcement_points.add(actor=SYSTEM, name=name)
        self._client = Client()

    def post(self, path: str, body: object, **options: Any) -> HttpResponse:
        """Bytes go as they are, everything else as JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        options.setdefault("content_type", "application/json")
        headers = {"Authorization": f"Bearer {self.credential}", **options.pop("headers", {})}
        return self._client.post(path, data=content, headers=headers, **options)  # type: ignore[return-value]

    def ask(self, path: str, body: object) -> Any:
        """The answer to a question that is answered."""
        answered = self.post(path, body)
        assert answered.status_code == 200, answered.content
        return json.loads(answered.content)

    def decides(self, **changed: Any) -> bool:
        decision = self.ask(EVALUATION, {**QUESTION, **changed})["decision"]
        assert isinstance(decision, bool)
        return decision

    def refuses(self, path: str, body: object, status: int = 400, **options: Any) -> str:
        """The error, which is a string."""
        answered = self.post(path, body, **options)
        assert answered.status_code == status, answered.content
        assert answered["Content-Type"] == "application/json"
        message = json.loads(answered.content)
        assert isinstance(message, str)
        return message

    def finds(self, kind: str, **body: Any) -> list[str]:
        results = self.ask(SEARCH + kind, body)["results"]
        return [found["name"] if kind == "action" else found["id"] for found in results]


def apply_certification() -> PolicyVersion:
    return policies.apply(
        actor=SYSTEM,
        policies={path.name: path.read_text() for path in sorted(CERTIFICATION.glob("*.cedar"))},
        schema=(CERTIFICATION / "schema.cedarschema").read_text(),
        entities=(CERTIFICATION / "entities.json").read_text(),
    )
