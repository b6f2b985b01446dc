"""What somebody signs under an assessment, as exact bytes: every question with its answer, and the plan.

The words of the questions are in it, so what was signed reads the same when the template has moved on.
People appear by id and user name, as in a dossier. The signature is not in it: it is by the digest.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from agents.models import Person
from audits import canonical
from governance import answers
from governance.assessment_templates import TEMPLATES
from governance.choices import AssessmentKind
from governance.models import ImpactAssessment

Content = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """One answer that is not what it was; `before` and `after` are texts, empty where there was none."""

    section: str
    question: str
    before: str
    after: str


def described(assessment: ImpactAssessment) -> Content:
    """What the rows say now."""
    kind = AssessmentKind(assessment.kind)
    template = TEMPLATES[kind]
    people = _people({*assessment.writers, *(step.get("owner", "") for step in assessment.plan)})
    return {
        "v": 1,
        "kind": "impact_assessment",
        "id": str(assessment.pk),
        "assessment": kind.value,
        "serial": assessment.serial,
        "template_version": assessment.template_version,
        "agent": {
            "id": str(assessment.agent_id),
            "slug": assessment.agent.slug,
            "name": assessment.agent.name,
        },
        "sections": [
            {
                "id": section.id,
                "title": section.title,
                "fields": [_field(field) for field in fields],
            }
            for section, fields in answers.read(template, assessment.answers)
        ],
        "plan": [
            {name: step.get(name, "") for name in answers.STEP}
            | {"owner": people.get(step.get("owner", ""), {"id": "", "username": ""})}
            for step in assessment.plan
        ],
        "writers": [people[writer] for writer in sorted(assessment.writers) if writer in people],
    }


def to_bytes(content: Content) -> bytes:
    return canonical.dumps(content)


def digest_of(content: Content) -> str:
    return hashlib.sha256(to_bytes(content)).hexdigest()


def shown(assessment: ImpactAssessment) -> Content:
    """What its page shows: the bytes that were signed, or what a draft says now."""
    if not assessment.content:
        return described(assessment)
    content: Content = orjson.loads(assessment.content)
    return content


def is_intact(assessment: ImpactAssessment) -> bool:
    """Whether the bytes that are stored are those that were signed."""
    return hashlib.sha256(assessment.content.encode()).hexdigest() == assessment.sha256


def changes(before: Content, after: Content) -> list[Change]:
    """Answer by answer, what differs between two assessments of a kind."""
    old, new = dict(_lines(before)), dict(_lines(after))
    return [
        Change(*name, old.get(name, ""), new.get(name, ""))
        for name in dict.fromkeys((*new, *old))
        if old.get(name, "") != new.get(name, "")
    ]


def _field(field: answers.Read) -> Content:
    shown = {"id": field.id, "text": field.text, "kind": field.kind.value, "value": field.value}
    return shown | ({"columns": list(field.columns)} if field.columns else {})


def _lines(content: Content) -> Iterator[tuple[tuple[str, str], str]]:
    for section in content["sections"]:
        for field in section["fields"]:
            yield (section["title"], field["text"]), _as_text(field["value"])
    steps = (
        f"{step['risk']}: {step['measure']} ({step['owner']['username']}, {step['due']})"
        for step in content["plan"]
    )
    yield ("Mitigations", "The plan"), "\n".join(steps)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n".join(" | ".join(row) if isinstance(row, list) else row for row in value)


def _people(ids: Iterable[str]) -> dict[str, dict[str, str]]:
    found = Person.objects.filter(pk__in=[each for each in ids if each])
    return {str(person.pk): {"id": str(person.pk), "username": person.username} for person in found}
