"""Promises 1 and 11: whatever is done to the stored ledger, verification finds it and names it.

The attacker here is a superuser of the database: the triggers are off.
"""

import shutil
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.utils import timezone

from audits import bodies, canonical, formats, guard, keys, subject_keys
from audits.choices import Action
from audits.models import (
    Body,
    Checkpoint,
    DestroyedKey,
    Entry,
    Event,
    Node,
    Pending,
    Redaction,
    StreamHead,
    Tombstone,
)
from audits.models.base import new_id
from audits.services import sealing, verification
from audits.services.ledger import record
from audits.tree import leaf_hash
from tests.audits.happenings import TESTER, execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db


@pytest.fixture
def ledger() -> list[Event]:
    """Nine entries: 0 to 3 and 5 to 7 are events of two streams, 4 and 8 heads."""
    events = happen(2, stream="agent/one", frameworks=["sox"]) + happen(2, stream="agent/two")
    sealing.seal_heads()
    events += happen(3, stream="agent/one")
    sealing.seal_heads()
    assert verification.verify().is_sound
    take_triggers_off()
    return events


def found(place: str, problem: str) -> None:
    report = verification.verify()
    assert not report.is_sound
    assert report.place.startswith(place), report
    assert problem in report.problem, report


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("stream", "agent/two"),
        ("action", "ticket.opened"),
        ("actor", "person/1"),
        ("object", "run/9"),
        ("outcome", "denied"),
        ("time", "2020-01-01 00:00:00"),
        ("frameworks", ""),
    ],
)
def test_a_changed_search_column(ledger: list[Event], column: str, value: str) -> None:
    where = "WHERE object = 'run/1' AND stream = 'agent/one'"
    execute(f"UPDATE audits_event SET {column} = %s {where}", value)  # noqa: S608 - our own names
    found(f"entry 1, event {ledger[1].pk}", f"column '{column}' was changed")


@pytest.mark.parametrize("old", [b"success", b"run/1", b"agent/one", b'"v":1', b"system/tester"])
def test_a_changed_header(ledger: list[Event], old: bytes) -> None:
    header = bytes(ledger[1].header)
    assert old in header
    Event.objects.filter(pk=ledger[1].pk).update(header=header.replace(old, old[:-1] + b"7"))
    found("entry 1", "header was changed")


def test_a_changed_message_code(ledger: list[Event]) -> None:
    Event.objects.filter(pk=ledger[1].pk).update(mac=b"\0" * 32)
    found("entry 1", "message code does not fit")


@pytest.mark.parametrize("column", ["body_box", "name_box"])
def test_a_changed_body_or_name(ledger: list[Event], column: str) -> None:
    other = getattr(Body.objects.get(event_id=ledger[1].pk), column)
    Body.objects.filter(event_id=ledger[2].pk).update(**{column: other})
    found("entry 2", f"{column[:4]} was changed: The {column[:4]} does not open with its key")


def test_a_body_written_anew_by_somebody_with_the_subjects_key(ledger: list[Event]) -> None:
    event = ledger[2]
    forged, _ = bodies.seal(bodies.PAYLOAD, event.pk.bytes, event.stream, b'{"number":7}')
    Body.objects.filter(event_id=event.pk).update(body_key=forged.key, body_box=forged.box)
    found("entry 2", "body was changed: the header committed to another")


def test_a_deleted_body(ledger: list[Event]) -> None:
    Body.objects.filter(event_id=ledger[2].pk)._raw_delete(using="default")
    found("entry 2", "body is missing, and no redaction explains it")


def test_an_event_deleted_from_the_middle(ledger: list[Event]) -> None:
    Entry.objects.filter(seq=2).update(event=None, heads=b"{}")
    Event.objects.filter(pk=ledger[2].pk)._raw_delete(using="default")
    found("entry 2", "heads sealed in entry 2")


def test_an_entry_deleted_from_the_middle(ledger: list[Event]) -> None:
    Entry.objects.filter(seq=2)._raw_delete(using="default")
    found("entry 2", "Entry 2 is missing")


def test_two_entries_that_changed_places(ledger: list[Event]) -> None:
    Entry.objects.filter(seq=0).update(event=None, heads=b"")
    Entry.objects.filter(seq=1).update(event=ledger[0].pk)
    Entry.objects.filter(seq=0).update(event=ledger[1].pk, heads=None)
    found("entry 0", "leaf of entry 0 is not the hash of its bytes")


