import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.conf import LazySettings
from django.db import connection, transaction

from audits import formats, guard, keys, note
from audits.models import Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.services import sealing
from audits.services.sealing import SealingRefused
from audits.tree import leaf_hash, root_of
from tests.audits.happenings import execute, happen, take_triggers_off

pytestmark = pytest.mark.django_db


def test_events_are_sealed_in_the_order_of_recording() -> None:
    one, two = happen(2, stream="agent/one"), happen(1, stream="agent/two")
    more = happen(1, stream="agent/one")
    assert sealing.seal() == 4
    entries = list(Entry.objects.order_by("seq"))
    assert [entry.event_id for entry in entries] == [event.pk for event in one + two + more]
    assert [(entry.seq, entry.stream, entry.stream_seq) for entry in entries] == [
        (0, "agent/one", 1), (1, "agent/one", 2), (2, "agent/two", 1), (3, "agent/one", 3)
    ]  # fmt: skip
    assert not Pending.objects.exists()


def test_each_entry_links_to_the_one_before_it_in_its_stream() -> None:
    happen(2, stream="agent/one")
    happen(1, stream="agent/two")
    sealing.seal()
    happen(1, stream="agent/one")
    sealing.seal()
    one, two, other, last = Entry.objects.order_by("seq")
    assert bytes(one.previous) == bytes(other.previous) == formats.EMPTY
    assert bytes(two.previous) == bytes(one.leaf)
    assert bytes(last.previous) == bytes(two.leaf)


def test_the_leaf_is_the_hash_of_header_and_place() -> None:
    [event] = happen()
    sealing.seal()
    entry = Entry.objects.get()
    place = f'{{"n":1,"p":"{"0" * 64}","q":0,"t":"{formats.timestamp(entry.sealed_at)}"}}'
    expected = b'{"e":' + bytes(event.header) + b',"s":' + place.encode() + b',"v":1}'
    assert bytes(entry.leaf) == leaf_hash(expected)


def test_the_checkpoint_is_a_signed_note_over_the_root() -> None:
    happen(5)
    sealing.seal()
    checkpoint = Checkpoint.objects.get()
    text = note.verify(checkpoint.note, keys.ledger_verifier())
    root = root_of(bytes(leaf) for leaf in Entry.objects.order_by("seq").values_list("leaf", flat=True))
    assert text == sealing.checkpoint_text(keys.ledger_verifier().name, 5, root)
    assert (checkpoint.size, bytes(checkpoint.root)) == (5, root)


@pytest.mark.parametrize("batches", [[1, 1, 1], [7, 2, 8], [3, 13]])
def test_growing_in_batches_gives_the_same_tree(batches: list[int]) -> None:
    for count in batches:
        happen(count)
        sealing.seal()
    leaves = [bytes(leaf) for leaf in Entry.objects.order_by("seq").values_list("leaf", flat=True)]
    assert bytes(Checkpoint.objects.get(size=sum(batches)).root) == root_of(leaves)
    assert Node.objects.count() == sum(len(leaves) >> level for level in range(1, 10))


def test_large_backlogs_are_sealed_in_several_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "BATCH", 3)
    happen(8)
    assert sealing.seal() == 8
    assert list(Checkpoint.objects.order_by("size").values_list("size", flat=True)) == [3, 6, 8]


def test_nothing_to_seal_makes_no_checkpoint() -> None:
    assert sealing.seal() == 0
    assert not Checkpoint.objects.exists()


def test_the_time_of_sealing_never_goes_back() -> None:
    now = datetime(2027, 1, 1, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        happen(1)
        sealing.seal()
    with time_machine.travel(now - timedelta(hours=1), tick=False):
        happen(1)
        sealing.seal()
    assert set(Entry.objects.values_list("sealed_at", flat=True)) == {now}


def test_heads_say_where_every_stream_ends() -> None:
    happen(2, stream="agent/one")
    happen(1, stream="agent/two")
    heads = sealing.seal_heads()
    ends = {head.stream: (head.stream_seq, bytes(head.leaf)) for head in StreamHead.objects.all()}
    lines = [
        f"agent/one|2|{ends['agent/one'][1].hex()}".encode(),
        f"agent/two|1|{ends['agent/two'][1].hex()}".encode(),
    ]
    root = root_of(map(leaf_hash, lines)).hex()
    assert bytes(heads.heads or b"") == f'{{"count":2,"root":"{root}"}}'.encode()
    assert (heads.seq, heads.stream, heads.stream_seq, heads.event_id) == (3, "heads", 1, None)
    assert Checkpoint.objects.filter(size=4).exists()


def test_heads_are_sealed_once_a_day() -> None:
    with time_machine.travel(datetime(2027, 1, 1, tzinfo=UTC)) as clock:
        assert sealing.seal_heads_if_due()
        clock.shift(timedelta(hours=23))
        assert sealing.seal_heads_if_due() is None
        clock.shift(timedelta(hours=2))
        assert sealing.seal_heads_if_due()
    assert Entry.objects.filter(stream="heads").count() == 2


# --- What it refuses ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("DELETE FROM audits_node WHERE level = 2", "absent"),
        ("UPDATE audits_node SET hash = mac FROM audits_event WHERE level = 2", "does not have the root"),
        ("UPDATE audits_checkpoint SET note = 'nothing'", "not signed with the key"),
        ("UPDATE audits_checkpoint SET root = x'00'", "does not have the root"),
        ("DELETE FROM audits_checkpoint", "beyond the last checkpoint"),
        ("UPDATE audits_streamhead SET stream_seq = 2", "does not fit entry"),
        ("UPDATE audits_streamhead SET seq = 77", "does not fit entry"),
    ],
)
def test_it_does_not_sign_what_does_not_fit(statement: str, words: str) -> None:
    happen(4)
    sealing.seal()
    take_triggers_off()
    if connection.vendor == "postgresql":
        statement = statement.replace("x'00'", "'x'::bytea")
    execute(statement)
    happen(1)
    with pytest.raises(SealingRefused, match=words):
        sealing.seal()
    assert Pending.objects.count() == 1


