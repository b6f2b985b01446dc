"""What somebody does who holds the database, the keys of the application, and a stolen seal key."""

from collections.abc import Sequence
from datetime import UTC, datetime

from audits import formats, guard, keys, note
from audits.models import Checkpoint, Entry, Event, Node, Pending, StreamHead
from audits.services import sealing
from audits.tree import Growing, leaf_hash


def rewrite(events: Sequence[Event], *, signer: note.Signer | None = None) -> None:
    """Seal all of history anew, its refusals and successes turned into failures; the memory with it.

    One checkpoint at the end, in the form that the sealer gives it, so that nothing looks odd.
    """
    guard.forget()
    models: tuple[type[Entry | Node | Checkpoint | StreamHead | Pending], ...] = (
        Entry, Node, Checkpoint, StreamHead, Pending,
    )  # fmt: skip
    for model in models:
        model.objects.all()._raw_delete(using="default")
    tree, now, ends = Growing(), datetime.now(UTC), dict[str, tuple[int, bytes]]()
    for seq, event in enumerate(events):
        event.header = bytes(event.header).replace(b'"outcome":"success"', b'"outcome":"failed"')
        event.outcome = "failed"
        event.mac = formats.message_code(keys.mac(), event.header)
        event.save()
        number, previous = ends.get(event.stream, (0, formats.EMPTY))
        seal = formats.seal_bytes(seq=seq, stream_seq=number + 1, previous=previous, sealed_at=now)
        leaf = leaf_hash(formats.event_entry(event.header, seal))
        Entry.objects.create(
            seq=seq, event=event, seal=seal, stream=event.stream, stream_seq=number + 1, previous=previous,
            sealed_at=now, leaf=leaf,
        )  # fmt: skip
        ends[event.stream] = number + 1, leaf
        StreamHead.objects.update_or_create(
            stream=event.stream, defaults={"stream_seq": number + 1, "seq": seq, "leaf": leaf}
        )
        Node.objects.bulk_create(
            Node(level=level, index=index, hash=value) for level, index, value in tree.append(leaf)
        )
    with_key = signer or keys.seal()
    root = tree.root()
    Checkpoint.objects.create(
        size=tree.size, root=root, key_id=with_key.verifier.id, sealed_at=now,
        note=with_key.sign(sealing.checkpoint_text(with_key.name, tree.size, root)),
    )  # fmt: skip
    guard.remember(guard.Head(tree.size, root))
