"""What may be asked for as write elevation, and whether what was approved still holds (S1-9, S2-10)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from agents.choices import OPEN_PROPOSALS, Access, AgentState
from agents.models import Agent, ProposedAction
from audits import canonical
from audits.errors import Conflict, Invalid
from governance import containment_selectors, contents, elevation_selectors, manifest, selectors, sensitivity
from governance.choices import ElevationEnd, ElevationState
from governance.models import Elevation
from governance.quorum import Rule

MAX_USES = 100
MAX_RESOURCE = 300
DIGEST_LENGTH = 64
UNSETTLED = (ElevationState.PENDING, ElevationState.ACTIVE)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for: `uses` writes within `minutes` of the approval, none after `latest_end`.

    `call_digest` is the SHA-256 of the one call that it is for; empty for any call of the action.
    """

    action: str
    resource: str
    intent: str
    minutes: int
    uses: int
    latest_end: datetime | None = None
    call_digest: str = ""

    def tidied(self) -> "Wanted":
        return replace(self, intent=self.intent.strip())


def terms(agent: Agent) -> dict[str, Any]:
    """What a write needs: the stricter of what the board approved and what the risk class asks now.

    It lasts no longer than the shortest of both and of `ELEVATION_MAX_MINUTES`.

    Raises:
        Conflict: what runs is not what was approved.
    """
    approval = selectors.approved_dossier(agent)
    risk_class = selectors.risk_class_of(agent)
    if approval is None or risk_class is None:
        raise Conflict("What the agent runs is not what the board approved. Submit it again first.")
    frozen = contents.read(approval)["terms"]["writes"]
    rule = Rule.read(frozen["rule"]).strictest(contents.elevation_rule(risk_class))
    longest = min(frozen["max_minutes"], risk_class.elevation_max_minutes, settings.ELEVATION_MAX_MINUTES)
    return {"rule": rule.frozen(), "max_minutes": longest}


def check(wanted: Wanted, agent: Agent, max_minutes: int) -> None:
    """
    Raises:
        Invalid: not a write of the approved version, or outside the limits; `fields` says which.
    """
    wrong = _wrong_function(wanted, agent)
    if not wanted.intent:
        wrong["intent"] = "Say what it is for."
    if not 1 <= wanted.minutes <= max_minutes:
        wrong["minutes"] = f"From 1 to {max_minutes} minutes."
    if not 1 <= wanted.uses <= MAX_USES:
        wrong["uses"] = f"From 1 to {MAX_USES} uses."
    if wanted.latest_end is not None and wanted.latest_end <= timezone.now():
        wrong["latest_end"] = "This moment is over."
    if wanted.call_digest and len(wanted.call_digest) != DIGEST_LENGTH:
        wrong["call_digest"] = "A SHA-256 in hex."
    if wrong:
        raise Invalid(" ".join(wrong.values()), fields=wrong)


def _wrong_function(wanted: Wanted, agent: Agent) -> dict[str, str]:
    functions = agent.active_version.tool_manifest if agent.active_version else []
    function = manifest.entry(functions, wanted.action)
    if function is None or function.get("access") != Access.WRITE:
        return {"action": "The approved version has no such write."}
    template = str(function["resource"])
    whole = manifest.class_of(template)
    if wanted.resource == whole and not wanted.call_digest:
        return {}
    if len(wanted.resource) > MAX_RESOURCE or not manifest.covers(template, wanted.resource):
        every = f", or {whole} for all of them" if whole and not wanted.call_digest else ""
        return {"resource": f"It must be one resource of the form {template}{every}."}
    return {}


def check_proposal(row: ProposedAction, agent: Agent, wanted: Wanted) -> None:
    """Whether a proposal, held by the caller, can be asked about in these words.

    Raises:
        Invalid: it proposes something else.
        Conflict: it is not waiting, is not what its digest says, or is asked about already.
    """
    if (row.agent_id, row.function, row.resource) != (agent.pk, wanted.action, wanted.resource):
        raise Invalid("The proposal asks for something else.", fields={"proposal": "Choose its own action."})
    if row.state not in OPEN_PROPOSALS:
        raise Conflict("The proposal is not waiting for an elevation.")
    if canonical.digest(row.content) != row.digest:
        raise Conflict("The proposal is not what its digest says. Let the agent propose it again.")
    if row.elevations.filter(state__in=UNSETTLED).exists():
        raise Conflict("An elevation for this proposal is under way already.")


def ends_at(elevation: Elevation, now: datetime) -> datetime:
    """When it ends that begins now."""
    end = now + timedelta(minutes=elevation.minutes)
    return min(end, elevation.latest_end) if elevation.latest_end else end


def is_for(elevation: Elevation, resource: str) -> bool:
    """Whether an elevation is for this resource: it names it, or the class that it is in."""
    return resource == elevation.resource or manifest.is_in_class(elevation.resource, resource)


def why_over(elevation: Elevation, agent: Agent, resource: str = "") -> ElevationEnd | None:
    """Why a live elevation does not count any more; None where it does.

    `resource` is the one that is written now, of an elevation for a class of them.
    """
    if elevation.ends_at and elevation.ends_at <= timezone.now():
        return ElevationEnd.TIME
    return _why_agent_lost_it(agent) or _why_approved_otherwise(elevation, resource)


def _why_agent_lost_it(agent: Agent) -> ElevationEnd | None:
    if agent.state == AgentState.OWNERLESS or not agent.owner.is_active:
        return ElevationEnd.OWNER
    if agent.state == AgentState.FROZEN or containment_selectors.level_of(agent):
        return ElevationEnd.CONTAINED
    return None if agent.state == AgentState.ACTIVE else ElevationEnd.CHANGED


def _why_approved_otherwise(elevation: Elevation, resource: str) -> ElevationEnd | None:
    content = elevation_selectors.content_of(elevation)
    if content is None or content["policy"] != contents.policy():
        return ElevationEnd.POLICY
    if sensitivity.is_more_sensitive(content["snapshot"], resource or elevation.resource):
        return ElevationEnd.SENSITIVITY
    return None
