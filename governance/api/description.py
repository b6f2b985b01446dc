"""What pipelines ask, for the API's description (OpenAPI): these addresses are no views of the framework.

`governance/api/pipelines.py` answers them, before sessions and tokens: with credentials of their own.
"""

from typing import Any

from agents.choices import VersionTestKind, VersionTestOutcome
from audits.api.problems import Problem
from audits.api.schema import by_status

SCHEME = {
    "type": "http",
    "scheme": "bearer",
    "description": "The credential of a registered pipeline (RFC 6750): no person's, for the agents that it "
    "names, and for these two addresses alone.",
}
PROBLEMS = (
    Problem.MALFORMED, Problem.UNAUTHENTICATED, Problem.INVALID_TOKEN, Problem.DENIED, Problem.NOT_FOUND,
    Problem.METHOD_NOT_ALLOWED, Problem.CONFLICT, Problem.LENGTH_REQUIRED, Problem.TOO_LARGE,
    Problem.INVALID, Problem.FAILED, Problem.UNAVAILABLE,
)  # fmt: skip
TEXT: dict[str, Any] = {"type": "string"}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
TIME: dict[str, Any] = {"type": "string", "format": "date-time"}
VERSION = {"type": "string", "description": "Label or digest of the version."}
KIND = {"type": "string", "enum": VersionTestKind.values}
OUTCOME = {"type": "string", "enum": VersionTestOutcome.values}


def _object(needed: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": needed | optional,
        "required": list(needed),
        "additionalProperties": False,
    }


TEST = _object(
    {
        "agent": TEXT,
        "version": VERSION,
        "kind": KIND,
        "suite": TEXT,
        "outcome": OUTCOME,
        "passed": COUNT,
        "failed": COUNT,
        "skipped": COUNT,
        "started_at": TIME,
        "ended_at": TIME,
        "tool": TEXT,
        "run_id": TEXT,
    },
    tool_version=TEXT,
    commit=TEXT,
    run_url=TEXT,
    report_sha256=TEXT,
)
RECORDED = _object(
    {
        "id": {"type": "string", "format": "uuid"},
        "agent": TEXT,
        "version": TEXT,
        "digest": TEXT,
        "kind": KIND,
        "suite": TEXT,
        "outcome": OUTCOME,
        "recorded_at": TIME,
    }
)
QUESTION = _object({"agent": TEXT, "version": VERSION}, commit=TEXT)
ANSWER = _object(
    {
        "allowed": {"type": "boolean"},
        "reasons": {"type": "array", "items": TEXT, "description": "Every reason why not."},
        "agent": TEXT,
        "version": {"type": ["object", "null"], "description": "The label and digest of what was found."},
        "gates": {"type": "array", "items": {"$ref": "#/components/schemas/Gate"}},
        "approval": {"type": ["object", "null"]},
    }
)


def complete(result: dict[str, Any], **_generator: Any) -> dict[str, Any]:
    """A hook of the generator: the addresses of pipelines, with their own scheme."""
    result["components"]["securitySchemes"]["pipeline"] = SCHEME
    recorded = _answers("The record.", RECORDED)
    known = _answers("This run is recorded already: the record of it.", RECORDED)
    result["paths"]["/api/v1/tests"] = _operation(
        "tests", "Record a test run", TEST, {"200": known, "201": recorded}
    )
    answered = _answers("Yes or no; `allowed` says which.", ANSWER)
    result["paths"]["/api/v1/gate"] = _operation(
        "gate", "Ask whether a build may be deployed", QUESTION, {"200": answered}
    )
    return result


def _answers(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _operation(
    name: str, summary: str, takes: dict[str, Any], answers: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    return {
        "post": {
            "operationId": f"post_{name}",
            "summary": summary,
            "description": "For pipelines: see docs/ci-gate.md.",
            "tags": [name],
            "security": [{"pipeline": []}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": takes}}},
            "responses": answers | by_status(PROBLEMS),
        }
    }
