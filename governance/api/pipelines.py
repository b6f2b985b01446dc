"""CI pipelines: their test records come in, and whether a build may be deployed goes out (S1-4, S1-26).

Plain views, as those of the decision point: a credential of the pipeline's own, no session, no cookie.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.dateparse import parse_datetime

from agents import selectors as agent_selectors
from agents.models import Agent, AgentVersion
from agents.services import version_tests
from agents.suite_results import SuiteResult
from audits.api.problems import BY_CODE, BY_STATUS, Problem
from audits.errors import Invalid, NotFound, ServiceError
from governance.api import http, problems
from governance.api.http import RefusedError
from governance.authzen import MalformedError
from governance.models import Pipeline
from governance.services import actors, gates, pipelines

logger = logging.getLogger(__name__)

Body = dict[str, Any]
Serve = Callable[[Body, Pipeline], tuple[int, Mapping[str, Any]]]
CHALLENGE = 'Bearer realm="countersign"'
TEST_FIELDS = {"agent", "version", *(field.name for field in fields(SuiteResult))}
GATE_FIELDS = {"agent", "version", "commit"}


def endpoint(serve: Serve) -> http.View:
    """A view that answers POST from registered pipelines with what `serve` returns."""

    def view(request: HttpRequest) -> HttpResponse:
        path = request.path_info
        try:
            http.check_method(request, "POST")
            pipeline = _caller(request)
            status, content = serve(http.body_of(request), pipeline)
            return http.answer(status, content)
        except RefusedError as refusal:
            problem = BY_CODE.get(refusal.code) or BY_STATUS[refusal.status]
            return problems.respond(problem, refusal.message, path=path, headers=refusal.headers)
        except MalformedError as error:
            return problems.respond(Problem.MALFORMED, str(error), path=path)
        except ServiceError as error:
            return problems.of_service(error, path)
        except Exception:
            # Whatever it is, the pipeline is told in the form that it reads, and nothing is allowed.
            logger.exception("A pipeline could not be answered.")
            sentence = "Something went wrong here. It is in the log; nothing is allowed."
            return problems.respond(Problem.FAILED, sentence, path=path)

    return view


def record_test(found: Body, pipeline: Pipeline) -> tuple[int, Mapping[str, Any]]:
    """`POST /api/v1/tests`: 201 with the record, 200 where this run is recorded already."""
    _only(found, TEST_FIELDS)
    agent = _agent(found, pipeline)
    version = _version(found, agent)
    result = _result(found)
    test, new = version_tests.record(actor=pipelines.actor_of(pipeline), version=version, result=result)
    return 201 if new else 200, {
        "id": str(test.pk),
        "agent": agent.slug,
        "version": version.label,
        "digest": test.version_digest,
        "kind": test.kind,
        "suite": test.suite,
        "outcome": test.outcome,
        "recorded_at": test.recorded_at.isoformat(),
    }


def _result(found: Body) -> SuiteResult:
    return SuiteResult(
        kind=_text(found, "kind"),
        suite=_text(found, "suite"),
        outcome=_text(found, "outcome"),
        passed=_count(found, "passed"),
        failed=_count(found, "failed"),
        skipped=_count(found, "skipped"),
        started_at=_time(found, "started_at"),
        ended_at=_time(found, "ended_at"),
        tool=_text(found, "tool"),
        run_id=_text(found, "run_id"),
        tool_version=_optional(found, "tool_version"),
        commit=_optional(found, "commit"),
        run_url=_optional(found, "run_url"),
        report_sha256=_optional(found, "report_sha256"),
    )


def ask_gate(found: Body, pipeline: Pipeline) -> tuple[int, Mapping[str, Any]]:
    """`POST /api/v1/gate`: 200 with `allowed` and every reason why not."""
    _only(found, GATE_FIELDS)
    agent = _agent(found, pipeline)
    answered = gates.ask(
        actor=pipelines.actor_of(pipeline),
        agent=agent,
        version=_text(found, "version"),
        commit=_optional(found, "commit"),
    )
    return 200, answered.document(agent)


def _caller(request: HttpRequest) -> Pipeline:
    """Who asks (RFC 6750).

    Raises:
        RefusedError: there is no credential, or none that counts.
    """
    scheme, _, credential = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    given = scheme.lower() == "bearer"
    pipeline = pipelines.authenticate(actor=actors.CI_GATE, credential=credential.strip(" ") if given else "")
    if pipeline is not None:
        return pipeline
    if given:
        wrong = f'{CHALLENGE}, error="invalid_token", error_description="No live credential."'
        raise RefusedError(
            401, "This is no live credential of a pipeline.", code="invalid-token", WWW_Authenticate=wrong
        )
    raise RefusedError(
        401, "Send the credential of a pipeline.", code="unauthenticated", WWW_Authenticate=CHALLENGE
    )


def _agent(found: Body, pipeline: Pipeline) -> Agent:
    named = Agent.objects.select_related("owner").filter(slug=_text(found, "agent")).first()
    return pipelines.admit(actor=actors.CI_GATE, pipeline=pipeline, agent=named)


def _version(found: Body, agent: Agent) -> AgentVersion:
    version = agent_selectors.version_named(agent, _text(found, "version"))
    if version is None:
        raise NotFound(f"{agent.slug} has no version of this label or digest. Add it to the register first.")
    version.agent = agent
    return version


def _only(found: Body, known: set[str]) -> None:
    if unknown := sorted(set(found) - known):
        shown_names = ", ".join(name[:40] for name in unknown[:5])
        raise MalformedError(f"Unknown fields: {shown_names}. Known: {', '.join(sorted(known))}.")


def _text(found: Body, name: str) -> str:
    value = found.get(name)
    if not isinstance(value, str):
        raise MalformedError(f"{name} is needed, as a text.")
    return value


def _optional(found: Body, name: str) -> str:
    return _text(found, name) if name in found else ""


def _count(found: Body, name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MalformedError(f"{name} is needed, as a whole number.")
    return value


def _time(found: Body, name: str) -> datetime:
    text = _text(found, name)
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None:
        raise Invalid(
            f"{name} is no time of RFC 3339.", fields={name: "Use for example 2026-03-01T12:00:00Z."}
        )
    return moment


ROUTES: Mapping[str, http.View] = {
    "/api/v1/tests": endpoint(record_test),
    "/api/v1/gate": endpoint(ask_gate),
}
