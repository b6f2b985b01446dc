"""What an agent may reach is data; what it tried to reach is on record, refused or not."""

from agents.choices import EgressMode, EgressReason
from agents.egress_rules import Verdict
from agents.models import EgressPolicy
from agents.services import egress_lists
from governance import access, egress
from governance.authzen import Entity
from portal.demo.order_desk import OrderDesk
from portal.demo.people import STEWARD
from portal.demo.scene import Story

CARRIER = "api.carrier.example.org"


def play(story: Story, desk: OrderDesk) -> None:
    screen, steward = story.screen, story.people[STEWARD]
    screen.chapter("What it may reach")
    if not EgressPolicy.objects.filter(agent=desk.agent).exists():
        egress_lists.change(
            actor=steward,
            agent=desk.agent,
            mode=EgressMode.ALLOW,
            allow=[CARRIER],
            deny=[],
            reason="It asks where parcels are.",
        )
    screen.step(f"{steward} lets it reach {CARRIER}, beside what its approved version names: nothing")
    screen.require(_asks(desk, f"https://{CARRIER}/parcels/99").allowed, "The carrier was refused.")
    screen.step(f"https://{CARRIER}: allowed")
    pasted = _asks(desk, "https://paste.example.net/new")
    screen.require(pasted.reason == EgressReason.NOT_LISTED, f"The other host was {pasted.reason}.")
    screen.refused(f"https://paste.example.net. {pasted.message}")


def _asks(desk: OrderDesk, url: str) -> Verdict:
    """As its proxy does before it lets a request through."""
    subject = Entity(access.AGENT_INSTANCE, desk.copy.instance.spiffe_id)
    return egress.decide(subject=subject, url=url, point=desk.gateway)[1]
