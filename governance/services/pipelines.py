"""CI pipelines: which may record tests and ask the gate, for which agents, with which credential (S1-4)."""

from collections.abc import Collection

from agents.models import Agent
from agents.services.machines import Machines
from audits.actor import Actor
from audits.errors import Invalid, NotFound
from governance import permissions
from governance.models import Pipeline

PIPELINES = Machines(
    model=Pipeline,
    kind="pipeline",
    noun="a pipeline",
    prefix="cspipe",
    against=permissions.against_managing_pipelines,
    told=lambda pipeline: {"agents": [str(pk) for pk in pipeline.agents.values_list("pk", flat=True)]},
)


def add(*, actor: Actor, name: str, agents: Collection[Agent]) -> tuple[Pipeline, str]:
    """Register a pipeline for these agents; errors as for `Machines.add`.

    Raises:
        Invalid: no agent is named, too.
    """

    def name_agents(pipeline: Pipeline) -> None:
        if not agents:
            raise Invalid(
                "A pipeline works for the agents that it names, and this one names none.",
                fields={"agents": "Name at least one."},
            )
        pipeline.agents.set(agents)

    return PIPELINES.add(actor=actor, name=name, complete=name_agents)


def rotate(*, actor: Actor, pipeline: Pipeline) -> str:
    """Give it another credential; errors as for `Machines.rotate`."""
    return PIPELINES.rotate(actor=actor, machine=pipeline)


def revoke(*, actor: Actor, pipeline: Pipeline) -> Pipeline:
    """End it; errors as for `Machines.revoke`."""
    return PIPELINES.revoke(actor=actor, machine=pipeline)


def authenticate(*, actor: Actor, credential: str) -> Pipeline | None:
    """The pipeline whose live credential this is; None, and recorded, where there is none."""
    return PIPELINES.authenticate(actor=actor, credential=credential)


def admit(*, actor: Actor, pipeline: Pipeline, agent: Agent | None) -> Agent:
    """The agent, where this pipeline works for it; refused, and recorded, where it does not.

    Whether the register has such an agent is not told to a pipeline that may not know.

    Raises:
        NotFound: there is no such agent, or the pipeline does not name it.
    """
    if agent is not None and pipeline.agents.filter(pk=agent.pk).exists():
        return agent
    PIPELINES.refused(actor, pipeline, "other_agent" if agent else "unknown_agent")
    raise NotFound("This pipeline works for no such agent.")


def actor_of(pipeline: Pipeline) -> Actor:
    """The pipeline as the ledger names it."""
    return Actor.system(f"pipeline-{pipeline.name}")