def test_it_does_not_sign_an_event_that_was_changed_before() -> None:
    [event] = happen()
    take_triggers_off()
    header = bytes(event.header).replace(b"success", b"failed!")
    Event.objects.filter(pk=event.pk).update(header=header)
    with pytest.raises(SealingRefused, match=f"Event {event.pk} was changed"):
        sealing.seal()
    assert not Entry.objects.exists()


def test_it_does_not_go_on_with_another_key(tmp_path: Any, settings: LazySettings) -> None:
    happen(1)
    sealing.seal()
    settings.KEYS_DIR = tmp_path
    keys.create(tmp_path)
    happen(1)
    with pytest.raises(SealingRefused, match="not signed with the key in use"):
        sealing.seal()


def test_without_the_sealing_key_events_are_recorded_and_wait() -> None:
    (keys_directory := guard.path().parent / "seal.key").rename(guard.path().parent / "seal.away")
    keys.forget()
    try:
        happen(1)
        with pytest.raises(keys.KeysUnusable):
            sealing.seal()
    finally:
        (guard.path().parent / "seal.away").rename(keys_directory)
    assert Pending.objects.count() == 1
    assert sealing.seal() == 1


# --- The memory outside -------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_the_guard_remembers_only_what_was_committed(settings: LazySettings) -> None:
    settings.LEDGER_SEAL_INLINE = False
    happen(3)
    with transaction.atomic():
        sealing.seal()
        assert guard.remembered() is None
    remembered = guard.remembered()
    assert remembered == guard.Head(3, bytes(Checkpoint.objects.get().root))


@pytest.mark.django_db(transaction=True)
def test_a_guard_that_cannot_be_told_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, settings: LazySettings
) -> None:
    settings.LEDGER_SEAL_INLINE = False

    def full(head: guard.Head) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(guard, "remember", full)
    happen(1)
    assert sealing.seal() == 1
    assert "The guard was not told of 1 entries" in caplog.text


def test_a_guard_that_says_nothing_understandable_stops_sealing() -> None:
    guard.path().write_text("what?")
    happen(1)
    with pytest.raises(guard.GuardUnreadable, match="ledger declare"):
        sealing.seal()


# --- Inline -------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_inline_seals_after_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 0.0)
    monkeypatch.setattr(sealing, "INLINE_REST", 0)
    happen(1)
    assert Entry.objects.count() == 1
    happen(1)
    assert Entry.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_inline_keeps_its_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 3600.0)
    happen(2)
    assert Pending.objects.count() >= 1


@pytest.mark.django_db(transaction=True)
def test_inline_rests_in_proportion_to_what_it_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "_inline", sealing._Inline())
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 0.0)
    monkeypatch.setattr(sealing, "INLINE_REST", 3600)
    happen(3)
    assert (Entry.objects.count(), Pending.objects.count()) == (1, 2)


@pytest.mark.django_db(transaction=True)
def test_inline_can_be_switched_off(monkeypatch: pytest.MonkeyPatch, settings: LazySettings) -> None:
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 0.0)
    monkeypatch.setattr(sealing, "INLINE_REST", 0)
    settings.LEDGER_SEAL_INLINE = False
    happen(1)
    assert Pending.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_what_fails_inline_is_logged_and_the_action_stays(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sealing, "INLINE_SECONDS", 0.0)
    monkeypatch.setattr(sealing, "INLINE_REST", 0)
    guard.path().write_text("what?")
    with caplog.at_level(logging.ERROR):
        [event] = happen(1)
    assert Pending.objects.filter(event_id=event.pk).exists()
    assert "ledger.head" in caplog.text
