"""A hostile or broken model: no effect that was not decided, and the run ends with a reason (8 and 9)."""

import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agents import outbound
from agents.analyst import run as analyst
from agents.choices import (
    Access,
    AnalysisReason,
    AnalysisState,
    CallOutcome,
    LookupOutcome,
    RunReason,
    RunState,
    Severity,
)
from agents.functions import catalogue
from agents.models import Agent, Assessment, Credential, Finding, FunctionCall, Report, Run, Ticket
from agents.services import runs
from tests.agents.conftest import LOG4SHELL, SYSTEM, make_finding
from tests.agents.model_server import Answer, ModelServer, completion, serving

pytestmark = pytest.mark.django_db

LOOKUP = ("get_vulnerability_info", json.dumps({"cve_id": LOG4SHELL}))
TICKET = ("open_ticket", json.dumps({"title": "A", "body": "B", "severity": "critical"}))
GOOD = {"severity": "critical", "confidence": 0.9, "reasoning": "It is.", "recommendation": "Update."}


@pytest.fixture(autouse=True)
def _retries_do_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.SyncAPIClient._sleep_for_retry", lambda *_, **__: None)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with serving(lambda _: completion("Hello."), timeout=1) as running:
        yield running


@pytest.fixture
def run(server: ModelServer, active_analyst: Agent, report: Report) -> Run:
    """Queued, for an analyst that was approved with exactly this model."""
    assert active_analyst.active_version is not None
    assert active_analyst.active_version.model_name == "scripted"
    return runs.queue(actor=SYSTEM, report=report)


def performed(run: Run, server: ModelServer, *answers: Answer) -> Run:
    """The server gives these answers, and the last of them for ever."""
    remaining = iter(answers)
    server.script = lambda _: next(remaining, answers[-1])
    analyst.perform(run_id=run.pk)
    run.refresh_from_db()
    assert run.state in {RunState.COMPLETED, RunState.FAILED}
    assert run.reason
    assert run.instance is not None
    assert run.instance.ended_at is not None
    return run


def no_write_happened() -> bool:
    writes = [function.name for function in catalogue.FUNCTIONS if function.access == Access.WRITE]
    return not (
        Ticket.objects.exists()
        or Credential.objects.filter(access=Access.WRITE).exists()
        or FunctionCall.objects.filter(function__in=writes, outcome=CallOutcome.EXECUTED).exists()
    )


