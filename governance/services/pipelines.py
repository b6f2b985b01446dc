"""CI pipelines: which may record tests and ask the gate, for which agents, with which credential (S1-4)."""

import re
from collections.abc import Collection
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from agents.models import Agent
from audits.actor import Actor
from audits.choices import Action, Outcome
from audits.errors import Conflict, Invalid, NotFound
from audits.models.base import new_id
from audits.services import history, ledger
from audits.services.attempts import SYSTEM_STREAM, attempt, refuse
from governance import bearer, permissions
from governance.models import Pipeline

_name = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*").fullmatch
MAX_NAME = 64
SEEN_AGAIN = timedelta(minutes=1)


def add(*, actor: Actor, name: str, agents: Collection[Agent]) -> tuple[Pipeline, str]:
    """Register a pipeline for these agents. Returns it with its bearer credential, which is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Invalid: the name is not of small letters, digits and single hyphens; or no agent is named.
        Conflict: the name is taken.
    """
    pipeline = Pipeline(id=new_id(), name=name, created_at=timezone.now(), created_by=actor.ref)
    made = bearer.make(pipeline.pk, bearer.PIPELINE_PREFIX)
    pipeline.credential_sha256 = bearer.digest(made.secret)
    with attempt(
        action=Action.PIPELINE_ADDED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"pipeline/{pipeline.pk}",
    ):
        refuse(permissions.against_managing_pipelines(actor))
        if not _name(name) or len(name) > MAX_NAME:
            raise Invalid(
                "This is no name for a pipeline.",
                fields={"name": f"Use small letters, digits and hyphens, at most {MAX_NAME}."},
            )
        if not agents:
            raise Invalid(
                "A pipeline works for the agents that it names, and this one names none.",
                fields={"agents": "Name at least one."},
            )
        try:
            with transaction.atomic():
                pipeline.save(force_insert=True)
                pipeline.agents.set(agents)
        except IntegrityError as error:
            raise Conflict(f"There is a pipeline {name} already. Rotate its credential.") from error
        _record(Action.PIPELINE_ADDED, actor, pipeline)
    return pipeline, str(made)


def rotate(*, actor: Actor, pipeline: Pipeline) -> str:
    """Give it another credential; the one before counts no more. Returns it: it is shown this once.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: the pipeline is revoked.
    """
    made = bearer.make(pipeline.pk, bearer.PIPELINE_PREFIX)
    with attempt(
        action=Action.PIPELINE_ROTATED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"pipeline/{pipeline.pk}",
    ):
        refuse(permissions.against_managing_pipelines(actor))
        held = _held(pipeline)
        held.credential_sha256 = bearer.digest(made.secret)
        held.rotated_at, held.rotated_by = timezone.now(), actor.ref
        held.save(update_fields=["credential_sha256", "rotated_at", "rotated_by"])
        _record(Action.PIPELINE_ROTATED, actor, held)
    return str(made)


def revoke(*, actor: Actor, pipeline: Pipeline) -> Pipeline:
    """End it: from now on each of its requests is refused. It does not come back; add another one.

    Raises:
        Denied: the actor is neither an administrator nor a part of the product; recorded.
        Conflict: it is revoked already.
    """
    with attempt(
        action=Action.PIPELINE_REVOKED,
        actor=actor,
        stream=SYSTEM_STREAM,
        object=f"pipeline/{pipeline.pk}",
    ):
        refuse(permissions.against_managing_pipelines(actor))
        held = _held(pipeline)
        held.revoked_at, held.revoked_by = timezone.now(), actor.ref
        held.save(update_fields=["revoked_at", "revoked_by"])
        _record(Action.PIPELINE_REVOKED, actor, held)
    return held


def authenticate(*, actor: Actor, credential: str) -> Pipeline | None:
    """The pipeline whose live credential this is; None, and recorded, where there is none.

    `actor` is the part of the product that was asked.
    """
    given = bearer.read(credential, bearer.PIPELINE_PREFIX)
    pipeline = Pipeline.objects.filter(pk=given.row).first() if given else None
    right = bearer.matches(given.secret if given else "", pipeline.credential_sha256 if pipeline else "")
    if pipeline is None or not right or pipeline.revoked_at is not None:
        _refused(actor, pipeline, revoked=right and pipeline is not None)
        return None
    _see(pipeline)
    return pipeline


def admit(*, actor: Actor, pipeline: Pipeline, agent: Agent | None) -> Agent:
    """The agent, where this pipeline works for it; refused, and recorded, where it does not.

    Whether the register has such an agent is not told to a pipeline that may not know.

    Raises:
        NotFound: there is no such agent, or the pipeline does not name it.
    """
    if agent is not None and pipeline.agents.filter(pk=agent.pk).exists():
        return agent
    with transaction.atomic():
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.PIPELINE_REFUSED,
            actor=actor,
            object=f"pipeline/{pipeline.pk}",
            outcome=Outcome.DENIED,
            body={"reason": "other_agent" if agent else "unknown_agent"},
        )
    raise NotFound("This pipeline works for no such agent.")


def actor_of(pipeline: Pipeline) -> Actor:
    """The pipeline as the ledger names it."""
    return Actor.system(f"pipeline-{pipeline.name}")


def _see(pipeline: Pipeline) -> None:
    """A sign of life, written at most once a minute."""
    now = timezone.now()
    if pipeline.last_seen_at is None or now - pipeline.last_seen_at >= SEEN_AGAIN:
        Pipeline.objects.filter(pk=pipeline.pk).update(last_seen_at=now)


def _refused(actor: Actor, pipeline: Pipeline | None, *, revoked: bool) -> None:
    with transaction.atomic():
        ledger.record(
            stream=SYSTEM_STREAM,
            action=Action.PIPELINE_REFUSED,
            actor=actor,
            object=f"pipeline/{pipeline.pk}" if pipeline else "pipeline/unknown",
            outcome=Outcome.DENIED,
            body={
                "reason": "revoked" if revoked else "wrong_credential" if pipeline else "unknown_credential"
            },
        )


def _held(pipeline: Pipeline) -> Pipeline:
    held = Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline.pk)
    if held.revoked_at is not None:
        raise Conflict(f"{held.name} is revoked. Add another pipeline.")
    return held


def _record(action: Action, actor: Actor, pipeline: Pipeline) -> None:
    history.record(
        changed=[pipeline],
        stream=SYSTEM_STREAM,
        action=action,
        actor=actor,
        object=f"pipeline/{pipeline.pk}",
        body={
            "name": pipeline.name,
            "agents": [str(pk) for pk in pipeline.agents.values_list("pk", flat=True)],
        },
    )
