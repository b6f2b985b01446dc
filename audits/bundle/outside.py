"""What ties a bundle to checkpoints that others may have kept: proofs of consistency (RFC 9162, 2.1.4)."""

from collections.abc import Iterator

from django.db.models import Max

from audits import canonical, formats, selectors
from audits.models import Anchor, Checkpoint, Entry
from audits.selectors import Position

MOST = 500
"""Checkpoints of each kind, the newest, for which there is a proof: each is about two kilobytes."""


def consistency(position: Position) -> Iterator[bytes]:
    """Lines for the checkpoints that were anchored and those of the daily heads, up to this one."""
    size = position.checkpoint.size
    anchored = Anchor.objects.filter(size__lt=size).order_by("-size").values_list("size", flat=True)
    daily = Entry.objects.filter(stream=formats.HEADS_STREAM, seq__lt=size - 1).order_by("-stream_seq")
    last = Anchor.objects.filter(size__lt=size).order_by().values("sink").annotate(size=Max("size"))
    newest = last.values_list("size", flat=True)  # of each sink, for its receipt is in the bundle
    sizes = {*newest, *anchored[:MOST], *(seq + 1 for seq in daily.values_list("seq", flat=True)[:MOST])}
    roots = dict(Checkpoint.objects.filter(size__in=sizes).values_list("size", "root"))
    for first in sorted(roots):
        proof: list[canonical.JSON] = [node.hex() for node in selectors.consistency(first, size)]
        line: dict[str, canonical.JSON] = {"first": first, "root": bytes(roots[first]).hex(), "proof": proof}
        yield canonical.dumps(line) + b"\n"
