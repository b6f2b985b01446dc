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
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from types import CodeType, FrameType, ModuleType
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import httpx2
import pytest
from django.conf import LazySettings, settings
from django.db import connection, transaction
from django.test import override_settings
from django.utils import timezone

import agents.services
import agents.signing
import audits.services
import governance.services
from agents import decision_point, nvd, outbound, policy
from agents.analyst import SLUG, provenance
from agents.analyst import run as analyst
from agents.choices import (
    Access,
    ActionOutcome,
    AnomalyKind,
    DelegationEnd,
    DependencyKind,
    DocumentKind,
    EgressMode,
    FreezeReason,
    MailTiming,
    NotificationGroup,
    Refusal,
    RotationReason,
    SessionEnd,
    TokenEnd,
    TokenScope,
    ToolKind,
)
from agents.errors import TokenError
from agents.models import (
    Agent,
    AgentInstance,
    AgentVersion,
    AnomalyRule,
    EgressAnomaly,
    FunctionCall,
    Handover,
    Lockout,
    Person,
    ProposedAction,
    Report,
    Run,
    Session,
)
from agents.oauth.errors import OAuthError
from agents.services import (
    agent_policies,
    api_tokens,
    breakers,
    clients,
    copies,
    delegations,
    deliveries,
    dependencies,
    discovery,
    documents,
    egress_anomalies,
    egress_attempts,
    egress_lists,
    egress_pruning,
    endpoints,
    exchange,
    handovers,
    importing,
    lifecycle,
    notifications,
    people,
    proposals,
    provisioning,
    register,
    reports,
    revocations,
    runs,
    scim_clients,
    second_factors,
    secret_delivery,
    secret_references,
    secret_rotations,
    secrets,
    sessions,
    signing_keys,
    telling,
    third_parties,
    tokens,
    tools,
    version_tests,
    vulnerabilities,
)
from agents.services.clients import Shown
from agents.services.revocations import Scope
from audits import history, keys
from audits.choices import BundleKind, HoldScope, KeyPurpose, Verdict, VerificationKind
from audits.errors import Denied, NotFound
from audits.models import Event
from audits.services import (
    anchoring,
    api_answers,
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
from governance import access, access_request, authzen, risk_selectors
from governance.choices import (
    AssessmentKind,
    Discipline,
    ElevationEnd,
    Gate,
    ReleaseState,
    RiskLevel,
    VoteChoice,
)
from governance.models import (
    Approval,
    BreakGlass,
    Containment,
    EnforcementPoint,
    Grant,
    PolicyVersion,
    Release,
    RiskClass,
    Seat,
    Unfreeze,
)
from governance.services import (
    access_requests,
    agent_roles,
    approval_openings,
    approvals,
    assessments,
    board,
    break_glass,
    containments,
    dossiers,
    due_dates,
    elevations,
    enforcement_points,
    gates,
    grants,
    kills,
    outcomes,
    pipelines,
    policies,
    policy_trials,
    policy_votes,
    probes,
    releases,
    reminders,
    resource_importing,
    resources,
    reviews,
    revocation_feed,
    risk,
    risk_classes,
    risk_overrides,
    role_assignments,
    role_importing,
    scope_exceptions,
    shrinkings,
    unfreezing,
)
from portal import links
from tests import signing_in
from tests.agents import secret_story
from tests.agents.conftest import LOG4SHELL, SYSTEM
from tests.agents.mail_server import mail_server
from tests.agents.model_server import completion, serving
from tests.agents.secret_story import CALL
from tests.authzen.asking import QUESTION, apply_certification
from tests.conftest import ANSWERS, add
from tests.governance import policing
from tests.governance.papers import signed
from tests.governance.ready import passing, sign
from tests.governance.roles import permissions, role
from tests.governance.roles import resource as catalogued
from tests.governance.story import TICKET, approval_of, describe, edit, question, request, resource
from tests.oauth import requesting
from tests.oauth.client import TOKEN, Copy, handed_out, let, new_key, provisioned, public, task
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
    # When it last asked the feed; that it stopped and came back, and what it acknowledged, are events.
    ("governance_enforcementpoint", frozenset({"asked_at"})),
    ("agents_scimclient", frozenset({"last_seen_at"})),
    ("governance_pipeline", frozenset({"last_seen_at"})),
    # The claim of a builder; requested, built and failed are events.
    ("audits_bundle", frozenset({"state", "started_at", "heard_at"})),
    ("audits_bundle", frozenset({"phase", "done", "total", "heard_at"})),
    ("audits_bundle", frozenset({"checkpoint_size"})),
    # When a token was last used; that it began and ended are events. And the counter of refused ones.
    ("agents_apitoken", frozenset({"last_used_at"})),
    ("agents_tokenfailures", frozenset()),
    ("agents_tokenfailures", frozenset({"number"})),
    # When a session was last used; that it began and ended are events.
    ("agents_session", frozenset({"seen_at"})),
    # The counter of failed sign-ins, before any is refused for it.
    ("axes_accessattempt", frozenset()),
    # How far a verification is; that it was asked for, and its verdict, are events.
    ("audits_verification", frozenset({"heard_at"})),
    ("audits_verification", frozenset({"entries", "size", "heard_at"})),
    # Ids that must not come again, and how much of a rate is used up: bookkeeping; requests are told.
    ("agents_spentidentifier", frozenset()),
    ("agents_allowance", frozenset()),
    ("agents_allowance", frozenset({"arrival"})),
    # The claim of who does a rotation; asked, done and failed are events.
    ("agents_secretrotation", frozenset({"tried_at"})),
    # Which enforcement point was shown a token; what it reports is an event.
    ("agents_credential", frozenset({"shown_to"})),
    # How many failures a circuit breaker has counted: that it opens and closes are events.
    ("agents_endpoint", frozenset({"failures"})),
    # What people are told is derived from what is recorded; so is whether they read it, and its mail.
    ("agents_notification", frozenset()),
    ("agents_notification", frozenset({"read_at"})),
    ("agents_notification", frozenset({"mail"})),
    ("agents_notification", frozenset({"delivery_id"})),
    ("agents_delivery", frozenset()),
    ("agents_delivery", frozenset({"state", "claimed_at", "attempts"})),
    ("agents_delivery", frozenset({"state", "ended_at", "error"})),
    ("agents_delivery", frozenset({"state", "retry_at"})),
    # The place of a revocation in the order of all, given once what it is for is committed.
    ("agents_revocation", frozenset({"number"})),
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
        Agent.objects.filter(pk=active_analyst.pk).update(runbook="")
        transactions.end()
    assert len(transactions.silent) == 2


def test_the_watch_sees_a_change_without_history(active_analyst: Agent) -> None:
    """The test of the test."""
    transactions = Transactions()
    with transactions.watched(), transaction.atomic():
        lifecycle.freeze(actor=SYSTEM, agent=active_analyst, reason=FreezeReason.REVIEW)
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
    _egress(ada, agent)
    _edits(agent, olivia)
    with override_settings(RELEASE_SOAK_HOURS=0):
        releases.promote(actor=olivia, release=_release(agent, olivia, members, "2"))
    run = runs.queue(actor=SYSTEM, report=report)
    analyst.perform(run_id=run.pk)
    _elevations(agent, olivia, members)
    _sweeps(report)
    _assessments(agent, olivia, members)
    _risk(agent, olivia, ada, members)
    _documents(agent, olivia)
    _dependencies(agent, olivia, ada)
    _notifications(agent, olivia)
    _gates(agent, olivia, members[0])
    _pipelines(ada, agent)
    _register(ada, olivia)
    _roles(ada, agent)
    _bundles(agent)
    _looks(olivia)
    _copies(agent, olivia)
    _secrets(agent, olivia, settings.BUNDLES_DIR)
    _shrinkings(agent, olivia)
    _told_of_a_use(agent)
    _containment(agent, ada, olivia, members)
    _sinks()
    _keys_and_anchors()
    people.change_password(actor=olivia, password="another-sentence-of-words")
    _sign_ins(ada, olivia)
    people.deactivate(actor=ada.actor, person=olivia)
    people.reactivate(actor=ada.actor, person=olivia)
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=members[1]))
    board.appoint_chair(actor=ada, seat=Seat.objects.get(person=members[0]))
    _handovers_and_reviews(ada, olivia, agent)
    board.end_seat(actor=ada, seat=Seat.objects.get(person=members[0]))
    _history(ada)
    _asking_over_http(ada)
    _provisioning(ada)
    _api_tokens(olivia)
    _disposal(ada)


