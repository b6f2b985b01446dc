"""Running copies of an agent (S1-7). Only what was approved starts (promise 4)."""

from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from agents import oversight, permissions
from agents.choices import RevocationReason
from agents.errors import NotActiveError, NotApprovedError
from agents.models import Agent, AgentInstance, AgentVersion
from agents.provenance import Provenance
from agents.releasing import is_in_share
from agents.services import locks, revocations, secrets
from audits.actor import Actor
from audits.choices import Action
from audits.models.base import new_id
from audits.services import ledger


def start(*, actor: Actor, agent: Agent, running: Provenance, task: UUID) -> AgentInstance:
    """Give a running copy its own identity.

    Args:
        running: what would run.
        task: the run that it is started for.

    Raises:
        NotActiveError: the agent is frozen or retired, or has no active owner and may not even read.
        NotApprovedError: nothing is approved, or something else than `running` is; or `running` is being
            released, and this task is not in its share.
    """
    with transaction.atomic():
        held = locks.agent(agent.pk)
        if reason := oversight.why_contained(held):
            raise NotActiveError(f"{reason}: no copy of it starts.")
        version = _candidate(held, running, task) or _approved(held, running)
        identifier = new_id()
        instance = AgentInstance.objects.create(
            pk=identifier,
            agent=held,
            version=version,
            spiffe_id=f"spiffe://{settings.TRUST_DOMAIN}/agent/{held.slug}/i/{identifier}",
        )
        ledger.record(
            stream=held.stream,
            action=Action.INSTANCE_STARTED,
            actor=actor,
            object=f"instance/{instance.pk}",
            provenance=version.digest,
            trace=str(task),
            body={"spiffe_id": instance.spiffe_id, "version": version.label},
        )
    return instance


def end(*, actor: Actor, instance: AgentInstance) -> None:
    """The copy has stopped; its credentials are refused from now on. Ending twice changes nothing."""
    with transaction.atomic():
        now = timezone.now()
        if not AgentInstance.objects.filter(pk=instance.pk, ended_at__isnull=True).update(ended_at=now):
            return
        revocations.revoke_instance(instance=instance, reason=RevocationReason.ENDED)
        secrets.end_leases_of_copy(actor=actor, instance=instance)
        ledger.record(
            stream=instance.agent.stream,
            action=Action.INSTANCE_ENDED,
            actor=actor,
            object=f"instance/{instance.pk}",
            provenance=instance.version.digest,
            body={"spiffe_id": instance.spiffe_id},
        )
    instance.ended_at = now


def _candidate(agent: Agent, running: Provenance, task: UUID) -> AgentVersion | None:
    """The version that is being released, where that is what would run (S1-18)."""
    version = agent.candidate
    if version is None or version.digest != running.digest or Provenance.of(version).differences(running):
        return None
    if reason := permissions.why_not_act(agent):
        raise NotActiveError(reason)
    if not is_in_share(task=task, version=version.pk, percent=agent.candidate_percent):
        if agent.active_version and agent.active_version.digest == running.digest:
            return None
        raise NotApprovedError(
            f"Version {version.label} is being released, for {agent.candidate_percent} of 100 tasks, and "
            "this is none of them. Promote the release, or let the active version do it."
        )
    return version


def _approved(agent: Agent, running: Provenance) -> AgentVersion:
    version = agent.active_version
    if version is None:
        raise NotApprovedError(f"No version of {agent} is approved. Submit one to the board.")
    if reason := permissions.why_not_read(agent):
        raise NotActiveError(reason)
    differences = Provenance.of(version).differences(running)
    if differences:
        raise NotApprovedError(
            f"What would run differs from the approved version {version.label} in: {', '.join(differences)}. "
            "Add what would run as a new version and submit it to the board."
        )
    if version.digest != running.digest:
        raise NotApprovedError(f"The stored version {version.label} is not what its digest says.")
    return version
