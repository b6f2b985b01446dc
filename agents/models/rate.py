from django.db import models


class Allowance(models.Model):
    """How much of a rate somebody has used up, shared by all processes: a row for each name."""

    name = models.CharField(primary_key=True, max_length=100)
    arrival = models.BigIntegerField(
        help_text="Theoretical arrival time, in microseconds since 1970: what was allowed reaches until then."
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class RateLimit(models.Model):
    """When the next request to a service may leave, shared by all processes."""

    name = models.CharField(primary_key=True, max_length=50)
    theoretical_arrival = models.DateTimeField(help_text="The next turn is not before this moment.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
