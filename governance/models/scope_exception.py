from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory


class ScopeException(Row):
    """Leave to name resources with a wildcard (S1-8): who gave it, why, until when. It ends by itself."""

    reference = models.CharField(
        max_length=300, help_text="The pattern with a wildcard, for example table/*."
    )
    reason = models.TextField(help_text="Why the resources cannot be named one by one.")
    granted_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)
    until = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When somebody ended it before that.")
    ended_by = models.CharField(max_length=200, blank=True, help_text="Who, as in the ledger.")
    history = FieldHistory(stream=lambda _exception: "system", kind="scope_exception")

    class Meta:
        ordering = ("-granted_at",)
        indexes = (models.Index("reference", name="exception_lookup"),)
        constraints = (
            models.CheckConstraint(
                name="exception_ends_after_it_began", condition=models.Q(until__gt=models.F("granted_at"))
            ),
        )

    def __str__(self) -> str:
        return self.reference
