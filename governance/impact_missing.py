"""What a draft still lacks before it can be signed, and which drafts wait for whose signature (S1-6)."""

from collections.abc import Iterable, Sequence
from datetime import date

from django.db.models import QuerySet
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Person
from governance import answers as shape
from governance import permissions, selectors
from governance.answers import Step
from governance.assessment_templates import TEMPLATES
from governance.choices import AssessmentKind, AssessmentState
from governance.models import ImpactAssessment

MOST = 100


def missing(assessment: ImpactAssessment) -> dict[str, str]:
    """What has to be there before it can be signed, by ``section.field`` and ``plan``."""
    return _missing(assessment, _active_owners([assessment]))


def to_sign(person: Person) -> list[ImpactAssessment]:
    """The complete drafts that this person could sign now, the oldest first."""
    seat = selectors.seat_of(person)
    if seat is None:
        return []
    kinds = [kind for kind, template in TEMPLATES.items() if seat.discipline in template.signers]
    drafts = [
        draft
        for draft in _drafts().filter(kind__in=kinds).order_by("updated_at", "pk")[:MOST]
        if permissions.against_signing(person, draft, seat) is None
    ]
    owners = _active_owners(drafts)
    return [draft for draft in drafts if not _missing(draft, owners)]


def signers(assessment: ImpactAssessment) -> list[Person]:
    """Who could sign it now."""
    seats = selectors.current_seats().select_related("person").order_by("starts_at", "pk")
    held = {seat.person_id: seat for seat in reversed(seats)}
    return [
        seat.person
        for seat in held.values()
        if permissions.against_signing(seat.person, assessment, seat) is None
    ]


def day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _drafts() -> QuerySet[ImpactAssessment]:
    drafts = ImpactAssessment.objects.filter(state=AssessmentState.DRAFT)
    live = drafts.exclude(agent__state=AgentState.RETIRED)
    return live.select_related("agent", "written_by").prefetch_related("agent__deputies")


def _missing(assessment: ImpactAssessment, active: frozenset[str]) -> dict[str, str]:
    template = TEMPLATES[AssessmentKind(assessment.kind)]
    lacking = shape.missing(template, assessment.answers, assessment.plan)
    return lacking | _unready(assessment.plan, active)


def _active_owners(assessments: Iterable[ImpactAssessment]) -> frozenset[str]:
    """Ids of those with an active account who are named in the plans."""
    named = {step["owner"] for assessment in assessments for step in assessment.plan if step["owner"]}
    active = Person.objects.filter(pk__in=named, is_active=True)
    return frozenset(str(pk) for pk in active.values_list("pk", flat=True))


def _unready(plan: Sequence[Step], active: frozenset[str]) -> dict[str, str]:
    """What the plan lacks to be promised."""
    today = timezone.localdate()
    for number, step in enumerate(plan, 1):
        due = day(step["due"])
        if not step["risk"] or not step["measure"] or step["owner"] not in active or due is None:
            return {"plan": f"Mitigation {number} needs a risk, a measure, an active owner and a date."}
        if due < today:
            return {"plan": f"Mitigation {number} is overdue before it is signed: {step['due']}."}
    return {}
