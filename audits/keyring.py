"""The public history of the ledger's seal key: which key signs checkpoints of which sizes. Pure.

It begins with a first key. Each later one comes with a *statement*, a C2SP signed note:

    countersign/rotation/v1            countersign/replacement/v1
    old <verifier key>                 old <verifier key>
    new <verifier key>                 new <verifier key>
    size <n>                           size <n>
                                       reason <text>

A rotation is signed by both keys, so that whoever trusts the old one may trust the new one. A
replacement, after a loss or a compromise, is signed by the new key alone: the chain is broken there,
and the new key must be trusted anew. Up to `size` the old key signs, from it on the new one; the
checkpoint of exactly that size bears both signatures after a rotation. `docs/keys.md` says the same.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from audits import note
from audits.note import NoteError, VerifierKey

SEPARATOR = "--\n"
_statement = re.compile(
    r"countersign/(?P<kind>rotation|replacement)/v1\n"
    r"old (?P<old>\S+)\nnew (?P<new>\S+)\nsize (?P<size>0|[1-9][0-9]{0,17})\n(reason (?P<reason>[^\n]+)\n)?\Z"
).match


@dataclass(frozen=True, slots=True)
class Statement:
    """That one key followed another at `size` entries. `reason` is there for replacements alone."""

    old: VerifierKey
    new: VerifierKey
    size: int
    reason: str = ""

    @property
    def is_rotation(self) -> bool:
        return not self.reason

    @property
    def text(self) -> str:
        kind = "rotation" if self.is_rotation else "replacement"
        said = f"countersign/{kind}/v1\nold {self.old}\nnew {self.new}\nsize {self.size}\n"
        return said if self.is_rotation else f"{said}reason {self.reason}\n"

    @classmethod
    def parse(cls, signed: str) -> "Statement":
        """
        Raises:
            NoteError: it is no statement, or those who must have signed it have not.
        """
        found = _statement(note.text_of(signed))
        if found is None or (found["kind"] == "rotation") == bool(found["reason"]):
            raise NoteError("Not a statement about the ledger's key.")
        said = cls(
            VerifierKey.parse(found["old"]),
            VerifierKey.parse(found["new"]),
            int(found["size"]),
            found["reason"] or "",
        )
        if said.old == said.new or said.old.name != said.new.name:
            raise NoteError("A statement about the ledger's key names one key twice, or two ledgers.")
        note.verify_each(signed, [said.old, said.new] if said.is_rotation else [said.new])
        return said


@dataclass(frozen=True, slots=True)
class Span:
    """The sizes of checkpoints that a key may sign: `first` to `last`, both included; None: no end yet."""

    key: VerifierKey
    first: int
    last: int | None


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The first key, and the statements (exact notes) that lead to the current one."""

    first: VerifierKey
    statements: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "KeyRing":
        """Read what `str` writes.

        Raises:
            NoteError: malformed, or a statement does not follow from the one before it.
        """
        head, *notes = text.split(f"\n{SEPARATOR}")
        signed = tuple(f"{one.rstrip()}\n" for one in notes)
        ring = cls(VerifierKey.parse(head), signed)
        ring.spans()
        return ring

    def __str__(self) -> str:
        return f"\n{SEPARATOR}".join([str(self.first), *(one.rstrip("\n") for one in self.statements)]) + "\n"

    def followed_by(self, signed: str) -> "KeyRing":
        """The ring with one statement more. Raises NoteError where it does not follow."""
        longer = KeyRing(self.first, (*self.statements, signed))
        longer.spans()
        return longer

    @property
    def current(self) -> VerifierKey:
        return Statement.parse(self.statements[-1]).new if self.statements else self.first

    def parsed(self) -> list[Statement]:
        return [Statement.parse(signed) for signed in self.statements]

    def spans(self) -> list[Span]:
        """Which key signs which sizes, in the order of sizes.

        A replacement may go back, where a backup was restored from before a rotation: what was said
        of larger sizes then no longer counts.

        Raises:
            NoteError: a statement does not follow from the one before it.
        """
        spans, current = [Span(self.first, 0, None)], self.first
        for statement in self.parsed():
            if statement.old != current:
                raise NoteError(f"A statement follows the key {statement.old.id}; current was {current.id}.")
            if statement.is_rotation and statement.size < spans[-1].first:
                raise NoteError(f"The rotation to {statement.new.id} is before the one that precedes it.")
            # After a rotation both sign the checkpoint of its size; after a replacement only the new key
            # signs anything from there on, and the old one's checkpoint of that very size still counts.
            kept = [span for span in spans if span.first <= statement.size]
            kept[-1] = Span(kept[-1].key, kept[-1].first, statement.size)
            start = statement.size if statement.is_rotation else statement.size + 1
            spans, current = [*kept, Span(statement.new, start, None)], statement.new
        return spans

    def known(self) -> list[VerifierKey]:
        """Every key that there was, oldest first."""
        return [self.first, *(statement.new for statement in self.parsed())]

    def keys_for(self, size: int) -> list[VerifierKey]:
        """Who must have signed a checkpoint of `size`: one key; at a rotation the old and the new one."""
        return [
            span.key
            for span in self.spans()
            if span.first <= size and (span.last is None or size <= span.last)
        ]

    def breaks(self) -> list[Statement]:
        """The replacements: where whoever trusts the key before cannot follow to the one after."""
        return [statement for statement in self.parsed() if not statement.is_rotation]


def join(statements: Sequence[str]) -> str:
    """Statements in one file, oldest first, separated by a line of `--`; empty where there are none."""
    return SEPARATOR.join(statements)


def split(text: str) -> list[str]:
    """What `join` has joined."""
    return [one for one in text.split(SEPARATOR) if one]
