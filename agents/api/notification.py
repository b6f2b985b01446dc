"""One's own notifications (S4-4); nobody sees anybody else's."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from agents.api.person import PersonName
from agents.choices import NotificationKind
from agents.models import Notification
from agents.services import notifications
from audits.api.base import Collection, Filter, Given, Item, Resource, Shown, Verb


class NotificationShown(Shown):
    agent: Any = serializers.SlugRelatedField(slug_field="slug", read_only=True, allow_null=True)
    asked_by = PersonName(read_only=True, allow_null=True)

    class Meta:
        model = Notification
        fields = ("id", "kind", "reference", "title", "agent", "asked_by", "due_at", "created_at", "read_at")


class OfOnesOwn(Resource):
    shown = NotificationShown

    def rows(self) -> QuerySet[Notification]:
        return Notification.objects.filter(person=self.person).select_related("agent", "asked_by")


class Notifications(OfOnesOwn, Collection[Notification]):
    """What the person of the token was told."""

    title = "List your notifications"
    filters = {
        "kind": Filter(serializers.ChoiceField(NotificationKind.choices), "kind"),
        "unread": Filter(serializers.BooleanField(), "read_at__isnull"),
    }


class OneNotification(OfOnesOwn, Item[Notification]):
    """One of your notifications."""

    title = "Read a notification"


class Reading(OfOnesOwn, Verb[Notification]):
    """Marks a notification as read."""

    title = "Mark a notification as read"

    def perform(self, row: Notification, given: Given) -> Notification:  # noqa: ARG002 - the base's signature
        notifications.mark_read(actor=self.person, notification_id=row.pk)
        return self.rows().get(pk=row.pk)
