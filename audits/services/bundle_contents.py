"""What stands in a bundle, file by file. `docs/bundle-format.md` specifies it."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.template.loader import render_to_string

from audits import bodies, canonical, evidence, formats, keys, selectors
from audits.archive import Archive
from audits.canonical import JSON
from audits.choices import Action, Completeness
from audits.errors import Conflict, Invalid
from audits.models import Bundle
from audits.selectors import Line, Position, Range
from audits.services.sealing import exact_bytes
from audits.tree import inclusion_proof, leaf_hash
from audits.verify import verify

LINES_A_FILE = 10_000
ROWS_IN_REPORT = 2_000
_artefact_path = re.compile(
    r"(approvals/[0-9a-f]{64}\.json|(artefacts|controls|history)(/[\w-][\w.-]*)+)\Z", re.ASCII
).match
VERIFIER = Path(verify.__file__)


@dataclass
class Contents:
    """One bundle's content at one position of the ledger."""

    bundle: Bundle
    position: Position
    range: Range
    count: int = 0
    approvals: set[str] = field(default_factory=set)

    @property
    def completeness(self) -> Completeness:
        return Completeness.PRESENCE if self.bundle.framework else Completeness.STREAM

    def write(self, file: BinaryIO) -> None:
        """Write the whole bundle, streaming.

        Raises:
            Conflict: an event's body, or something that an event names, is not there.
            audits.archive.ArchiveTooLargeError: it would exceed 4 GiB.
        """
        archive = Archive(file)
        archive.add("README.txt", _text("README.txt", self._context()))
        archive.add("policy.txt", [policy().encode()], stored=True)
        archive.add("checkpoint.txt", [self.position.checkpoint.note.encode()], stored=True)
        archive.add("streams.ndjson", [canonical.dumps(self._stream_end()) + b"\n"])
        archive.add("proof.bin", self._proof())
        _add_lines(archive, "entries", self._entry_lines())
        _add_lines(archive, "bodies", self._body_lines())
        archive.add("events.csv", self._table())
        for artefact in self._artefacts():
            archive.add(artefact.path, [artefact.content])
        archive.add("report.html", _text("report.html", self._context() | self._report()))
        archive.add("verify.py", [VERIFIER.read_bytes()])
        manifest = orjson.dumps(self._manifest(archive), option=orjson.OPT_INDENT_2) + b"\n"
        signature = keys.export().sign(f"countersign/manifest/v1\n{hashlib.sha256(manifest).hexdigest()}\n")
        archive.add("manifest.json", [manifest], stored=True)
        archive.add("manifest.sig", [signature.encode()], stored=True)
        archive.close()

    def is_empty(self) -> bool:
        return next(self._scoped(), None) is None

    def _scoped(self) -> Iterator[Line]:
        """The events that the bundle is about, each with its body."""
        for line in selectors.lines_between(self.bundle.stream, self.range.first, self.range.last):
            if not self._is_wanted(line):
                continue
            yield line

    def _is_wanted(self, line: Line) -> bool:
        wanted = self.bundle.framework
        return not wanted or wanted in _parsed(line.header).get("frameworks", ())

    def _neighbourhood(self) -> tuple[str, int, int]:
        """The range with its neighbours on both sides, which show where it ends."""
        return self.bundle.stream, max(self.range.first - 1, 1), min(self.range.last + 1, self._end()[1])

    def _entry_lines(self) -> Iterator[bytes]:
        """The scope, for a whole range its neighbours, and the heads."""
        whole = self.completeness is Completeness.STREAM
        lines = selectors.lines_between(*self._neighbourhood()) if whole else self._scoped()
        yield from (line.entry for line in lines)
        yield exact_bytes(self.position.heads)

    def _end(self) -> tuple[str, int, bytes]:
        return next(end for end in self._ends() if end[0] == self.bundle.stream)

    def _ends(self) -> list[tuple[str, int, bytes]]:
        if not self._known_ends:
            self._known_ends.extend(selectors.ends_at(self.position))
        return self._known_ends

    _known_ends: list[tuple[str, int, bytes]] = field(default_factory=list)

    def _stream_end(self) -> dict[str, JSON]:
        """Where the stream ends, and the proof that the heads entry says so."""
        stream, number, leaf = self._end()
        lines = sorted(formats.heads_line(*end) for end in self._ends())
        index = lines.index(formats.heads_line(stream, number, leaf))
        proof = inclusion_proof([leaf_hash(line) for line in lines], index)
        return {
            "stream": stream,
            "head": {"n": number, "leaf": leaf.hex()},
            "index": index,
            "count": len(lines),
            "proof": [sibling.hex() for sibling in proof],
        }

    def _proof(self) -> Iterator[bytes]:
        whole = self.completeness is Completeness.STREAM
        places = (
            selectors.places_between(*self._neighbourhood())
            if whole
            else (line.seq for line in self._scoped())
        )
        return selectors.proof_hashes(self.position.checkpoint.size, chain(places, [self.position.heads.seq]))

    def _body_lines(self) -> Iterator[bytes]:
        for line in self._scoped():
            self.count += 1
            if _parsed(line.header)["action"] == Action.APPROVAL_REQUESTED:
                parsed = _parsed(_content(line, bodies.PAYLOAD))
                self.approvals |= {parsed["digest"]} if "digest" in parsed else set()
            yield _body_line(line)

    def _table(self) -> Iterator[bytes]:
        yield verify.csv_row(verify.COLUMNS)
        for line in self._scoped():
            yield verify.csv_line(orjson.loads(line.entry), _content(line, bodies.NAME).decode())

    def _artefacts(self) -> list[evidence.Artefact]:
        """What the rooms contribute; of the approvals, those that an event in the bundle requested."""
        scope = evidence.Scope(
            self.bundle.stream, self.bundle.since, self.bundle.until, self.bundle.framework
        )
        found: dict[str, evidence.Artefact] = {}
        for artefact in evidence.collect(scope):
            if not _artefact_path(artefact.path):
                raise ValueError(f"{artefact.path!r} is not a path for an artefact of a bundle.")
            if found.setdefault(artefact.path, artefact) != artefact:
                raise ValueError(f"Two different artefacts are called {artefact.path}.")
        for digest in self.approvals:
            if f"approvals/{digest}.json" not in found:
                raise Conflict(f"An event names the approved content {digest}, and nobody has it.")
        named = {f"approvals/{digest}.json" for digest in self.approvals}
        return [found[path] for path in sorted(found) if path in named or not path.startswith("approvals/")]

    def _manifest(self, archive: Archive) -> dict[str, JSON]:
        checkpoint = self.position.checkpoint
        return {
            "completeness": str(self.completeness),
            "format": verify.FORMAT,
            "stream": self.bundle.stream,
            "subject": self.bundle.subject,
            "range": self._period()
            | {"first": self.range.first, "last": self.range.last, "count": self.count},
            "framework": self.bundle.framework,
            "checkpoint": {"size": checkpoint.size, "root": bytes(checkpoint.root).hex()},
            "files": [member.description for member in archive.members],
        }

    def _period(self) -> dict[str, JSON]:
        since, until = self.bundle.since, self.bundle.until
        return {
            "since": formats.timestamp(since) if since else None,
            "until": formats.timestamp(until) if until else None,
        }

    def _context(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle,
            "completeness": self.completeness,
            "checkpoint": self.position.checkpoint,
            "heads": self.position.heads,
            "range": self.range,
            "key": str(keys.seal().verifier),
            **self._period(),
        }

    def _report(self) -> dict[str, Any]:
        return {
            "count": self.count,
            "limit": ROWS_IN_REPORT,
            "rows": [
                {
                    "number": line.number,
                    "header": _parsed(line.header),
                    "actor_name": _content(line, bodies.NAME).decode(),
                    "details": [
                        (name, _readable(value))
                        for name, value in _parsed(_content(line, bodies.PAYLOAD)).items()
                    ],
                }
                for line in islice(self._scoped(), ROWS_IN_REPORT)
            ],
        }


