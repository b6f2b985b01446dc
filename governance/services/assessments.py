"""Impact assessments: the owner's side writes them, somebody else signs (S1-6, promise 5).

draft → signed → superseded, by the signature under a newer one of the same kind. A draft and a signed one
can be withdrawn. What was signed never changes; the database refuses it.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db.models import Max
from django.utils import timezone

from agents.authentication import Authentication
from agents.choices import AgentState
from agents.models import Agent, Person
from audits.canonical import JSON
from audits.choices import Action
from audits.errors import Conflict, Invalid
from audits.services import history
from audits.services.attempts import attempt, refuse
from governance import answers as shape
from governance import impact_content, impact_missing, impact_selectors, permissions, selectors
from governance.answers import MAX_CELL, MAX_ITEMS, STEP, Answers, Step
from governance.assessment_templates import TEMPLATES
from governance.choices import AssessmentKind, AssessmentState, MitigationState
from governance.models import ImpactAssessment, Mitigation
from governance.prefill import from_register
from governance.services import locks, telling_evidence

MAX_RISK = 200


def begin(*, actor: Person, agent: Agent, kind: AssessmentKind) -> ImpactAssessment:
    """Open a draft, filled with what the last signed one says and what the register knows.

    Raises:
        Denied: the actor is neither the agent's owner, a deputy nor an administrator.
        Invalid: there is no such kind.
        Conflict: there is a draft of this kind already, or the agent is retired.
    """
    if kind not in AssessmentKind.values:
        raise Invalid("There is no such assessment.", fields={"kind": "Choose one of the templates."})
    kind = AssessmentKind(kind)
    with attempt(
        action=Action.IMPACT_ASSESSMENT_BEGUN,
        actor=actor.actor,
        stream=agent.stream,
        object=f"agent/{agent.pk}",
    ):
        agent = locks.agent(agent.pk)
        refuse(permissions.against_governing(actor, agent))
        if agent.state == AgentState.RETIRED:
            raise Conflict("The agent is retired; nothing is assessed about it any more.")
        of_kind = ImpactAssessment.objects.filter(agent=agent, kind=kind)
        if of_kind.filter(state=AssessmentState.DRAFT).exists():
            raise Conflict("There is a draft of it already. Go on with that one, or withdraw it.")
        last = of_kind.aggregate(last=Max("serial"))["last"] or 0
        assessment = ImpactAssessment.objects.create(
            agent=agent,
            kind=kind,
            serial=last + 1,
            template_version=TEMPLATES[kind].version,
            answers=_first_answers(agent, kind),
            plan=_first_plan(agent, kind),
            writers=[str(actor.pk)],
            written_by=actor,
        )
        _record(Action.IMPACT_ASSESSMENT_BEGUN, actor, assessment, [assessment])
    return assessment


def write(
    *,
    actor: Person,
    assessment: ImpactAssessment,
    answers: Mapping[str, Any],
    plan: Sequence[Step],
    revision: int,
) -> ImpactAssessment:
    """Save a draft, as partial as it may be.

    Args:
        answers: section id → field id → value; see `governance.assessment_templates.template.FieldKind`.
        plan: what is done against which risk: risk, measure, owner (id of a person), due (ISO 8601 date).
        revision: that of the draft which the actor was shown.

    Raises:
        Denied: the actor is neither the agent's owner, a deputy nor an administrator.
        Invalid: something does not have the shape that the template asks for; `fields` says what.
        Conflict: it is no draft any more, or somebody has saved it since.
    """
    with attempt(
        action=Action.IMPACT_ASSESSMENT_WRITTEN,
        actor=actor.actor,
        stream=assessment.agent.stream,
        object=f"impact_assessment/{assessment.pk}",
    ):
        agent = locks.agent(assessment.agent_id)
        refuse(permissions.against_governing(actor, agent))
        current = _draft(assessment.pk)
        if current.revision != revision:
            raise Conflict(f"{current.written_by} has saved it meanwhile. Open it again and add yours.")
        template = TEMPLATES[AssessmentKind(current.kind)]
        if wrong := shape.problems(template, answers) | _plan_problems(plan):
            raise Invalid("It cannot be saved like this.", fields=wrong)
        current.answers, current.plan = shape.fitting(template, answers), _tidy(plan)
        current.template_version = template.version
        current.writers = sorted({*current.writers, str(actor.pk)})
        current.written_by, current.revision = actor, current.revision + 1
        current.save()
        _record(Action.IMPACT_ASSESSMENT_WRITTEN, actor, current, [current])
        telling_evidence.assessment_written(assessment=current, actor=actor.actor)
    return current


def sign(
    *, actor: Person, assessment: ImpactAssessment, digest: str, authentication: Authentication
) -> ImpactAssessment:
    """Sign a complete draft, by the digest of what the page showed. It never changes afterwards.

    The assessment of the same kind that was in force is superseded, and its open mitigations lapse: the
    plan of this one takes their place.

    Raises:
        Denied: the actor wrote in it, answers for the agent, or does not hold its seat; or the sign-in is
            too old, or lacks the second factor.
        Invalid: something is missing; `fields` says what, by ``section.field`` and ``plan``.
        Conflict: it is no draft any more, or it was saved since.
    """
    with attempt(
        action=Action.IMPACT_ASSESSMENT_SIGNED,
        actor=actor.actor,
        stream=assessment.agent.stream,
        object=f"impact_assessment/{assessment.pk}",
    ):
        agent = locks.agent(assessment.agent_id)
        current = _draft(assessment.pk)
        current.agent = agent
        signer = Person.objects.get(pk=actor.pk)
        seat = selectors.seat_of(signer)
        refuse(permissions.against_signing(signer, current, seat))
        refuse(permissions.against_voting_with(signer, authentication))
        content = impact_content.described(current)
        if impact_content.digest_of(content) != digest:
            raise Conflict("It is not what you were shown any more. Open the page again and read it anew.")
        if wrong := impact_missing.missing(current):
            raise Invalid("It is not complete: " + " ".join(wrong.values()), fields=wrong)
        assert seat is not None  # noqa: S101 - against_signing refuses people without a seat
        replaced = _supersede(signer, current)
        current.state = AssessmentState.SIGNED
        current.signed_by, current.signed_as, current.signed_at = signer, seat.discipline, timezone.now()
        current.content, current.sha256 = impact_content.to_bytes(content).decode(), digest
        current.save()
        promised = _promise(current)
        _record(
            Action.IMPACT_ASSESSMENT_SIGNED,
            actor,
            current,
            [current, *replaced, *promised],
            sha256=digest,
            seat=seat.discipline,
            authentication=authentication.evidence,
        )
        telling_evidence.assessment_signed(assessment=current)
    return current


def withdraw(*, actor: Person, assessment: ImpactAssessment, reason: str) -> ImpactAssessment:
    """Take a draft or a signed assessment out of force; what a signed one says stays readable.

    Raises:
        Denied: see `permissions.against_withdrawing_assessment`.
        Invalid: no reason.
        Conflict: it is superseded or withdrawn already.
    """
    with attempt(
        action=Action.IMPACT_ASSESSMENT_WITHDRAWN,
        actor=actor.actor,
        stream=assessment.agent.stream,
        object=f"impact_assessment/{assessment.pk}",
    ):
        locks.agent(assessment.agent_id)
        current = locks.impact_assessment(assessment.pk)
        refuse(permissions.against_withdrawing_assessment(actor, current))
        if not reason.strip():
            raise Invalid("Say why.", fields={"reason": "Say why it is withdrawn."})
        if current.state not in {AssessmentState.DRAFT, AssessmentState.SIGNED}:
            raise Conflict(f"It is {current.get_state_display().lower()} already.")
        lapsed = _lapse(actor, current)
        _end(current, AssessmentState.WITHDRAWN, reason.strip())
        _record(Action.IMPACT_ASSESSMENT_WITHDRAWN, actor, current, [current, *lapsed], reason=reason.strip())
        telling_evidence.assessment_withdrawn(assessment=current, actor=actor.actor)
    return current


def close_mitigation(*, actor: Person, mitigation: Mitigation, note: str) -> Mitigation:
    """Say that a mitigation is done, and what was done.

    Raises:
        Denied: the actor does not own it.
        Invalid: no note.
        Conflict: it is closed already.
    """
    agent = mitigation.assessment.agent
    with attempt(
        action=Action.MITIGATION_CLOSED,
        actor=actor.actor,
        stream=agent.stream,
        object=f"mitigation/{mitigation.pk}",
    ):
        locks.agent(agent.pk)
        current = Mitigation.objects.select_related("assessment__agent", "owner").get(pk=mitigation.pk)
        refuse(permissions.against_closing(actor, current))
        if not note.strip():
            raise Invalid("Say what was done.", fields={"note": "Say what was done."})
        if current.state != MitigationState.OPEN:
            raise Conflict(f"It is {current.get_state_display().lower()} already.")
        _close(current, MitigationState.DONE, actor, note.strip())
        history.record(
            changed=[current],
            stream=agent.stream,
            action=Action.MITIGATION_CLOSED,
            actor=actor.actor,
            object=f"mitigation/{current.pk}",
            body={"risk": current.risk, "assessment": str(current.assessment_id), "note": current.note},
        )
        telling_evidence.mitigations_closed(mitigations=[current])
    return current


# --- Beginning ----------------------------------------------------------------------------------------
def _first_answers(agent: Agent, kind: AssessmentKind) -> Answers:
    """The last signed one's, and where it says nothing, the register's."""
    template = TEMPLATES[kind]
    last = impact_selectors.last_signed(agent, kind)
    known = shape.fitting(template, from_register(kind, agent))
    said = shape.fitting(template, last.answers) if last else {}
    return {name: known.get(name, {}) | said.get(name, {}) for name in {**known, **said}}


def _first_plan(agent: Agent, kind: AssessmentKind) -> list[Step]:
    """What is still open of the one in force."""
    still_open = impact_selectors.open_mitigations(agent).filter(assessment__kind=kind).order_by("position")
    return [
        {"risk": row.risk, "measure": row.measure, "owner": str(row.owner_id), "due": row.due.isoformat()}
        for row in still_open
    ]


# --- The plan -----------------------------------------------------------------------------------------
def _plan_problems(plan: Sequence[Step]) -> dict[str, str]:
    if not isinstance(plan, list | tuple) or len(plan) > MAX_ITEMS:
        return {"plan": f"At most {MAX_ITEMS} mitigations."}
    owners = {step.get("owner", "") for step in plan if isinstance(step, Mapping)} - {""}
    known = {
        str(pk) for pk in Person.objects.filter(pk__in=filter(_is_id, owners)).values_list("pk", flat=True)
    }
    for number, step in enumerate(plan, 1):
        if problem := _step_problem(step, known):
            return {"plan": f"Mitigation {number}: {problem}"}
    return {}


def _step_problem(step: Any, known: set[str]) -> str | None:
    if not isinstance(step, Mapping) or not set(step) <= set(STEP):
        return f"it has {', '.join(STEP)}."
    if not all(isinstance(value, str) and "\x00" not in value for value in step.values()):
        return "everything in it is text."
    if len(step.get("risk", "")) > MAX_RISK or len(step.get("measure", "")) > MAX_CELL:
        return f"a risk has at most {MAX_RISK} characters and a measure at most {MAX_CELL:,}."
    if step.get("owner") and step["owner"] not in known:
        return "there is no such person."
    if step.get("due") and impact_missing.day(step["due"]) is None:
        return "its date is year, month and day, for example 2030-01-31."
    return None


def _tidy(plan: Sequence[Step]) -> list[Step]:
    steps = ({name: step.get(name, "").strip() for name in STEP} for step in plan)
    return [step for step in steps if any(step.values())]


def _is_id(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False


# --- States -------------------------------------------------------------------------------------------
def _draft(assessment_id: UUID) -> ImpactAssessment:
    current = locks.impact_assessment(assessment_id)
    if current.state != AssessmentState.DRAFT:
        raise Conflict(f"It is {current.get_state_display().lower()}: it does not change any more.")
    return current


def _supersede(actor: Person, newer: ImpactAssessment) -> list[ImpactAssessment | Mitigation]:
    """End the one in force, and give what changed."""
    rows = ImpactAssessment.objects.select_for_update(of=("self",), no_key=True).select_related("agent")
    older = rows.filter(agent=newer.agent_id, kind=newer.kind, state=AssessmentState.SIGNED).first()
    if older is None:
        return []
    lapsed = _lapse(actor, older)
    _end(older, AssessmentState.SUPERSEDED, f"Number {newer.serial} was signed.")
    return [older, *lapsed]


def _end(assessment: ImpactAssessment, state: AssessmentState, reason: str) -> None:
    """By the columns that may still change: `save` would touch `updated_at`."""
    now = timezone.now()
    rows = ImpactAssessment.objects.filter(pk=assessment.pk)
    rows.update(state=state, ended_at=now, end_reason=reason)
    assessment.state, assessment.ended_at, assessment.end_reason = state, now, reason


def _promise(assessment: ImpactAssessment) -> list[Mitigation]:
    return [
        Mitigation.objects.create(
            assessment=assessment,
            position=position,
            risk=step["risk"],
            measure=step["measure"],
            owner_id=step["owner"],
            due=date.fromisoformat(step["due"]),
        )
        for position, step in enumerate(assessment.plan)
    ]


def _lapse(actor: Person, assessment: ImpactAssessment) -> list[Mitigation]:
    still_open = list(assessment.mitigations.filter(state=MitigationState.OPEN))
    for mitigation in still_open:
        _close(mitigation, MitigationState.LAPSED, actor, "")
    telling_evidence.mitigations_closed(mitigations=still_open)
    return still_open


def _close(mitigation: Mitigation, state: MitigationState, actor: Person, note: str) -> None:
    mitigation.state, mitigation.note = state, note
    mitigation.closed_at, mitigation.closed_by = timezone.now(), actor.actor.ref
    mitigation.save(update_fields=("state", "note", "closed_at", "closed_by"))


def _record(
    action: Action,
    actor: Person,
    assessment: ImpactAssessment,
    changed: Sequence[ImpactAssessment | Mitigation],
    **more: JSON,
) -> None:
    history.record(
        changed=changed,
        stream=assessment.agent.stream,
        action=action,
        actor=actor.actor,
        object=f"impact_assessment/{assessment.pk}",
        body={
            "kind": assessment.kind,
            "serial": assessment.serial,
            "revision": assessment.revision,
            **more,
        },
    )
