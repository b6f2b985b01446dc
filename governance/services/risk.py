"""Assessing an agent's risk (S1-5)."""

from collections.abc import Mapping

from agents import oversight
from agents.models import Agent, Person
from agents.services import register
from audits.actor import Actor
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import permissions, risk_score, risk_selectors
from governance.models import RiskAssessment
from governance.risk_score import QUESTIONS
from governance.services import locks

__all__ = ["QUESTIONS", "assess", "keep"]


def assess(*, actor: Person, agent: Agent, answers: Mapping[str, str]) -> RiskAssessment:
    """Score the answers to the questionnaire and store the class that follows. It ends an override.

    Raises:
        Denied: the actor is neither the agent's owner, a deputy nor an administrator.
        Invalid: a question is not answered, or not with one of its options; `fields` says which.
        Conflict: a risk class has no row.
    """
    with attempt(
        action=Action.RISK_ASSESSED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_governing(actor, agent))
        if wrong := risk_score.problems(answers):
            raise Invalid("The questionnaire is not complete.", fields=wrong)
        locks.risk_classes()
        result, risk_class = risk_selectors.class_of(answers)
        if risk_class is None:
            raise Conflict("The risk class has no row. Run `manage.py migrate` to restore it.")
        return keep(
            actor=actor.actor,
            action=Action.RISK_ASSESSED,
            agent=agent,
            assessment=RiskAssessment(
                answers=dict(answers),
                score=result.points,
                computed=risk_class.level,
                risk_class=risk_class,
            ),
        )


def keep(*, actor: Actor, action: Action, agent: Agent, assessment: RiskAssessment) -> RiskAssessment:
    """Store a risk assessment of an agent, with its event and with what follows from it at once.

    Must run inside a transaction, with the agent locked.
    """
    assessment.agent, assessment.assessed_by = agent, actor.ref
    assessment.save(force_insert=True)
    body: dict[str, JSON] = {
        "answers": assessment.answers,
        "score": assessment.score,
        "level": assessment.risk_class_id,
        "computed": assessment.computed,
    }
    if assessment.reason:
        body["reason"] = assessment.reason
    if assessment.overridden_by_id:
        body["approval"] = str(assessment.overridden_by_id)
    history.record(
        changed=register.mark_edited(actor=actor, agent=agent, parts=["risk"]),
        stream=agent.stream,
        action=action,
        actor=actor,
        object=f"assessment/{assessment.pk}",
        body=body,
    )
    oversight.edited(actor=actor, agent=agent)
    return assessment
