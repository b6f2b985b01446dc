from django.conf import settings
from django.db import models

from agents.choices import DeliveryChannel, DeliveryState
from audits.models.base import Row


class Delivery(Row):
    """One mail to one person, or one call of the webhook, from when it waits to what became of it.

    A worker claims it by a conditional update. If that worker dies, nobody knows whether it arrived, and
    it is not sent again.
    """

    channel = models.CharField(max_length=8, choices=DeliveryChannel)
    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    content = models.JSONField(default=dict, help_text="What the webhook is told; empty for a mail.")
    key = models.CharField(max_length=200, blank=True, help_text="The webhook is told of one key once.")
    state = models.CharField(max_length=16, choices=DeliveryState, default=DeliveryState.WAITING)
    created_at = models.DateTimeField(auto_now_add=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    retry_at = models.DateTimeField(help_text="Not tried before this moment.")
    claimed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, help_text="Why the last attempt failed.")

    class Meta:
        ordering = ("-created_at", "-id")
        verbose_name_plural = "deliveries"
        indexes = (
            models.Index(
                fields=("retry_at",),
                condition=models.Q(state=DeliveryState.WAITING),
                name="delivery_waiting",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=("key",),
                condition=models.Q(channel=DeliveryChannel.WEBHOOK),
                name="one_webhook_call_per_key",
            ),
            models.CheckConstraint(
                name="mail_has_a_person",
                condition=models.Q(channel=DeliveryChannel.WEBHOOK, person__isnull=True)
                | models.Q(channel=DeliveryChannel.MAIL, person__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.get_channel_display()}, {self.created_at:%Y-%m-%d %H:%M}"
