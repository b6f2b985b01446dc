"""Keys change without losing what was proved: rotation, replacement, and what a kill leaves behind."""

import io
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.management import call_command

from audits import keyring, keys, note
from audits.actor import Actor
from audits.choices import Action, KeyPurpose
from audits.errors import Denied, Invalid
from audits.keyring import KeyRing, Statement
from audits.keys import files, renewal
from audits.models import Checkpoint, Event, Key
from audits.services import key_rotation, sealing, verification
from tests.audits.happenings import happen

pytestmark = pytest.mark.django_db
OPERATOR = Actor.system("command-line")
SEAL, EXPORT, MAC = KeyPurpose.SEAL, KeyPurpose.EXPORT, KeyPurpose.MAC


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, settings: LazySettings) -> Path:
    settings.KEYS_DIR = tmp_path / "keys"
    keys.create(settings.KEYS_DIR)
    return tmp_path / "keys"


def rotate(purpose: KeyPurpose = SEAL) -> Key:
    return key_rotation.rotate(actor=OPERATOR, purpose=purpose)


def test_the_checkpoint_of_a_rotation_bears_both_signatures() -> None:
    happen(3)
    sealing.seal()
    old = keys.seal().verifier
    rotate()
    new = keys.seal().verifier
    assert new != old
    happen(1)
    sealing.seal()
    rotation = Checkpoint.objects.get(key_id=new.id, size=Key.objects.get(pk=new.id).first_size)
    note.verify_each(rotation.note, [old, new])
    assert keys.verifiers_for(rotation.size) == [old, new]
    last = Checkpoint.objects.order_by("-size")[0]
    assert last.size > rotation.size
    note.verify(last.note, new)
    with pytest.raises(note.NoteError, match="no signature"):
        note.verify(last.note, old)


def test_each_size_has_its_key() -> None:
    happen(2)
    sealing.seal()
    ids = [keys.seal().verifier.id]
    for _ in range(3):
        ids.append(rotate().pk)
        happen(1)
        sealing.seal()
    spans = keys.spans()
    assert [span.key.id for span in spans] == ids
    assert all(before.last == after.first for before, after in pairwise(spans))
    for checkpoint in Checkpoint.objects.all():
        note.verify_each(checkpoint.note, keys.verifiers_for(checkpoint.size))
        assert keys.verifier_for(checkpoint.size).id == checkpoint.key_id
    assert not key_rotation.disagreements()


def test_whoever_holds_any_earlier_key_walks_to_the_current_one() -> None:
    held = [keys.seal().verifier]
    for _ in range(3):
        rotate()
        held.append(keys.seal().verifier)
    for place, key in enumerate(held[:-1]):
        trusted = key
        for signed in keys.statements()[place:]:
            note.verify(signed, trusted)
            trusted = Statement.parse(signed).new
        assert trusted == keys.seal().verifier


def test_the_statement_is_what_the_specification_says() -> None:
    happen(4)
    sealing.seal()
    old = keys.seal().verifier
    rotate()
    [signed] = keys.statements()
    size = Checkpoint.objects.order_by("-size")[0].size
    assert note.text_of(signed) == (
        f"countersign/rotation/v1\nold {old}\nnew {keys.seal().verifier}\nsize {size}\n"
    )


@pytest.mark.parametrize("purpose", [SEAL, EXPORT, MAC])
def test_a_rotation_is_recorded_and_listed(purpose: KeyPurpose) -> None:
    key = rotate(purpose)
    event = Event.objects.get(action=Action.KEY_ROTATED)
    assert event.object == f"key/{key.pk}"
    assert event.details["purpose"] == purpose
    before = Key.objects.get(pk=event.details["old"])
    assert (before.ended, before.last_size) == ("Rotated", key.first_size)
    assert Event.objects.filter(action=Action.KEY_CREATED, object=f"key/{before.pk}").exists()


def test_message_codes_of_before_are_still_accepted() -> None:
    happen(1)
    old = keys.mac()
    rotate(MAC)
    happen(1)
    assert keys.mac() != old
    assert keys.macs() == [keys.mac(), old]
    assert sealing.seal() > 2


def test_a_stolen_message_code_key_counts_for_nothing_new() -> None:
    happen(1)
    sealing.seal()
    old = keys.mac()
    key_rotation.replace(actor=OPERATOR, purpose=MAC, reason="It was in a log.")
    assert keys.macs() == [keys.mac()]
    assert keys.macs(retired=True) == [keys.mac(), old]


def test_bundles_get_a_new_key_that_the_ledgers_key_names(directory: Path) -> None:
    old = keys.export().verifier
    rotate(EXPORT)
    assert keys.export().verifier != old
    assert (directory / "export.vkey").read_text() == f"{keys.export().verifier}\n"


def test_a_lost_key_is_replaced_and_the_break_is_said(directory: Path) -> None:
    happen(2)
    sealing.seal()
    old = keys.ledger_verifier()
    (directory / keys.SEAL).unlink()
    with pytest.raises(keys.KeysUnusable, match="keys replace"):
        keys.create(directory)
    key_rotation.replace(actor=OPERATOR, purpose=SEAL, reason="The disk is gone.")
    [gap] = keys.breaks()
    assert (gap.old, gap.size, gap.reason) == (old, 2, "The disk is gone.")
    event = Event.objects.get(action=Action.KEY_REPLACED)
    assert event.details["reason"] == "The disk is gone."
    last = Checkpoint.objects.order_by("-size")[0]
    note.verify(last.note, keys.seal().verifier)
    with pytest.raises(note.NoteError, match="no signature"):
        note.verify(last.note, old)
    happen(1)
    assert sealing.seal()
    assert keys.verifiers_for(2) == [old]
    assert keys.verifiers_for(3) == [keys.seal().verifier]


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 301])
def test_a_replacement_needs_a_reason(reason: str) -> None:
    with pytest.raises(Invalid, match="one line"):
        key_rotation.replace(actor=OPERATOR, purpose=SEAL, reason=reason)


