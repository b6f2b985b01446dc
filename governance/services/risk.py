"""Assessing an agent's risk (S1-5)."""

from collections.abc import Mapping

from agents.models import Agent, Person
from agents.services.attempts import attempt, refuse
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import ledger
from governance import permissions, risk_score
from governance.models import RiskAssessment, RiskClass
from governance.risk_score import QUESTIONS

__all__ = ["QUESTIONS", "assess"]


def assess(*, actor: Person, agent: Agent, answers: Mapping[str, str]) -> RiskAssessment:
    """Score the answers to the questionnaire and store the class that follows.

    Raises:
        Denied: the actor is neither the agent's owner, a deputy nor an administrator.
        Invalid: a question is not answered, or not with one of its options; `fields` says which.
        Conflict: a risk class has no row.
    """
    with attempt(
        action=Action.RISK_ASSESSED, actor=actor.actor, stream=agent.stream, object=f"agent/{agent.pk}"
    ):
        refuse(permissions.against_governing(actor, agent))
        if wrong := risk_score.problems(answers):
            raise Invalid("The questionnaire is not complete.", fields=wrong)
        result = risk_score.score(answers)
        risk_class = _class_of(result)
        assessment = RiskAssessment.objects.create(
            agent=agent,
            answers=dict(answers),
            score=result.points,
            risk_class=risk_class,
            assessed_by=actor.actor.ref,
        )
        ledger.record(
            stream=agent.stream,
            action=Action.RISK_ASSESSED,
            actor=actor.actor,
            object=f"assessment/{assessment.pk}",
            body={"answers": dict(answers), "score": result.points, "level": risk_class.level},
        )
    return assessment


def _class_of(result: risk_score.Score) -> RiskClass:
    classes = {row.level: row for row in RiskClass.objects.all()}
    level = risk_score.level(result, {name: row.minimum_score for name, row in classes.items()})
    if level not in classes:
        raise Conflict(f"The risk class {level.label} has no row. Run `manage.py migrate` to restore it.")
    return classes[level]
