"""Who may ask the decision point over HTTP. Their credentials are made in the portal or by command."""

from django.db.models import QuerySet

from audits.api.base import Collection, Item, Shown
from governance.models import EnforcementPoint

PERMISSION = "governance.view_enforcementpoint"


class PointShown(Shown):
    class Meta:
        model = EnforcementPoint
        fields = (
            "id",
            "name",
            "created_at",
            "created_by",
            "rotated_at",
            "rotated_by",
            "revoked_at",
            "revoked_by",
            "last_seen_at",
            "mode",
            "declared_at",
            "declared_by",
            "probe_url",
            "asked_at",
            "stale_since",
        )


class EnforcementPoints(Collection[EnforcementPoint]):
    """Enforcement points, those that are revoked too."""

    title = "List enforcement points"
    permission, shown = PERMISSION, PointShown

    def rows(self) -> QuerySet[EnforcementPoint]:
        return EnforcementPoint.objects.all()


class OneEnforcementPoint(Item[EnforcementPoint]):
    """An enforcement point."""

    title = "Read an enforcement point"
    permission, shown = PERMISSION, PointShown

    def rows(self) -> QuerySet[EnforcementPoint]:
        return EnforcementPoint.objects.all()
