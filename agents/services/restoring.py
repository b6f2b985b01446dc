"""Putting an entry of the register back to what was approved of it (promise 4).

Governance reads what that is from the bytes that the board decided on; the verb lives here because the
entry does. It takes any actor: whoever calls it has asked permission already.
"""

from collections.abc import Sequence

from agents.approved_entry import ApprovedEntry
from agents.models import Agent
from agents.services import telling
from audits.actor import Actor
from audits.choices import Action
from audits.services import history


def restore(
    *, actor: Actor, agent: Agent, entry: ApprovedEntry, parts: Sequence[str], edited: Sequence[str]
) -> None:
    """Write what was approved into the register again. The agent's row is locked by the caller.

    Args:
        parts: what this puts back, by its names in the dossier: ``agent.purpose``, ``deputies``.
        edited: what differs from what was approved even then, the same way.
    """
    for name, value in entry.fields.items():
        setattr(agent, name, value)
    agent.sponsor, agent.edited = entry.sponsor, list(edited)
    agent.save(update_fields=[*entry.fields, "sponsor", "edited"])
    agent.deputies.set(entry.deputies)
    history.record(
        changed=[agent],
        stream=agent.stream,
        action=Action.AGENT_PUT_BACK,
        actor=actor,
        object=f"agent/{agent.pk}",
        body={"parts": list(parts), "still_edited": list(edited)},
    )
    telling.put_back(agent=agent, actor=actor)
