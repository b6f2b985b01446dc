"""What a run leaves behind for each finding: the model's turns, and one assessment."""

from typing import Any

import orjson
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from agents import compliance
from agents.analyst.answer import FindingAnswer
from agents.choices import (
    AnalysisReason,
    AnalysisState,
    CallOutcome,
    LookupOutcome,
    RunState,
    Severity,
)
from agents.llm import ModelAnswer
from agents.models import AgentInstance, Assessment, Finding, FunctionCall, ModelTurn, Run
from audits import canonical
from audits.choices import Action, Outcome
from audits.services import ledger

LOOKUP = "get_vulnerability_info"


def record_turn(
    *, instance: AgentInstance, run: Run, finding: Finding, number: int, answer: ModelAnswer
) -> ModelTurn:
    """One answer of the model, as it came."""
    with transaction.atomic():
        turn = ModelTurn.objects.create(
            run=run,
            finding=finding,
            number=number,
            request=answer.request,
            response=answer.response,
            finish_reason=answer.finish_reason,
            tokens=answer.tokens,
            milliseconds=answer.milliseconds,
        )
        Run.objects.filter(pk=run.pk, state=RunState.RUNNING).update(
            turns=F("turns") + 1, tokens=F("tokens") + answer.tokens, seen_at=timezone.now()
        )
        ledger.record(
            stream=run.agent.stream,
            action=Action.MODEL_ANSWERED,
            actor=instance.actor,
            object=f"turn/{turn.pk}",
            provenance=instance.version.digest,
            trace=str(run.pk),
            body={
                "finding": str(finding.pk),
                "number": number,
                "model": run.planner,
                "request": canonical.digest_foreign(answer.request),
                "response": canonical.digest_foreign(answer.response),
                "content": orjson.dumps(answer.response).decode(),
                "finish_reason": answer.finish_reason,
                "tokens": answer.tokens,
                "milliseconds": answer.milliseconds,
            },
        )
    return turn


def conclude(*, instance: AgentInstance, run: Run, finding: Finding, answer: FindingAnswer) -> Assessment:
    """Turn the model's answer into the assessment, once it did what it must (S0-6).

    The severity that counts for compliance is NVD's, else the scanner's; the model can only raise it.
    """
    calls = list(run.function_calls.filter(finding=finding, function=LOOKUP))
    missing = _missing_lookups(finding, calls)
    if missing and not answer.nvd_lookup_skipped.strip():
        detail = f"No NVD lookup and no reason for: {', '.join(missing)[:500]}."
        return fail(
            instance=instance, run=run, finding=finding, reason=AnalysisReason.NO_LOOKUP, detail=detail
        )
    assessment = Assessment(
        finding=finding,
        run=run,
        state=AnalysisState.ASSESSED,
        reason=AnalysisReason.DONE,
        planner=run.planner,
        severity=answer.severity,
        confidence=f"{answer.confidence:.2f}",
        reasoning=answer.reasoning,
        recommendation=answer.recommendation,
        **_nvd(finding, calls, answer),
    )
    assessment.compliance_impact = _impact(finding, assessment)
    _store(instance, assessment)
    return assessment


def fail(
    *, instance: AgentInstance, run: Run, finding: Finding, reason: AnalysisReason, detail: str
) -> Assessment:
    """The analysis failed; it is kept with its reason."""
    assessment = Assessment(
        finding=finding,
        run=run,
        state=AnalysisState.FAILED,
        reason=reason,
        detail=detail,
        planner=run.planner,
    )
    _store(instance, assessment)
    return assessment


def _missing_lookups(finding: Finding, calls: list[FunctionCall]) -> list[str]:
    """CVEs that were not looked up, a refused or failed lookup being one whose reason is on record."""
    answered = {
        call.arguments["cve_id"]
        for call in calls
        if call.outcome != CallOutcome.INVALID and isinstance(call.arguments, dict)
    }
    return [cve for cve in finding.cve_ids if cve not in answered]


def _nvd(finding: Finding, calls: list[FunctionCall], answer: FindingAnswer) -> dict[str, Any]:
    """NVD's facts about the finding's first CVE that has any, or why there are none."""
    if not finding.cve_ids:
        return {"nvd_outcome": "", "nvd_reason": "The finding names no CVE."}
    known = set(finding.cve_ids)
    relevant = [call for call in calls if call.arguments.get("cve_id") in known]
    results = [call.result for call in relevant if call.result]
    found = [result for result in results if result["outcome"] == LookupOutcome.FOUND]
    if found:
        best = found[0]
        return {
            "nvd_outcome": LookupOutcome.FOUND,
            "nvd_reason": best["reason"],
            "nvd_facts": best["facts"],
        }
    outcome = LookupOutcome(results[0]["outcome"]) if results else LookupOutcome.UNAVAILABLE
    reasons = [result["reason"] for result in results] + [call.error for call in relevant if call.error]
    skipped = f"Skipped, in the planner's words: {answer.nvd_lookup_skipped}" if not reasons else ""
    return {"nvd_outcome": outcome, "nvd_reason": " ".join(dict.fromkeys(reasons)) or skipped}


def _impact(finding: Finding, assessment: Assessment) -> dict[str, Any]:
    facts = assessment.nvd_facts
    given = facts.get("severity", "")
    grounded = Severity(given if given in Severity.values else finding.severity)
    proposed = Severity(assessment.severity)
    severity = min(grounded, proposed, key=lambda one: one.rank)
    return dict(
        compliance.impact(
            severity=severity,
            cwes=list(dict.fromkeys([*finding.cwes, *facts.get("cwes", [])])),
            category=finding.category,
            cvss_score=facts.get("cvss_score", ""),
            kev=bool(facts.get("kev", False)),
        )
    )


def _store(instance: AgentInstance, assessment: Assessment) -> None:
    run, finding = assessment.run, assessment.finding
    assessed = assessment.state == AnalysisState.ASSESSED
    counter = "findings_done" if assessed else "findings_failed"
    impact = assessment.compliance_impact
    with transaction.atomic():
        assessment.save(force_insert=True)
        Run.objects.filter(pk=run.pk).update(**{counter: F(counter) + 1})
        ledger.record(
            stream=run.agent.stream,
            action=Action.FINDING_ASSESSED,
            actor=instance.actor,
            object=f"finding/{finding.pk}",
            outcome=Outcome.SUCCESS if assessed else Outcome.FAILED,
            provenance=instance.version.digest,
            frameworks=_frameworks(impact),
            trace=str(run.pk),
            body={
                "finding": str(finding),
                "assessment": str(assessment.pk),
                "state": str(assessment.state),
                "reason": str(assessment.reason),
                "detail": assessment.detail,
                "planner": assessment.planner,
                "severity": str(assessment.severity),
                "confidence": assessment.confidence,
                "reasoning": assessment.reasoning,
                "recommendation": assessment.recommendation,
                "nvd": str(assessment.nvd_outcome),
                "nvd_reason": assessment.nvd_reason,
                "compliance_impact": impact,
            },
        )


def _frameworks(impact: dict[str, Any]) -> list[str]:
    """The standards' names without the number of the control, by which bundles are asked for."""
    return sorted({standard.rpartition(" ")[0] for standard in impact.get("standards_affected", ())})
