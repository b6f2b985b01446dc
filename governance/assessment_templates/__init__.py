"""The templates by which people assess an agent (S1-6, S1-28): pure data, one module a kind.

Whoever changes a template raises its version: what was signed by an older one keeps the words of that one.
"""

from governance.assessment_templates import model_card, privacy, security, security_checklist
from governance.assessment_templates.template import Template
from governance.choices import AssessmentKind

__all__ = ["TEMPLATES", "Template"]

TEMPLATES: dict[AssessmentKind, Template] = {
    template.kind: template
    for template in (
        privacy.TEMPLATE,
        security.TEMPLATE,
        model_card.TEMPLATE,
        security_checklist.TEMPLATE,
    )
}
