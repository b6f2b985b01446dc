"""The agent policy that counts now, asked about entries of the register (S1-1)."""

from agents import policy_rules, selectors
from agents.choices import AgentState
from agents.defaults import AGENT_POLICY
from agents.models import Agent
from agents.policy_rules import Policy, Violation

__all__ = ["Policy", "Violation", "active", "agents_outside", "shipped", "violations"]

CHUNK = 1_000


def active() -> Policy:
    """The policy that was applied last; the one that the product ships with where none was."""
    applied = selectors.active_policy()
    return Policy.model_validate(applied.document) if applied else shipped()


def shipped() -> Policy:
    return Policy.model_validate(AGENT_POLICY)


def violations(agent: Agent, policy: Policy | None = None) -> list[Violation]:
    """What of the entry is outside the policy, of those who ask for many agents outside of `policy`.

    A policy that comes later may leave an older agent outside: that is shown and reported. It takes no
    access away by itself.
    """
    return policy_rules.violations(policy or active(), agent)


def agents_outside() -> list[tuple[Agent, list[Violation]]]:
    """The agents that are not retired and that the policy which counts now would not allow, by slug."""
    counts = active()
    left = Agent.objects.exclude(state__in=(AgentState.RETIRED, AgentState.DISCOVERED)).order_by("slug")
    found = ((agent, policy_rules.violations(counts, agent)) for agent in left.iterator(CHUNK))
    return [(agent, wrong) for agent, wrong in found if wrong]