def of(bundle: Bundle, position: Position) -> Contents:
    """
    Raises:
        Invalid: there is nothing to put in.
    """
    found = selectors.sealed_between(position, bundle.stream, bundle.since, bundle.until)
    if all(stream != bundle.stream for stream, _, _ in selectors.ends_at(position)):
        raise Invalid(f"The stream {bundle.stream} has no events: there is nothing to prove.")
    contents = Contents(bundle, position, found)
    if bundle.framework and contents.is_empty():
        raise Invalid(
            f"No event of this stream and period names the framework {bundle.framework!r}.",
            fields={"framework": "names no event"},
        )
    return contents


def policy() -> str:
    """The ledger's key says which key signs bundles: who trusts the first need know no other."""
    sealer = keys.seal()
    return sealer.sign(f"countersign/policy/v1\nledger {sealer.verifier}\nbundles {keys.export().verifier}\n")


def _add_lines(archive: Archive, folder: str, lines: Iterator[bytes]) -> None:
    number = 0
    while (first := next(lines, None)) is not None or number == 0:
        part = chain([first] if first is not None else [], islice(lines, LINES_A_FILE - 1))
        archive.add(f"{folder}/{number:06}.ndjson", (line + b"\n" for line in part))
        number += 1


def _text(name: str, context: dict[str, Any]) -> list[bytes]:
    return [render_to_string(f"audits/bundle/{name}", context).encode()]


def _opened(line: Line, part: bytes) -> bodies.Opened:
    opened = line.opened(part)
    if opened is None:
        raise Conflict(
            f"The {part.decode()} of event {line.event_id} is gone, and nothing explains it. Run "
            "`manage.py ledger verify`; restore the database from a backup."
        )
    return opened


def _content(line: Line, part: bytes) -> bytes:
    return _opened(line, part).content


def _body_line(line: Line) -> bytes:
    """Payload and name with their salts, so that anybody can compute the commitments."""
    payload, name = _opened(line, bodies.PAYLOAD), _opened(line, bodies.NAME)
    return (
        b'{"body":%b,"body_salt":"%b","id":"%b","name":%b,"name_salt":"%b"}' % (
            payload.content, payload.salt.hex().encode(), str(line.event_id).encode(),
            orjson.dumps(name.content.decode()), name.salt.hex().encode(),
        )
    )  # fmt: skip


def _parsed(content: bytes | None) -> dict[str, Any]:
    parsed: dict[str, Any] = orjson.loads(bytes(content or b"{}"))
    return parsed


def _readable(value: object) -> str:
    if isinstance(value, str):
        return value
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
