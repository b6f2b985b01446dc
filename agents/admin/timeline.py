"""The story of a run as a person reads it: finding by finding, turn by turn, call by call.

A page of findings costs the same few queries whatever it holds.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from agents import selectors
from agents.admin.origins import MODEL
from agents.admin.planner import show_planner
from agents.admin.ties import decision_url
from agents.choices import LABELS, CallOutcome
from agents.models import Assessment, Finding, FunctionCall, ModelTurn, ProposedAction, Run
from audits.admin.show import show_choice, show_json, show_link, show_time, show_untrusted

FINDINGS_PER_PAGE = 10
SHORT = 280
# What chat completions call the end of a turn, in words.
ENDS = {
    "tool_calls": "called a function",
    "stop": "finished",
    "length": "cut off",
    "content_filter": "withheld by a filter",
}


@dataclass(frozen=True, slots=True)
class CallShown:
    """One function call: what was asked, decided, handed out and done."""

    call: FunctionCall
    outcome: SafeString
    arguments: SafeString
    decision: str
    decision_colour: str
    decision_url: str
    credential: str
    credential_url: str
    result: SafeString | str
    proposal: SafeString | str


@dataclass(frozen=True, slots=True)
class Step:
    """A model turn with its calls; without a turn, calls that were made after the run (elevated)."""

    turn: ModelTurn | None
    url: str
    said: SafeString | str
    end: str
    at: SafeString
    calls: list[CallShown]


@dataclass(frozen=True, slots=True)
class Story:
    """What the run did about one finding."""

    finding: Finding
    link: SafeString
    scanner_severity: SafeString
    steps: list[Step]
    assessment: Assessment | None
    severity: SafeString | str
    state: SafeString | str
    planner: SafeString | str
    reasoning: SafeString | str


@dataclass(frozen=True, slots=True)
class Telling:
    """How a run is told: who planned it, the decision point's reasons in words, links to credentials."""

    planner: str
    reasons: Mapping[str, str]
    links: bool


def timeline(
    run: Run, page_number: str | None, reasons: Mapping[str, str], *, links: bool
) -> tuple[Page[Finding], list[Story]]:
    """A page of the run's findings, in the report's order, each with its steps.

    `links`: whether the reader may open the credentials.
    """
    findings = Paginator(selectors.to_analyse(run.report), FINDINGS_PER_PAGE).get_page(page_number)
    shown = list(findings.object_list)
    turns = _by_finding(ModelTurn.objects.filter(run=run, finding__in=shown).defer("request"))
    calls = _by_finding(
        FunctionCall.objects.filter(run=run, finding__in=shown).select_related(
            "credential", "proposal__finding"
        )
    )
    made = Assessment.objects.filter(run=run, finding__in=shown)
    assessments = {assessment.finding_id: assessment for assessment in made}
    telling = Telling(run.planner, reasons, links)
    return findings, [
        _story(finding, turns[finding.pk], calls[finding.pk], assessments.get(finding.pk), telling)
        for finding in shown
    ]


def shortened(text: str) -> str:
    return Truncator(text).chars(SHORT)


def _by_finding(rows: Any) -> dict[UUID, list[Any]]:
    grouped: dict[UUID, list[Any]] = defaultdict(list)
    for row in rows.order_by("at", "id"):
        grouped[row.finding_id].append(row)
    return grouped


def _story(
    finding: Finding,
    turns: list[ModelTurn],
    calls: list[FunctionCall],
    assessment: Assessment | None,
    telling: Telling,
) -> Story:
    steps = [_step(turn, [call for call in calls if call.turn_id == turn.pk], telling) for turn in turns]
    afterwards = [call for call in calls if call.turn_id is None]
    steps += [Step(None, "", "", "", show_time(call.at), [_call(call, telling)]) for call in afterwards]
    return Story(
        finding=finding,
        link=show_link(finding),
        scanner_severity=show_choice(finding, "severity", LABELS),
        steps=steps,
        assessment=assessment,
        severity=show_choice(assessment, "severity", LABELS) if assessment and assessment.severity else "",
        state=show_choice(assessment, "state", LABELS) if assessment else "",
        planner=show_planner(assessment.planner) if assessment else "",
        reasoning=show_untrusted(shortened(assessment.reasoning), assessment.planner) if assessment else "",
    )


def _step(turn: ModelTurn, calls: list[FunctionCall], telling: Telling) -> Step:
    text = said(turn.response)
    return Step(
        turn=turn,
        url=reverse("admin:agents_modelturn_change", args=[turn.pk]),
        said=show_untrusted(text, telling.planner or MODEL) if text else "",
        end=end_words(turn.finish_reason),
        at=show_time(turn.at),
        calls=[_call(call, telling) for call in calls],
    )


def said(response: object) -> str:
    """The text of a chat-completions answer, whatever came; empty when it only called functions."""
    match response:
        case {"choices": [{"message": {"content": str(text)}}, *_]}:
            return text
        case _:
            return ""


def end_words(finish_reason: str) -> str:
    """How a turn ended; a word that no protocol knows stays as it is."""
    return ENDS.get(finish_reason, finish_reason)


def _call(call: FunctionCall, telling: Telling) -> CallShown:
    words, colour = decision_words(call, telling.reasons)
    proposal = getattr(call, "proposal", None)
    return CallShown(
        call=call,
        outcome=show_choice(call, "outcome", LABELS),
        arguments=show_json(call.arguments, telling.planner or MODEL),
        decision=words,
        decision_colour=colour,
        decision_url=decision_url(call.decision_id),
        credential=credential_words(call),
        credential_url=_credential_url(call) if telling.links else "",
        result=show_json(call.result, call.service or "the service")
        if call.result not in (None, {}, [])
        else "",
        proposal=_proposal(proposal) if proposal else "",
    )


def _proposal(proposal: ProposedAction) -> SafeString:
    return format_html(
        "{} {}", show_link(proposal, "Proposed action"), show_choice(proposal, "state", LABELS)
    )


def decision_words(call: FunctionCall, reasons: Mapping[str, str]) -> tuple[str, str]:
    """What the decision point said of a call, and the colour for it."""
    if call.outcome == CallOutcome.INVALID:
        return "Not asked: refused before any decision", "default"
    reason = reasons.get(call.decision_reason, call.decision_reason.replace("_", " "))
    if call.outcome == CallOutcome.DENIED:
        asked = " (requestable)" if call.requestable else ""
        return f"Denied{asked}: {reason}", "warning"
    return (f"Allowed: {reason}", "success") if reason else ("No decision recorded", "danger")


def credential_words(call: FunctionCall) -> str:
    """How long the call's own credential lived, and for what."""
    credential = call.credential
    if credential is None:
        return ""
    seconds = int((credential.expires_at - credential.issued_at).total_seconds())
    return f"{seconds} s, for {credential.access} on {credential.resource} at {credential.audience} only"


def _credential_url(call: FunctionCall) -> str:
    return reverse("admin:agents_credential_change", args=[call.credential_id]) if call.credential_id else ""
