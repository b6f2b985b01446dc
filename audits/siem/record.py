"""What a sink is told of one sealed entry, before it takes a format."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from audits.choices import Outcome

HEADS = "ledger.heads_sealed"
"""The event code of a heads entry: the ledger's own heartbeat, which has no event."""
PRODUCT = VENDOR = "Countersign"
PRODUCT_VERSION = "0.1.0"
MAX_BYTES = 64 * 1024
"""The longest record. Headers are at most 8 KiB; a payload that does not fit is left out, and it says so."""


@dataclass(frozen=True, slots=True)
class Record:
    """One entry of the ledger.

    `entry` are the exact bytes that the leaf is the hash of, so that whoever keeps a record can prove
    with a checkpoint that it came from this ledger: leaf = SHA-256(00 || entry) (RFC 9162, 2.1.1).
    `header` is parsed from them; a heads entry has none, and `checkpoint` signs the tree that ends with it.
    `payload` and `actor_name` are there only where the sink asks for them and they were not erased;
    `withheld` says why a payload that was asked for is absent.
    """

    origin: str
    seq: int
    stream: str
    number: int
    leaf: str
    sealed_at: datetime
    entry: str
    header: Mapping[str, Any] = field(default_factory=dict)
    checkpoint: str = ""
    payload: Mapping[str, Any] | None = None
    actor_name: str = ""
    withheld: str = ""

    @property
    def is_heads(self) -> bool:
        return not self.header

    @property
    def uid(self) -> str:
        """The event's id; of a heads entry its place, which nothing else has."""
        return str(self.header.get("id", f"{self.origin}/{self.seq}"))

    @property
    def action(self) -> str:
        return str(self.header.get("action", HEADS))

    @property
    def outcome(self) -> str:
        return str(self.header.get("outcome", Outcome.SUCCESS))

    @property
    def actor(self) -> str:
        return str(self.header.get("actor", "system/sealer"))

    @property
    def object(self) -> str:
        return str(self.header.get("object", f"entry/{self.seq}"))

    @property
    def time(self) -> datetime:
        return datetime.fromisoformat(self.header["time"]) if self.header else self.sealed_at.astimezone(UTC)


def milliseconds(moment: datetime) -> int:
    """Since 1970-01-01T00:00Z."""
    return int(moment.timestamp() * 1000)


def json_line(value: Mapping[str, Any]) -> bytes:
    """One line of JSON in ASCII: no reader can take a character of a string for the end of the line.

    Unicode knows more line ends than LF (U+0085, U+2028 …), and readers differ; so all are escaped.
    """
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()


def json_array(lines: Sequence[bytes]) -> bytes:
    return b"[" + b",".join(lines) + b"]"
