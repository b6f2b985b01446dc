"""Addresses of this room's resources, below the prefix of the API."""

from django.urls import path

from audits.api import checkpoint, event

urlpatterns = [
    path("ledger/events", event.Events.as_view(), name="events"),
    path("ledger/events/<uuid:id>", event.OneEvent.as_view(), name="event"),
    path("ledger/checkpoint", checkpoint.NewestCheckpoint.as_view(), name="checkpoint"),
]
