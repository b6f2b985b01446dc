"""How much is verified, by how many processes, and what is kept of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from audits import keys
from audits.actor import Actor
from audits.choices import Action, Outcome, Verdict, VerificationKind
from audits.errors import Denied, Invalid, NotFound
from audits.keys import KeysUnusable
from audits.models import Body, Checkpoint, Entry, Event, Node, StreamHead, Verification
from audits.services import sealing, verification
from audits.services.verification import parallel, runs, whole
from tests.audits.happenings import TESTER, happen, take_triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def events() -> list[Event]:
    """Entries 0 to 5 of two streams under one checkpoint, 6 heads, 7 to 11 after them."""
    made = happen(3, stream="agent/one") + happen(3, stream="agent/two")
    sealing.seal_heads()
    made += happen(2, stream="agent/one") + happen(3, stream="agent/three")
    sealing.seal()
    return made


# --- Since ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("since", "first"), [(0, 0), (5, 0), (6, 6), (7, 7), (8, 7), (11, 7), (12, 12)])
def test_it_starts_from_the_last_signed_checkpoint(events: list[Event], since: int, first: int) -> None:
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [6, 7, 12]
    report = verification.verify(since=since)
    assert report.is_sound, report
    assert (report.first, report.size, report.entries) == (first, 12, 12 - first)
    assert report.streams == 4


def test_since_a_time(events: list[Event]) -> None:
    take_triggers_off()
    Checkpoint.objects.filter(size=12).update(sealed_at=timezone.now() + timedelta(days=1))
    report = verification.verify(since=timezone.now())
    assert (report.is_sound, report.first, report.entries) == (True, 7, 5)
    assert verification.verify(since=datetime(2020, 1, 1, tzinfo=UTC)).first == 0


def test_since_more_than_there_is_cannot_be_answered(events: list[Event]) -> None:
    with pytest.raises(Invalid, match="the ledger has 12 entries"):
        verification.verify(since=13)


def wrong(problem: str, **options: Any) -> None:
    report = verification.verify(**options)
    assert not report.is_sound
    assert problem in report.problem, report


def test_since_does_not_trust_the_stored_tree_it_starts_from(events: list[Event]) -> None:
    take_triggers_off()
    Node.objects.filter(level=2, index=0).update(hash=b"\1" * 32)
    wrong("do not have the root that was signed", since=7)


def test_since_needs_that_checkpoint_signed(events: list[Event]) -> None:
    take_triggers_off()
    Checkpoint.objects.filter(size=7).update(note=Checkpoint.objects.get(size=12).note)
    wrong("signs something else", since=7)


def test_since_finds_a_link_to_what_was_not_there(events: list[Event]) -> None:
    take_triggers_off()
    StreamHead.objects.filter(stream="agent/two").update(leaf=b"\1" * 32)
    wrong("stored end of stream agent/two", since=0)
    report = verification.verify(since=7)
    assert report.is_sound  # the end is what is said: nothing after entry 7 contradicts it


def test_since_finds_what_came_after(events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[-1].pk).update(body_box=b"\1" * 60)
    wrong("body was changed", since=7)
    Body.objects.filter(event_id=events[0].pk).update(body_box=b"\1" * 60)
    report = verification.verify(since=7)
    assert report.place.startswith("entry 11"), "what is older is not looked at"


# --- A stream ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("stream", "count"), [("agent/one", 5), ("agent/two", 3), ("agent/three", 3), ("heads", 1)]
)
def test_every_entry_of_a_stream_with_its_proof(events: list[Event], stream: str, count: int) -> None:
    report = verification.verify_stream(stream=stream)
    assert report.is_sound, report
    assert (report.entries, report.checkpoints, report.streams) == (count, 1, 1)


def wrong_stream(stream: str, problem: str) -> None:
    report = verification.verify_stream(stream=stream)
    assert not report.is_sound
    assert problem in report.problem, report


def test_an_entry_is_missing_from_the_stream(events: list[Event]) -> None:
    take_triggers_off()
    Entry.objects.filter(stream="agent/one", stream_seq=2)._raw_delete(using="default")
    wrong_stream("agent/one", "Entry 2 is number 3 of agent/one and does not follow number 1")
    assert verification.verify_stream(stream="agent/two").is_sound, "the other stream is whole"


def test_the_end_of_a_stream_was_cut_off(events: list[Event]) -> None:
    take_triggers_off()
    last = Entry.objects.get(stream="agent/two", stream_seq=2)
    Entry.objects.filter(stream="agent/two", stream_seq=3)._raw_delete(using="default")
    StreamHead.objects.filter(stream="agent/two").update(stream_seq=2, seq=last.seq, leaf=last.leaf)
    wrong_stream("agent/two", "Entry 5 is missing")


def test_a_changed_body_of_the_stream(events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk).update(body_box=b"\1" * 60)
    wrong_stream("agent/one", "body was changed")
    assert verification.verify_stream(stream="agent/one", with_bodies=False).is_sound


def test_a_stream_that_is_not_there(events: list[Event]) -> None:
    with pytest.raises(NotFound, match="Nothing was sealed in the stream 'agent/nine'"):
        verification.verify_stream(stream="agent/nine")


# --- Headers alone, progress, processes -----------------------------------------------------------------
def test_headers_alone_says_so(events: list[Event]) -> None:
    take_triggers_off()
    Body.objects.filter(event_id=events[1].pk).update(body_box=b"\1" * 60)
    report = verification.verify(with_bodies=False)
    assert report.is_sound
    assert "Payloads and names were not opened: only headers were verified." in report.warnings


def test_progress_reaches_the_end(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "CHUNK", 5)
    told: list[tuple[int, int]] = []
    verification.verify(progress=lambda done, total: told.append((done, total)))
    assert told == [(5, 12), (10, 12), (12, 12)]


def test_small_chunks_find_the_same(events: list[Event], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whole, "CHUNK", 1)
    assert verification.verify().is_sound
    take_triggers_off()
    Node.objects.filter(level=1, index=2).update(hash=b"\1" * 32)
    wrong("entries 4 to 5")


def test_one_process_where_others_would_see_nothing() -> None:
    """Inside a transaction, what is not committed is there for nobody else."""
    with transaction.atomic():
        assert parallel.possible_jobs(4) == 1
    assert parallel.sensible_jobs(10) == 1
    assert parallel.sensible_jobs(10**6) >= 1


@pytest.mark.django_db(transaction=True)
def test_several_processes_say_what_one_says(monkeypatch: pytest.MonkeyPatch) -> None:
    made = happen(7, stream="agent/one") + happen(5, stream="person/p")
    sealing.seal_heads()
    monkeypatch.setattr(whole, "CHUNK", 4)
    alone, together = verification.verify(jobs=1), verification.verify(jobs=2)
    assert together.is_sound, together
    assert (together.jobs, together.root, together.events) == (2, alone.root, alone.events)
    take_triggers_off()
    Body.objects.filter(event_id=made[9].pk).update(name_box=b"\1" * 60)
    Body.objects.filter(event_id=made[2].pk).update(body_box=b"\1" * 60)
    found = verification.verify(jobs=2)
    assert (found.place, found.jobs) == (f"entry 2, event {made[2].pk}", 2), "the first, in order"


# --- What is kept ------------------------------------------------------------------------------------------
def test_a_run_is_a_row_and_an_event(events: list[Event]) -> None:
    report, row = verification.check_ledger(actor=TESTER)
    assert (row.kind, row.verdict, row.size, row.entries) == (VerificationKind.WHOLE, Verdict.SOUND, 12, 12)
    assert row.by == TESTER.ref
    event = Event.objects.get(pk=str(row.event))
    assert (event.action, event.stream, event.outcome) == (Action.LEDGER_VERIFIED, "system", Outcome.SUCCESS)
    assert event.details["verification"] == str(row.pk)
    assert report.is_sound


def test_what_is_wrong_is_kept_although_nothing_can_be_sealed(events: list[Event]) -> None:
    take_triggers_off()
    Node.objects.filter(level=3, index=0).update(hash=b"\1" * 32)
    Checkpoint.objects.filter(size=12).update(root=b"\1" * 32)
    happen(1)
    with pytest.raises(sealing.SealingRefused):
        sealing.seal()
    report, row = verification.check_ledger(actor=TESTER)
    assert not report.is_sound
    assert (row.verdict, row.place, row.problem) == (Verdict.WRONG, report.place, report.problem)
    event = Event.objects.get(pk=str(row.event))
    assert (event.outcome, event.details["problem"]) == (Outcome.FAILED, report.problem)


def test_where_no_event_can_be_written_the_row_says_so(
    events: list[Event], settings: LazySettings, tmp_path: Any
) -> None:
    settings.KEYS_DIR = tmp_path
    keys.forget()
    with pytest.raises(KeysUnusable):
        verification.check_ledger(actor=TESTER)
    row = Verification.objects.get()
    assert (row.verdict, row.event) == (Verdict.UNABLE, None)
    assert "keys create" in row.problem
    assert any("No event could be written" in warning for warning in row.warnings)


def test_who_may_not_look_may_not_verify(events: list[Event], oscar: Any) -> None:
    with pytest.raises(Denied, match="may not look at the ledger"):
        verification.check_event(actor=oscar.actor, event_id=events[0].pk)
    assert not Verification.objects.exists()
    refused = Event.objects.get(action=Action.LEDGER_VERIFIED)
    assert (refused.outcome, refused.stream) == (Outcome.DENIED, f"person/{oscar.pk}")
    with pytest.raises(Denied):
        verification.check_ledger(actor=Actor(kind="agent", id="one", name="One"))


def test_an_event_by_itself(events: list[Event]) -> None:
    report, row = verification.check_event(actor=TESTER, event_id=events[0].pk)
    assert report.is_sound
    assert (row.kind, row.subject, row.entries) == (VerificationKind.EVENT, f"event/{events[0].pk}", 1)
    [unsealed] = happen(1)
    report, _ = verification.check_event(actor=TESTER, event_id=unsealed.pk)
    assert report.is_sound
    assert "waits to be sealed" in report.warnings[0]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((Entry, {"event_id": "FIRST"}, {"leaf": b"\1" * 32}), "leaf of entry 0"),
        ((Body, {"event_id": "FIRST"}, {"name_box": b"\1" * 60}), "name was changed"),
        ((Event, {"pk": "FIRST"}, {"outcome": "denied"}), "column 'outcome' was changed"),
        ((Node, {"level": 1, "index": 1}, {"hash": b"\1" * 32}), "is not in the tree"),
        ((Checkpoint, {"size": 12}, {"note": "x"}), "checkpoint of size 12"),
    ],
)
def test_an_event_by_itself_is_wrong(events: list[Event], change: Any, problem: str) -> None:
    take_triggers_off()
    model, where, values = change
    where = {name: events[0].pk if value == "FIRST" else value for name, value in where.items()}
    model.objects.filter(**where).update(**values)
    report, row = verification.check_event(actor=TESTER, event_id=events[0].pk)
    assert problem in report.problem, report
    assert row.verdict == Verdict.WRONG


def test_a_checkpoint_by_itself(events: list[Event]) -> None:
    report, _ = verification.check_checkpoint(actor=TESTER, size=7)
    assert report.is_sound
    take_triggers_off()
    Node.objects.filter(level=2, index=0).update(hash=b"\1" * 32)
    report, _ = verification.check_checkpoint(actor=TESTER, size=7)
    assert "do not have the root" in report.problem
    with pytest.raises(NotFound):
        verification.verify_checkpoint(size=8)


# --- The schedule ------------------------------------------------------------------------------------------
def age(hours: float) -> None:
    """Everything that was verified, and the ledger's beginning, so long ago."""
    take_triggers_off()
    then = timezone.now() - timedelta(hours=hours)
    Verification.objects.update(started_at=then)
    Checkpoint.objects.filter(size=6).update(sealed_at=then)


