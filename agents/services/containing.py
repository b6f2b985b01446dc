"""What containment does to an agent's state: held, let go again, or ended for good (S4-2).

Who may decide so is governance's business; these run inside its transactions, with the agent locked.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils import timezone

from agents import oversight
from agents.choices import AgentState, FreezeReason, RevocationReason
from agents.models import Agent, AgentInstance, Credential, InstanceKey
from agents.services import handovers, instances, register, revocations, secrets, telling
from audits.actor import Actor
from audits.canonical import JSON
from audits.errors import Conflict

# Where it has some access, or comes back to some by the word of its owner alone.
HOLDABLE = frozenset({AgentState.ACTIVE, AgentState.OWNERLESS, AgentState.FROZEN})


def hold(*, actor: Actor, agent: Agent) -> dict[str, JSON]:
    """Freeze it: no access, no run, no elevation, until `let_go`. Returns what it was.

    Raises:
        Conflict: it has no access that could be taken, or is held already.
    """
    if agent.state not in HOLDABLE or agent.freeze_reason == FreezeReason.CONTAINED:
        raise Conflict(f"{agent} is {agent.get_state_display().lower()}: there is nothing to freeze.")
    before: dict[str, JSON] = {
        "state": str(agent.state),
        "freeze_reason": str(agent.freeze_reason),
        "reads_until": agent.reads_until.isoformat() if agent.reads_until else "",
    }
    agent.freeze_reason, agent.reads_until = FreezeReason.CONTAINED, None
    revocations.revoke_agent(agent=agent, reason=RevocationReason.CONTAINED)
    register.move(agent, actor=actor, state=AgentState.FROZEN, why=FreezeReason.CONTAINED.label)
    secrets.end_leases(actor=actor, agent=agent)
    telling.suspended(agent=agent, actor=actor)
    oversight.stopped(actor=actor, agent=agent)
    return before


def let_go(*, actor: Actor, agent: Agent, before: Mapping[str, JSON]) -> None:
    """Back to what it was, as far as that still is: without an owner or a sponsor it is not active."""
    if agent.sponsor is not None and not agent.sponsor.is_active:
        state, reason = AgentState.FROZEN, FreezeReason.SPONSOR.value
    elif before["freeze_reason"]:
        state, reason = AgentState.FROZEN, str(before["freeze_reason"])
    elif agent.ownerless_at is not None or not agent.owner.is_active:
        state, reason = AgentState.OWNERLESS, ""
    else:
        state, reason = AgentState.ACTIVE, ""
    agent.freeze_reason = reason
    if before["state"] == AgentState.OWNERLESS == state and before["reads_until"]:
        agent.reads_until = datetime.fromisoformat(str(before["reads_until"]))
    register.move(agent, actor=actor, state=state, why="Two people lifted the freeze.")
    telling.reviewed(agent=agent)


def end(*, actor: Actor, agent: Agent) -> dict[str, int]:
    """End it for good, with its copies, their keys and tokens, its offers and whatever it may do.

    Returns what was ended, by name.
    """
    now = timezone.now()
    revocations.revoke_agent(agent=agent, reason=RevocationReason.KILLED)
    agent.freeze_reason, agent.reads_until = FreezeReason.KILLED, None
    register.move(agent, actor=actor, state=AgentState.RETIRED, why=FreezeReason.KILLED.label)
    handovers.lapse(actor=actor, agent=agent)
    secrets.end_leases(actor=actor, agent=agent)
    live = AgentInstance.objects.filter(agent=agent, ended_at__isnull=True).select_related("agent", "version")
    copies = list(live)
    for instance in copies:
        instances.end(actor=actor, instance=instance)
    keys = InstanceKey.objects.filter(instance__agent=agent)
    ended = keys.filter(ends_at__isnull=True).update(ends_at=now)
    ended += keys.filter(ends_at__gt=now).update(ends_at=now)
    unused = Credential.objects.filter(agent=agent, used_at__isnull=True, revoked_at__isnull=True)
    tokens = unused.filter(expires_at__gt=now).update(revoked_at=now)
    left = oversight.retired(actor=actor, agent=agent)
    if any(left.values()):
        raise Conflict(f"Something of {agent} is still there: {left}. Nothing was changed; try again.")
    return {"instances": len(copies), "keys": ended, "credentials": tokens}