def test_two_events_swapped_with_their_leaves_recomputed(ledger: list[Event]) -> None:
    test_two_entries_that_changed_places(ledger)
    recompute_leaves(0, 1)
    found("entry 1", "does not follow number 1")


def recompute_leaves(*numbers: int) -> None:
    for entry in Entry.objects.filter(seq__in=numbers).select_related("event"):
        Entry.objects.filter(pk=entry.pk).update(leaf=leaf_hash(sealing.exact_bytes(entry)))


@pytest.mark.parametrize(
    "change",
    [
        {"stream_seq": 77},
        {"previous": b"\1" * 32},
        {"sealed_at": "2020-01-01T00:00:00Z"},
        {"stream": "agent/x"},
    ],
)
def test_a_changed_place(ledger: list[Event], change: dict[str, object]) -> None:
    Entry.objects.filter(seq=1).update(**change)
    found("entry 1", "columns of entry 1 differ")


def test_a_changed_leaf(ledger: list[Event]) -> None:
    Entry.objects.filter(seq=3).update(leaf=b"\1" * 32)
    found("entry 3", "leaf of entry 3")


def test_changed_heads(ledger: list[Event]) -> None:
    Entry.objects.filter(seq=4).update(heads=b'{"count":1,"root":""}')
    found("entry 4", "not where the streams ended")


def test_a_changed_node(ledger: list[Event]) -> None:
    Node.objects.filter(level=1, index=1).update(hash=b"\1" * 32)
    found("node 1/1", "entries 2 to 3 is absent or was changed")


def test_a_deleted_node(ledger: list[Event]) -> None:
    Node.objects.filter(level=2, index=1)._raw_delete(using="default")
    found("node 2/1", "entries 4 to 7 is absent")


def test_a_changed_root(ledger: list[Event]) -> None:
    Checkpoint.objects.filter(size=5).update(root=b"\1" * 32)
    found("checkpoint 5", "do not have the root")


def test_a_checkpoint_of_another_key(ledger: list[Event], tmp_path: Path) -> None:
    keys.create(tmp_path)
    checkpoint = Checkpoint.objects.get(size=5)
    forged = keys._seal(tmp_path).sign(checkpoint.note.split("\n\n")[0] + "\n")
    Checkpoint.objects.filter(size=5).update(note=forged)
    found("checkpoint 5", "no signature of")


def test_a_checkpoint_that_signs_something_else(ledger: list[Event]) -> None:
    Checkpoint.objects.filter(size=5).update(note=Checkpoint.objects.get(size=9).note)
    found("checkpoint 5", "signs something else")


def test_entries_after_the_last_checkpoint(ledger: list[Event]) -> None:
    Checkpoint.objects.filter(size=9)._raw_delete(using="default")
    Checkpoint.objects.filter(size=8)._raw_delete(using="default")
    found("entry 5", "beyond the last signed checkpoint")


@pytest.mark.parametrize("change", [{"stream_seq": 1}, {"leaf": b"\1" * 32}])
def test_a_changed_end_of_a_stream(ledger: list[Event], change: dict[str, object]) -> None:
    StreamHead.objects.filter(stream="agent/two").update(**change)
    found("stream agent/two", "stored end of stream agent/two")


def test_a_dropped_stream(ledger: list[Event]) -> None:
    StreamHead.objects.filter(stream="agent/two").delete()
    found("stream agent/two", "stored end")


def test_an_invented_stream(ledger: list[Event]) -> None:
    StreamHead.objects.create(stream="agent/three", stream_seq=1, seq=1, leaf=b"\1" * 32)
    found("stream agent/three", "invented")


def test_an_event_changed_before_it_was_sealed(ledger: list[Event]) -> None:
    [event] = happen(1)
    Event.objects.filter(pk=event.pk).update(header=bytes(event.header).replace(b"run/0", b"run/9"))
    found(f"event {event.pk}, not sealed yet", "header was changed")


def test_an_event_taken_from_the_waiting(ledger: list[Event]) -> None:
    [event] = happen(1)
    Pending.objects.all()._raw_delete(using="default")
    found(f"event {event.pk}", "neither sealed nor does it wait")


def test_a_sealed_event_put_back_among_the_waiting(ledger: list[Event]) -> None:
    Pending.objects.create(event=ledger[0])
    found(f"event {ledger[0].pk}", "put back among those that wait")


def test_an_event_of_which_only_parts_are_left(ledger: list[Event]) -> None:
    [event] = happen(1)
    Pending.objects.all()._raw_delete(using="default")
    Event.objects.filter(pk=event.pk)._raw_delete(using="default")
    found(f"event {event.pk}", "parts of it are left")


