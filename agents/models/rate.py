from django.db import models


class RateLimit(models.Model):
    """When the next request to a service may leave, shared by all processes."""

    name = models.CharField(primary_key=True, max_length=50)
    theoretical_arrival = models.DateTimeField(help_text="The next turn is not before this moment.")

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