def _egress(ada: Person, agent: Agent) -> None:
    """Lists, an exception, an endpoint whose breaker opens, tries and closes, and a request that leaves."""
    egress_lists.change(
        actor=ada,
        agent=agent,
        mode=EgressMode.ALLOW,
        allow=["crm.example.org"],
        deny=[],
        reason="It reads it.",
    )
    exception = egress_lists.add_exception(
        actor=ada, agent=agent, host="crm.example.org", port=443, days=1, reason="It is inside."
    )
    egress_lists.end_exception(actor=ada, exception=exception)
    endpoint = endpoints.add(
        actor=ada, name="crm", url="https://crm.example.org", figures=endpoints.Figures(failure_threshold=1)
    )
    endpoints.change(
        actor=ada,
        endpoint=endpoint,
        url="https://crm.example.org/v1",
        figures=endpoints.Figures(failure_threshold=1, open_seconds=1),
    )
    for failed in (True, False):
        admitted = breakers.admit(name="crm")
        assert admitted is not None
        breakers.settle(admitted=admitted, failed=failed, why="Down.")
        time.sleep(1)
    breakers.trip(actor=ada, endpoint=endpoint, reason="It answers nonsense.")
    breakers.reset(actor=ada, endpoint=endpoint, reason="It does not any more.")
    instance = AgentInstance.objects.filter(agent=agent)[0]
    answering = httpx2.MockTransport(lambda _: httpx2.Response(200, stream=httpx2.ByteStream(b"")))
    with (
        egress_attempts.guarded(instance=instance),
        outbound.replaced_by(answering),
        outbound.client() as door,
    ):
        assert door.get("https://crm.example.org/v1").status_code == 200
    rule = AnomalyRule.objects.get(kind=AnomalyKind.DESTINATION)
    egress_anomalies.change_rule(actor=ada, rule=rule, reason="Every destination.", minimum=0)
    assert egress_anomalies.sweep() > 0
    egress_anomalies.close(actor=ada, anomaly=EgressAnomaly.objects.all()[0], verdict="The story.")
    assert egress_pruning.kept_from() < timezone.now()
    with patch.object(egress_pruning, "kept_from", timezone.now):
        assert egress_pruning.sweep() > 0


