from django.conf import settings
from django.db import models

from audits.models.base import Row
from audits.models.history import FieldHistory
from governance.choices import Discipline


class Seat(Row):
    """A person's seat on the governance board, for one discipline and a time (S1-2)."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="seats")
    discipline = models.CharField(max_length=16, choices=Discipline)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    is_chair = models.BooleanField(
        default=False, help_text="May withdraw a pending request. Has one vote, as every seat has."
    )
    history = FieldHistory(stream=lambda _seat: "system")

    class Meta:
        ordering = ("discipline", "-starts_at")
        constraints = (
            models.UniqueConstraint(
                fields=("person",),
                condition=models.Q(ends_at__isnull=True),
                name="one_open_seat_per_person",
            ),
            models.UniqueConstraint(
                fields=("is_chair",), condition=models.Q(is_chair=True), name="one_chair_of_the_board"
            ),
            models.CheckConstraint(
                name="seat_ends_after_it_starts",
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=models.F("starts_at")),
            ),
        )

    def __str__(self) -> str:
        return f"{self.person} ({self.get_discipline_display()})"
