"""The analyst's run over a report: bounded, recorded at every step, and always ended with a reason.

The model proposes; this code counts its turns, carries its calls to the gateway, and decides when a
finding is done. Nothing here trusts a word of an answer (promises 8 and 9).
"""

import time
from typing import Any
from uuid import UUID

from agents import endpoints, llm
from agents.analyst import answer as answers
from agents.analyst import prompt, provenance
from agents.choices import AnalysisReason, AnalysisState, RunReason
from agents.errors import ModelError, NotActiveError, NotApprovedError, RunOverError
from agents.functions import catalogue
from agents.llm import Model, ModelAnswer, ToolCall
from agents.models import AgentInstance, Assessment, Finding, ModelTurn, Run
from agents.services import analyses, egress_attempts, gateway, runs
from audits.actor import Actor

WORKER = Actor.system("analyst-worker")
MAX_CALLS_A_TURN = 16


def perform(*, run_id: UUID) -> None:
    """Work through a queued run. Where it was taken already, nothing happens."""
    run = runs.claim(actor=WORKER, run_id=run_id, planner=llm.identity().label)
    if run is None:
        return
    reason, detail = (
        RunReason.INTERNAL_ERROR,
        "An error of the portal itself; its log says more. Run it again.",
    )
    try:
        reason, detail = _work(run)
    finally:
        runs.finish(actor=WORKER, run=run, reason=reason, detail=detail)


def _work(run: Run) -> tuple[RunReason, str]:
    started = time.monotonic()
    try:
        instance = runs.begin(actor=WORKER, run=run, running=provenance.current())
        with (
            egress_attempts.guarded(instance=instance, run=run, also=(endpoints.MODEL,)),
            llm.connect() as model,
        ):
            analyst = _Analyst(run, instance, model, started)
            states = [analyst.analyse(finding_id).state for finding_id in runs.remaining(run)]
    except NotApprovedError as denial:
        return RunReason.NOT_APPROVED, denial.message
    except NotActiveError as denial:
        return RunReason.DENIED, denial.message
    except (ModelError, RunOverError) as error:
        return RunReason(error.reason), error.message
    failed = states.count(AnalysisState.FAILED)
    if failed:
        return RunReason.FINDINGS_FAILED, f"{failed} of {len(states)} findings could not be analysed."
    return RunReason.DONE, ""


class _Analyst:
    """One worker's hands: the run, its identity, its model, and its caps."""

    def __init__(self, run: Run, instance: AgentInstance, model: Model, started: float) -> None:
        self._run = run
        self._instance = instance
        self._model = model
        self._started = started

    def analyse(self, finding_id: UUID) -> Assessment:
        """Talk about one finding until it is assessed, or its turns are used up."""
        finding = Finding.objects.select_related("report").get(pk=finding_id)
        messages = prompt.opening(finding)
        problem = ""
        for number in range(1, self._run.caps["turns"] + 1):
            self._check_caps()
            answer = self._model.complete(messages=messages, tools=catalogue.tools())
            turn = analyses.record_turn(
                instance=self._instance, run=self._run, finding=finding, number=number, answer=answer
            )
            unusable = _why_unusable(answer)
            if unusable is not None:
                return self._fail(finding, *unusable)
            messages.append(_said(answer))
            if answer.tool_calls:
                messages += [self._call(finding, turn, asked) for asked in answer.tool_calls]
                problem = ""
                continue
            try:
                parsed = answers.parse(answer.content)
            except answers.NonsenseError as error:
                problem = str(error)
                messages.append(prompt.correction(problem))
                continue
            return analyses.conclude(instance=self._instance, run=self._run, finding=finding, answer=parsed)
        if problem:
            return self._fail(finding, AnalysisReason.NONSENSE, problem)
        return self._fail(
            finding, AnalysisReason.TURNS_CAP, f"No answer within {self._run.caps['turns']} turns."
        )

    def _call(self, finding: Finding, turn: ModelTurn, asked: ToolCall) -> dict[str, Any]:
        self._check_caps()
        reply = gateway.call(
            request=gateway.Request(
                run=self._run,
                finding=finding,
                instance=self._instance,
                turn=turn,
                function=asked.name,
                arguments=asked.arguments,
                intent=f"Assess finding/{finding.pk} of report/{finding.report_id}.",
                propose=True,
            )
        )
        return {"role": "tool", "tool_call_id": asked.id, "content": reply.content}

    def _check_caps(self) -> None:
        """Before each step: is the run still ours, may the agent act, and is a cap reached?"""
        runs.beat(run=self._run)
        self._run.refresh_from_db(fields=["tokens", "calls"])
        caps = self._run.caps
        used = (
            (time.monotonic() - self._started, caps["seconds"], RunReason.SECONDS_CAP, "seconds"),
            (self._run.tokens, caps["tokens"], RunReason.TOKENS_CAP, "tokens"),
            (self._run.calls, caps["calls"], RunReason.CALLS_CAP, "function calls"),
        )
        for amount, cap, reason, unit in used:
            if amount >= cap:
                raise RunOverError(
                    reason, f"{cap} {unit} are allowed in a run. What is left was not analysed."
                )

    def _fail(self, finding: Finding, reason: AnalysisReason, detail: str) -> Assessment:
        return analyses.fail(
            instance=self._instance, run=self._run, finding=finding, reason=reason, detail=detail
        )


def _why_unusable(answer: ModelAnswer) -> tuple[AnalysisReason, str] | None:
    if answer.finish_reason == "length":
        return AnalysisReason.TRUNCATED, "The model's answer was cut off; nothing of it is used."
    if answer.refusal or answer.finish_reason == "content_filter":
        return AnalysisReason.NONSENSE, "The model refused to answer."
    if len(answer.tool_calls) > MAX_CALLS_A_TURN:
        count = len(answer.tool_calls)
        return (
            AnalysisReason.NONSENSE,
            f"{count} function calls in one turn; at most {MAX_CALLS_A_TURN} are taken.",
        )
    return None


def _said(answer: ModelAnswer) -> dict[str, Any]:
    """The answer as the next request repeats it: only what the protocol needs of it."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.content}
    if answer.tool_calls:
        message["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in answer.tool_calls
        ]
    return message
