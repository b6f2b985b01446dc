"""How the API describes itself (OpenAPI): every route, every answer, the problems too."""

from collections.abc import Iterable
from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter

from audits.api.base import ChangingItem, Collection, GrowingCollection, Nothing, Verb
from audits.api.files import Bytes
from audits.api.once import PATTERN
from audits.api.problems import BASE, MEDIA_TYPE, Problem

UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
ALWAYS = (
    Problem.BAD_PARAMETER, Problem.UNAUTHENTICATED, Problem.INVALID_TOKEN, Problem.SECOND_FACTOR_NEEDED,
    Problem.DENIED, Problem.METHOD_NOT_ALLOWED, Problem.NOT_ACCEPTABLE, Problem.TOO_MANY_REQUESTS,
    Problem.FAILED, Problem.UNAVAILABLE,
)  # fmt: skip
OF_A_BODY = (
    Problem.MALFORMED, Problem.INSUFFICIENT_SCOPE, Problem.CONFLICT, Problem.LENGTH_REQUIRED,
    Problem.TOO_LARGE, Problem.UNSUPPORTED_MEDIA_TYPE, Problem.INVALID,
)  # fmt: skip
IDEMPOTENCY_KEY = OpenApiParameter(
    name="Idempotency-Key",
    type=str,
    location=OpenApiParameter.HEADER,
    required=False,
    pattern=PATTERN,
    description="The same key with the same request within 24 hours is done once, and answered the same.",
)
IF_MATCH = OpenApiParameter(
    name="If-Match",
    type=str,
    location=OpenApiParameter.HEADER,
    # Needed; without it the answer is 428, which says so better than a client's validator.
    required=False,
    description="The ETag of what was read and is changed now. Needed.",
)
CREATED = "201"
ETAG = {
    "description": "For the If-Match of a change that is made on this.",
    "required": True,
    "schema": {"type": "string"},
}
LOCATION = {"description": "The address of what was made.", "required": True, "schema": {"type": "string"}}
FILE = {"type": "string", "format": "binary"}
TOKEN = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "cst_ and 49 letters and digits",
    "description": "A personal API token (RFC 6750). It acts as its person, never beyond, and never votes.",
}
PROBLEM = {
    "type": "object",
    "description": "What was not done, and why (RFC 9457).",
    "properties": {
        "type": {"type": "string", "format": "uri", "enum": [problem.uri for problem in Problem]},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string", "description": "A sentence for people: what was wrong, how to mend it."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {"type": "string", "description": "JSON pointer (RFC 6901) into the body."},
                    "parameter": {"type": "string", "description": "Name of a query parameter."},
                    "detail": {"type": "string"},
                },
                "required": ["detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "instance"],
}


class Described(AutoSchema):
    """Reads a `Resource`: its words, its query parameters, what it takes and what it answers."""

    view: Any

    def get_summary(self) -> str:
        if self.method in {"PUT", "PATCH"}:
            return str(self.view.change_title)
        adds = self.method == "POST" and isinstance(self.view, GrowingCollection)
        return str(self.view.add_title if adds else self.view.title)

    def get_description(self) -> str:  # type: ignore[override]
        return " ".join((type(self.view).__doc__ or "").split())

    def get_tags(self) -> list[str]:
        return [self.path.removeprefix("/api/v1/").split("/")[0]]

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{"token": []}] if self.view.permission_classes else []

    def get_operation_id(self) -> str:
        words = [part for part in self.path.removeprefix("/api/v1/").split("/") if not part.startswith("{")]
        names = [part.strip("{}") for part in self.path.split("/") if part.startswith("{")]
        by = f"_by_{'_and_'.join(names)}" if names else ""
        return f"{self.method.lower()}_{'_'.join(words)}{by}".replace("-", "_").replace(".", "_")

    def get_serializer_name(self, serializer: Any, direction: Any) -> str:  # noqa: ARG002 - the base's signature
        """`AgentShown` is an Agent; `AgentGiven` becomes an AgentRequest."""
        return type(serializer).__name__.removesuffix("Shown").removesuffix("Given")

    def get_request_serializer(self) -> Any:
        return self.view.given or Nothing if self.method in UNSAFE else None

    def get_response_serializers(self) -> Any:
        if any(renderer is Bytes for renderer in self.view.renderer_classes):
            return {(200, Bytes.media_type): FILE}
        if self.method == "POST":
            return {self.view.done: self.view.shown}
        return {200: self.view.shown}

    def get_override_parameters(self) -> list[Any]:
        """Only where it makes something that could be made twice."""
        if self.method == "PATCH":
            return [IF_MATCH] if self._conditional else []
        makes = isinstance(self.view, GrowingCollection | Verb) and self.method == "POST"
        return [IDEMPOTENCY_KEY] if makes and self.view.repeats else []

    @property
    def _conditional(self) -> bool:
        return isinstance(self.view, ChangingItem) and self.view.conditional

    def get_examples(self) -> list[OpenApiExample]:
        given = self.view.given
        if self.method not in UNSAFE or given is None or not given.example:
            return []
        return [OpenApiExample("For example", value=given.example, request_only=True)]

    def _is_list_view(self, serializer: Any = None) -> bool:  # noqa: ARG002 - the base's signature
        return self.method == "GET" and isinstance(self.view, Collection)

    def _get_paginator(self) -> "Described":
        return self

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def get_paginated_response_schema(self, rows: dict[str, Any]) -> dict[str, Any]:
        """The page of a list."""
        following = {"type": ["string", "null"], "description": "The path of the next page; null at the end."}
        return {
            "type": "object",
            "properties": {"results": rows, "next": following},
            "required": ["results", "next"],
        }

    def _get_pagination_parameters(self) -> list[dict[str, Any]]:
        self.view.request.method = self.method
        return [
            {
                "name": name,
                "in": "query",
                "required": field.required and self.method != "GET",
                "schema": self._of_field(field),
            }
            for name, field in self.view.query_fields().items()
        ]

    def _of_field(self, field: Any) -> Any:
        return self._map_serializer_field(field, "request")  # type: ignore[no-untyped-call]

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        answers: dict[str, Any] = super()._get_response_bodies(direction)
        for status, answered in answers.items():
            answered["description"] = answered["description"] or f"{self.get_summary()}: done."
            if status == CREATED and self.view.item:
                answered["headers"] = {"Location": LOCATION}
            elif self._conditional:
                answered["headers"] = {"ETag": ETAG}
        if not self.view.permission_classes:
            return answers
        problems = [*ALWAYS, *(OF_A_BODY if self.method in UNSAFE else ())]
        if self.method == "PATCH" and self._conditional:
            problems += [Problem.PRECONDITION_FAILED, Problem.PRECONDITION_REQUIRED]
        if "{" in self.path:
            problems.append(Problem.NOT_FOUND)
        problems += self.view.also
        return answers | by_status(problems)


