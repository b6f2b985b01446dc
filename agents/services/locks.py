"""The row lock of an agent: whatever changes what it may do happens under it, one after the other."""

from uuid import UUID

from agents.models import Agent


def agent(agent_id: UUID) -> Agent:
    """The agent with owner and active version, as they are now, held until the transaction ends.

    It is locked without its key, so that rows which merely point at it can still be written.
    """
    return (
        Agent.objects.select_for_update(of=("self",), no_key=True)
        .select_related("owner", "active_version")
        .get(pk=agent_id)
    )
