"""What proxies of agents ask over HTTP: may this leave? Answered as for our own gateway, and recorded.

The portal resolves no name for others: whoever connects refuses addresses that are not public, and pins them.
"""

from agents import egress, egress_rules, endpoints
from agents.choices import EgressReason
from agents.egress import Checked
from agents.egress_rules import NotAUrlError, Verdict
from agents.models import Agent, AgentInstance, EgressAttempt
from agents.services import egress_attempts
from governance import access
from governance.authzen import Entity
from governance.models import EnforcementPoint
from governance.services.enforcement_points import actor_of

_UNKNOWN = Verdict(
    allowed=False, reason=EgressReason.AGENT_UNKNOWN, message="The register has no such agent."
)
_ENDED = "This running copy has ended."


def decide(*, subject: Entity, url: str, point: EnforcementPoint) -> tuple[EgressAttempt, Verdict]:
    """Check, record and answer."""
    agent, instance = _who(subject)
    checked = _checked(agent, instance, subject, url)
    attempt = egress_attempts.record(
        actor=actor_of(point),
        checked=checked,
        asked_by=point.name,
        agent=agent,
        subject=subject.reference,
    )
    return attempt, checked.verdict


def _who(subject: Entity) -> tuple[Agent | None, AgentInstance | None]:
    return access.running_copy(subject) if subject.type in access.REGISTERED else (None, None)


def _checked(agent: Agent | None, instance: AgentInstance | None, subject: Entity, url: str) -> Checked:
    if agent is None:
        try:
            to = egress_rules.destination(url)
        except NotAUrlError:
            to = None
        return Checked(_UNKNOWN, to)
    checked = egress.check_egress(agent, url)
    if not checked.verdict.allowed:
        return checked
    named = subject.type == access.AGENT_INSTANCE or "instance" in subject.properties
    if named and (instance is None or instance.ended_at is not None):
        return checked.refused(EgressReason.AGENT_NOT_ACTIVE, _ENDED)
    if checked.endpoint and (why := endpoints.why_not_reached(checked.endpoint)):
        return checked.refused(EgressReason.BREAKER_OPEN, why)
    return checked