def test_an_honest_model_gets_its_work_done(run: Run, server: ModelServer, finding: Finding) -> None:
    performed(
        run, server, completion(calls=[LOOKUP]), completion(calls=[TICKET]), completion(json.dumps(GOOD))
    )
    assert (run.state, run.reason, run.turns, run.calls) == (RunState.COMPLETED, RunReason.DONE, 3, 2)
    assert run.tokens == 30
    assert run.planner == "scripted at 127.0.0.1"
    tool = server.requests[-1]["messages"][-1]
    assert (tool["role"], json.loads(tool["content"])["status"]) == ("tool", "denied")
    assert no_write_happened()


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(Answer(b"I am a teapot"), RunReason.MODEL_NONSENSE, id="garbage"),
        pytest.param(Answer(b'{"choices": [{"mess'), RunReason.MODEL_NONSENSE, id="cut off"),
        pytest.param(completion("A" * 10_000_000), RunReason.MODEL_NONSENSE, id="10 MB"),
        pytest.param(Answer(b"{}", status=429), RunReason.MODEL_REFUSED, id="429"),
        pytest.param(Answer(b"{}", status=401), RunReason.MODEL_REFUSED, id="401"),
        pytest.param(Answer(b"{}", status=500), RunReason.MODEL_UNREACHABLE, id="500"),
        pytest.param(Answer(hang=True), RunReason.MODEL_TIMEOUT, id="silence"),
    ],
)
def test_a_broken_server_ends_the_run_and_it_can_be_run_again(
    run: Run,
    server: ModelServer,
    finding: Finding,
    answer: Answer,
    reason: RunReason,
) -> None:
    performed(run, server, completion(calls=[LOOKUP]), answer)
    assert (run.state, run.reason) == (RunState.FAILED, reason)
    assert run.detail
    assert not Assessment.objects.exists(), "nothing half done"
    again = performed(
        runs.queue(actor=SYSTEM, report=run.report),
        server,
        completion(calls=[LOOKUP]),
        completion(json.dumps(GOOD)),
    )
    assert again.state == RunState.COMPLETED


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        pytest.param([completion("It is bad.")], AnalysisReason.NONSENSE, id="words"),
        pytest.param([completion(json.dumps(GOOD | {"approved": True}))], AnalysisReason.NONSENSE, id="more"),
        pytest.param([completion(None, refusal="I will not.")], AnalysisReason.NONSENSE, id="refusal"),
        pytest.param([completion("", finish_reason="content_filter")], AnalysisReason.NONSENSE, id="filter"),
        pytest.param(
            [completion(json.dumps(GOOD)[:30], finish_reason="length")],
            AnalysisReason.TRUNCATED,
            id="cut off",
        ),
        pytest.param([completion(calls=[LOOKUP])], AnalysisReason.TURNS_CAP, id="calls for ever"),
        pytest.param([completion(calls=[("rm", "-rf /")])], AnalysisReason.TURNS_CAP, id="unknown function"),
        pytest.param([completion(calls=[TICKET] * 17)], AnalysisReason.NONSENSE, id="many calls in a turn"),
        pytest.param([completion(json.dumps(GOOD))], AnalysisReason.NO_LOOKUP, id="no lookup, no reason"),
        pytest.param(
            [
                completion(calls=[("get_vulnerability_info", '{"cve_id": "CVE-2000-0001"}')]),
                completion(json.dumps(GOOD)),
            ],
            AnalysisReason.NO_LOOKUP,
            id="looked up another",
        ),
        pytest.param(
            [
                completion(calls=[("get_vulnerability_info", '{"cve_id": "CVE-2021-44228; DROP"}')]),
                completion(json.dumps(GOOD)),
            ],
            AnalysisReason.NO_LOOKUP,
            id="an invalid lookup is none",
        ),
    ],
)
def test_a_finding_that_was_not_analysed_says_why(
    run: Run,
    server: ModelServer,
    finding: Finding,
    answers: list[Answer],
    reason: AnalysisReason,
) -> None:
    performed(run, server, *answers)
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.FINDINGS_FAILED)
    assessment = run.assessments.get()
    assert (assessment.state, assessment.reason) == (AnalysisState.FAILED, reason)
    assert run.turns <= 5
    assert no_write_happened()


def test_a_skipped_lookup_needs_a_recorded_reason(run: Run, server: ModelServer, finding: Finding) -> None:
    answer = GOOD | {"nvd_lookup_skipped": "The component is not deployed."}
    assessment = performed(run, server, completion(json.dumps(answer))).assessments.get()
    assert assessment.state == AnalysisState.ASSESSED
    assert assessment.nvd_outcome == LookupOutcome.UNAVAILABLE
    assert "The component is not deployed." in assessment.nvd_reason


def test_a_model_may_mend_its_answer_within_its_turns(
    run: Run, server: ModelServer, finding: Finding
) -> None:
    performed(
        run,
        server,
        completion(calls=[LOOKUP]),
        completion("Let me think."),
        completion(json.dumps(GOOD)),
    )
    assert (run.state, run.turns) == (RunState.COMPLETED, 3)
    assert "not the JSON object" in server.requests[-1]["messages"][-1]["content"]


