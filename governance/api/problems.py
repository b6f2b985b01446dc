"""What a pipeline is told where it does not get what it asked for: the problems of the API (RFC 9457)."""

from collections.abc import Mapping

from django.http import HttpResponse

from audits.api import problems
from audits.api.problems import BY_CODE, BY_STATUS, Problem, Refused, pointer
from audits.errors import ServiceError


def respond(
    problem: Problem,
    detail: str,
    *,
    path: str,
    errors: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> HttpResponse:
    """`errors` are sentences by field of the body."""
    pointed = [{"pointer": pointer(name), "detail": text} for name, text in (errors or {}).items()]
    kept = {"Cache-Control": "no-store", **(headers or {})}
    return problems.respond(Refused(problem, detail, headers=kept, errors=pointed), path)


def of_service(error: ServiceError, path: str) -> HttpResponse:
    problem = BY_CODE.get(error.code.replace("_", "-"), BY_STATUS.get(error.status, Problem.MALFORMED))
    return respond(problem, error.message, path=path, errors=error.fields)
