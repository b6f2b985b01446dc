"""Whatever happens at the same moment (promises 6 and 7): nothing deadlocks, nothing slips through."""

from dataclasses import replace
from typing import Any

import pytest

from agents import decision_point
from agents.analyst import provenance
from agents.decision_point import Answer
from agents.errors import CredentialError
from agents.models import Agent, AgentInstance, Credential, Person
from agents.services import credentials, people, register
from audits.actor import Actor
from audits.errors import Conflict
from governance import selectors
from governance.choices import ElevationEnd, ElevationState
from governance.models import Decision, Elevation, RiskClass, Vote
from governance.services import approvals, dossiers, elevations
from tests.governance.story import (
    cast,
    describe,
    elevate,
    events,
    question,
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
    describe(olivia, newer)
    RiskClass.objects.update(rollout_steps=[100])
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


@pytest.mark.django_db(transaction=True)
def test_an_owner_who_is_deactivated_while_the_agent_works(
    active_analyst: Agent, ada: Person, olivia: Person, members: list[Person]
) -> None:
    on = resource()
    elevate(olivia, active_analyst, on, members[:2], uses=20)
    running = start_instance(active_analyst)

    def use() -> str:
        instance = AgentInstance.objects.get(pk=running.pk)
        asked = question(instance)
        answer = decision_point.decide(asked)
        if not answer.allowed:
            return answer.reason
        token, minted = credentials.mint(answer=answer, question=asked, instance=instance, audience="here")
        people.deactivate(actor=ada.actor, person=Person.objects.get(pk=olivia.pk))
        return str(
            credentials.verify(
                holder=instance.actor,
                token=token,
                audience="here",
                action=minted.action,
                resource=minted.resource,
            )
        )

    def sweep() -> int:
        return elevations.sweep() + approvals.sweep()

    def ask() -> Answer:
        return write(AgentInstance.objects.get(pk=running.pk), on)

    results = race([use, ask, sweep] * 4)
    refused = (CredentialError, Conflict)
    assert all(
        isinstance(result, (*refused, Answer, int)) or result == "owner_not_active" for result in results
    )
    assert any(isinstance(result, CredentialError) for result in results), "whoever deactivated used it after"
    assert not Credential.objects.filter(used_at__isnull=False).exists()
    assert len(events("person.deactivated")) == 1
    sweep()
    assert not selectors.live_elevations().exists()
