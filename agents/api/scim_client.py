"""Directories that provision people. Their credentials are made in the portal or by command."""

from django.db.models import QuerySet

from agents.models import ScimClient
from audits.api.base import Collection, Item, Shown

PERMISSION = "agents.view_scimclient"


class ScimClientShown(Shown):
    class Meta:
        model = ScimClient
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
        )


class ScimClients(Collection[ScimClient]):
    """Provisioning clients, those that are revoked too."""

    title = "List provisioning clients"
    permission, shown = PERMISSION, ScimClientShown

    def rows(self) -> QuerySet[ScimClient]:
        return ScimClient.objects.all()


class OneScimClient(Item[ScimClient]):
    """A provisioning client."""

    title = "Read a provisioning client"
    permission, shown = PERMISSION, ScimClientShown

    def rows(self) -> QuerySet[ScimClient]:
        return ScimClient.objects.all()