def test_a_model_cannot_talk_compliance_down(run: Run, server: ModelServer, finding: Finding) -> None:
    answer = json.dumps(GOOD | {"severity": "info", "reasoning": "Nothing to see."})
    assessment = performed(run, server, completion(calls=[LOOKUP]), completion(answer)).assessments.get()
    assert assessment.severity == Severity.INFO
    assert assessment.compliance_impact["compliance_status"] != "COMPLIANT"


def test_a_server_that_counts_no_tokens_is_counted_for(
    run: Run,
    server: ModelServer,
    finding: Finding,
    settings: Any,
) -> None:
    settings.RUN_MAX_TOKENS = 1000
    document = json.loads(completion(calls=[LOOKUP]).body)
    del document["usage"]
    performed(run, server, Answer(json.dumps(document).encode()))
    assert (run.state, run.reason) == (RunState.FAILED, RunReason.TOKENS_CAP)


# --- generated answers ------------------------------------------------------------------------------

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=6,
)
TICKETS = st.builds(
    lambda **arguments: ("open_ticket", json.dumps(arguments)),
    title=st.text(min_size=1, max_size=50),
    body=st.text(min_size=1, max_size=50),
    severity=st.sampled_from(["critical", "high", "root"]),
)
NAMES = st.sampled_from([function.name for function in catalogue.FUNCTIONS]) | st.text(max_size=20)
NONSENSE = st.tuples(NAMES, st.builds(json.dumps, JSON_VALUES) | st.text(max_size=50))
CALLS = st.lists(st.just(TICKET) | TICKETS | st.just(LOOKUP) | NONSENSE, min_size=1, max_size=4)
CALLING = st.builds(lambda calls: completion(calls=calls, finish_reason="tool_calls"), CALLS)
ANSWERS = (
    CALLING
    | st.builds(
        lambda content, finish: completion(content, finish_reason=finish),
        st.just(json.dumps(GOOD)) | st.builds(json.dumps, JSON_VALUES) | st.text(max_size=50),
        st.sampled_from(["stop", "length", "content_filter", "tool_calls", "\0"]),
    )
    | st.builds(lambda content, calls: completion(content, calls=calls), st.text(max_size=20), CALLS)
    | st.builds(Answer, st.binary(max_size=50))
    | st.builds(lambda document: Answer(json.dumps(document).encode()), JSON_VALUES)
    | st.sampled_from([Answer(status=status) for status in (204, 301, 400, 429, 500)])
)


def test_generated_answers_never_cause_a_write(run: Run, server: ModelServer, finding: Finding) -> None:
    make_finding(finding.report, 1, vulnerability_ids=[], severity=Severity.LOW)
    queued = iter([run])

    # No shrinking: what one example wrote is there in the next, so a smaller one proves nothing.
    @hypothesis_settings(
        max_examples=50,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(calling=st.lists(CALLING, min_size=1, max_size=6), others=st.lists(ANSWERS, max_size=6))
    def attack(calling: list[Answer], others: list[Answer]) -> None:
        answers = calling + others
        remaining = iter(answers)

        def handle(_: httpx2.Request) -> httpx2.Response:
            answer = next(remaining, answers[-1])
            return httpx2.Response(answer.status, content=answer.body)

        current = next(queued, None) or runs.queue(actor=SYSTEM, report=run.report)
        with outbound.replaced_by(httpx2.MockTransport(handle)):
            analyst.perform(run_id=current.pk)
        current.refresh_from_db()
        assert current.state in {RunState.COMPLETED, RunState.FAILED}
        assert current.reason not in {"", RunReason.INTERNAL_ERROR}
        assert current.turns <= 2 * current.caps["turns"]
        assert no_write_happened()
        allowed = {"endpoint/nvd", "endpoint/assessments"}
        executed = current.function_calls.filter(outcome=CallOutcome.EXECUTED)
        assert set(executed.values_list("resource", flat=True)) <= allowed
        own = {f"finding/{one.pk}" for one in current.report.findings.all()}
        assert {proposal.resource for proposal in current.proposals.all()} <= own

    attack()
