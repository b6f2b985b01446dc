"""Why an agent had a right, told from a bundle alone: from a decision to what a role said at that moment."""

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from django.conf import LazySettings
from django.utils import timezone

from agents.models import Agent, Person
from agents.services import delegations
from audits import evidence
from audits.evidence import Artefact, Scope
from governance.catalogue import live_resources
from governance.choices import Sensitivity
from governance.services import resources, role_assignments, scope_exceptions
from portal.demo import papers
from tests.audits.bundling import build, unpack, verdict
from tests.governance.roles import READS, assign, catalogue, change, conditional, resource, role
from tests.governance.story import LOOKUP, read, start_instance, tamper
from tests.oauth.client import let

pytestmark = pytest.mark.django_db
Table = list[dict[str, Any]]


class Offline:
    """What an auditor has: the files of a bundle, and nothing else."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files

    def table(self, room: str, name: str) -> Table:
        [content] = [
            content
            for path, content in self.files.items()
            if path.startswith("artefacts/") and path.endswith(f"{room}/{name}.json")
        ]
        rows: Table = orjson.loads(content)
        return rows

    def one(self, name: str, key: str) -> dict[str, Any]:
        return next(row for row in self.table("governance", name) if row["id"] == key)

    def why(self, decision: dict[str, Any]) -> dict[str, Any]:
        """The role, its version at that moment, the permission, the resource as it was, the exception."""
        grant = self.one("grant", decision["grant_id"])
        held = self.one("roleassignment", grant["assignment_id"])
        at = moment(decision["decided_at"])
        said = [
            row
            for row in self.table("governance", "agentroleversion")
            if row["role_id"] == held["role_id"] and moment(row["made_at"]) <= at
        ]
        version = max(said, key=lambda row: row["number"])
        [permission] = version["permissions"]
        states = [
            row
            for row in self.table("governance", "resource")
            if row["name"] == permission["resource"] and moment(row["history_date"]) <= at
        ]
        return {
            "role": self.one("agentrole", held["role_id"])["name"],
            "version": version["number"],
            "actions": permission["actions"],
            "conditions": grant["conditions"],
            "sensitivity": max(states, key=lambda row: row["number"])["sensitivity"],
            "exception": grant["exception_id"],
        }


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def collected(scope: Scope) -> Offline:
    found = evidence.collect(scope)
    return Offline({one.path: one.read() for one in found if isinstance(one, Artefact)})


@pytest.fixture
def agent(active_analyst: Agent, stella: Person) -> Agent:
    catalogue(stella)
    return active_analyst


def test_a_bundle_says_offline_why_a_read_was_allowed(
    agent: Agent, *, olivia: Person, stella: Person, ada: Person, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    papers.attach(olivia, agent)
    held = role(stella)
    given = assign(stella, agent, held)
    instance = start_instance(agent)
    assert read(instance).allowed
    change(stella, held, conditional(READS, ["sensitivity_at_most(restricted)"]))
    nvd = live_resources().get(name="nvd")
    resources.change(
        actor=stella, resource=nvd, facts=replace(resources.Facts.of(nvd), sensitivity=Sensitivity.RESTRICTED)
    )
    assert read(instance).allowed
    role_assignments.end(actor=stella, assignment=given, reason="The project is over.")
    bundle = build(agent.stream)
    assert verdict(bundle.path)[0] == 0, verdict(bundle.path)
    offline = Offline(unpack(bundle.path))
    first, second = sorted(offline.table("governance", "decision"), key=lambda row: row["decided_at"])
    assert offline.why(first) == {
        "role": "analyst",
        "version": 1,
        "actions": ["read"],
        "conditions": [],
        "sensitivity": "internal",
        "exception": None,
    }
    assert (offline.why(second)["version"], offline.why(second)["sensitivity"]) == (2, "restricted")
    assert offline.why(second)["conditions"] == ["sensitivity_at_most(restricted)"]
    [row] = offline.table("governance", "roleassignment")
    assert (row["assigned_by_id"], row["ended_by"]) == (str(stella.pk), f"person/{stella.pk}")
    path = f"history/{agent.stream.replace('/', '-')}/governance.roleassignment/{given.pk}.json"
    assert len(orjson.loads(offline.files[path])["rows"]) == 2


def test_an_exception_is_there_with_who_gave_it(agent: Agent, stella: Person, ada: Person) -> None:
    until = timezone.now() + timedelta(days=1)
    leave = scope_exceptions.grant(actor=ada, reference="endpoint/*", reason="A migration.", until=until)
    resource(stella, "everything", "endpoint/*")
    assign(stella, agent, role(stella, "wide", {"resource": "everything", "actions": ["read"]}))
    offline = collected(Scope(agent.stream))
    assert str(leave.pk) in {row["exception_id"] for row in offline.table("governance", "grant")}
    [row] = offline.table("governance", "scopeexception")
    assert (row["id"], row["granted_by_id"], row["reference"]) == (str(leave.pk), str(ada.pk), "endpoint/*")
    assert row["event_id"]
    # Why, in an administrator's words, is said by the event of the portal's own stream.
    assert b"A migration." not in orjson.dumps([offline.table("governance", "scopeexception")])


def test_of_the_catalogue_there_is_what_was_named_or_granted(agent: Agent, stella: Person) -> None:
    resource(stella, "payroll", "table/payroll")
    resource(stella, "all_endpoints", "endpoint/{name}")
    assign(stella, agent, role(stella))
    names = {row["name"] for row in collected(Scope(agent.stream)).table("governance", "resource")}
    assert names == {"nvd", "all_endpoints"}


def test_the_end_of_the_scope_is_the_end_of_what_roles_said(agent: Agent, stella: Person) -> None:
    held = role(stella)
    given = assign(stella, agent, held)
    change(stella, held, conditional(READS, ["within_task"]))
    second = held.versions.get(number=2)
    offline = collected(Scope(agent.stream, until=second.made_at))
    assert [row["number"] for row in offline.table("governance", "agentroleversion")] == [1]
    assert [row["number"] for row in offline.table("governance", "agentrole")] == [1]
    before = collected(Scope(agent.stream, until=given.starts_at))
    for name in ("agentrole", "agentroleversion", "roleassignment", "scopeexception"):
        assert before.table("governance", name) == []


def test_who_lets_it_act_for_them_is_there_without_their_words(
    agent: Agent, olivia: Person, oscar: Person
) -> None:
    made = let(oscar, agent, purpose="Answer the letters of my aunt.")
    delegations.end(actor=oscar.actor, delegation=made)
    offline = collected(Scope(agent.stream))
    [row] = offline.table("agents", "delegations")
    assert (row["id"], row["person_id"], row["end_reason"]) == (str(made.pk), str(oscar.pk), "withdrawn")
    assert LOOKUP[0] in row["actions"]
    assert b"my aunt" not in b"".join(offline.files.values())
    own = collected(Scope(f"person/{oscar.pk}"))
    assert own.table("agents", "delegations") == [row]
    assert b"my aunt" in own.files[f"history/agents.delegation/{made.pk}.json"]
    tamper(type(made).objects.filter(pk=made.pk), starts_at=timezone.now())
    until = timezone.now() - timedelta(days=1)
    assert collected(Scope(agent.stream, until=until)).table("agents", "delegations") == []


def test_a_bundle_about_a_person_verifies_with_what_they_let_agents_do(
    agent: Agent, oscar: Person, settings: LazySettings, tmp_path: Path
) -> None:
    settings.BUNDLES_DIR = tmp_path
    made = let(oscar, agent)
    bundle = build(f"person/{oscar.pk}", kind="person")
    code, words = verdict(bundle.path)
    assert code in (0, 3), words
    assert any(str(made.pk) in path for path in unpack(bundle.path))