def _asking_over_http(ada: Person) -> None:
    """Policies, and who asks: seen, given another credential, revoked, refused."""
    first = apply_certification()
    _policies(ada, first)
    point, credential = enforcement_points.add(actor=ada.actor, name="crm")
    assert enforcement_points.authenticate(actor=SYSTEM, credential=credential) == point
    assert enforcement_points.actor_of(point).kind == "system"
    question = authzen.evaluation(QUESTION)
    decision = access.decide(evaluation=question, point=point)
    told = {"outcome": ActionOutcome.EXECUTED, "detail": ""}
    made = outcomes.report(point=point, evaluation_id=decision.id, **told)  # type: ignore[arg-type]
    assert outcomes.record(actor=SYSTEM, decision_id=decision.id, **told) == made  # type: ignore[arg-type]
    policies.apply(actor=ada.actor, policies={"none.cedar": "// Nothing."}, schema=first.schema)
    enforcement_points.rotate(actor=SYSTEM, point=point)
    assert enforcement_points.authenticate(actor=SYSTEM, credential=credential) is None
    _follow_the_feed(ada, point)
    enforcement_points.revoke(actor=SYSTEM, point=point)


def _follow_the_feed(ada: Person, point: EnforcementPoint) -> None:
    """It reads and acknowledges, falls silent and returns, is declared and probed: lets through, refuses."""
    page = revocation_feed.read(actor=point, since=0)
    assert revocation_feed.acknowledge(actor=point, number=page.current) == page.current
    assert revocations.cut_off(Scope(agent="nobody", owner="nobody")) <= page.current
    with override_settings(FEED_STALE_SECONDS=-1):
        assert revocation_feed.sweep() == 1
    point.refresh_from_db()
    revocation_feed.read(actor=point, since=page.next)
    address = "https://crm.example.org/customers"
    enforcement_points.declare(actor=ada.actor, point=point, mode="asks", probe_url=address)
    assert probes.due() == [point]
    for status in (200, 401):
        with outbound.replaced_by(httpx2.MockTransport(lambda _, status=status: httpx2.Response(status))):
            probes.probe(actor=ada.actor, point=point)
    with patch.object(probes, "PATIENCE_SECONDS", 0):
        enforcement_points.declare(actor=ada.actor, point=point, mode="follows", probe_url=address)
        with outbound.replaced_by(httpx2.MockTransport(lambda _: httpx2.Response(401))):
            probes.probe(actor=ada.actor, point=point)


def _policies(ada: Person, first: PolicyVersion) -> None:
    """Another version is written, tried out, approved by two, rolled back from, and one is given up."""
    text = {"none.cedar": "// Nothing."}
    draft = policies.draft(actor=ada.actor, policies={"a.cedar": "permit"}, schema=first.schema)
    policies.edit(actor=ada.actor, version=draft, policies=text, schema=first.schema)
    version = policies.validate(actor=ada.actor, version=draft)
    policy_trials.start_shadow(actor=ada.actor, version=version)
    policy_trials.stop_shadow(actor=ada.actor, version=version)
    policing.approve(version)
    policy_votes.roll_back(
        actor=ada, version=first, digest=first.sha256, reason="It was better.", authentication=proof(ada)
    )
    policies.withdraw(actor=ada.actor, version=policing.valid(), reason="Not needed.")


