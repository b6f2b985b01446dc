"""Keys that were swapped, stolen or kept too long sign nothing that passes.

What verification trusts is the history of keys outside the database (`ledger.keys`).
"""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import LazySettings

from audits import guard, keys, note
from audits.actor import Actor
from audits.choices import KeyPurpose
from audits.keyring import KeyRing, Statement
from audits.models import Body, Checkpoint, Entry, Event, Key, Node, Pending, StreamHead
from audits.services import key_rotation, sealing, verification
from tests.audits.happenings import happen, take_triggers_off
from tests.promises.forgery import rewrite

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("command-line")


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: LazySettings) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(settings.KEYS_DIR)
    return tmp_path / "keys"


@pytest.fixture
def rotated(directory: Path) -> note.SignerKey:
    """A ledger whose seal key was rotated; the old one, which a thief has kept."""
    happen(4)
    sealing.seal()
    stolen = keys._seal(directory)
    key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose.SEAL)
    happen(3)
    sealing.seal()
    assert verification.verify().is_sound
    take_triggers_off()
    return stolen


def resigned(size: int, *signers: note.SignerKey) -> None:
    """The checkpoint of a size, signed by somebody else."""
    checkpoint = Checkpoint.objects.get(size=size)
    forged = note.sign(note.text_of(checkpoint.note), *signers)
    Checkpoint.objects.filter(size=size).update(note=forged, key_id=signers[0].verifier.id)


def test_a_swapped_seal_key_signs_nothing(directory: Path) -> None:
    happen(2)
    sealing.seal()
    keys.create(directory.parent / "mine")
    (directory / keys.SEAL).write_bytes((directory.parent / "mine" / keys.SEAL).read_bytes())
    happen(1)
    with pytest.raises(keys.KeysUnusable, match="the key was swapped"):
        sealing.seal()
    with pytest.raises(keys.KeysUnusable, match="the key was swapped"):
        keys.create(directory)
    assert Pending.objects.count() == 1


def test_a_swapped_public_key_and_seal_key_do_not_fit_the_history(directory: Path) -> None:
    happen(2)
    sealing.seal()
    keys.create(directory.parent / "mine")
    for name in (keys.SEAL, keys.LEDGER_VKEY):
        (directory / name).write_bytes((directory.parent / "mine" / name).read_bytes())
    with pytest.raises(keys.KeysUnusable, match="the key was swapped"):
        keys.seal()


def test_with_the_history_swapped_too_the_checkpoints_do_not_fit(directory: Path) -> None:
    happen(2)
    sealing.seal()
    keys.create(directory.parent / "mine")
    for name in (keys.SEAL, keys.LEDGER_VKEY, keys.HISTORY):
        (directory / name).write_bytes((directory.parent / "mine" / name).read_bytes())
    happen(1)
    with pytest.raises(sealing.SealingRefused, match="not signed with the key in use"):
        sealing.seal()
    report = verification.verify()
    assert report.place == "checkpoint 2"
    assert "no signature of" in report.problem


def test_the_old_key_signs_a_later_checkpoint(rotated: note.SignerKey) -> None:
    last = Checkpoint.objects.order_by("-size")[0].size
    resigned(last, rotated)
    report = verification.verify()
    assert report.place == f"checkpoint {last}"
    assert "no signature of" in report.problem
    happen(1)
    with pytest.raises(sealing.SealingRefused, match="not signed with the key in use"):
        sealing.seal()


def test_the_checkpoint_of_the_rotation_needs_both(rotated: note.SignerKey, directory: Path) -> None:
    size = keys.spans()[0].last or 0
    for signer in (rotated, keys._seal(directory)):
        resigned(size, signer)
        report = verification.verify()
        assert report.place == f"checkpoint {size}"


def test_the_new_key_does_not_sign_what_was_before_it(rotated: note.SignerKey, directory: Path) -> None:
    resigned(4, keys._seal(directory))
    assert verification.verify().place == "checkpoint 4"


