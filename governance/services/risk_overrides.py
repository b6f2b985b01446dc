"""Another risk class than the answers lead to, milder or graver: only by a vote of the board (S1-5)."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, Person
from audits.choices import Action
from audits.errors import Conflict, Denied, Invalid
from audits.services.attempts import attempt, refuse
from governance import contents, permissions, selectors
from governance.choices import ApprovalState, ApprovalSubject, RiskLevel
from governance.models import Approval, RiskAssessment, RiskClass
from governance.services import locks, requests, risk
from governance.services.actors import BOARD

MAX_REASON = 4_000


def request(*, actor: Person, agent: Agent, level: RiskLevel, reason: str) -> Approval:
    """Ask the board for another class than the one that the agent has. The stricter of both decides how.

    Raises:
        Denied: the actor is neither the agent's owner, a deputy nor an administrator; or it has no owner.
        Invalid: no such class, the one that it has already, no reason, or no risk assessment.
        Conflict: such a request is pending already, or the agent is retired.
    """
    with attempt(
        action=Action.RISK_OVERRIDE_REQUESTED,
        actor=actor.actor,
        stream=agent.stream,
        object=f"agent/{agent.pk}",
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_governing(actor, agent))
        _check_agent(agent)
        assessment = selectors.latest_assessment(agent)
        if assessment is None:
            raise Invalid(
                "The agent has no risk assessment. Answer the questionnaire first.",
                fields={"level": "Answer the questionnaire first."},
            )
        wanted = _wanted(level, reason, assessment)
        if _pending(agent).exists():
            raise Conflict("A request for another class is before the board already.")
        rule = contents.dossier_rule(assessment.risk_class).strictest(contents.dossier_rule(wanted))
        return requests.open_request(
            actor=actor,
            agent=agent,
            subject=ApprovalSubject.RISK_OVERRIDE,
            subject_id=assessment.pk,
            title=f"{agent.name}: {assessment.risk_class} to {wanted}",
            described=contents.risk_override(assessment, agent, wanted.level, reason.strip()),
            terms={"rule": rule.frozen()},
            expires_at=timezone.now() + timedelta(days=settings.APPROVAL_DAYS),
        )


def changed(approval: Approval, agent: Agent) -> str | None:
    """Why the request no longer fits what is there; None where it does."""
    if not agent.owner.is_active:
        return "The agent has no active owner any more."
    if agent.state == AgentState.RETIRED:
        return "The agent is retired."
    assessment = selectors.latest_assessment(agent)
    if assessment is None or assessment.pk != approval.subject_id:
        return "The agent's risk has been assessed anew since."
    asked = contents.read(approval)
    described = contents.risk_override(assessment, agent, asked["level"], asked["reason"])
    if not contents.still_describes(approval, described):
        return "The agent, its people or its risk has been edited since."
    return None


def approved(approval: Approval, agent: Agent) -> None:
    """The board said yes: the class is the one it voted for, until the questionnaire is answered anew."""
    asked = contents.read(approval)
    rows = {row.level: row for row in locks.risk_classes()}
    before = RiskAssessment.objects.get(pk=approval.subject_id)
    risk.keep(
        actor=BOARD,
        action=Action.RISK_OVERRIDDEN,
        agent=agent,
        assessment=RiskAssessment(
            answers=before.answers,
            score=before.score,
            computed=before.computed,
            risk_class=rows[asked["level"]],
            overridden_by=approval,
            reason=asked["reason"],
        ),
    )


def refused(approval: Approval, agent: Agent, state: ApprovalState) -> None:
    """Rejected, expired or voided: the class stays."""


def _check_agent(agent: Agent) -> None:
    if not agent.owner.is_active:
        raise Denied("The agent has no active owner. Give it one first: no owner, no access.")
    if agent.state == AgentState.RETIRED:
        raise Conflict("The agent is retired; nothing can be asked for it.")


def _wanted(level: RiskLevel, reason: str, assessment: RiskAssessment) -> RiskClass:
    wanted = RiskClass.objects.filter(level=level).first()
    wrong: dict[str, str] = {}
    if wanted is None:
        wrong["level"] = "There is no such class."
    elif wanted.level == assessment.risk_class_id:
        wrong["level"] = "It has this class already."
    if not reason.strip() or len(reason) > MAX_REASON:
        wrong["reason"] = f"Say why, in at most {MAX_REASON:,} characters."
    if wrong or wanted is None:
        raise Invalid(" ".join(wrong.values()), fields=wrong)
    return wanted


def _pending(agent: Agent) -> QuerySet[Approval]:
    return Approval.objects.filter(
        agent=agent, subject=ApprovalSubject.RISK_OVERRIDE, state=ApprovalState.PENDING
    )