def _told_of_a_use(agent: Agent) -> None:
    """What an obligation asks of the gateway."""
    with transaction.atomic():
        telling.access_used(agent=agent, call=FunctionCall.objects.filter(run__agent=agent).latest("pk"))


def _shrinkings(agent: Agent, owner: Person) -> None:
    """Nobody used two grants for long: one is kept after all, the other ends."""
    agent.refresh_from_db()
    approval = Approval.objects.filter(agent=agent, state="approved").latest("resolved_at")
    long_ago = timezone.now() - timedelta(days=100)

    def began(grant: Grant, add: bool) -> datetime:  # noqa: FBT001 - Django's signature
        grant.starts_at = long_ago
        return long_ago

    with transaction.atomic(), patch.object(Grant._meta.get_field("starts_at"), "pre_save", began):
        idle = grants.add_reads(
            actor=SYSTEM, agent=agent, approval=approval,
            functions=[{"action": "stare", "resource": name} for name in ("x/1", "x/2")],
        )  # fmt: skip
    kept, ended = (shrinkings.propose(actor=owner, grant=grant) for grant in idle)
    shrinkings.decline(actor=owner, proposal=kept, reason="For the audit.")
    shrinkings.carry_out(actor=owner, proposal=ended)


def _copies(agent: Agent, owner: Person) -> None:
    """A copy elsewhere gets a token, gives it back, gets another key, and is gone."""
    agent.refresh_from_db()
    copy = provisioned(owner, agent)
    asked = tokens.Asked(
        shown=Shown(copy.assertion()),
        details=json.dumps([task()]),
        proof="",
        url=f"{settings.ISSUER}{TOKEN}",
    )
    issued = tokens.issue(asked=asked)
    assert tokens.introspect(token=issued.token, point=uuid4())["active"]
    tokens.revoke(shown=Shown(copy.assertion()), token=issued.token)
    _delegations(copy, owner)
    newer = Copy(copy.instance)
    copies.rotate_key(actor=owner, instance=copy.instance, jwk=public(newer.key))
    assert not any(copies.deprovision(actor=owner, instance=copy.instance).values())
    assert copies.what_is_left(copy.instance)["keys"] == 0
    clients.forget_spent()
    signing_keys.rotate(actor=SYSTEM, directory=Path(settings.KEYS_DIR))


def _asks_by_itself(agent: Agent, copy: Copy) -> None:
    """A copy is denied a write, asks for it, and takes that back; its owner words another request anew."""
    assert clients.authenticated(Shown(copy.assertion()))[0] == copy.instance
    answer = decision_point.decide(question(copy.instance, TICKET, resource(), Access.WRITE))
    denial = {"evaluation_id": str(answer.id), "access_request": answer.access_request}
    submission = access_request.read(requesting.body(denial))
    asked = access_requests.submit(actor=copy.instance, submission=submission, key="1")
    assert access_requests.cancel(actor=copy.instance, task=asked.pk) == asked
    elevation = request(agent.owner, agent, resource())
    elevations.revise(
        actor=agent.owner, elevation=elevation, revision=1, resource=elevation.resource, intent="Less.",
        minutes=5, uses=1,
    )  # fmt: skip
    elevations.end(actor=agent.owner.actor, elevation=elevation, reason=ElevationEnd.REVOKED)


def _looked_at(agent: Agent, owner: Person, reader: Person) -> None:
    """Somebody who can vote opens what they are asked."""
    elevation = request(owner, agent, resource())
    assert approval_openings.record(actor=reader, approval=approval_of(elevation))
    elevations.end(actor=owner.actor, elevation=elevation, reason=ElevationEnd.REVOKED)


def _emergencies(agent: Agent, reviewer: Person) -> None:
    """The glass is broken twice: once it is reviewed, once nobody does and the account is locked."""
    breaker = people.add_person(
        actor=SYSTEM, username="breaker", first_name="B", last_name="G", email="b@example.org",
        password=None, is_administrator=True,
    )  # fmt: skip

    def broken() -> BreakGlass:
        return break_glass.break_glass(
            actor=breaker, agent=agent, action=TICKET, resource=resource(), reason="It burns.", minutes=1,
            uses=1, authentication=proof(breaker),
        )  # fmt: skip

    break_glass.review(
        actor=reviewer, glass=broken(), is_justified=True, review="It did.", authentication=proof(reviewer)
    )
    with override_settings(BREAK_GLASS_REVIEW_HOURS=0):
        broken()
    assert break_glass.sweep() == 1
    with transaction.atomic():
        elevations.end_all(actor=SYSTEM, agent=agent, reason=ElevationEnd.REVOKED)