def test_no_person_may_and_that_is_recorded() -> None:
    person = Actor("person", "00000000-0000-0000-0000-000000000001", "Mallory")
    for attempt in (
        lambda: key_rotation.rotate(actor=person, purpose=SEAL),
        lambda: key_rotation.replace(actor=person, purpose=SEAL, reason="Because."),
        lambda: key_rotation.enroll(actor=person),
    ):
        with pytest.raises(Denied, match=r"manage\.py keys"):
            attempt()
    assert Event.objects.filter(outcome="denied", actor=person.ref).count() == 3
    assert not Key.objects.exists()


class Killed(BaseException):
    """What stands for kill -9: nothing of the product catches it."""


def steps(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Die at the n-th step that writes outside the database or ends the transaction."""

    def arm(fatal: int) -> None:
        count = iter(range(1000))

        def deadly(owner: object, name: str) -> None:
            original = getattr(owner, name)

            def act(*arguments: object, **words: object) -> object:
                if next(count) == fatal:
                    raise Killed
                return original(*arguments, **words)

            monkeypatch.setattr(owner, name, act)

        for name in ("write_once", "write", "sync"):
            deadly(files, name)
        deadly(Path, "replace")
        deadly(Path, "unlink")
        deadly(sealing, "seal_alone")
        deadly(renewal, "install")

    return arm


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("purpose", [SEAL, EXPORT, MAC])
@pytest.mark.parametrize("fatal", range(16))
def test_killed_anywhere_the_same_command_goes_on(
    purpose: KeyPurpose, fatal: int, monkeypatch: pytest.MonkeyPatch, directory: Path
) -> None:
    happen(2)
    sealing.seal()
    with monkeypatch.context() as patch:
        steps(patch)(fatal)
        try:
            rotate(purpose)
            died = False
        except Killed:
            died = True
    keys.forget()
    if died:
        rotate(purpose)
    keys.forget()
    assert keys.create(directory) == []
    happen(1)
    sealing.seal()
    assert not list(directory.glob("*.next"))
    assert not key_rotation.disagreements()
    assert Key.objects.filter(purpose=purpose, last_size__isnull=True).count() == 1
    for checkpoint in Checkpoint.objects.all():
        note.verify_each(checkpoint.note, keys.verifiers_for(checkpoint.size))


def test_between_commit_and_files_nothing_is_signed_with_the_old_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def die(*_arguments: object, **_words: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(renewal, "install", die)
        with pytest.raises(Killed):
            rotate()
    happen(1)
    with pytest.raises(sealing.SealingRefused, match=r"manage\.py keys rotate"):
        sealing.seal()
    assert "interrupted" in key_rotation.unfinished()[0]
    assert verification.verify().is_sound
    rotate()
    assert sealing.seal()
    assert not key_rotation.disagreements() + key_rotation.unfinished()


def test_a_machine_with_the_keys_of_before_signs_nothing(
    tmp_path: Path, directory: Path, settings: LazySettings
) -> None:
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    for path in directory.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
        (other / path.name).chmod(0o600)
    rotate()
    happen(1)
    settings.KEYS_DIR = other
    with pytest.raises(sealing.SealingRefused, match="copy its keys here"):
        sealing.seal()


def test_two_cannot_change_keys_at_once() -> None:
    with renewal.one_at_a_time(), pytest.raises(keys.KeysUnusable, match="Somebody else"):
        rotate()


def test_the_history_survives_being_written_and_refuses_what_does_not_follow() -> None:
    for _ in range(2):
        rotate()
    ring = keys.history()
    assert KeyRing.parse(str(ring)) == ring
    with pytest.raises(note.NoteError, match="follows"):
        KeyRing(ring.first, ring.statements[1:]).spans()
    changed = ring.statements[0].replace("\nsize ", "\nsize 1")
    assert changed != ring.statements[0]
    with pytest.raises(note.NoteError):
        KeyRing(ring.first, (changed, ring.statements[1])).spans()
    assert keyring.join(keys.statements()).split("--\n") == keys.statements()


def test_a_changed_history_is_refused(directory: Path) -> None:
    rotate()
    path = directory / keys.HISTORY
    path.write_text(path.read_text().replace("size ", "size 1"))
    with pytest.raises(keys.KeysUnusable, match="Put the original back"):
        keys.spans()


def test_the_keys_in_files_are_written_down_once() -> None:
    assert {key.purpose for key in key_rotation.enroll(actor=OPERATOR)} == set(KeyPurpose)
    assert key_rotation.enroll(actor=OPERATOR) == []
    assert Event.objects.filter(action=Action.KEY_CREATED).count() == 3


def command(*arguments: str) -> str:
    output = io.StringIO()
    call_command("keys", *arguments, stdout=output)
    return output.getvalue()


def test_the_commands_say_what_they_did() -> None:
    assert "counts from" in command("rotate")
    assert "Back up the keys directory" in command("rotate", "--key", "mac")
    assert "by another way" in command("replace", "--reason", "Stolen.")
    shown = command("show")
    assert "The chain is broken after" in shown
    assert shown.count("signs checkpoints from") == 3
    assert command("statements").count("countersign/") == 2