def test_the_end_cut_off(ledger: list[Event]) -> None:
    """Everything is consistent, as after restoring a backup: only the memory outside knows."""
    outside = guard.Head(9, bytes(Checkpoint.objects.get(size=9).root))
    Entry.objects.filter(seq__gte=5)._raw_delete(using="default")
    Body.objects.filter(event__in=ledger[4:])._raw_delete(using="default")
    Event.objects.filter(pk__in=[event.pk for event in ledger[4:]])._raw_delete(using="default")
    for node in Node.objects.all():
        if (node.index + 1) << node.level > 5:
            execute('DELETE FROM audits_node WHERE level = %s AND "index" = %s', node.level, node.index)
    Checkpoint.objects.filter(size__gt=5)._raw_delete(using="default")
    for stream, seq in (("agent/one", 1), ("heads", 4)):
        entry = Entry.objects.get(seq=seq)
        StreamHead.objects.filter(stream=stream).update(stream_seq=entry.stream_seq, seq=seq, leaf=entry.leaf)
    assert verification.verify().is_sound
    guard.remember(outside)
    found("entry 5", "its end was cut off, or a backup was restored")


def test_content_that_is_no_evidence_at_all(ledger: list[Event]) -> None:
    Event.objects.filter(pk=ledger[1].pk).update(header=b"\xff", mac=b"")
    found("entry 1", "header was changed")


def test_a_whole_ledger_rewritten_without_the_keys(
    ledger: list[Event], tmp_path: Path, settings: LazySettings
) -> None:
    """Every hash, link, number and code recomputed; what the attacker lacks is the organisation's keys."""
    own = Path(settings.KEYS_DIR)
    keys.create(tmp_path)
    settings.KEYS_DIR = tmp_path
    rewrite(ledger)
    assert verification.verify().is_sound
    settings.KEYS_DIR = own
    found("entry 0", "message code does not fit")


def test_a_whole_ledger_rewritten_with_the_codes_key_only(
    ledger: list[Event], tmp_path: Path, settings: LazySettings
) -> None:
    own = Path(settings.KEYS_DIR)
    shutil.copy(own / "mac.key", tmp_path / "mac.key")
    keys.create(tmp_path)
    settings.KEYS_DIR = tmp_path
    rewrite(ledger)
    settings.KEYS_DIR = own
    found("checkpoint 7", "no signature of")


def test_a_whole_ledger_rewritten_with_all_keys_meets_the_memory_outside(ledger: list[Event]) -> None:
    outside = guard.Head(5, bytes(Checkpoint.objects.get(size=5).root))
    rewrite(ledger)
    assert verification.verify().is_sound
    guard.remember(outside)
    found("entry 4", "the ledger was rewritten")


def rewrite(events: list[Event]) -> None:
    """Turn a refusal into a success and seal all of history anew, with the keys in use."""
    guard.forget()
    for model in (Entry, Node, Checkpoint, StreamHead, Pending):
        model.objects.all()._raw_delete(using="default")
    for event in events:
        event.header = bytes(event.header).replace(b'"outcome":"success"', b'"outcome":"failed"')
        event.outcome = "failed"
        event.mac = formats.message_code(keys.mac(), event.header)
        event.save()
        Pending.objects.create(event=event)
    sealing.seal()


# --- Time --------------------------------------------------------------------------------------------------
def insert_backdated(ledger: list[Event]) -> Event:
    """An event of yesterday, between entries 1 and 2: everything after it is moved along."""
    take_triggers_off()
    Pending.objects.all()._raw_delete(using="default")
    forged = Event.objects.get(pk=ledger[1].pk)
    forged.pk = new_id()
    forged.time = ledger[1].time - timedelta(days=1)
    header = forged.fields | {"id": str(forged.pk), "time": formats.timestamp(forged.time)}
    forged.header = canonical.dumps(header)
    forged.save(force_insert=True)
    body = Body.objects.get(pk=ledger[1].pk)
    Body.objects.create(
        event=forged, body_key=body.body_key, body_box=body.body_box, name_key=body.name_key,
        name_box=body.name_box,
    )  # fmt: skip
    for entry in Entry.objects.filter(seq__gte=2).order_by("-seq"):
        Entry.objects.filter(seq=entry.seq).update(seq=entry.seq + 1)
    before = Entry.objects.get(seq=1)
    seal = formats.seal_bytes(seq=2, stream_seq=3, previous=bytes(before.leaf), sealed_at=before.sealed_at)
    Entry.objects.filter(stream="agent/one", stream_seq__gte=3).delete()
    Entry.objects.create(
        seq=2, event=forged, seal=seal, stream="agent/one", stream_seq=3, previous=before.leaf,
        sealed_at=before.sealed_at, leaf=leaf_hash(formats.event_entry(forged.header, seal)),
    )  # fmt: skip
    return forged


