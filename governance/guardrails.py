"""Policies about agents of the register: what they are asked, and what of their answer the pipeline uses.

They are asked where the version's schema has actions of `AgentInstance`; a version for other types says
nothing about agents. The principal is the running copy, a member of its agent; what else is known stands in
the context. Pure but for what the catalogue says about the resource.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from agents.decision_point import Question
from agents.models import Agent
from governance import catalogue, cedar, pdp
from governance.active_policy import Active
from governance.choices import Sensitivity
from governance.models import Grant, RiskClass

UNUSABLE = "The active policies are not what was approved. Nothing is allowed until they are."


SILENT = cedar.Verdict(allowed=True)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one policy version says to one question; `facts` are those that it adds to the pipeline's."""

    facts: pdp.Facts
    label: str = ""
    verdict: cedar.Verdict = SILENT

    @property
    def obligations(self) -> tuple[str, ...]:
        return self.verdict.obligations


def opinion(facts: pdp.Facts, version: Active | None, asked: "Callable[[], Asked]") -> Opinion:
    """The pipeline's facts with what a version says; unchanged where it says nothing about agents."""
    if version is None:
        return Opinion(facts)
    if version.policies is None:
        return Opinion(replace(facts, policy_error=UNUSABLE), version.label)
    if not version.policies.for_agents:
        return Opinion(facts)
    about = asked()
    verdict = version.policies.ask(about.instance, about.agent, about.action, about.resource, about.context)
    added = replace(
        facts,
        policy_error=verdict.error,
        forbidden_by=_named(verdict) if verdict.forbidden else "",
        permit_missing=version.policies.agents_need_permit and not verdict.allowed and not verdict.policies,
    )
    return Opinion(added, version.label, verdict)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in Cedar's words: `resource` is `type/id`."""

    instance: str
    agent: str
    action: str
    resource: str
    context: dict[str, Any]


def asked_by(
    question: Question, agent: Agent, risk: RiskClass | None, grant: Grant | None, at: datetime
) -> Asked:
    """The question of a running copy, with its grant where there is one."""
    return Asked(
        instance=question.instance.spiffe_id,
        agent=agent.slug,
        action=question.action,
        resource=question.resource,
        context=context(
            agent,
            access=question.access,
            intent=question.intent,
            at=at,
            risk=risk,
            grant=grant,
            sensitivity=catalogue.sensitivity_of(question.resource),
        ),
    )


def context(
    agent: Agent,
    *,
    access: str,
    intent: str,
    at: datetime,
    risk: RiskClass | None,
    grant: Grant | None,
    sensitivity: Sensitivity | None,
) -> dict[str, Any]:
    """What policies about agents may look at: docs/policies.md lists it. What is unknown is absent."""
    moment = at.astimezone(UTC)
    return {
        "access": str(access),
        "intent": intent,
        "time": {
            "epoch": int(moment.timestamp()),
            "hour": moment.hour,
            "weekday": moment.isoweekday(),
        },
        "environment": str(agent.environment),
        "autonomy": str(agent.autonomy),
        "business_unit": agent.business_unit,
        "data_categories": list(agent.data_categories),
        "owner": agent.owner.username,
        "risk_class": str(risk.level) if risk else None,
        "sensitivity": sensitivity.value if sensitivity else None,
        "grant": {
            "id": str(grant.pk),
            "resource": grant.resource,
            "elevated": grant.elevation_id is not None,
        }
        if grant
        else None,
    }


def _named(verdict: cedar.Verdict) -> str:
    """Which policies forbid it, and what they say, in a sentence."""
    names = ", ".join(verdict.policies)
    return f"A guardrail forbids it ({names}). {verdict.said}".strip()
