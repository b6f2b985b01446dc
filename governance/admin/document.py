"""How an assessment reads: as a document, from the bytes that are signed, in its owner's side's words."""

from collections.abc import Mapping
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from agents.models import Person
from audits.admin.show import EMPTY, show_label, show_link
from audits.visible import visible
from governance.assessment_templates.template import FieldKind
from governance.choices import LABELS, MitigationState
from governance.impact_content import Content
from governance.models import ImpactAssessment


def show_document(content: Content) -> list[dict[str, Any]]:
    """Section by section: its title, and each question with its answer."""
    return [
        {
            "title": section["title"],
            "answers": [(field["text"], _show(field)) for field in section["fields"]],
        }
        for section in content["sections"]
    ]


def show_plan(assessment: ImpactAssessment, content: Content) -> list[dict[str, object]]:
    """What was promised; once it is signed, with how far it is."""
    names = _names(step["owner"]["id"] for step in content["plan"])
    made = {row.position: row for row in assessment.mitigations.all()}
    return [
        {
            "risk": visible(step["risk"]),
            "measure": visible(step["measure"]),
            "owner": names.get(step["owner"]["id"], step["owner"]["username"]),
            "due": step["due"],
            "state": _show_state(made[position]) if position in made else "",
        }
        for position, step in enumerate(content["plan"])
    ]


def show_writers(content: Content) -> str:
    names = _names(writer["id"] for writer in content["writers"])
    return ", ".join(names.get(writer["id"], writer["username"]) for writer in content["writers"])


def _show_state(mitigation: Any) -> SafeString:
    colour = LABELS[MitigationState(mitigation.state)]
    return format_html(
        "{} {}", show_label(mitigation.get_state_display(), colour), show_link(mitigation, "Open its page")
    )


def _show(field: Mapping[str, Any]) -> SafeString:
    value = field["value"]
    if not value:
        return EMPTY
    if field["kind"] == FieldKind.TABLE:
        return _show_table(field["text"], field["columns"], value)
    if field["kind"] == FieldKind.LIST:
        return format_html(
            '<ul class="cs-bullets">{}</ul>',
            format_html_join("", "<li>{}</li>", ((visible(x),) for x in value)),
        )
    return format_html('<div class="cs-untrusted-text">{}</div>', visible(value))


def _show_table(name: str, columns: list[str], rows: list[list[str]]) -> SafeString:
    head = format_html_join("", '<th scope="col">{}</th>', ((column,) for column in columns))
    body = format_html_join(
        "",
        "<tr>{}</tr>",
        (
            (
                format_html_join(
                    "",
                    '<td data-label="{}"><div>{}</div></td>',
                    ((column, visible(cell)) for column, cell in zip(columns, row, strict=True)),
                ),
            )
            for row in rows
        ),
    )
    return format_html(
        '<div class="cs-table-frame" tabindex="0" role="group" aria-label="{}"><table class="cs-table">'
        "<thead><tr>{}</tr></thead><tbody>{}</tbody></table></div>",
        name,
        head,
        body,
    )


def _names(ids: Any) -> dict[str, str]:
    people = Person.objects.filter(pk__in=[each for each in ids if each])
    return {str(person.pk): f"{person} ({person.username})" for person in people}
