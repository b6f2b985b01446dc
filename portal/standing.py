"""What an agent may do now, in one sentence: the register's state and the board's approval, read together."""

from dataclasses import dataclass

from agents.choices import AgentState
from agents.models import Agent
from governance import containment_selectors, contents, selectors
from governance.choices import DecisionReason
from governance.models import Approval

SENTENCES = {
    AgentState.DISCOVERED: "It was found without an entry, and nobody has claimed it yet: it has no access.",
    AgentState.DRAFT: "It may do nothing yet: put a version of it before the board.",
    AgentState.IN_REVIEW: "It may do nothing yet: the board is deciding.",
    AgentState.FROZEN: "It may do nothing: it is frozen.",
    AgentState.OWNERLESS: "It has no owner: it writes nothing, and reads at most for its grace period.",
    AgentState.RETIRED: "It may do nothing any more: it is retired.",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """What it may do; whether that asks for a look; and the parts that were edited since approval."""

    sentence: str
    warning: bool = False
    edited: tuple[str, ...] = ()


def of(agent: Agent) -> Standing:
    """What the agent may do now, as the decision point would see it."""
    if level := containment_selectors.level_of(agent):
        return Standing(f"It may do nothing: {_frozen(level)}. Two people let it go on.", warning=True)
    if agent.state != AgentState.ACTIVE:
        state = AgentState(agent.state)
        return Standing(SENTENCES[state], warning=state in {AgentState.FROZEN, AgentState.OWNERLESS})
    if not agent.owner.is_active:
        return Standing("It may do nothing: its owner's account is not active.", warning=True)
    if approval := selectors.approved_dossier(agent):
        return Standing(_allowed(agent, approval))
    if approval := selectors.edited_dossier(agent):
        reads = _count(contents.read(approval)["reads"], "function")
        return Standing(
            f"It reads only, with {reads}, until the board approves it again.",
            warning=True,
            edited=tuple(_in_words(part) for part in agent.edited),
        )
    return Standing("It may do nothing: it is not what the board approved. Submit it again.", warning=True)


def _allowed(agent: Agent, approval: Approval) -> str:
    content = contents.read(approval)
    live = selectors.live_elevations().filter(agent=agent).count()
    reads = f"It may read with {_count(content['reads'], 'function')}"
    if not content["writes"]:
        return f"{reads}, and write nothing."
    if not live:
        return f"{reads}; it writes nothing now, for no write elevation is live."
    return f"{reads}, and write under {live} live write elevation{'' if live == 1 else 's'}."


def _frozen(level: str) -> str:
    reason = DecisionReason(f"contained_{level}").label
    return reason[0].lower() + reason[1:]


def _count(items: list[object], word: str) -> str:
    return f"{len(items)} {word}{'' if len(items) == 1 else 's'}"


def _in_words(part: str) -> str:
    return part.removeprefix("agent.").replace("_", " ")
