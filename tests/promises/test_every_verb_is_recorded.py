"""No change without its event (promise 1), asked of every verb there is.

One story calls every public function of every service. Each transaction of it that writes to a table of
the product must write an event of the ledger as well; and after the last write to a governed row, a row
of its history. A new verb fails here until the story plays it; what may be written without an event stands
below, each with the reason.
"""

import importlib
import inspect
import json
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any
from unittest.mock import patch

import pytest
from django.conf import LazySettings, settings
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

import agents.services
import agents.signing
import audits.services
import governance.services
from agents import nvd
from agents.analyst import SLUG, provenance
from agents.analyst import run as analyst
from agents.choices import DocumentKind, Refusal, SessionEnd
from agents.models import Agent, AgentVersion, Lockout, Person, ProposedAction, Report, Run, Session
from agents.services import (
    documents,
    people,
    proposals,
    register,
    reports,
    runs,
    second_factors,
    sessions,
    vulnerabilities,
)
from audits import history, keys
from audits.choices import BundleKind, HoldScope, KeyPurpose, Verdict, VerificationKind
from audits.errors import Denied
from audits.models import Event
from audits.services import (
    anchoring,
    bundles,
    cases,
    erasure,
    holds,
    key_rotation,
    pruning,
    reading,
    retention,
    sealing,
    siem,
    subjects,
    verification,
)
from audits.services import history as keeping
from audits.siem.address import parse_all
from governance.choices import Discipline, ElevationEnd, VoteChoice
from governance.models import Approval, Seat
from governance.services import approvals, board, dossiers, elevations, enforcement_points, policies, risk
from tests import signing_in
from tests.agents.conftest import LOG4SHELL, SYSTEM
from tests.agents.model_server import completion, serving
from tests.authzen.asking import apply_certification
from tests.conftest import ANSWERS, add
from tests.governance.story import approval_of, request
from tests.signing_in import proof

ROOMS = (agents.services, governance.services, audits.services)
NVD = Path(__file__).parents[2] / "demo" / "nvd.json"
NOT_PLAYED = {
    "audits.services.recovery.declare": "needs a restored backup; it records the event or does nothing",
    "audits.services.sealing.seal_heads_if_due": "writes the ledger's own tables alone",
}
RECORD = re.compile(r'INSERT INTO "?audits_event\b')
LEDGER = re.compile(r"audits_(?!bundle|verification|case|hold|retentionrule)")
WRITE = re.compile(
    r'(INSERT INTO|UPDATE|DELETE FROM) "?(?P<table>\w+)"?(?: SET (?P<set>.*?) WHERE)?', re.DOTALL
)
WITHOUT_EVENT = {
    # A sign of life and the work queue: who holds a row, not what became of it.
    ("agents_run", frozenset({"seen_at"})),
    ("agents_run", frozenset({"enqueued_at"})),
    ("agents_proposedaction", frozenset({"enqueued_at"})),
    ("agents_proposedaction", frozenset({"claimed_at"})),
    # A sign of life as well.
    ("governance_enforcementpoint", frozenset({"last_seen_at"})),
    # The claim of a builder; requested, built and failed are events.
    ("audits_bundle", frozenset({"state", "started_at", "heard_at"})),
    ("audits_bundle", frozenset({"phase", "done", "total", "heard_at"})),
    ("audits_bundle", frozenset({"checkpoint_size"})),
    # When a session was last used; that it began and ended are events.
    ("agents_session", frozenset({"seen_at"})),
    # The counter of failed sign-ins, before any is refused for it.
    ("axes_accessattempt", frozenset()),
    # How far a verification is; that it was asked for, and its verdict, are events.
    ("audits_verification", frozenset({"heard_at"})),
    ("audits_verification", frozenset({"entries", "size", "heard_at"})),
    # A cache of public records.
    ("agents_vulnerability", frozenset()),
}