def by_status(problems: Iterable[Problem]) -> dict[str, Any]:
    """One answer for each status, with an example for each type that comes with it."""
    found: dict[str, Any] = {}
    for problem in sorted(problems, key=lambda each: each.status):
        answer = found.setdefault(
            str(problem.status),
            {"description": "", "content": {MEDIA_TYPE: {"schema": REFERENCE, "examples": {}}}},
        )
        answer["description"] = f"{answer['description']} {problem.title}.".strip()
        answer["content"][MEDIA_TYPE]["examples"][problem.code] = {"value": example(problem)}
        if problem.status == Problem.UNAUTHENTICATED.status:
            answer["headers"] = {"WWW-Authenticate": {"schema": {"type": "string"}, "required": True}}
    return found


REFERENCE = {"$ref": "#/components/schemas/Problem"}


def example(problem: Problem) -> dict[str, Any]:
    return {
        "type": BASE + problem.code,
        "title": problem.title,
        "status": problem.status,
        "detail": f"{problem.title}.",
        "instance": "/api/v1/agents",
    }


COMPONENTS = {"securitySchemes": {"token": TOKEN}, "schemas": {"Problem": PROBLEM}}


def complete(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """A hook of the generator: what does not come from any one route."""
    for kind, parts in COMPONENTS.items():
        result["components"].setdefault(kind, {}).update(parts)
    return result