def _secrets(agent: Agent, owner: Person, folder: Path) -> None:
    """It is used, handed out and checked; rotated by a person, breached, due, and over."""
    known = [RotationReason.PERSON_LEFT, RotationReason.AGENT_ENDED]
    secret = secret_story.file_secret(owner, settings, folder, rotate_on=known)
    use = secret_references.allow(
        actor=SYSTEM, secret=secret, agent=agent, action=CALL.action, resource=CALL.resource
    )
    facts = replace(secret_references.Facts.of(secret), overlap_hours=0)
    secret_references.change(actor=SYSTEM, secret=secret, facts=facts)
    secret_references.check(actor=owner.actor, secret=secret)
    copy = provisioned(owner, agent).instance
    with secrets.get_secret(reference=secret.slug, instance=copy, task=CALL, hand_out=True):
        pass
    asked = question(copy, CALL.action, CALL.resource)
    with secrets.use(reference=secret.slug, question=asked, answer=decision_point.decide(asked)):
        pass
    with transaction.atomic():
        assert secrets.end_leases_of_copy(actor=SYSTEM, instance=copy) == 2
        assert secrets.end_leases(actor=SYSTEM, agent=agent) == 0
    secrets.end_leases_of_secret(actor=owner.actor, secret=secret)
    stranger = secret_delivery.deliver(token="", proof="x", url=secret_delivery.address())
    with pytest.raises(OAuthError), stranger:
        pass
    rotation = secret_rotations.rotate(actor=owner.actor, secret=secret)
    secret_rotations.confirm(actor=owner.actor, rotation=rotation, note="Done.")
    secret_rotations.declare_breached(actor=owner.actor, secret=secret, what="It was in a log.")
    assert secret_rotations.sweep() == 0
    secret_references.disallow(actor=owner.actor, use=use)
    secret_references.end(actor=owner.actor, secret=secret, reason="It is over.")


def _containment(agent: Agent, ada: Person, owner: Person, members: list[Person]) -> None:
    """Frozen at every level and let go on by two, asked in vain; and one that the board ends for good."""

    def asked(containment: Containment) -> Unfreeze:
        return unfreezing.request(
            actor=ada, containment=containment, reason="It is mended.", authentication=proof(ada)
        )

    copy = provisioned(owner, agent).instance
    levels: tuple[tuple[str, dict[str, Any]], ...] = (
        ("instance", {"instance": copy}), ("owner", {"owner": owner}), ("everything", {}),
        ("agent", {"agent": agent}),
    )  # fmt: skip
    for level, of in levels:
        containment = containments.freeze(actor=ada, level=level, reason="It is looked at.", **of)
        unfreezing.decline(actor=members[0], unfreeze=asked(containment), reason="Not yet.")
        with override_settings(UNFREEZE_HOURS=0):
            asked(containment)
        assert unfreezing.sweep() == 1
        waiting = asked(containment)
        unfreezing.confirm(
            actor=members[0],
            unfreeze=waiting,
            digest=waiting.digest,
            authentication=proof(members[0]),
        )
    newest = revocations.current()
    assert [row.number for row in revocations.since(newest - 1, limit=2)] == [newest]
    assert revocations.cut_off(Scope.of(agent)) == newest
    scribe = Agent.objects.get(slug="scribe")
    _vote(members[0], kills.request(actor=owner, agent=scribe, reason="Twice."), VoteChoice.REJECT)
    _approve(members, kills.request(actor=owner, agent=scribe, reason="It is not needed."))
    with override_settings(KEY_OVERLAP_MINUTES=0):
        copies.rotate_key(actor=owner, instance=copy, jwk=public(new_key()))
    assert copies.sweep() == 1


def _provisioning(ada: Person) -> None:
    """A directory brings somebody, renames them, takes them away; then its credential ends."""
    client, credential = scim_clients.add(actor=ada.actor, name="entra-id")
    assert scim_clients.authenticate(actor=SYSTEM, credential=credential) == client
    directory = scim_clients.actor_of(client)
    person = provisioning.create(actor=directory, account=provisioning.Account("barbara"))
    provisioning.change(
        actor=directory, person_id=person.pk, how=lambda account: replace(account, username="jensen")
    )
    people.assign_groups(actor=ada.actor, person=person, groups=["Owners"])
    provisioning.remove(actor=directory, person_id=person.pk)
    scim_clients.rotate(actor=SYSTEM, client=client)
    assert scim_clients.authenticate(actor=SYSTEM, credential=credential) is None
    scim_clients.revoke(actor=ada.actor, client=client)