def test_a_tail_forged_with_the_old_key(rotated: note.SignerKey) -> None:
    """The thief cuts off what came after the rotation, and goes on with the key that they have."""
    events = list(Event.objects.order_by("id"))
    size = keys.spans()[0].last or 0
    for _ in range(2):
        guard.forget()
        rewrite(events[:size], signer=rotated)
    report = verification.verify()
    assert not report.is_sound


def test_an_invented_rotation_does_not_follow(directory: Path) -> None:
    happen(2)
    sealing.seal()
    mine = note.SignerKey(keys.seal().name, Ed25519PrivateKey.generate())
    statement = Statement(keys.seal().verifier, mine.verifier, 2)
    ring = KeyRing(keys.seal().verifier, (note.sign(statement.text, mine, mine),))
    (directory / keys.HISTORY).write_text(str(ring))
    with pytest.raises(keys.KeysUnusable, match="no signature"):
        verification.verify()


def test_an_invented_replacement_is_said_aloud(directory: Path) -> None:
    """Who writes the history's file can replace the key, but not hide it: the first key is still named."""
    happen(2)
    sealing.seal()
    key_rotation.replace(actor=OPERATOR, purpose=KeyPurpose.SEAL, reason="Maintenance.")
    happen(1)
    sealing.seal()
    report = verification.verify()
    assert report.is_sound
    [warning] = [warning for warning in report.warnings if "chain of keys" in warning]
    assert warning.startswith("After 2 entries the chain of keys is broken")
    assert "Maintenance." in warning


def test_a_key_invented_in_the_database(rotated: note.SignerKey) -> None:
    mine = note.SignerKey(rotated.name, Ed25519PrivateKey.generate()).verifier
    Key.objects.create(
        id=mine.id, purpose=KeyPurpose.SEAL, verifier=str(mine), first_size=0, last_size=1,
        created_at=datetime.now(UTC),
    )  # fmt: skip
    assert verification.verify().place == "keys"


def test_a_public_half_changed_in_the_database(rotated: note.SignerKey) -> None:
    mine = note.SignerKey(rotated.name, Ed25519PrivateKey.generate()).verifier
    Key.objects.filter(pk=rotated.verifier.id).update(verifier=str(mine))
    assert verification.verify().place == "keys"


def test_an_old_backup_from_before_the_rotation_goes_on_only_with_a_declared_break(directory: Path) -> None:
    happen(4)
    sealing.seal()
    key_rotation.rotate(actor=OPERATOR, purpose=KeyPurpose.SEAL)
    take_triggers_off()
    rotation = keys.spans()[0].last or 0
    _restore_first(4)
    happen(1)
    with pytest.raises(sealing.SealingRefused, match="an older backup was restored"):
        sealing.seal()
    assert rotation > 4
    key_rotation.replace(actor=OPERATOR, purpose=KeyPurpose.SEAL, reason="A backup was restored.")
    sealing.seal()
    report = verification.verify()
    assert report.is_sound, report
    assert any("A backup was restored." in warning for warning in report.warnings)


def _restore_first(size: int) -> None:
    """The database as it was at `size`, as from a backup; nobody remembers more."""
    later = [entry.event_id for entry in Entry.objects.filter(seq__gte=size) if entry.event_id]
    Entry.objects.filter(seq__gte=size)._raw_delete(using="default")
    Checkpoint.objects.filter(size__gt=size)._raw_delete(using="default")
    Pending.objects.all()._raw_delete(using="default")
    for node in Node.objects.all():
        if (node.index + 1) << node.level > size:
            Node.objects.filter(level=node.level, index=node.index)._raw_delete(using="default")
    unsealed = Event.objects.exclude(entry__isnull=False).values_list("pk", flat=True)
    gone = [*later, *unsealed]
    Body.objects.filter(event_id__in=gone)._raw_delete(using="default")
    Event.objects.filter(pk__in=gone)._raw_delete(using="default")
    Key.objects.all().delete()
    StreamHead.objects.exclude(stream="agent/one").delete()
    guard.forget()
