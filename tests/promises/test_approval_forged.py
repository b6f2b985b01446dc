"""An approval that nobody gave opens nothing (promises 4 and 5): rows written by hand into the database."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management.sql import emit_pre_migrate_signal
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from agents.choices import AgentState
from agents.models import Agent, AgentVersion, Person
from audits import triggers
from governance import contents, selectors
from governance.choices import ApprovalState, ApprovalSubject, Discipline, ElevationState, VoteChoice
from governance.models import Approval, Elevation, Grant, Seat, Vote
from portal import doctor
from tests.governance.story import (
    approval_of,
    read,
    request,
    resource,
    start_instance,
    version_of,
    without_triggers,
    write,
)

pytestmark = pytest.mark.django_db
REFUSED = "An active agent needs an approval"


def insert_agent(owner: Person, *, verb: str = "INSERT", **more: Any) -> None:
    """An active agent written by hand, with every column that there is."""
    agent = Agent(
        slug="raw", name="Raw", purpose="Everything.", business_unit="x", owner=owner, state="active",
        registered_at=timezone.now(), **more,
    )  # fmt: skip
    values = {
        field.column: field.get_db_prep_save(getattr(agent, field.attname), connection)
        for field in Agent._meta.concrete_fields
    }
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"{verb} INTO agents_agent ({names}) VALUES ({places})", list(values.values()))


def approvals_vote(approval: Approval, person: Person, discipline: str) -> Vote:
    """A vote that nobody cast."""
    return Vote.objects.create(
        approval=approval,
        person=person,
        discipline=discipline,
        choice=VoteChoice.APPROVE,
        digest=approval.digest,
        voted_at=timezone.now(),
    )


@pytest.mark.parametrize("digest", ["0" * 64, "submitted"])
def test_an_active_agent_inserted_by_raw_sql(digest: str, submitted: Approval, olivia: Person) -> None:
    """With a digest that nobody approved, and with one that is being voted on."""
    wanted = submitted.digest if digest == "submitted" else digest
    with pytest.raises(DatabaseError, match=REFUSED):
        insert_agent(olivia, active_version_id=submitted.subject_id, approved_digest=wanted)
    assert not Agent.objects.filter(slug="raw").exists()


def test_one_that_points_at_the_approval_of_another(active_analyst: Agent, olivia: Person) -> None:
    with pytest.raises(DatabaseError, match=REFUSED):
        insert_agent(
            olivia,
            active_version_id=version_of(active_analyst).pk,
            approved_digest=active_analyst.approved_digest,
        )


def test_an_agent_made_active_by_raw_sql(submitted: Approval) -> None:
    rows = Agent.objects.filter(pk=submitted.agent_id)
    for digest in ("0" * 64, submitted.digest):
        with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
            rows.update(state="active", active_version_id=submitted.subject_id, approved_digest=digest)
    assert Agent.objects.get().state == AgentState.IN_REVIEW


@pytest.mark.parametrize("change", ["approved_digest", "active_version_id", "id"])
def test_what_an_active_agent_points_at_is_not_moved(
    change: str, active_analyst: Agent, olivia: Person
) -> None:
    """Its digest, its version, its own id; what else an active agent has can be written."""
    other = AgentVersion.objects.create(
        agent=active_analyst, label="x", digest="a" * 64, added_by=olivia, tool_manifest=[]
    )
    values: dict[str, Any] = {"approved_digest": "0" * 64, "active_version_id": other.pk, "id": uuid4()}
    rows = Agent.objects.filter(pk=active_analyst.pk)
    with pytest.raises(DatabaseError, match=REFUSED), transaction.atomic():
        rows.update(**{change: values[change]})
    assert rows.update(runbook="Another.") == 1


def test_one_that_replaces_another(active_analyst: Agent, olivia: Person) -> None:
    """SQLite has a way around an UPDATE trigger; PostgreSQL does not, and refuses the id twice."""
    with pytest.raises(DatabaseError):
        insert_agent(
            olivia,
            verb="INSERT OR REPLACE" if connection.vendor == "sqlite" else "INSERT",
            id=active_analyst.pk,
            active_version_id=version_of(active_analyst).pk,
            approved_digest="0" * 64,
        )


def test_a_missing_trigger_is_named_by_the_doctor(active_analyst: Agent) -> None:
    assert [finding.status for finding in doctor.check_triggers()] == ["ok"]
    connection.check_constraints()
    triggers.remove(connection, {"agents_agent"})
    [finding] = doctor.check_triggers()
    assert finding.status != "ok"
    assert any("active_is_approved" in name for name in triggers.missing(connection))
    triggers.install(connection)
    assert triggers.missing(connection) == []


def test_a_table_that_a_trigger_looks_at_can_be_remade(db: None) -> None:
    """SQLite remakes tables to change them; the trigger that reads one makes way before a migration."""
    connection.check_constraints()
    emit_pre_migrate_signal(verbosity=0, interactive=False, db="default")
    absent = triggers.missing(connection)
    assert bool(absent) == (connection.vendor == "sqlite")
    triggers.install(connection)
    assert triggers.missing(connection) == []


# --- Votes that nobody cast --------------------------------------------------------------------------------
def forge_approval(submitted: Approval) -> Agent:
    """All that the state of the agent and of the request can be made to say, without a single vote."""
    version = AgentVersion.objects.get(pk=submitted.subject_id)
    Approval.objects.filter(pk=submitted.pk).update(
        state=ApprovalState.APPROVED, resolved_at=timezone.now(), reason="5 people approved."
    )
    Agent.objects.filter(pk=submitted.agent_id).update(
        state="active", active_version=version, approved_digest=submitted.digest
    )
    agent = Agent.objects.get(pk=submitted.agent_id)
    approval = Approval.objects.get(pk=submitted.pk)
    for function in contents.read(approval)["reads"]:
        Grant.objects.create(
            agent=agent,
            approval=approval,
            action=function["action"],
            resource=function["resource"],
            access="read",
            starts_at=timezone.now(),
        )
    return agent


def test_an_approval_without_votes_is_worth_nothing(submitted: Approval) -> None:
    """The database lets it through: state, digest and version fit. The decision point counts."""
    agent = forge_approval(submitted)
    assert agent.state == AgentState.ACTIVE
    assert read(start_instance(agent)).reason == "version_not_approved"


@pytest.mark.parametrize("lacking", ["seat", "time", "digest", "choice", "excluded", "one"])
def test_forged_votes_do_not_carry_it(
    lacking: str, submitted: Approval, members: list[Person], oscar: Person, daniel: Person
) -> None:
    """Five votes are there; one of them could not have been cast."""
    for person, discipline in zip(members[:4], list(Discipline)[:4], strict=True):
        approvals_vote(submitted, person, discipline)
    last: dict[str, Any] = {"person": members[4], "choice": "approve", "digest": submitted.digest}
    if lacking == "seat":
        last["person"] = oscar
    if lacking == "digest":
        last["digest"] = "0" * 64
    if lacking == "choice":
        last["choice"] = "abstain"
    if lacking == "excluded":
        Seat.objects.filter(person=members[4]).update(person=daniel)
        last["person"] = daniel
    at = timezone.now() - timedelta(days=9) if lacking == "time" else timezone.now()
    if lacking != "one":
        Vote.objects.create(approval=submitted, discipline="engineering", voted_at=at, **last)
    agent = forge_approval(submitted)
    assert read(start_instance(agent)).reason == "version_not_approved"
    assert selectors.approved_dossier(agent) is selectors.edited_dossier(agent) is None


def test_what_stands_today_forged_with_seats_and_votes_alike(
    submitted: Approval, members: list[Person]
) -> None:
    """The test of the tests: with five votes in seats that were held it does carry.

    `ledger verify` finds such an approval: neither it nor the agent has a history that says so.
    """
    for person, discipline in zip(members, Discipline, strict=True):
        approvals_vote(submitted, person, discipline)
    assert read(start_instance(forge_approval(submitted))).allowed


def test_a_write_whose_approval_nobody_gave(active_analyst: Agent, olivia: Person) -> None:
    """Elevation, approval and grant forged together, without votes: the write stays shut."""
    on = resource()
    elevation = request(olivia, active_analyst, on)
    approval, now = approval_of(elevation), timezone.now()
    ends_at = now + timedelta(minutes=10)
    with without_triggers():
        Approval.objects.filter(pk=approval.pk).update(state=ApprovalState.APPROVED, resolved_at=now)
        Elevation.objects.filter(pk=elevation.pk).update(
            state=ElevationState.ACTIVE, starts_at=now, ends_at=ends_at
        )
        Grant.objects.create(
            agent=active_analyst,
            approval=approval,
            elevation=elevation,
            action=elevation.action,
            resource=on,
            access="write",
            starts_at=now,
            ends_at=ends_at,
        )
    assert write(start_instance(active_analyst), on).reason == "no_elevation"


def test_votes_taken_away_afterwards(active_analyst: Agent) -> None:
    """A true approval whose votes somebody deleted is not believed any more."""
    instance = start_instance(active_analyst)
    assert read(instance).allowed
    with without_triggers():
        Vote.objects.order_by("pk")[:1].get().delete()
    assert read(instance).reason == "version_not_approved"


def test_a_seat_that_ends_later_takes_no_vote_away(active_analyst: Agent) -> None:
    Seat.objects.update(ends_at=timezone.now())
    Person.objects.filter(seats__isnull=False).update(is_active=False)
    assert read(start_instance(active_analyst)).allowed


def test_counting_costs_one_query(active_analyst: Agent, django_assert_num_queries: Any) -> None:
    approval = Approval.objects.get(subject=ApprovalSubject.AGENT_VERSION)
    with django_assert_num_queries(1):
        assert selectors.is_carried(approval)