def _handovers_and_reviews(ada: Person, olivia: Person, agent: Agent) -> None:
    """Without an owner it is offered until somebody accepts; then nobody reviews it; then it is over."""

    def offer() -> Handover:
        return handovers.offer(actor=ada, agent=agent, to=olivia)

    handovers.decline(actor=olivia, handover=offer(), reason="Not now.")
    handovers.withdraw(actor=ada, handover=offer())
    with override_settings(HANDOVER_DAYS=0):
        offer()
    assert handovers.sweep() == 1
    handovers.accept(actor=olivia, handover=offer(), authentication=proof(olivia))
    later = timezone.localdate() + timedelta(days=1000)
    with patch.object(timezone, "localdate", lambda: later):
        assert reviews.sweep() == 1
    lifecycle.attest(actor=olivia, agent=agent, statement="It is all true.")
    handovers.offer(actor=olivia, agent=agent, to=ada)
    lifecycle.retire(actor=olivia, agent=agent, reason="It has done its work.")


def _api_tokens(person: Person) -> None:
    """One is used and revoked, one ends with the others."""
    made, secret = api_tokens.add(
        actor=person.actor, person=person, name="CI", scope=TokenScope.READ, authentication=proof(person)
    )
    assert api_tokens.authenticate(secret=secret) == made
    api_tokens.revoke(actor=person.actor, token=made)
    with pytest.raises(TokenError) as refused:
        api_tokens.authenticate(secret=secret)
    assert api_tokens.record_refusal(error=refused.value, address="192.0.2.7")
    api_tokens.add(actor=SYSTEM, person=person, name="Script", scope=TokenScope.WRITE)
    place = api_answers.claim(caller="api_token/x", key="1", fingerprint="a" * 64)
    api_answers.keep(answer=place, status=201, location="", body="{}")
    api_answers.release(answer=place)
    assert api_answers.sweep() == 0
    assert api_answers.forget() == 1
    assert api_tokens.end_all(actor=SYSTEM, person=person, reason=TokenEnd.PASSWORD) == 1


def _roles(ada: Person, agent: Agent) -> None:
    """A role of the catalogue is given, changed and taken away; a wildcard has its exception for a while."""
    until = timezone.now() + timedelta(days=1)
    leave = scope_exceptions.grant(actor=ada, reference="endpoint/*", reason="A migration.", until=until)
    kept = catalogued(ada, "everything", "endpoint/*")
    resources.change(actor=ada, resource=kept, facts=replace(resources.Facts.of(kept), personal_data=True))
    reading = {"resource": "everything", "actions": ["read"]}
    held, other = role(ada, "reader", reading), role(ada, "spare", reading)
    terms = role_assignments.Terms(role=held)
    assert role_assignments.plan(actor=ada, agent=agent, terms=terms).effect.begins
    given = role_assignments.assign(actor=ada, agent=agent, terms=terms, reason="It reads.")
    harder = permissions({**reading, "conditions": ["within_task"]})
    plan = agent_roles.plan(actor=ada, role=held, permissions=harder)
    agent_roles.change(
        actor=ada, role=held, permissions=harder, reason="It must say why.", expected=plan.digest
    )
    listed = resource_importing.export(format="yaml").replace("personal_data: true", "personal_data: false")
    found = resource_importing.plan(actor=ada, content=listed.encode(), format="yaml")
    resource_importing.perform(
        actor=ada, content=listed.encode(), format="yaml", file_name="r.yaml", expected=found.digest
    )
    written = role_importing.export().replace("[within_task]", "[business_hours]").encode()
    changes = role_importing.plan(actor=ada, content=written)
    role_importing.perform(actor=ada, content=written, file_name="roles.yaml", expected=changes.digest)
    scope_exceptions.end(actor=ada, exception=leave, reason="It is over.")
    role_assignments.end(actor=ada, assignment=given, reason="It reads no more.")
    for each in (held, other):
        agent_roles.end(actor=ada, role=each, reason="Nobody needs it.")
    resources.end(actor=ada, resource=kept, reason="It is gone.")


def _register(ada: Person, olivia: Person) -> None:
    """A policy, an entry that is amended, one that was found and claimed, a file out and in."""
    agent_policies.apply(actor=ada.actor, text=policy.shipped().yaml, reason="We agree with it.")
    agent = register.register_agent(
        actor=olivia, slug="scribe", name="Helper", purpose="Helps.", business_unit="IT", owner=olivia
    )
    register.amend(actor=olivia, agent=agent, changes={"purpose": "Helps more.", "deputies": [ada]})
    found = discovery.discover(
        actor=olivia, slug="found", name="Found", found_by="a bill", evidence="An API key."
    )
    discovery.claim(actor=ada, agent=found, owner=olivia, purpose="Sends mail.", business_unit="IT")
    content = importing.export(format="csv").replace("Sends mail.", "Sends letters.").encode()
    plan = importing.plan(actor=ada, content=content, format="csv")
    importing.perform(
        actor=ada, content=content, format="csv", file_name="register.csv", expected=plan.digest
    )


