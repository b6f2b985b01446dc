from django.db import models

from audits.models.base import Row


class Acknowledgement(Row):
    """An enforcement point said that everything up to a number has ended where it enforces; never changed."""

    point = models.ForeignKey(
        "governance.EnforcementPoint", on_delete=models.PROTECT, related_name="acknowledgements"
    )
    number = models.BigIntegerField(help_text="Of the revocation, and all before it.")
    at = models.DateTimeField()

    class Meta:
        ordering = ("-number",)
        constraints = (models.UniqueConstraint("point", "number", name="one_acknowledgement_per_number"),)

    def __str__(self) -> str:
        return f"{self.point}: up to {self.number}"
