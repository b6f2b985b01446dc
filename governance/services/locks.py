"""Row locks, always taken in this order: agent, approval, elevation. So nothing deadlocks.

The agent is locked without its key, so that rows which merely point at it can still be written.
"""

from uuid import UUID

from agents.models import Agent
from governance.models import Approval, Elevation


def agent(agent_id: UUID) -> Agent:
    """The agent with owner and active version, as they are now, held until the transaction ends."""
    return (
        Agent.objects.select_for_update(of=("self",), no_key=True)
        .select_related("owner", "active_version")
        .get(pk=agent_id)
    )


def approval(approval_id: UUID) -> Approval:
    return Approval.objects.select_for_update(of=("self",)).get(pk=approval_id)


def elevation(elevation_id: UUID) -> Elevation:
    return (
        Elevation.objects.select_for_update(of=("self",), no_key=True)
        .select_related("proposal__finding")
        .get(pk=elevation_id)
    )