def _histories() -> dict[str, tuple[str, frozenset[str]]]:
    """The table of history of each governed table, and the columns that it does not follow."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for governed in history.GOVERNED.values():
        options, table = governed.model._meta, governed.rows._meta.db_table
        followed = {str(field.column) for field in governed.fields}
        found[options.db_table] = table, frozenset({str(field.column) for field in options.fields} - followed)
        for name in governed.many:
            through: Any = options.get_field(name)
            found[through.remote_field.through._meta.db_table] = table, frozenset[str]()
    return found


HISTORIES = _histories()


class Transactions:
    """Watches what each transaction writes; `silent` are those that changed something without an event.

    Or without history, where what they changed is governed.
    """

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
        if found and arguments[-1]["cursor"].rowcount:
            self._look_for_history(found["table"], columns)
        if found and not connection.in_atomic_block:
            self.end()
        return result

    def _look_for_history(self, table: str, columns: frozenset[str]) -> None:
        """A write asks for a row of history after it."""
        self._unkept.discard(table)
        if table in HISTORIES:
            kept_in, not_followed = HISTORIES[table]
            if not columns or columns - not_followed:
                self._unkept.add(kept_in)

    def end(self) -> None:
        if self._written and not self._recorded:
            self.silent.append(self._written)
        if self._unkept:
            self.silent.append({f"No row in {table}" for table in self._unkept} | self._written)
        self.forget()

    def forget(self) -> None:
        self._written: set[str] = set()
        self._unkept: set[str] = set()
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
        # A package's verbs are those that it offers, whichever of its modules they stand in.
        if f"{function.__module__}.".startswith(f"{module.__name__}.")
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
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(settings.KEYS_DIR)
    agents.signing.create(settings.KEYS_DIR)
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
    assert len(transactions.silent) == 2


def test_the_watch_sees_a_change_without_history(active_analyst: Agent) -> None:
    """The test of the test."""
    transactions = Transactions()
    with transactions.watched(), transaction.atomic():
        register.raise_epoch(actor=SYSTEM, agent=active_analyst)
        active_analyst.deputies.clear()
        transactions.end()
    assert len(transactions.silent) == 1
    assert "No row in agents_historicalagent" in transactions.silent[0]


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
    _documents(agent, olivia)
    _bundles(agent)
    _looks(olivia)
    _sinks()
    _keys_and_anchors()
    people.change_password(actor=olivia, password="another-sentence-of-words")
    _sign_ins(ada, olivia)
    people.deactivate(actor=ada.actor, person=olivia)
    people.reactivate(actor=ada.actor, person=olivia)
    board.end_seat(actor=ada, seat=Seat.objects.get(person=members[0]))
    _history(ada)
    _asking_over_http(ada)
    _disposal(ada)


def _asking_over_http(ada: Person) -> None:
    """Policies, and who asks: seen, given another credential, revoked, refused."""
    first = apply_certification()
    policies.apply(actor=ada.actor, policies={"none.cedar": "// Nothing."}, schema=first.schema)
    point, credential = enforcement_points.add(actor=ada.actor, name="crm")
    assert enforcement_points.authenticate(actor=SYSTEM, credential=credential) == point
    assert enforcement_points.actor_of(point).kind == "system"
    enforcement_points.rotate(actor=SYSTEM, point=point)
    assert enforcement_points.authenticate(actor=SYSTEM, credential=credential) is None
    enforcement_points.revoke(actor=SYSTEM, point=point)


def _documents(agent: Agent, owner: Person) -> None:
    documents.attach(
        actor=owner,
        agent=agent,
        kind=DocumentKind.POLICY,
        title="What it may do",
        file_name="policy.txt",
        content=b"It may read.",
    )


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
    bundle = bundles.request(actor=SYSTEM, kind=BundleKind.AGENT, streams=[agent.stream], subject="Analyst")
    bundles.sweep()
    bundles.download(actor=SYSTEM, bundle=bundles.build(bundle_id=bundle.pk))
    assert Event.objects.exists()


def _looks(person: Person) -> None:
    """Verified, proved, compared and looked at: the first and the last write what they did."""
    sealing.seal()
    event = Event.objects.order_by("id")[0]
    proved = verification.prove(event_id=event.pk)
    assert verification.compare(checkpoint=proved.proof.checkpoint).is_prefix
    for options in ({}, {"since": 1}, {"stream": event.stream}):
        verification.check_ledger(actor=SYSTEM, **options)
    verification.check_event(actor=SYSTEM, event_id=event.pk)
    verification.check_checkpoint(actor=SYSTEM, size=proved.size)
    assert verification.check_if_due() is None
    assert verification.of_everything().filter(verdict=Verdict.SOUND).first() == verification.last_sound()
    asked = verification.request(actor=SYSTEM, kind=VerificationKind.SINCE)
    assert verification.run_requested(verification_id=asked.pk).verdict == Verdict.SOUND
    assert verification.sweep() == 0
    with pytest.raises(Denied):
        reading.look(
            actor=person.actor, object="ledger", permission="audits.view_event", part="list", path="/"
        )


def _keys_and_anchors() -> None:
    assert key_rotation.enroll(actor=SYSTEM)
    key_rotation.rotate(actor=SYSTEM, purpose=KeyPurpose.SEAL)
    key_rotation.replace(actor=SYSTEM, purpose=KeyPurpose.MAC, reason="It was in a log.")
    assert key_rotation.disagreements() == key_rotation.unfinished() == []
    with override_settings(ANCHORS=[f"file://{settings.BUNDLES_DIR}/checkpoints.log"]):
        [anchor] = anchoring.publish()
        anchoring.check(actor=SYSTEM, anchor=anchor)
        assert anchoring.problems() == []
        assert len(anchoring.standing()) == len(anchoring.sinks()) == 1
        assert anchoring.for_bundle(anchor.size)


def _history(administrator: Person) -> None:
    """What is forgotten goes with the event that erases its payload; here there is nothing to forget."""
    keeping.adopt(
        actor=administrator.actor, model="governance.riskclass", key="low", reason="It is what we want."
    )
    assert keeping.forget(events=[]) == 0


def _sinks() -> None:
    with override_settings(SIEM_SINKS=parse_all([f"json+file://{settings.BUNDLES_DIR}/siem.ndjson"])):
        (name,) = siem.due()
        assert siem.deliver(name=name) == siem.undelivered_from()
        siem.replay(actor=SYSTEM, name=name, seq=0)
        assert siem.failing() == []
        assert len(siem.standings()) == 1


def _disposal(administrator: Person) -> None:
    """A case and a hold on it; an event loses its body, a person their name, the ledger its beginning."""
    dora, oscar = add("dora"), add("oscar")
    subject = f"person/{oscar.pk}"
    case = cases.open_case(actor=dora.actor, name="Matter", subjects=[subject])
    hold = holds.place(
        actor=dora.actor, title="Dispute", scope=HoldScope.CASE, case=case, reason="An inquiry."
    )
    cases.amend(
        actor=dora.actor, case=case, description="", subjects=[subject, "system"], since=None, until=None,
        reason="More.",
    )  # fmt: skip
    holds.release(actor=administrator.actor, hold=hold, reason="Settled.")
    cases.close(actor=dora.actor, case=case, reason="Over.")
    event = Event.objects.filter(stream=subject)[0]
    assert retention.kept_until(event) > timezone.now()
    retention.change(
        actor=dora.actor, framework="DORA", days=1825, source="Our counsel", reason="It applies."
    )
    assert subjects.export(actor=dora.actor, subject=subject)
    assert subjects.mentions(actor=dora.actor, subject=subject) == []
    erasure.redact(actor=dora.actor, events=[event.pk], reason="It named another.")
    assert erasure.plan(subject=subject).against == ()
    erasure.erase(actor=dora.actor, subject=subject, reason="Article 17")
    assert (erasure.sweep(), erasure.undeclared()) == (0, [])
    with transaction.atomic():
        assert erasure.carry_over(actor=SYSTEM) == 0
    with patch.object(pruning, "LEVEL", 2), patch.object(pruning, "datetime", InTenYears):
        assert len(pruning.prune(actor=dora.actor, limit=1)) == 1


class InTenYears(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "InTenYears":
        return cls.fromisoformat((datetime.now(tz) + timedelta(days=3650)).isoformat())