def _assessments(agent: Agent, owner: Person, members: list[Person]) -> None:
    """One is signed and superseded, one withdrawn; what was promised is done."""
    signed(owner, members[0], agent, AssessmentKind.SECURITY)
    newer = signed(owner, members[0], agent, AssessmentKind.SECURITY)
    agent.refresh_from_db()
    with patch.object(timezone, "localdate", lambda: agent.review_date):
        assert due_dates.sweep() == 2  # the review of the entry, and what was promised
    assessments.close_mitigation(actor=owner, mitigation=newer.mitigations.get(), note="It is watched.")
    assessments.withdraw(actor=owner, assessment=newer, reason="It forgot a system.")


def _risk(agent: Agent, owner: Person, administrator: Person, members: list[Person]) -> None:
    """The board overrides the class of an agent; then a class changes, and the agent's with it."""
    for level in (RiskLevel.HIGH, RiskLevel.LOW):
        overrides = risk_overrides.request(actor=owner, agent=agent, level=level, reason="It is known.")
        assert risk_overrides.changed(overrides, agent) is None
        _vote(members[0], overrides, VoteChoice.REJECT)
    _approve(
        members, risk_overrides.request(actor=owner, agent=agent, level=RiskLevel.HIGH, reason="It is known.")
    )
    risk.assess(actor=owner, agent=agent, answers=ANSWERS)
    high = RiskClass.objects.get(level=RiskLevel.HIGH)
    figures = risk_selectors.figures_of(high) | {"minimum_score": len(ANSWERS)}
    shown = risk_classes.preview(actor=administrator, level=RiskLevel.HIGH, figures=figures)
    risk_classes.change(
        actor=administrator,
        level=RiskLevel.HIGH,
        figures=figures,
        digest=shown.digest,
        authentication=proof(administrator),
    )


def _edits(agent: Agent, owner: Person) -> None:
    """Asked and taken back; edited, and put back to what was approved."""
    asked = _next(owner, agent, "withdrawn")
    approvals.withdraw(actor=owner, approval=asked, reason="It was the wrong build.")
    edit(owner, agent, purpose="Analyses more.")
    assert dossiers.put_back(actor=owner, agent=agent) == []


def _documents(agent: Agent, owner: Person) -> None:
    documents.attach(
        actor=owner,
        agent=agent,
        kind=DocumentKind.POLICY,
        title="What it may do",
        file_name="policy.txt",
        content=b"It may read.",
    )


def _dependencies(agent: Agent, owner: Person, ada: Person) -> None:
    """An agent creates one, and calls a tool of a third party; all of it changes, and ends."""
    facts = third_parties.Facts(
        name="NIST", provides="NVD", jurisdictions=["US"], assess_again_by=timezone.now().date()
    )
    nist = third_parties.add(actor=ada, slug="nist", facts=facts)
    third_parties.change(actor=ada, third_party=nist, facts=replace(facts, contact="nvd@example.org"))
    told = tools.Facts(name="NVD", kind=ToolKind.API, endpoint="nvd", jurisdictions=["US"], provider=nist)
    nvd_api = tools.add(actor=ada, slug="nvd", facts=told)
    tools.change(actor=ada, tool=nvd_api, facts=replace(told, data_categories=["CVE ids"]))
    helper = register.register_agent(
        actor=owner, slug="helper", name="Helper", purpose="Helps.", business_unit="IT", owner=owner
    )
    targets = ((DependencyKind.CALLS, nvd_api), (DependencyKind.CREATES, helper))
    for kind, target in targets:
        made = dependencies.add(actor=owner, agent=agent, kind=kind, target=target, purpose="It helps.")
        dependencies.change(actor=owner, dependency=made, purpose="It helps.", data_categories=["text"])
        dependencies.end(actor=owner, dependency=made, reason="It helps no more.")
    tools.end(actor=ada, tool=nvd_api, reason="Gone.")
    third_parties.end(actor=ada, third_party=nist, reason="Gone.")


