from django.conf import settings
from django.db import models

from audits.models.base import Row
from governance.choices import ShrinkKind, ShrinkState


class Shrinking(Row):
    """A proposal to end a grant, or to narrow what it is for, because nobody used more of it.

    `replayed` decisions were allowed in the days looked at, and none of them would have been denied.
    """

    grant = models.ForeignKey("governance.Grant", on_delete=models.PROTECT, related_name="shrinkings")
    kind = models.CharField(max_length=8, choices=ShrinkKind)
    resource = models.CharField(
        max_length=620, blank=True, help_text="What is left of it, where it is narrowed."
    )
    days = models.PositiveIntegerField(help_text="So far back its use was looked at.")
    replayed = models.PositiveIntegerField(help_text="Allowed decisions that stay allowed.")
    state = models.CharField(max_length=16, choices=ShrinkState, default=ShrinkState.PROPOSED)
    proposed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    proposed_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True, help_text="Why it was declined.")
    made = models.ForeignKey(
        "governance.Grant",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The narrower grant that took its place.",
    )

    class Meta:
        ordering = ("-proposed_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("grant",),
                condition=models.Q(state=ShrinkState.PROPOSED),
                name="one_proposal_to_shrink_a_grant",
            ),
        )

    def __str__(self) -> str:
        verb = "End" if self.kind == ShrinkKind.END else "Narrow"
        return f"{verb} {self.grant}"
