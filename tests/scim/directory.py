"""How the tests speak SCIM: as a directory with the credential of a provisioning client."""

import json
from typing import Any

from django.http import HttpResponse
from django.test import Client

from agents.models import Person
from agents.services import scim_clients
from audits.actor import Actor

SYSTEM = Actor.system("test-setup")
USERS = "/scim/v2/Users"
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
BARBARA: dict[str, Any] = {
    "schemas": [USER],
    "userName": "bjensen@example.com",
    "externalId": "bjensen",
    "name": {"formatted": "Ms. Barbara J Jensen III", "familyName": "Jensen", "givenName": "Barbara"},
    "emails": [
        {"value": "babs@jensen.org", "type": "home"},
        {"value": "bjensen@example.com", "type": "work", "primary": True},
    ],
}


class Directory:
    """A provisioning client; what it asks is answered as JSON."""

    def __init__(self, name: str = "entra-id") -> None:
        self.client, self.credential = scim_clients.add(actor=SYSTEM, name=name)
        self._browser = Client()

    def send(self, method: str, path: str, body: object = None, **options: Any) -> HttpResponse:
        """Bytes go as they are, everything else as JSON."""
        headers = {"Authorization": f"Bearer {self.credential}", **options.pop("headers", {})}
        if body is not None:
            options.setdefault("content_type", "application/scim+json")
            options["data"] = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self._browser.generic(method, path, headers=headers, **options)  # type: ignore[return-value]

    def ask(self, method: str, path: str, body: object = None, status: int = 200) -> Any:
        answered = self.send(method, path, body)
        assert answered.status_code == status, (answered.status_code, answered.content)
        assert answered["Content-Type"] == "application/scim+json"
        return json.loads(answered.content)

    def refuses(
        self, method: str, path: str, body: object = None, *, status: int = 400, scim_type: str = ""
    ) -> str:
        """What is wrong, in SCIM's own form."""
        told = self.ask(method, path, body, status)
        assert told["schemas"] == [ERROR]
        assert told["status"] == str(status)
        assert told.get("scimType", "") == scim_type, told
        return str(told["detail"])

    def add(self, **changed: Any) -> Person:
        made = self.ask("POST", USERS, {**BARBARA, **changed}, status=201)
        return Person.objects.get(pk=made["id"])

    def patch(self, person: Person, *operations: dict[str, Any]) -> Person:
        self.ask("PATCH", f"{USERS}/{person.pk}", {"schemas": [PATCH_OP], "Operations": operations})
        return Person.objects.get(pk=person.pk)

    def finds(self, asked: str, **parameters: object) -> list[str]:
        """The usernames of those who fit."""
        query = {"filter": asked, **parameters}
        answered = self._browser.get(
            USERS,
            query_params=query,
            headers={"Authorization": f"Bearer {self.credential}"},
        )
        assert answered.status_code == 200, answered.content
        return [each["userName"] for each in json.loads(answered.content)["Resources"]]