def _notifications(agent: Agent, owner: Person) -> None:
    """The board is reminded; the owner chooses what is mailed, is told by mail, and reads it."""
    assert _next(owner, agent, "5")
    with override_settings(REMIND_AT_PERCENT=0), mail_server() as server:
        assert reminders.sweep() == 1
        notifications.choose_mail(actor=owner, timings={NotificationGroup.AGENTS: MailTiming.DAILY})
        notifications.choose_mail(actor=owner, timings={NotificationGroup.AGENTS: MailTiming.AT_ONCE})
        assert _next(owner, agent, "6")
        assert deliveries.deliver(links=links) == len(server.mails) > 0
        assert not deliveries.given_up(since=timezone.now() - timedelta(days=1))
    first = notifications.unread(owner)[0]
    assert notifications.mark_read(actor=owner, notification_id=first.pk) == first
    assert notifications.mark_all_read(actor=owner)
    with override_settings(NOTIFICATION_DAYS=-1):
        assert notifications.forget()


def _gates(agent: Agent, owner: Person, member: Person) -> None:
    """A test is recorded, a gate signed, the signature taken back, and a pipeline asks."""
    version = agent.versions.latest("added_at")
    version_tests.record(actor=owner.actor, version=version, result=passing("functional"))
    signature = sign(member, agent, version, Gate.MONITORING)
    sign(owner, agent, version, Gate.POST_DEPLOYMENT)
    gates.revoke_signature(actor=member, signature=signature, reason="A limit is wrong.")
    assert not gates.ask(actor=SYSTEM, agent=agent, version=version.digest).allowed


def _pipelines(ada: Person, agent: Agent) -> None:
    """One is let in for its agent alone, gets another credential, and is revoked."""
    pipeline, credential = pipelines.add(actor=ada.actor, name="shop-ci", agents=[agent])
    assert pipelines.authenticate(actor=SYSTEM, credential=credential) == pipeline
    assert pipelines.admit(actor=SYSTEM, pipeline=pipeline, agent=agent) == agent
    with pytest.raises(NotFound):
        pipelines.admit(actor=SYSTEM, pipeline=pipeline, agent=None)
    assert pipelines.actor_of(pipeline).kind == "system"
    pipelines.rotate(actor=SYSTEM, pipeline=pipeline)
    assert pipelines.authenticate(actor=SYSTEM, credential=credential) is None
    pipelines.revoke(actor=SYSTEM, pipeline=pipeline)


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
        actor=person, authentication=proof(person), approval=approval, choice=choice, digest=approval.digest,
        revision=approval.revision, comment="Read it.",
    )  # fmt: skip


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
    agent.refresh_from_db()
    _asks_by_itself(agent, provisioned(owner, agent))
    _emergencies(agent, members[0])
    _looked_at(agent, owner, members[0])
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
    releases.roll_back(actor=owner, release=_release(agent, owner, members, "3"), reason="Too slow.")
    assert _release(agent, owner, members, "4")
    with transaction.atomic():
        releases.end(actor=SYSTEM, agent=agent)


def _next(owner: Person, agent: Agent, label: str) -> Approval:
    """A version that follows another one, before the board."""
    version = _version(owner, agent, label)
    describe(owner, version)
    return dossiers.submit(actor=owner, version=version)


def _release(agent: Agent, owner: Person, members: list[Person], label: str) -> Release:
    _approve(members, _next(owner, agent, label))
    return Release.objects.get(state=ReleaseState.UNDER_WAY)


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


def _delegations(copy: Copy, person: Person) -> None:
    """The person lets the agent act for them; it does, and lets another one act under its token."""
    agent, url = copy.instance.agent, f"{settings.ISSUER}{TOKEN}"
    let(person, agent, data_scope=[])
    assert delegations.end_of_agent(actor=SYSTEM, agent=agent) == 1
    given = let(person, agent, may_pass_on=True, data_scope=[])
    key = new_key()
    asked = tokens.Asked(Shown(copy.assertion()), json.dumps([task()]), copy.proof(by=key), url)
    subject = handed_out(given)
    issued = exchange.issue(exchange=exchange.Exchange(asked, subject))
    again = tokens.Asked(Shown(copy.assertion()), json.dumps([task()]), copy.proof(), url)
    with pytest.raises(OAuthError, match="come before"):
        exchange.issue(exchange=exchange.Exchange(again, subject))
    other = register.register_agent(
        actor=person, slug="called", name="Called", purpose="Is called.", business_unit="x", owner=person
    )
    dependencies.add(
        actor=person, agent=agent, kind=DependencyKind.CALLS, target=other, purpose="It looks things up."
    )
    asked = tokens.Asked(Shown(copy.assertion()), "", copy.proof(by=key), url)
    handing = exchange.Exchange(asked, issued.token, audience=other.slug)
    assert exchange.hand_on(exchange=handing).token
    delegations.end(actor=person.actor, delegation=given)
    let(person, agent, data_scope=[])
    assert delegations.end_all(actor=SYSTEM, person=person, reason=DelegationEnd.DEACTIVATED) == 1


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
