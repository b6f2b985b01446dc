"""Whatever happens at the same moment (promises 6 and 7): nothing deadlocks, nothing slips through."""

from dataclasses import replace
from typing import Any

import pytest

from agents.analyst import provenance
from agents.decision_point import Answer
from agents.models import Agent, AgentInstance, Person
from agents.services import register
from audits.actor import Actor
from audits.errors import Conflict
from governance.choices import ElevationEnd, ElevationState
from governance.models import Decision, Elevation, Vote
from governance.services import dossiers, elevations
from tests.governance.story import (
    cast,
    elevate,
    events,
    race,
    read,
    resource,
    start_instance,
    version_of,
    write,
)

EXPECTED = (Answer, Vote, Elevation, Conflict)


@pytest.mark.django_db(transaction=True)
def test_reading_writing_voting_and_ending_at_the_same_moment(
    active_analyst: Agent, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevation = elevate(olivia, active_analyst, on, members[:2], uses=20)
    running = start_instance(active_analyst)
    built = replace(provenance.current(), image_digest="sha256:" + "1" * 64)
    newer = register.add_version(actor=olivia, agent=active_analyst, label="2.0.0", provenance=built)
    approval = dossiers.submit(actor=olivia, version=newer)
    for member in members[:-1]:
        cast(member, approval)

    def instance() -> AgentInstance:
        return AgentInstance.objects.get(pk=running.pk)

    def end() -> Elevation:
        actor = Actor.system("test-setup")
        return elevations.end(actor=actor, elevation=elevation, reason=ElevationEnd.REVOKED)

    calls: list[Any] = [lambda: read(instance()), lambda: write(instance(), on)] * 4
    results = race([*calls, lambda: cast(members[-1], approval), end, *calls])
    assert all(isinstance(result, EXPECTED) for result in results), results
    answers = [result for result in results if isinstance(result, Answer)]
    assert len(answers) == 16
    assert Decision.objects.count() == 16
    assert len(events("decision.made")) + len(events("decision.made", "denied")) == 16
    elevation.refresh_from_db()
    assert elevation.state == ElevationState.ENDED
    assert elevation.used == sum(answer.elevation_id == elevation.pk for answer in answers if answer.allowed)
    assert version_of(Agent.objects.get(pk=active_analyst.pk)) == newer
    assert read(instance()).reason == "version_not_approved"
    assert write(instance(), on).reason == "version_not_approved"
