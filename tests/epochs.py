"""What the tests ask of the order of revocations."""

from agents.models import Agent
from agents.services import revocations
from agents.services.revocations import Scope


def epoch_of(agent: Agent) -> int:
    """The number of the newest revocation that concerns the agent, its owner or everything."""
    return revocations.cut_off(Scope.of(Agent.objects.get(pk=agent.pk)))
