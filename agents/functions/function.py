"""What a function of the catalogue is made of (S0-1)."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Annotated, Any, Generic, TypeVar

from django.conf import settings
from pydantic import BaseModel, ConfigDict, StringConstraints, WithJsonSchema

from agents.choices import Access, Severity
from agents.models import AgentInstance, Finding
from agents.secrets import SecretValue

CVE_ID = r"^CVE-[0-9]{4}-[0-9]{4,19}$"
# Line breaks and tabs are text. Other control characters only ever hide something, and those that turn
# the direction of writing around show approvers another text than the one that they approve.
_HIDING = r"\x7f-\x9f\u202a-\u202e\u2066-\u2069"
PLAIN_TEXT = rf"^[^\x00-\x08\x0b\x0c\x0e-\x1f{_HIDING}]*$"
ONE_LINE = rf"^[^\x00-\x1f\u2028\u2029{_HIDING}]*$"

Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=ONE_LINE)]
SeverityName = Annotated[
    Severity, WithJsonSchema({"type": "string", "enum": [severity.value for severity in Severity]})
]


class Arguments(BaseModel):
    """What a model may pass: nothing that is not named, nothing of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Result(BaseModel):
    """What a function may answer; checked before a model sees it (S0-4)."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Service:
    """Who answers (S0-5). A public service never gets the token; an internal one verifies it itself.

    `locate` says where a result came from; without a result, where one would have. `secret` names the
    reference to the secret that it asks for; empty: it asks for none.
    """

    name: str
    public: bool
    locate: Callable[[Mapping[str, Any] | None], str]
    secret: Callable[[], str] = str

    @property
    def audience(self) -> str:
        """The only `aud` under which a token is good for this service."""
        return f"{settings.ISSUER}/services/{self.name}"


@dataclass(frozen=True, slots=True)
class Context:
    """What a call works on. It comes from the run, never from the model.

    `secret` gives the service's secret, in a `with`, at the moment at which the call leaves (S2-12).
    """

    instance: AgentInstance
    finding: Finding
    token: str
    secret: Callable[[], AbstractContextManager[SecretValue]]


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class Function(Generic[A]):
    """One thing the agent may ask for; the action of the access question is its name.

    `resource` is a template over `finding_id`. `execute` may raise `FunctionError` and
    `CredentialError`.
    """

    name: str
    description: str
    access: Access
    resource: str
    service: Service
    arguments: type[A]
    result: type[Result]
    execute: Callable[[A, Context], Mapping[str, Any]]

    def resource_for(self, finding: Finding) -> str:
        return self.resource.format(finding_id=finding.pk)

    @property
    def parameters(self) -> dict[str, Any]:
        """The arguments' JSON schema (2020-12), without pydantic's titles."""
        schema = self.arguments.model_json_schema()
        schema.pop("title", None)
        schema.pop("description", None)
        schema["properties"] = {
            name: {key: value for key, value in of.items() if key != "title"}
            for name, of in schema.get("properties", {}).items()
        }
        return schema
