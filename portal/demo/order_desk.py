"""The demo's second agent, which runs elsewhere: an order desk, its copy, and the gateway in front of it.

The analyst runs in the portal. What an agent elsewhere meets is told of this one, so that nothing which the
board approved of the analyst changes.
"""

from dataclasses import dataclass
from uuid import UUID

from agents.choices import ActionOutcome, AgentState
from agents.models import Agent
from agents.services import copies, importing
from governance import access, authzen, containment_selectors
from governance.access import Answered
from governance.models import EnforcementPoint
from governance.services import enforcement_points, outcomes
from portal.demo import own_agent, stopping
from portal.demo.people import DEMO
from portal.demo.running_copy import RunningCopy, new_key, public
from portal.demo.scene import Story
from portal.demo.working import DEMO_FILES

SLUG = "order-desk"
GATEWAY = "shop-gateway"


@dataclass(frozen=True, slots=True)
class OrderDesk:
    """The agent, the copy of it that runs, and the enforcement point that it meets."""

    agent: Agent
    copy: RunningCopy
    gateway: EnforcementPoint

    def asks(self, action: str, resource: str, **context: object) -> Answered:
        """What the gateway is told when the copy wants this; what is allowed it carries out, and says so."""
        kind, _, identifier = resource.partition("/")
        evaluation = authzen.evaluation(
            {
                "subject": {"type": access.AGENT_INSTANCE, "id": self.copy.instance.spiffe_id},
                "action": {"name": action},
                "resource": {"type": kind, "id": identifier},
                "context": {"intent": "Answer a customer.", **context},
            }
        )
        answer = access.decide(evaluation=evaluation, point=self.gateway)
        if answer.allowed:
            self.carried_out(answer.id)
        return answer

    def carried_out(self, decision: UUID) -> None:
        outcomes.report(point=self.gateway, evaluation_id=decision, outcome=ActionOutcome.EXECUTED, detail="")


def open_it(story: Story) -> OrderDesk:
    """The agent, approved and running; what an earlier story left of it is put right."""
    screen = story.screen
    screen.chapter("A second agent runs elsewhere, behind a gateway")
    path = DEMO_FILES / f"{SLUG}.yaml"
    importing.perform(
        actor=story.owner, content=path.read_bytes(), format="yaml", file_name=path.name, expected=""
    )
    agent = _active(story, Agent.objects.get(slug=SLUG))
    screen.step(f"{agent.name} is in the register by a file, approved by the board, and read-only")
    copy = _copy(story, agent)
    screen.step(f"its copy proves itself with a key of its own: {copy.instance.spiffe_id}")
    gateway = _gateway()
    screen.step(f"{gateway.name} asks the decision point for every call: an enforcement point")
    return OrderDesk(agent, copy, gateway)


def _gateway() -> EnforcementPoint:
    """It proves itself with a new credential: that of an earlier story was forgotten with it."""
    found = EnforcementPoint.objects.filter(name=GATEWAY).first()
    if found:
        credential = enforcement_points.rotate(actor=DEMO, point=found)
    else:
        _, credential = enforcement_points.add(actor=DEMO, name=GATEWAY)
    proved = enforcement_points.authenticate(actor=DEMO, credential=credential)
    assert proved is not None  # noqa: S101 - the credential was made a moment ago
    return proved


def _active(story: Story, agent: Agent) -> Agent:
    if agent.state == AgentState.FROZEN:
        for containment in containment_selectors.in_force().filter(agent=agent):
            stopping.let_go(story, containment, "It is shown again.")
        agent.refresh_from_db()
    if agent.state != AgentState.ACTIVE:
        agent = own_agent.approve(agent.slug)
    story.screen.require(agent.active_version, f"{agent.name} has no active version.")
    return agent


def _copy(story: Story, agent: Agent) -> RunningCopy:
    """A new copy. The keys of those of an earlier story were forgotten with it, so these copies end."""
    for left in agent.instances.filter(ended_at__isnull=True):
        copies.deprovision(actor=story.owner, instance=left)
    assert agent.active_version is not None  # noqa: S101 - `_active` required it
    key = new_key()
    instance = copies.provision(
        actor=story.owner, agent=agent, version=agent.active_version, jwk=public(key), days=30
    )
    return RunningCopy(instance, key)