def test_an_event_inserted_backdated(ledger: list[Event]) -> None:
    forged = insert_backdated(ledger)
    found(f"entry 2, event {forged.pk}", "message code does not fit")


def test_an_event_inserted_backdated_with_the_codes_key(ledger: list[Event]) -> None:
    """The code, then the body, then the number of what follows: each lock holds by itself."""
    forged = insert_backdated(ledger)
    forged.mac = formats.message_code(keys.mac(), bytes(forged.header))
    forged.save()
    found(f"entry 2, event {forged.pk}", "body was changed")
    payload, commitment = bodies.seal(bodies.PAYLOAD, forged.pk.bytes, "agent/one", b"{}")
    name, name_commitment = bodies.seal(bodies.NAME, forged.pk.bytes, "system", b"tester")
    forged.header = canonical.dumps(forged.fields | {"body": commitment.hex(), "name": name_commitment.hex()})
    forged.mac = formats.message_code(keys.mac(), bytes(forged.header))
    forged.save()
    Body.objects.filter(pk=forged.pk).update(
        body_key=payload.key, body_box=payload.box, name_key=name.key, name_box=name.box
    )
    recompute_leaves(2)
    found("entry 3", "columns of entry 3 differ from what was sealed")


def test_a_clock_rolled_back_between_two_entries(ledger: list[Event]) -> None:
    """Sealed again with an earlier time, number, link and leaf right: time itself betrays it."""
    entry, before = Entry.objects.get(seq=1), Entry.objects.get(seq=0)
    earlier = before.sealed_at - timedelta(days=1)
    seal = formats.seal_bytes(seq=1, stream_seq=2, previous=bytes(before.leaf), sealed_at=earlier)
    Entry.objects.filter(seq=1).update(seal=seal, sealed_at=earlier)
    recompute_leaves(1)
    found(f"entry 1, event {entry.event_id}", "sealed before the entry before it")