def test_nothing_is_due_in_a_new_ledger(events: list[Event]) -> None:
    assert verification.check_if_due() is None


def test_all_of_it_daily_and_what_is_new_hourly(events: list[Event]) -> None:
    age(2)
    first = verification.check_if_due()
    assert first is not None
    assert (first.kind, first.verdict, first.by) == ("whole", Verdict.SOUND, "system/verifier")
    assert verification.check_if_due() is None
    sealing.seal()
    age(2)
    second = verification.check_if_due()
    assert second is not None
    assert (second.kind, second.first, second.verdict) == ("since", 12, Verdict.SOUND)
    age(25)
    third = verification.check_if_due()
    assert third is not None
    assert third.kind == "whole"


def test_after_a_wrong_run_it_starts_where_all_was_sound(events: list[Event]) -> None:
    age(2)
    verification.check_if_due()
    Verification.objects.create(
        kind="since",
        verdict="wrong",
        started_at=timezone.now(),
        ended_at=timezone.now(),
        size=99,
        by="system/x",
    )
    age(2)
    found = verification.check_if_due()
    assert found is not None
    assert found.first == 12


def test_a_schedule_that_is_unable_says_so(
    events: list[Event], settings: LazySettings, tmp_path: Any
) -> None:
    age(2)
    settings.KEYS_DIR = tmp_path
    keys.forget()
    found = verification.check_if_due()
    assert found is not None
    assert found.verdict == Verdict.UNABLE


def test_the_history_cannot_be_changed(events: list[Event]) -> None:
    verification.check_ledger(actor=runs.VERIFIER)
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        Verification.objects.update(verdict="sound")
    with pytest.raises(Exception, match="append-only"), transaction.atomic():
        Verification.objects.all()._raw_delete(using="default")
