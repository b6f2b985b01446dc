from django.conf import settings
from django.db import models

from agents.choices import MailTiming, NotificationGroup, NotificationKind
from audits.models.base import Row


class Notification(Row):
    """What one person is told, once. It follows from what the ledger has recorded; it is no evidence itself.

    `title` is made of facts that the product knows, such as an agent's slug: never of what somebody wrote.
    """

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="notifications"
    )
    kind = models.CharField(max_length=32, choices=NotificationKind)
    reference = models.CharField(
        max_length=200, help_text="What it is about, as the ledger names it: kind/id."
    )
    title = models.CharField(max_length=200)
    key = models.CharField(max_length=200, help_text="A person is told of one key once.")
    agent = models.ForeignKey(
        "agents.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    due_at = models.DateTimeField(null=True, blank=True, help_text="By when it wants an answer.")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    mail = models.CharField(max_length=16, choices=MailTiming)
    delivery = models.ForeignKey(
        "agents.Delivery",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="notifications",
        help_text="The mail that carries it.",
    )

    class Meta:
        ordering = ("-created_at", "-id")
        constraints = (models.UniqueConstraint("person", "key", name="one_notification_per_person_and_key"),)
        indexes = (
            models.Index(
                fields=("reference",), condition=models.Q(read_at__isnull=True), name="notification_about"
            ),
            models.Index(
                fields=("person",), condition=models.Q(read_at__isnull=True), name="notification_unread"
            ),
            models.Index(
                fields=("person",),
                condition=models.Q(delivery__isnull=True) & ~models.Q(mail=MailTiming.NEVER),
                name="notification_to_mail",
            ),
        )

    def __str__(self) -> str:
        return self.title


class MailChoice(Row):
    """When a person wants mail about a group of notifications; without a row, at once."""

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="mail_choices"
    )
    group = models.CharField(max_length=16, choices=NotificationGroup)
    timing = models.CharField(max_length=16, choices=MailTiming)

    class Meta:
        ordering = ("person", "group")
        constraints = (models.UniqueConstraint("person", "group", name="one_mail_choice_per_group"),)

    def __str__(self) -> str:
        return f"{self.get_group_display()}: {self.get_timing_display()}"