def test_a_sealer_whose_clock_is_rolled_back_does_not_go_back(
    ledger: list[Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    last = Entry.objects.order_by("-seq")[0].sealed_at
    happen(1)

    class Yesterday(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Yesterday":
            return cls.fromtimestamp(last.timestamp() - 86_400, tz)

    monkeypatch.setattr(sealing, "datetime", Yesterday)
    sealing.seal()
    assert Entry.objects.order_by("-seq")[0].sealed_at >= last
    assert verification.verify().is_sound


# --- Whole streams, whole shapes -------------------------------------------------------------------------
def test_a_stream_dropped_with_everything_renumbered(ledger: list[Event]) -> None:
    """All of a stream's entries, events and its end are gone, and the rest moved together."""
    of_it = [event.pk for event in ledger if event.stream == "agent/two"]
    Entry.objects.filter(stream="agent/two")._raw_delete(using="default")
    Body.objects.filter(event__in=of_it)._raw_delete(using="default")
    Event.objects.filter(pk__in=of_it)._raw_delete(using="default")
    StreamHead.objects.filter(stream="agent/two")._raw_delete(using="default")
    found("entry 2", "Entry 2 is missing")
    for entry in Entry.objects.filter(seq__gte=2).order_by("seq"):
        Entry.objects.filter(seq=entry.seq).update(seq=entry.seq - 2)
    found("entry 2", "heads sealed in entry 2 are not where the streams ended")


def test_a_leaf_that_imitates_a_node(ledger: list[Event]) -> None:
    """RFC 6962, 2.1: two leaves passed off as one that is their node. A leaf is hashed as a leaf."""
    first, second = Entry.objects.order_by("seq")[:2]
    pair = bytes(first.leaf) + bytes(second.leaf)
    assert leaf_hash(pair) != bytes(Node.objects.get(level=1, index=0).hash)
    Event.objects.filter(entry__seq=0).update(header=pair)
    Entry.objects.filter(seq=0).update(leaf=Node.objects.get(level=1, index=0).hash)
    Entry.objects.filter(seq=1)._raw_delete(using="default")
    found("entry 0", "header was changed")


# --- What is gone without a reason -----------------------------------------------------------------------
def test_a_destroyed_key_that_no_event_explains(ledger: list[Event]) -> None:
    key = bytes(Body.objects.get(pk=ledger[0].pk).body_key)
    subject_keys.destroy(key)
    found("entry 0", "key of the event's body is gone, and no erasure explains it")
    by = ledger[1].pk
    DestroyedKey.objects.create(key_id=key, subject="agent/one", by=by, destroyed_at=timezone.now())
    found("entry 0", "no erasure explains it")


def explaining(action: Action, body: dict[str, Any], *, stream: str = "system") -> Event:
    with transaction.atomic():
        return record(stream=stream, action=action, actor=TESTER, object="x/y", body=body)


@pytest.mark.parametrize(
    ("change", "sound"),
    [
        ({}, True),
        ({"subject": "agent/two"}, False),
        ({"keys": []}, False),
        ({"stream": "agent/two"}, False),
        ({"action": Action.BODY_REDACTED}, False),
        ({"seal": False}, True),
        ({"code": b"\0" * 32}, False),
        ({"lost": True}, False),
    ],
)
def test_only_the_right_event_explains_a_destroyed_key(
    ledger: list[Event], change: dict[str, Any], *, sound: bool
) -> None:
    key = bytes(Body.objects.get(pk=ledger[0].pk).body_key)
    event = explaining(
        change.get("action", Action.SUBJECT_ERASED),
        {"subject": change.get("subject", "agent/one"), "keys": change.get("keys", [key.hex()])},
        stream=change.get("stream", "system"),
    )
    if change.get("seal", True):
        sealing.seal()
    if "code" in change:
        Event.objects.filter(pk=event.pk).update(mac=change["code"])
    if "lost" in change:
        Entry.objects.filter(event_id=event.pk).update(event=None, heads=b"{}")
    subject_keys.destroy(key)
    DestroyedKey.objects.create(key_id=key, subject="agent/one", by=event.pk, destroyed_at=timezone.now())
    report = verification.verify()
    assert report.is_sound is sound, report
    if sound:
        assert report.erased == 5
        assert verification.verify_stream(stream="agent/one").is_sound
    else:
        assert "no erasure explains it" in report.problem
        assert report.place.startswith("entry 0")


@pytest.mark.parametrize("listed", [True, False])
def test_only_a_body_that_the_event_lists_may_be_missing(ledger: list[Event], *, listed: bool) -> None:
    gone = ledger[2].pk
    event = explaining(Action.BODY_REDACTED, {"events": [str(gone if listed else ledger[3].pk)]})
    Redaction.objects.create(event_id=gone, by=event.pk, redacted_at=timezone.now())
    Body.objects.filter(pk=gone)._raw_delete(using="default")
    if listed:
        assert verification.verify().is_sound
    else:
        found("entry 2", "body is missing, and no redaction explains it")


def test_a_tombstone_that_no_event_explains(ledger: list[Event]) -> None:
    root = bytes(Node.objects.get(level=1, index=0).hash)
    Tombstone.objects.create(low=0, high=2, root=root, by=ledger[3].pk, pruned_at=timezone.now())
    found("entry 0", "no event says that they were pruned")


def test_a_tombstone_over_entries_that_are_still_there(ledger: list[Event]) -> None:
    entries = list(Entry.objects.filter(seq__lt=2).order_by("seq"))
    root = bytes(Node.objects.get(level=1, index=0).hash)
    said = {
        "low": 0, "high": 2, "root": root.hex(), "entries": 2, "events": 2,
        "streams": [
            {
                "stream": "agent/one", "first": 1, "last": 2, "previous": formats.EMPTY.hex(),
                "leaf": bytes(entries[1].leaf).hex(),
            }
        ],
    }  # fmt: skip
    event = explaining(Action.SEGMENT_PRUNED, said)
    Tombstone.objects.create(low=0, high=2, root=root, by=event.pk, pruned_at=timezone.now())
    found("entry 0", "were pruned, and some are there")


def test_what_was_erased_and_came_back_is_said(ledger: list[Event]) -> None:
    key = bytes(Body.objects.get(pk=ledger[0].pk).body_key)
    event = explaining(Action.SUBJECT_ERASED, {"subject": "agent/one", "keys": [key.hex()]})
    DestroyedKey.objects.create(key_id=key, subject="agent/one", by=event.pk, destroyed_at=timezone.now())
    report = verification.verify()
    assert report.is_sound
    assert any("The key of agent/one was destroyed, and is there again" in each for each in report.warnings)
