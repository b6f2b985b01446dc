"""Legal holds (S1-16): what they cover does not go, whoever asks, until a second person releases them."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DatabaseError, IntegrityError, connection, connections, transaction

from agents.models import Person
from audits import locks
from audits.actor import Actor
from audits.choices import Action, HoldScope, Outcome
from audits.errors import Conflict, Denied, Invalid
from audits.models import Case, Event, Hold
from audits.services import cases, erasure, holds
from tests.audits.happenings import execute, happen

pytestmark = pytest.mark.django_db(transaction=True)
YESTERDAY, TOMORROW = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))


@pytest.fixture(autouse=True)
def _no_inline(settings: LazySettings) -> None:
    settings.LEDGER_SEAL_INLINE = False


@pytest.fixture
def subject(oscar: Person) -> str:
    happen(2, stream="agent/one", actor=oscar.actor, object="run/1")
    return f"person/{oscar.pk}"


def place(actor: Person, scope: HoldScope, **words: Any) -> Hold:
    return holds.place(actor=actor.actor, title="Dispute", scope=scope, reason="inquiry", **words)


def case(actor: Person, *subjects: str, **words: Any) -> Case:
    return cases.open_case(actor=actor.actor, name="Matter", subjects=subjects, **words)


def refused(actor: Person, subject: str) -> bool:
    try:
        erasure.erase(actor=actor.actor, subject=subject, reason="request")
    except Conflict as error:
        return "legal hold 'Dispute'" in error.message
    return False


def test_a_hold_on_the_person(dora: Person, subject: str) -> None:
    place(dora, HoldScope.PERSON, subject=subject)
    assert refused(dora, subject)


def test_a_hold_on_an_agent_keeps_the_names_of_who_acted_on_it(dora: Person, subject: str) -> None:
    place(dora, HoldScope.AGENT, subject="agent/one")
    assert refused(dora, subject)


def test_a_hold_on_another_agent_does_not(dora: Person, subject: str) -> None:
    place(dora, HoldScope.AGENT, subject="agent/two")
    assert not refused(dora, subject)


@pytest.mark.parametrize(
    ("since", "until", "covered"),
    [
        (YESTERDAY, None, True),
        (None, TOMORROW, True),
        (YESTERDAY, TOMORROW, True),
        (TOMORROW, None, False),
        (None, YESTERDAY, False),
    ],
)
def test_a_hold_on_a_period(dora: Person, subject: str, since: Any, until: Any, covered: bool) -> None:  # noqa: FBT001
    place(dora, HoldScope.PERIOD, since=since, until=until)
    assert refused(dora, subject) is covered


def test_a_hold_on_everything(dora: Person, subject: str) -> None:
    place(dora, HoldScope.EVERYTHING)
    assert refused(dora, subject)


def test_a_hold_on_a_case_follows_the_case(dora: Person, dirk: Person, subject: str) -> None:
    matter = case(dora, "agent/two")
    hold = place(dora, HoldScope.CASE, case=matter)
    cases.amend(
        actor=dora.actor, case=matter, description="", subjects=["agent/one", "agent/two"], since=None,
        until=None, reason="it concerns another",
    )  # fmt: skip
    assert refused(dora, subject)
    with pytest.raises(Conflict, match="only grows"):
        cases.amend(
            actor=dora.actor, case=matter, description="", subjects=["agent/two"], since=None, until=None,
            reason="smaller",
        )  # fmt: skip
    with pytest.raises(Conflict, match="only grows"):
        cases.amend(
            actor=dora.actor, case=matter, description="", subjects=["agent/one", "agent/two"],
            since=TOMORROW, until=None, reason="later",
        )  # fmt: skip
    with pytest.raises(Conflict, match="Release it first"):
        cases.close(actor=dora.actor, case=matter, reason="over")
    holds.release(actor=dirk.actor, hold=hold, reason="settled")
    cases.close(actor=dora.actor, case=matter, reason="over")
    with pytest.raises(Conflict, match="is closed"):
        place(dora, HoldScope.CASE, case=matter)
    assert not refused(dora, subject)


def test_auditors_place_holds_and_release_none(aude: Person, dora: Person, subject: str) -> None:
    hold = place(aude, HoldScope.PERSON, subject=subject)
    with pytest.raises(Denied):
        holds.release(actor=aude.actor, hold=hold, reason="over")
    holds.release(actor=dora.actor, hold=hold, reason="over")
    assert not refused(dora, subject)


def test_who_placed_it_does_not_release_it(dora: Person, ada: Person, subject: str) -> None:
    hold = place(dora, HoldScope.PERSON, subject=subject)
    for actor in (dora.actor, Actor.system("command-line"), Actor("agent", "1", "bot")):
        with pytest.raises(Denied):
            holds.release(actor=actor, hold=hold, reason="over")
    assert Event.objects.filter(action=Action.HOLD_RELEASED, outcome=Outcome.DENIED).count() == 3
    assert refused(dora, subject)
    holds.release(actor=ada.actor, hold=hold, reason="over")
    with pytest.raises(Conflict, match="already"):
        holds.release(actor=ada.actor, hold=hold, reason="over")


@pytest.mark.parametrize("who", ["olivia", "sasha", "oscar"])
def test_others_place_none(request: pytest.FixtureRequest, who: str) -> None:
    with pytest.raises(Denied):
        place(request.getfixturevalue(who), HoldScope.EVERYTHING)
    assert not Hold.objects.exists()
    assert Event.objects.get(action=Action.HOLD_PLACED).outcome == Outcome.DENIED


@pytest.mark.parametrize(
    ("scope", "words"),
    [
        (HoldScope.PERSON, {}),
        (HoldScope.PERSON, {"subject": "agent/1"}),
        (HoldScope.AGENT, {"subject": "agent/a b"}),
        (HoldScope.PERIOD, {}),
        (HoldScope.PERIOD, {"since": TOMORROW, "until": YESTERDAY}),
        (HoldScope.CASE, {}),
        (HoldScope.EVERYTHING, {"subject": "person/1"}),
        (HoldScope.EVERYTHING, {"since": YESTERDAY}),
    ],
)
def test_a_hold_says_what_it_covers(dora: Person, scope: HoldScope, words: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        place(dora, scope, **words)


def test_the_database_keeps_holds_too(dora: Person) -> None:
    hold = place(dora, HoldScope.EVERYTHING)
    for statement in (
        "DELETE FROM audits_hold",
        "UPDATE audits_hold SET scope = 'period', since = placed_at",
        "UPDATE audits_hold SET placed_by = 'person/1'",
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            execute(statement)
    with pytest.raises(IntegrityError), transaction.atomic():
        execute("UPDATE audits_hold SET released_by = placed_by, released_at = placed_at")
    hold.refresh_from_db()
    assert hold.is_live


def test_a_hold_and_an_erasure_never_pass_each_other(dora: Person, subject: str) -> None:
    """The hold is placed while the erasure waits for the same lock: the erasure meets it."""
    if connection.vendor != "postgresql":
        assert connection.settings_dict["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
        return
    outcome: list[bool] = []

    def erase() -> None:
        try:
            outcome.append(refused(dora, subject))
        finally:
            connections.close_all()

    eraser = threading.Thread(target=erase)
    with transaction.atomic():
        locks.disposal()
        eraser.start()
        wait_until_it_waits()
        place(dora, HoldScope.PERSON, subject=subject)
    eraser.join()
    assert outcome == [True]


def wait_until_it_waits() -> None:
    """Until PostgreSQL says that somebody waits for an advisory lock; asked without a pause."""
    while not execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
        continue
