"""Filling in assessments, as people do."""

from datetime import timedelta
from typing import Any

from django.utils import timezone

from agents.models import Agent, Person
from governance import impact_content
from governance.answers import Answers, Step
from governance.assessment_templates import TEMPLATES
from governance.assessment_templates.template import Field, FieldKind, Template
from governance.choices import AssessmentKind
from governance.models import ImpactAssessment
from governance.services import assessments
from tests.signing_in import proof


def complete(template: Template) -> Answers:
    """An answer to every question, with no risk that is high."""
    found: Answers = {}
    for section, field in template.fields():
        found.setdefault(section.id, {})[field.id] = _answer(field)
    return found


def _answer(field: Field) -> Any:
    row = {column.id: column.options[0].id if column.options else "Some" for column in field.columns}
    by_kind: dict[FieldKind, Any] = {
        FieldKind.TEXT: f"About {field.id}.",
        FieldKind.CHOICE: field.options[0].id if field.options else "",
        FieldKind.LIST: ["One", "Two"],
        FieldKind.CHECK: {"answer": "yes"},
        FieldKind.TABLE: [row],
    }
    return by_kind[field.kind]


def step(owner: Person, risk: str = "Some", days: int = 30) -> Step:
    due = (timezone.localdate() + timedelta(days=days)).isoformat()
    return {"risk": risk, "measure": "Watch it.", "owner": str(owner.pk), "due": due}


def filled(
    writer: Person, agent: Agent, kind: AssessmentKind, plan: list[Step] | None = None
) -> ImpactAssessment:
    """A complete draft."""
    draft = assessments.begin(actor=writer, agent=agent, kind=kind)
    return assessments.write(
        actor=writer,
        assessment=draft,
        answers=complete(TEMPLATES[kind]),
        plan=[step(writer)] if plan is None else plan,
        revision=draft.revision,
    )


def signed(writer: Person, signer: Person, agent: Agent, kind: AssessmentKind) -> ImpactAssessment:
    """Written by one, signed by another."""
    return sign(signer, filled(writer, agent, kind))


def sign(signer: Person, draft: ImpactAssessment, **more: Any) -> ImpactAssessment:
    digest = more.pop("digest", "") or impact_content.digest_of(impact_content.described(draft))
    return assessments.sign(
        actor=signer,
        assessment=draft,
        digest=digest,
        authentication=more.pop("authentication", proof(signer)),
    )
