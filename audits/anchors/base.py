"""What every sink for checkpoints has, and what it raises."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from audits.choices import AnchorLevel

TIMEOUT_SECONDS = 10.0
Prove = Callable[[int, int], list[bytes]]
"""The consistency proof (RFC 9162, 2.1.4.1) between two sizes of the ledger."""


class AnchorUnavailable(Exception):
    """It could not be asked, or would not answer: nothing is known, and trying again can help."""


class AnchorWrong(Exception):
    """What is out there contradicts the ledger, or is no longer there. The message says what."""


class CannotReadBack(Exception):
    """This kind of sink keeps nothing that we could read."""


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint: `note` are its exact bytes, `root` is the 32-byte hash in it."""

    size: int
    root: bytes
    note: str


class Seen(NamedTuple):
    """What a sink remembers: that the ledger of `size` entries had this root; `where` it says so."""

    size: int
    root: bytes
    where: str


class Sink(Protocol):
    """One address that checkpoints are published to.

    All methods raise AnchorUnavailable, and AnchorWrong where the sink contradicts what it is given.
    """

    name: str
    """Names the sink without its secrets; it stays the same while the address does."""
    level: AnchorLevel
    receipt_file: str
    """What the receipt is called in a bundle."""

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:
        """Publish, after `before` entries were published last (0: never); the receipt."""
        ...

    def check(self, checkpoint: Published, receipt: bytes) -> None:
        """Is what was published still there, and is it this? Raises CannotReadBack where none can know."""
        ...

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:
        """Everything that the sink remembers of this ledger, whatever our database says of it.

        Raises CannotReadBack too.
        """
        ...
