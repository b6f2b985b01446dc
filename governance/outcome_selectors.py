"""Reads: which decisions nobody has said the outcome of."""

from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from governance.models import Decision


def without_outcome() -> QuerySet[Decision]:
    """What was allowed longer ago than `OUTCOME_MINUTES`, and of which nobody has said what became of it."""
    late = timezone.now() - timedelta(minutes=settings.OUTCOME_MINUTES)
    return Decision.objects.filter(allowed=True, outcome__isnull=True, decided_at__lt=late)
