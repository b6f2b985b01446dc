from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import AssessmentKind, AssessmentState, Discipline


class ImpactAssessment(Row):
    """What people wrote down about an agent by a template, and who stands for it (S1-6, S1-28).

    A draft is edited freely. A signed one never changes: `content` is its RFC 8785 canonical JSON, made
    from `answers` and `plan` when it was signed, and `sha256` is the digest that was signed.
    """

    agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="impact_assessments")
    kind = models.CharField(max_length=32, choices=AssessmentKind)
    serial = models.PositiveIntegerField(help_text="1, 2, 3 … of the agent and the kind.")
    template_version = models.PositiveSmallIntegerField(help_text="Which edition of the template it follows.")
    state = models.CharField(max_length=16, choices=AssessmentState, default=AssessmentState.DRAFT)
    answers = models.JSONField(default=dict, blank=True, help_text="Section id → field id → value.")
    plan = models.JSONField(
        default=list,
        blank=True,
        help_text="What is done against which risk: risk, measure, owner (id of a person), due (date).",
    )
    revision = models.PositiveIntegerField(default=0, help_text="Raised by every save of the draft.")
    writers = models.JSONField(
        default=list, help_text="Ids of everybody who wrote in it: none of them signs."
    )
    written_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", help_text="Who wrote last."
    )
    begun_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    signed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    signed_as = models.CharField(
        max_length=16, choices=Discipline, blank=True, help_text="The seat in which it was signed."
    )
    signed_at = models.DateTimeField(null=True, blank=True)
    content = models.TextField(blank=True, help_text="RFC 8785 canonical JSON of what was signed.")
    sha256 = models.CharField(max_length=64, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.TextField(blank=True, help_text="Why it is not in force any more.")
    history = FieldHistory(stream=lambda assessment: f"agent/{assessment.agent_id}", kind="impact_assessment")

    class Meta:
        ordering = ("-begun_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("agent", "kind", "serial"), name="impact_assessments_are_numbered"
            ),
            models.UniqueConstraint(
                fields=("agent", "kind"),
                condition=models.Q(state=AssessmentState.DRAFT),
                name="one_draft_of_a_kind",
            ),
            models.UniqueConstraint(
                fields=("agent", "kind"),
                condition=models.Q(state=AssessmentState.SIGNED),
                name="one_signed_assessment_of_a_kind",
            ),
            models.CheckConstraint(
                name="a_draft_is_not_signed",
                condition=~models.Q(state=AssessmentState.DRAFT)
                | models.Q(signed_at__isnull=True, signed_by__isnull=True, sha256="", ended_at__isnull=True),
            ),
            models.CheckConstraint(
                name="a_signed_assessment_has_its_signature",
                condition=~models.Q(state__in=(AssessmentState.SIGNED, AssessmentState.SUPERSEDED))
                | models.Q(signed_at__isnull=False, signed_by__isnull=False) & ~models.Q(sha256=""),
            ),
            models.CheckConstraint(
                name="nobody_signs_what_they_wrote",
                condition=models.Q(signed_by__isnull=True) | ~models.Q(signed_by=models.F("written_by")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.serial} of {self.agent}"
