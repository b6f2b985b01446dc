"""The exact bytes of the ledger. Pure: no database, no clock, no keys of its own.

`docs/bundle-format.md` specifies the same for those who write a verifier of their own.
"""

import hashlib
import hmac
import re
from datetime import UTC, datetime

HEADS_STREAM = "heads"
EMPTY = b"\0" * 32
"""What the first entry of a stream names as the leaf before it."""


def timestamp(moment: datetime) -> str:
    """RFC 3339 in UTC with microseconds: one form, so that text sorts as time does."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def commitment(part: bytes, salt: bytes, content: bytes) -> bytes:
    """What a header says about its `body` or `name`; nothing can be guessed from it without the salt."""
    return hashlib.sha256(b"countersign/%b/v1\0" % part + salt + content).digest()


def message_code(key: bytes, header: bytes) -> bytes:
    """HMAC-SHA256 of a header, by a key that the database does not hold."""
    return hmac.digest(key, b"countersign/mac/v1\0" + header, "sha256")


def seal_bytes(*, seq: int, stream_seq: int, previous: bytes, sealed_at: datetime) -> bytes:
    """The sealed place of an entry: `n` in its stream after leaf `p`, `q` in the ledger, at `t`."""
    return seal_bytes_at(seq, stream_seq, previous, timestamp(sealed_at))


def seal_bytes_at(seq: int, stream_seq: int, previous: bytes, sealed_at: str) -> bytes:
    """The same, from a time that is text already: for those who check many."""
    return f'{{"n":{stream_seq},"p":"{previous.hex()}","q":{seq},"t":"{sealed_at}"}}'.encode()


def event_entry(header: bytes, seal: bytes) -> bytes:
    return b'{"e":' + header + b',"s":' + seal + b',"v":1}'


def heads_entry(heads: bytes, seal: bytes) -> bytes:
    return b'{"h":' + heads + b',"s":' + seal + b',"v":1}'


def heads_line(stream: str, stream_seq: int, leaf: bytes) -> bytes:
    """Where one stream ends. The lines, sorted, are the leaves of the tree that a heads entry names."""
    return f"{stream}|{stream_seq}|{leaf.hex()}".encode()


def is_reference(text: str) -> bool:
    """Whether `text` could name something as streams, actors and objects do: ``kind/id``, or a kind alone."""
    return _reference(text) is not None


_reference = re.compile(r"[a-z]+(/[A-Za-z0-9_.-]{1,150})?\Z").match
