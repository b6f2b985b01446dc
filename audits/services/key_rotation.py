"""Changing the ledger's keys: rotated while the old one is at hand, replaced where it is lost or stolen.

Files and database cannot change in one transaction, so the database decides: a key is *prepared* in a
file, its row, its event and for a seal key its checkpoint commit together, and then it is *installed*.
Killed in between, the same command goes on from where it was.
"""

from contextlib import suppress
from datetime import UTC, datetime

from django.db import IntegrityError, transaction

from audits import keys, note
from audits.actor import Actor
from audits.choices import Action, KeyPurpose, Outcome
from audits.errors import Denied, Invalid
from audits.keyring import Statement
from audits.keys import renewal
from audits.models import Checkpoint, Event, Key
from audits.services import sealing
from audits.services.ledger import record

ROTATED = "Rotated"
LONGEST_REASON = 300


def rotate(*, actor: Actor, purpose: KeyPurpose) -> Key:
    """Go on with a new key. A seal key's successor is signed by it; both sign the checkpoint between.

    Finishes a rotation or replacement that was interrupted instead, if there is one.

    Raises:
        Denied: only the machine's own command line may.
        KeysUnusable: the keys cannot be read or written, or somebody else is changing them.
        SealingRefused: the ledger is not what it was.
    """
    return _change(actor, purpose, "")


def replace(*, actor: Actor, purpose: KeyPurpose, reason: str) -> Key:
    """Go on with a new key without the old one, which was lost or stolen; from then on it counts nowhere.

    The chain of seal keys is broken there, and every verification says so: tell those who verify.

    Raises:
        Denied, KeysUnusable, SealingRefused: as `rotate` does.
        Invalid: `reason` is empty, too long or more than one line.
    """
    said = reason.strip()
    if not said or len(said) > LONGEST_REASON or not said.isprintable():
        raise Invalid(
            f"Say why in one line of at most {LONGEST_REASON} characters: everybody who verifies reads it.",
            fields={"reason": "one line"},
        )
    return _change(actor, purpose, said)


def enroll(*, actor: Actor) -> list[Key]:
    """Write down the keys that the files hold, where the database knows none of their kind yet; these.

    Raises:
        Denied: only the machine's own command line may.
        KeysUnusable: the keys cannot be read.
    """
    _refuse_others(actor, Action.KEY_CREATED)
    before = set(Key.objects.values_list("pk", flat=True))
    with suppress(IntegrityError), transaction.atomic():  # another machine was first
        for purpose, key_id, verifier in _held():
            if Key.objects.filter(purpose=purpose).exists():
                continue
            if purpose is KeyPurpose.SEAL:
                _align_with_history(actor)
            else:
                _enrolled(actor, purpose, key_id, verifier)
    return list(Key.objects.exclude(pk__in=before))


def disagreements() -> list[str]:
    """Where the database's rows about keys differ from the files outside, in sentences; reads alone.

    Raises:
        KeysUnusable: the public history cannot be read.
    """
    rows = list(Key.objects.filter(purpose=KeyPurpose.SEAL))
    known = {str(key) for key in keys.history().known()}
    wrong = [
        f"The database knows a key {row.id} of the ledger that is not in {keys.HISTORY}."
        for row in rows
        if row.verifier not in known and not _follows(row)
    ]
    if rows and known - {row.verifier for row in rows}:
        wrong.append(f"{keys.HISTORY} names a key that the database does not know: its row was removed.")
    return wrong


def unfinished() -> list[str]:
    """That a change of the seal key was interrupted, in a sentence, where one was; reads alone.

    Raises:
        KeysUnusable: the public history cannot be read.
    """
    current = Key.objects.filter(purpose=KeyPurpose.SEAL, last_size__isnull=True).first()
    if current is None or not _follows(current):
        return []
    verb = "replace" if current.reason else "rotate"
    said = f"The change to the key {current.id} was interrupted: nothing is sealed until"
    return [f"{said} `manage.py keys {verb}` has been run again."]


def _follows(row: Key) -> bool:
    """Whether its own statement leads from where the history ends to this key."""
    try:
        return str(keys.history().followed_by(row.statement).current) == row.verifier
    except note.NoteError:
        return False


def _change(actor: Actor, purpose: KeyPurpose, reason: str) -> Key:
    _refuse_others(actor, Action.KEY_REPLACED if reason else Action.KEY_ROTATED)
    with renewal.one_at_a_time():
        prepared = renewal.prepare(purpose)
        key = Key.objects.filter(purpose=purpose, pk=prepared.id).first()
        if key is None:
            key = _commit(actor, prepared, reason)
        renewal.install(prepared, statement=key.statement, retires=bool(key.reason))
    return key


def _commit(actor: Actor, prepared: renewal.Prepared, reason: str) -> Key:
    if prepared.purpose is KeyPurpose.SEAL:
        return _commit_seal(actor, prepared, reason)
    with transaction.atomic():
        newest = Checkpoint.objects.order_by("-size").first()
        return _written(actor, prepared, reason, size=newest.size if newest else 0, statement="")[0]


