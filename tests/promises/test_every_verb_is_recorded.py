"""No change without its event (promise 1), asked of every verb there is.

One story calls every public function of every service. Each transaction of it that writes to a table of
the product must write an event of the ledger as well. A new verb fails here until the story plays it;
what may be written without an event stands below, each with the reason.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.utils import timezone

import agents.services
import audits.services
import governance.services
from agents import nvd
from agents.analyst import SLUG, provenance
from agents.analyst import run as analyst
from agents.choices import Refusal, SessionEnd
from agents.models import Agent, AgentVersion, Lockout, Person, ProposedAction, Report, Run, Session
from agents.services import (
    people,
    proposals,
    register,
    reports,
    runs,
    second_factors,
    sessions,
    vulnerabilities,
)
from audits.models import Event
from audits.services import bundles
from governance.choices import Discipline, ElevationEnd, VoteChoice
from governance.models import Approval, Seat
from governance.services import approvals, board, dossiers, elevations, risk
from tests import signing_in
from tests.agents.conftest import LOG4SHELL, SYSTEM
from tests.agents.model_server import completion, serving
from tests.conftest import ANSWERS, add
from tests.governance.story import approval_of, request
from tests.signing_in import proof

ROOMS = (agents.services, governance.services, audits.services)
NVD = Path(__file__).parents[2] / "demo" / "nvd.json"
NOT_PLAYED = {
    "audits.services.recovery.declare": "needs a restored backup; it records the event or does nothing",
    "audits.services.sealing.seal_heads_if_due": "writes the ledger's own tables alone",
    "audits.services.verification.verify": "reads",
}
RECORD = re.compile(r'INSERT INTO "?audits_event\b')
LEDGER = re.compile(r"audits_(?!bundle)")
WRITE = re.compile(
    r'(INSERT INTO|UPDATE|DELETE FROM) "?(?P<table>\w+)"?(?: SET (?P<set>.*?) WHERE)?', re.DOTALL
)
WITHOUT_EVENT = {
    # A sign of life and the work queue: who holds a row, not what became of it.
    ("agents_run", frozenset({"seen_at"})),
    ("agents_run", frozenset({"enqueued_at"})),
    ("agents_proposedaction", frozenset({"enqueued_at"})),
    ("agents_proposedaction", frozenset({"claimed_at"})),
    # The claim of a builder; requested, built and failed are events.
    ("audits_bundle", frozenset({"state", "started_at"})),
    # When a session was last used; that it began and ended are events.
    ("agents_session", frozenset({"seen_at"})),
    # The counter of failed sign-ins, before any is refused for it.
    ("axes_accessattempt", frozenset()),
    # A cache of public records.
    ("agents_vulnerability", frozenset()),
}


class Transactions:
    """Watches what each transaction writes; `silent` are those that changed something without an event."""

    def __init__(self) -> None:
        self.silent: list[set[str]] = []
        self.forget()

    def execute(self, execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
        self._recorded |= RECORD.search(sql) is not None
        found = WRITE.match(sql)
        if found:
            columns = frozenset(re.findall(r'"(\w+)" = ', found["set"] or ""))
            if not LEDGER.match(found["table"]) and (found["table"], columns) not in WITHOUT_EVENT:
                self._written.add(sql[:200])
        result = execute(sql, *arguments)
        if found and not connection.in_atomic_block:
            self.end()
        return result

    def end(self) -> None:
        if self._written and not self._recorded:
            self.silent.append(self._written)
        self.forget()

    def forget(self) -> None:
        self._written: set[str] = set()
        self._recorded = False

    @contextmanager
    def watched(self) -> Iterator[None]:
        commit, rollback = connection.commit, connection.rollback

        def committed() -> None:
            self.end()
            commit()

        def rolled_back() -> None:
            self.forget()
            rollback()

        with (
            patch.object(connection, "commit", committed),
            patch.object(connection, "rollback", rolled_back),
            connection.execute_wrapper(self.execute),
        ):
            yield


def verbs() -> dict[CodeType, str]:
    """Every public function of the services, by its code."""
    found: dict[CodeType, str] = {}
    for room in ROOMS:
        for info in pkgutil.iter_modules(room.__path__, f"{room.__name__}."):
            found |= _public(importlib.import_module(info.name))
    return found


def _public(module: ModuleType) -> dict[CodeType, str]:
    functions = [
        (name, inspect.unwrap(value))
        for name, value in vars(module).items()
        if inspect.isfunction(value) and not name.startswith("_")
    ]
    return {
        function.__code__: f"{module.__name__}.{name}"
        for name, function in functions
        if function.__module__ == module.__name__
    }


@contextmanager
def called() -> Iterator[set[CodeType]]:
    """The code of every function that is called in the block."""
    seen: set[CodeType] = set()

    def look(frame: FrameType, event: str, _argument: Any) -> None:
        if event == "call":
            seen.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield seen
    finally:
        sys.setprofile(before)


@pytest.mark.django_db(transaction=True)
def test_every_verb_leaves_an_event_with_what_it_changes(settings: LazySettings, tmp_path: Path) -> None:
    settings.BUNDLES_DIR = tmp_path
    transactions = Transactions()
    known = verbs()
    with transactions.watched(), called() as seen:
        play()
    assert not transactions.silent, "\n".join(map(str, transactions.silent))
    assert {name for code, name in known.items() if code not in seen} == set(NOT_PLAYED)


def test_the_watch_sees_a_change_without_an_event(active_analyst: Agent) -> None:
    """The test of the test."""
    transactions = Transactions()
    with transactions.watched():
        Agent.objects.filter(pk=active_analyst.pk).update(epoch=0)
        transactions.end()
    assert len(transactions.silent) == 1


# --- The story ----------------------------------------------------------------------------------------
def play() -> None:
    ada, olivia = add("ada"), add("olivia")
    members = [add(name) for name in ("sasha", "carla", "leo", "petra", "enzo")]
    for member, discipline in zip(members, Discipline, strict=True):
        board.assign_seat(actor=ada, person=member, discipline=discipline)
    with serving(lambda _: completion("It cannot be said.")):
        agent = _approved_agent(olivia, members)
        report = _report(agent)
        analyst.perform(run_id=runs.queue(actor=SYSTEM, report=report).pk)
    _approve(members, dossiers.submit(actor=olivia, version=_version(olivia, agent, "2")))
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    _elevations(agent, olivia, members)
    _sweeps(report)
    _bundles(agent)
    people.change_password(actor=olivia, password="another-sentence-of-words")
    _sign_ins(ada, olivia)
    people.deactivate(actor=ada.actor, person=olivia)
    people.reactivate(actor=ada.actor, person=olivia)
    board.end_seat(actor=ada, seat=Seat.objects.get(person=members[0]))


def _sign_ins(ada: Person, olivia: Person) -> None:
    """One who signs in, loses a second factor and a way in; one whose name is locked."""
    session = sessions.start(actor=olivia, methods=["pwd"], address="192.0.2.7", user_agent="browser")
    Session.objects.filter(pk=session.pk).update(seen_at=timezone.now() - timedelta(minutes=2))
    session.refresh_from_db()
    sessions.seen(session=session)
    sessions.end(actor=olivia.actor, session=session, reason=SessionEnd.ENDED)
    forgotten = sessions.start(actor=olivia, methods=["pwd"], address=None, user_agent="")
    Session.objects.filter(pk=forgotten.pk).update(seen_at=timezone.now() - timedelta(days=1))
    sessions.sweep()
    sessions.record_refusal(name="nobody", why=Refusal.CREDENTIALS, address=None)
    with transaction.atomic():
        app = signing_in.add_app(olivia)
    second_factors.record_removed(actor=olivia, kind=app.type, session=None)
    second_factors.reset(actor=ada.actor, person=olivia)
    token = people.invite(actor=ada.actor, person=olivia)
    people.accept_invitation(person=olivia, token=token, password="yet-another-sentence-of-words")
    lockout = Lockout.objects.create(username="olivia", ip_address="192.0.2.7", failures_since_start=5)
    sessions.lift_lockout(actor=ada.actor, lockout=lockout)


def _version(owner: Person, agent: Agent, label: str) -> AgentVersion:
    return register.add_version(actor=owner, agent=agent, label=label, provenance=provenance.current())


def _approved_agent(owner: Person, members: list[Person]) -> Agent:
    """Rejected first, approved then."""
    agent = register.register_agent(
        actor=owner, slug=SLUG, name="Analyst", purpose="Analyses.", business_unit="IT", owner=owner
    )
    version = _version(owner, agent, "1")
    risk.assess(actor=owner, agent=agent, answers=ANSWERS)
    _vote(members[0], dossiers.submit(actor=owner, version=version), VoteChoice.REJECT)
    _approve(members, dossiers.submit(actor=owner, version=version))
    return agent


def _vote(person: Person, approval: Approval, choice: VoteChoice) -> None:
    approvals.vote(
        actor=person, authentication=proof(person), approval=approval, choice=choice, digest=approval.digest
    )


def _approve(members: list[Person], approval: Approval) -> None:
    for member in members:
        approval.refresh_from_db()
        if approval.state == "pending":
            _vote(member, approval, VoteChoice.APPROVE)


def _report(agent: Agent) -> Report:
    vulnerabilities.load(actor=SYSTEM, files=[(NVD.name, NVD.read_bytes())])
    assert nvd.lookup(LOG4SHELL)
    found = {"VulnerabilityID": LOG4SHELL, "PkgName": "log4j-core", "Severity": "CRITICAL"}
    document = {
        "SchemaVersion": 2,
        "ArtifactName": "shop:1",
        "Results": [{"Target": "shop", "Vulnerabilities": [found]}],
    }
    return reports.ingest(
        actor=SYSTEM, agent=agent, file_name="shop.json", content=json.dumps(document).encode()
    )[0]


def _elevations(agent: Agent, owner: Person, members: list[Person]) -> None:
    """One is withdrawn, one refused, one used for what was proposed, one ended by a new approval."""
    proposal = ProposedAction.objects.get()
    on = proposal.resource
    withdrawn = request(owner, agent, on)
    elevations.end(actor=owner.actor, elevation=withdrawn, reason=ElevationEnd.REVOKED)
    refused = request(owner, agent, on)
    for member in members:
        if approval_of(refused).state == "pending":
            _vote(member, approval_of(refused), VoteChoice.REJECT)
    elevation = request(owner, agent, on, proposal=proposal)
    _approve(members, approval_of(elevation))
    proposals.perform(proposal_id=proposal.pk)
    _approve(members, approval_of(request(owner, agent, on)))
    _approve(members, dossiers.submit(actor=owner, version=_version(owner, agent, "3")))


def _sweeps(report: Report) -> None:
    """A worker that died, a run that nobody took, and requests that nobody answered."""
    lost = runs.queue(actor=SYSTEM, report=report)
    Run.objects.filter(pk=lost.pk).update(enqueued_at=timezone.now() - timedelta(days=1))
    runs.sweep()
    assert runs.claim(actor=SYSTEM, run_id=lost.pk, planner="test") is not None
    Run.objects.filter(pk=lost.pk).update(seen_at=timezone.now() - timedelta(days=1))
    runs.sweep()
    approvals.sweep()
    elevations.sweep()


def _bundles(agent: Agent) -> None:
    bundle = bundles.request(actor=SYSTEM, stream=agent.stream, subject="Analyst")
    bundles.sweep()
    bundles.download(actor=SYSTEM, bundle=bundles.build(bundle_id=bundle.pk))
    assert Event.objects.exists()
