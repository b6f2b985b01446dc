"""Row locks, always taken in this order: agent, approval, elevation. So nothing deadlocks."""

from uuid import UUID

from agents.services.locks import agent
from governance.models import Approval, Elevation

__all__ = ["agent", "approval", "elevation"]


def approval(approval_id: UUID) -> Approval:
    return Approval.objects.select_for_update(of=("self",), no_key=True).get(pk=approval_id)


def elevation(elevation_id: UUID) -> Elevation:
    return (
        Elevation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("proposal__finding")
        .get(pk=elevation_id)
    )