def _commit_seal(actor: Actor, prepared: renewal.Prepared, reason: str) -> Key:
    fresh, old = prepared.signer, keys.history().current
    if fresh is None:
        raise ValueError("A seal key signs.")
    signers = [fresh] if reason else [fresh, renewal.outgoing()]
    written: list[Key] = []

    def make(size: int) -> Event:
        """The old key signs up to this very checkpoint; a lost one up to the checkpoint before it."""
        ends = size - 1 if reason else size
        said = Statement(old, fresh.verifier, ends, reason)
        signed = note.sign(said.text, *reversed(signers))
        key, event = _written(actor, prepared, reason, size=ends, statement=signed)
        written.append(key)
        return event

    with transaction.atomic():
        sealing.seal_alone(make=make, signers=signers)
    return written[0]


def _written(
    actor: Actor, prepared: renewal.Prepared, reason: str, *, size: int, statement: str
) -> tuple[Key, Event]:
    if prepared.purpose is KeyPurpose.SEAL:
        _align_with_history(actor)
    before = _current(actor, prepared.purpose)
    if before:
        before.last_size, before.ended = size, reason or ROTATED
        before.save(update_fields=["last_size", "ended"])
    key = Key.objects.create(
        id=prepared.id,
        purpose=prepared.purpose,
        verifier=prepared.verifier,
        first_size=size,
        statement=statement,
        reason=reason,
        created_at=datetime.now(UTC),
    )
    event = record(
        stream="system",
        action=Action.KEY_REPLACED if reason else Action.KEY_ROTATED,
        actor=actor,
        object=f"key/{key.pk}",
        body={
            "purpose": str(prepared.purpose),
            "old": before.pk if before else "",
            "new": key.pk,
            "size": size,
            "statement": statement,
            "reason": reason,
        },
    )
    return key, event


def _align_with_history(actor: Actor) -> None:
    """Write down what the history says of seal keys and the database does not know: all of it at first,
    and what is newer than a backup that was restored.
    """
    rows = Key.objects.filter(purpose=KeyPurpose.SEAL).in_bulk()
    ring = keys.history()
    if ring.first.id not in rows:
        _enrolled(actor, KeyPurpose.SEAL, ring.first.id, str(ring.first))
    told = zip(ring.statements, ring.parsed(), strict=True)
    for before, (signed, said) in zip(ring.known(), told, strict=False):
        Key.objects.filter(pk=before.id, last_size__isnull=True).update(
            last_size=said.size, ended=said.reason or ROTATED
        )
        if said.new.id not in rows:
            Key.objects.create(
                id=said.new.id,
                purpose=KeyPurpose.SEAL,
                verifier=str(said.new),
                first_size=said.size,
                statement=signed,
                reason=said.reason,
                created_at=datetime.now(UTC),
            )


def _current(actor: Actor, purpose: KeyPurpose) -> Key | None:
    """The row of the key that ends; written now where it was never enrolled and can still be read."""
    row = Key.objects.filter(purpose=purpose, last_size__isnull=True).first()
    if row is not None or Key.objects.filter(purpose=purpose).exists():
        return row
    for held, key_id, verifier in _held(purpose):
        return _enrolled(actor, held, key_id, verifier)
    return None


def _held(*wanted: KeyPurpose) -> list[tuple[KeyPurpose, str, str]]:
    """Purpose, id and public half of the keys in the files; of those wanted, that can be read."""
    found: list[tuple[KeyPurpose, str, str]] = []
    for purpose in wanted or KeyPurpose:
        try:
            if purpose is KeyPurpose.MAC:
                found.append((purpose, renewal.mac_id(keys.mac()), ""))
            else:
                key = keys.history().current if purpose is KeyPurpose.SEAL else keys.export().verifier
                found.append((purpose, key.id, str(key)))
        except keys.KeysUnusable:
            if not wanted:
                raise
    return found


def _enrolled(actor: Actor, purpose: KeyPurpose, key_id: str, verifier: str) -> Key:
    key = Key.objects.create(
        id=key_id, purpose=purpose, verifier=verifier, first_size=0, created_at=datetime.now(UTC)
    )
    record(
        stream="system",
        action=Action.KEY_CREATED,
        actor=actor,
        object=f"key/{key.pk}",
        body={"purpose": str(purpose), "verifier": verifier},
    )
    return key


def _refuse_others(actor: Actor, action: Action) -> None:
    if actor.kind == "system":
        return
    reason = "Keys are changed on the machine that holds them: `manage.py keys`."
    with transaction.atomic():
        record(
            stream=actor.ref if actor.kind == "person" else "system",
            action=action,
            actor=actor,
            object="key/new",
            outcome=Outcome.DENIED,
            body={"reason": reason},
        )
    raise Denied(reason)
