"""Changing what a risk class demands (S1-5): what was shown beforehand is what is saved."""

from django.utils import timezone

from agents.authentication import Authentication
from agents.models import Agent, Person
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import permissions, risk_classes, risk_selectors
from governance.choices import RiskLevel
from governance.models import RiskAssessment, RiskClass
from governance.risk_classes import Figures
from governance.risk_selectors import ClassChange, Effect
from governance.services import locks, risk, telling
from governance.services.actors import RISK_CLASSES


def preview(*, actor: Person, level: RiskLevel, figures: Figures) -> ClassChange:
    """Whom a change would affect and what they would lack; changes nothing.

    Raises:
        Denied: the actor is no administrator.
        Invalid: the figures are not those of a class, or ask for less than a milder class does.
        Conflict: nothing differs, or the class has no row.
    """
    refuse(permissions.against_changing_classes(actor))
    classes = {row.level: risk_selectors.figures_of(row) for row in RiskClass.objects.all()}
    if level not in classes:
        raise Conflict("The risk class has no row. Run `manage.py migrate` to restore it.")
    others = {other: theirs for other, theirs in classes.items() if other != level}
    if wrong := risk_classes.problems(RiskLevel(level), figures, others):
        raise Invalid(" ".join(dict.fromkeys(wrong.values())), fields=wrong)
    change = risk_selectors.class_change(RiskLevel(level), figures, timezone.localdate())
    if not change.changed:
        raise Conflict("Nothing differs from what the class demands now.")
    return change


def change(
    *, actor: Person, level: RiskLevel, figures: Figures, digest: str, authentication: Authentication
) -> ClassChange:
    """Save what was previewed, and evaluate every affected agent anew, all or nothing.

    Requests that are pending keep the rule that was frozen with them. An agent whose class changes is
    edited: it reads until the board approves again, and what is pending for it is voided.

    Args:
        digest: of the change that the actor was shown: the class and every affected agent.

    Raises:
        Denied: the actor is no administrator, or the sign-in is too old.
        Invalid: the figures are not those of a class.
        Conflict: what would follow is not what was shown any more.
    """
    with attempt(
        action=Action.RISK_CLASS_CHANGED,
        actor=actor.actor,
        stream=SYSTEM_STREAM,
        object=f"riskclass/{level}",
    ):
        refuse(permissions.against_changing_classes(actor))
        refuse(permissions.against_changing_classes_with(actor, authentication))
        shown = preview(actor=actor, level=level, figures=figures)
        agents = {pk: locks.agent(pk) for pk in sorted(effect.agent.pk for effect in shown.effects)}
        rows = {row.level: row for row in locks.risk_classes()}
        current = preview(actor=actor, level=level, figures=figures)
        if not shown.digest == current.digest == digest:
            raise Conflict(
                "The class or the agents that it affects have changed meanwhile. Look at it again."
            )
        row = rows[level]
        for name, value in current.after.items():
            setattr(row, name, value)
        row.save(update_fields=list(current.after))
        history.record(
            changed=[row],
            stream=SYSTEM_STREAM,
            action=Action.RISK_CLASS_CHANGED,
            actor=actor.actor,
            object=f"riskclass/{level}",
            body={
                "before": {name: current.before[name] for name in current.changed},
                "after": {name: current.after[name] for name in current.changed},
                "agents": [str(effect.agent.pk) for effect in current.effects],
                "reassessed": [str(effect.agent.pk) for effect in current.effects if effect.is_reassessed],
                "digest": digest,
                "authentication": authentication.evidence,
            },
        )
        telling.class_changed(level=level, agents=agents.values(), actor=actor.actor)
        for effect in sorted(current.effects, key=lambda each: each.agent.pk):
            if effect.is_reassessed:
                _reassess(effect, agents[effect.agent.pk], rows, row)
    return current


def _reassess(effect: Effect, agent: Agent, rows: dict[str, RiskClass], changed: RiskClass) -> None:
    """The same answers under the new figures; an override by the board stays in force."""
    before = effect.assessment
    risk.keep(
        actor=RISK_CLASSES,
        action=Action.RISK_ASSESSED,
        agent=agent,
        assessment=RiskAssessment(
            answers=before.answers,
            score=before.score,
            computed=effect.computed,
            risk_class=rows[effect.after],
            overridden_by=before.overridden_by,
            reason=f"The figures of the class {changed.get_level_display()} were changed.",
        ),
    )
