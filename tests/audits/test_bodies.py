"""Names and payloads at rest: boxed under the key of their subject, unreadable without it."""

import os
import stat
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from audits import bodies, formats, subject_keys
from audits.actor import Actor
from audits.models import Event
from audits.subject_keys import SubjectKeyUnusable
from tests.audits.happenings import happen

OLIVIA = Actor(kind="person", id="0197-olivia", name="Olivia Owner")


@given(content=st.binary(max_size=2_000), part=st.sampled_from([bodies.PAYLOAD, bodies.NAME]))
def test_what_is_sealed_opens_again_and_is_what_was_committed_to(content: bytes, part: bytes) -> None:
    event = uuid4().bytes
    sealed, commitment = bodies.seal(part, event, "system", content)
    opened = bodies.unseal(part, event, sealed)
    assert opened is not None
    assert opened.content == content
    assert formats.commitment(part, *opened) == commitment


@settings(max_examples=30)
@given(at=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_box_with_one_bit_flipped_does_not_open(at: int, bit: int) -> None:
    event = uuid4().bytes
    sealed, _ = bodies.seal(bodies.NAME, event, "system", b"Olivia Owner")
    box = bytearray(sealed.box)
    box[at % len(box)] ^= 1 << bit
    with pytest.raises(bodies.BoxDamaged, match="does not open with its key"):
        bodies.unseal(bodies.NAME, event, sealed._replace(box=bytes(box)))


def test_a_box_opens_only_for_its_own_event_and_part() -> None:
    event = uuid4().bytes
    sealed, _ = bodies.seal(bodies.NAME, event, "system", b"Olivia Owner")
    for part, other in ((bodies.NAME, uuid4().bytes), (bodies.PAYLOAD, event)):
        with pytest.raises(bodies.BoxDamaged):
            bodies.unseal(part, other, sealed)


@pytest.mark.django_db(transaction=True)
def test_neither_name_nor_payload_is_readable_in_the_database() -> None:
    happen(actor=OLIVIA, body={"secret": "the plan of the vault"})
    with connection.cursor() as cursor:
        for table in ("audits_event", "audits_body"):
            cursor.execute(f"SELECT * FROM {table}")  # noqa: S608 - our own names
            stored = b"".join(
                bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                for row in cursor.fetchall()
                for value in row
            )
            assert b"vault" not in stored
            assert b"Olivia" not in stored


@pytest.mark.django_db(transaction=True)
def test_destroying_a_persons_key_takes_their_name_and_leaves_the_payload() -> None:
    (event,) = happen(actor=OLIVIA, stream="agent/one", body={"why": "a drill"})
    for key in subject_keys.of(OLIVIA.ref):
        assert subject_keys.destroy(key)
    stored = Event.objects.get(pk=event.pk)
    assert (stored.actor_name, stored.details) == ("", {"why": "a drill"})
    (later,) = happen(actor=OLIVIA)
    assert Event.objects.get(pk=later.pk).actor_name == "Olivia Owner"
    assert Event.objects.get(pk=event.pk).actor_name == ""


@pytest.mark.django_db(transaction=True)
def test_a_persons_own_stream_goes_with_their_key() -> None:
    (event,) = happen(stream=OLIVIA.ref, body={"email": "olivia@example.org"})
    for key in subject_keys.of(OLIVIA.ref):
        subject_keys.destroy(key)
    assert Event.objects.get(pk=event.pk).details == {}


def test_a_key_that_another_process_destroyed_is_not_used_again() -> None:
    subject = f"person/{uuid4()}"
    first = subject_keys.current(subject)
    Path(subject_keys._directory(), subject_keys._name(first.id)).unlink()
    assert subject_keys.current(subject).id != first.id
    assert subject_keys.find(first.id) is None


def test_destroying_twice_does_no_harm() -> None:
    key = subject_keys.current(f"person/{uuid4()}")
    assert [subject_keys.destroy(key.id), subject_keys.destroy(key.id)] == [True, False]


def test_the_files_are_for_their_user_alone_and_do_not_name_the_subject() -> None:
    key = subject_keys.current("person/0197-olivia")
    path = Path(subject_keys._directory(), subject_keys._name(key.id))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "olivia" not in path.name


@pytest.mark.django_db(transaction=True)
def test_nothing_happens_without_a_key_to_encrypt_with(settings: LazySettings, tmp_path: Path) -> None:
    occupied = tmp_path / "occupied"
    occupied.write_text("a file, where a directory should be")
    settings.SUBJECT_KEYS_DIR = occupied
    with pytest.raises(SubjectKeyUnusable, match="COUNTERSIGN_SUBJECT_KEYS_DIR"), transaction.atomic():
        happen()
    assert not Event.objects.exists()


def test_a_damaged_key_file_is_named(settings: LazySettings, tmp_path: Path) -> None:
    settings.SUBJECT_KEYS_DIR = tmp_path
    name = subject_keys.digest_of("system").hex() + os.urandom(4).hex() + subject_keys.SUFFIX
    (tmp_path / name).write_text("no key")
    with pytest.raises(SubjectKeyUnusable, match=name):
        subject_keys.current("system")
