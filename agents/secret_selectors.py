"""Reads: which secrets an agent may use, who may know them, and which are to be rotated."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.utils import timezone

from agents import tool_manifest
from agents.choices import RotationReason, RotationState
from agents.models import Agent, Person, SecretLease, SecretReference, SecretRotation, SecretUse
from agents.models.secret import OPEN_ROTATIONS


def may_use(secret: SecretReference, agent: Agent, action: str, resource: str) -> bool:
    """Whether somebody let the agent use this secret for this action on this resource."""
    uses = SecretUse.objects.filter(secret=secret, agent=agent, action=action, ended_at__isnull=True)
    return any(tool_manifest.covers(use.resource, resource) for use in uses)


def live_leases(agent: Agent) -> QuerySet[SecretLease]:
    return SecretLease.objects.filter(agent=agent, ended_at__isnull=True, expires_at__gt=timezone.now())


def known_to(person: Person) -> list[SecretReference]:
    """Secrets that the person owns, and those of agents for which they answer, or which they sponsor."""
    agents = Agent.objects.filter(Q(owner=person) | Q(deputies=person) | Q(sponsor=person))
    uses = SecretUse.objects.filter(agent__in=agents, ended_at__isnull=True)
    live = SecretReference.objects.filter(ended_at__isnull=True).select_related("owner")
    return list(live.filter(Q(owner=person) | Q(pk__in=uses.values("secret"))))


def keepers(secret: SecretReference) -> Iterable[Person]:
    """Its owner; where they are gone, the administrators."""
    owner = Person.objects.get(pk=secret.owner_id)
    return [owner] if owner.is_active else Person.objects.filter(is_active=True, is_superuser=True)


def last_version(secret: SecretReference) -> str:
    """The version that was last read; empty where none is known."""
    newest = SecretLease.objects.filter(secret=secret).order_by("-leased_at").first()
    return newest.version if newest else ""


def next_rotation(secret: SecretReference) -> datetime | None:
    """When its time is over, as its policy says."""
    days = secret.rotate_days
    return secret.rotated_at + timedelta(days=days) if days else None


def why_rotate(secret: SecretReference, now: datetime) -> RotationReason | None:
    """Why it is to be rotated now, without anybody having asked."""
    due = next_rotation(secret)
    if due is not None and due <= now:
        return RotationReason.TIME
    if secret.rotate_uses is not None and secret.uses >= secret.rotate_uses:
        return RotationReason.USES
    return None


def due(now: datetime) -> list[UUID]:
    """Secrets that are to be rotated, and for which no rotation is open."""
    under_way = SecretRotation.objects.filter(state__in=OPEN_ROTATIONS).values("secret")
    live = SecretReference.objects.filter(ended_at__isnull=True).exclude(pk__in=under_way)
    return [secret.pk for secret in live.order_by("pk").iterator() if why_rotate(secret, now)]


def waiting_for(person: Person) -> QuerySet[SecretRotation]:
    """Rotations that the person has to do: of their own secrets, or of those whose owner is gone."""
    mine = Q(secret__owner=person)
    if person.is_superuser:
        mine |= Q(secret__owner__is_active=False)
    rows = SecretRotation.objects.filter(mine, state=RotationState.WAITING)
    return rows.select_related("secret").order_by("due_at")
