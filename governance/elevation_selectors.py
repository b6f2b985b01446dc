"""Reads about write elevations: what they rest on, and what waits because of them."""

import orjson
from django.db.models import QuerySet

from agents.choices import OPEN_PROPOSALS
from agents.models import Agent, ProposedAction
from audits.choices import Action, Outcome
from audits.models import Event
from governance import contents
from governance.choices import ApprovalState, ApprovalSubject
from governance.models import Approval, BreakGlass, Elevation


def content_of(elevation: Elevation) -> contents.Content | None:
    """What was approved, as its approvers read it; None where nobody approved it."""
    approved = Approval.objects.filter(
        subject=ApprovalSubject.ELEVATION, subject_id=elevation.pk, state=ApprovalState.APPROVED
    ).first()
    if approved:
        return contents.read(approved)
    glass = BreakGlass.objects.filter(elevation=elevation).first()
    content: contents.Content | None = orjson.loads(glass.content) if glass else None
    return content


def unreviewed_glass() -> QuerySet[BreakGlass]:
    return BreakGlass.objects.filter(reviewed_at__isnull=True)


def is_broken(glass: BreakGlass) -> bool:
    """Whether a broken glass carries its elevation: its bytes are those that the ledger tells of.

    Without the event of who broke it, a row that somebody wrote into the database is worth nothing.
    """
    if contents.digest_of(glass.content.encode()) != glass.digest:
        return False
    events = Event.objects.filter(
        object=f"break_glass/{glass.pk}",
        action=Action.GLASS_BROKEN,
        outcome=Outcome.SUCCESS,
        actor=f"person/{glass.person_id}",
        stream=f"agent/{glass.agent_id}",
    )
    told = events.first()
    return told is not None and told.details.get("digest") == glass.digest


def latest_approval_of(elevation: Elevation) -> Approval:
    """What people were asked about it last: its newest revision."""
    rows = Approval.objects.filter(subject=ApprovalSubject.ELEVATION, subject_id=elevation.pk)
    return rows.order_by("-revision", "-requested_at")[0]


def proposal_of(agent: Agent, digest: str) -> ProposedAction | None:
    """What the agent proposed with this digest and nobody has carried out."""
    waiting = ProposedAction.objects.filter(agent=agent, digest=digest, state__in=OPEN_PROPOSALS)
    return waiting.order_by("proposed_at").first() if digest else None
