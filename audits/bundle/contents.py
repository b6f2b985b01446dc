"""A whole bundle, file by file. `docs/bundle-format.md` specifies it."""

import hashlib
import platform
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from audits import canonical, evidence, formats, keyring, keys, selectors
from audits.archive import Archive
from audits.bundle import outside
from audits.bundle.lines import Pass, Written
from audits.bundle.readable import VERSION, Readable
from audits.bundle.scope import Part, Scope
from audits.canonical import JSON
from audits.choices import BundleKind, BundlePhase
from audits.errors import Conflict, Invalid
from audits.models import Bundle
from audits.tree import inclusion_proof, leaf_hash
from audits.verify import verify

VERIFIER = Path(verify.__file__)
_named = re.compile(r"(approvals|assessments|documents)/([0-9a-f]{64})(\.[a-z0-9]{1,8})?\Z").match
_free = re.compile(r"(artefacts|controls|history|oscal)(/[\w-][\w.-]*)+\Z", re.ASCII).match

Progress = Callable[[BundlePhase, int, int], None]


@dataclass
class Contents:
    """One bundle's content at one position of the ledger."""

    scope: Scope
    anchors: Sequence[tuple[str, bytes]]
    progress: Progress
    written: Written = field(default_factory=Written)
    missing: set[str] = field(default_factory=set)

    @property
    def bundle(self) -> Bundle:
        return self.scope.bundle

    @property
    def incomplete(self) -> list[str]:
        return sorted(self.missing)

    def write(self, file: BinaryIO) -> None:
        """Write the whole bundle, streaming.

        Raises:
            Conflict: an event's body, or something that an event names, is not there.
            Invalid: nothing is in it.
        """
        with Archive(file) as archive:
            self._write(archive)

    def _write(self, archive: Archive) -> None:
        for path, content in self._keys():
            archive.add(path, [content], stored=True)
        self.progress(BundlePhase.GATHERING, 0, 0)
        self.written = Pass(self.scope, archive, self._writing).run()
        if self.written.count == 0 and not (self.scope.parts or self.scope.places is not None):
            raise Invalid(
                f"No event of this scope and period names the framework {self.bundle.framework!r}: there is "
                "nothing to prove."
            )
        self.progress(BundlePhase.RECORDS, 0, 0)
        self._add_artefacts(archive)
        self.progress(BundlePhase.PROVING, 0, 0)
        self._add_proofs(archive)
        archive.add("custody.json", [_json(self._custody())])
        self.progress(BundlePhase.READABLE, 0, 0)
        files = [member.path for member in archive.members]
        for path, content in Readable(self.scope, self.written, self.incomplete, files).pages():
            archive.add(path, [content])
        archive.add("verify.py", [VERIFIER.read_bytes()])
        self.progress(BundlePhase.SIGNING, 0, 0)
        manifest = _json(self._manifest(archive))
        signature = keys.export().sign(f"countersign/manifest/v1\n{hashlib.sha256(manifest).hexdigest()}\n")
        archive.add("manifest.json", [manifest], stored=True)
        archive.add("manifest.sig", [signature.encode()], stored=True)
        archive.close()

    def _writing(self, done: int, total: int) -> None:
        self.progress(BundlePhase.WRITING, done, total)

    def _keys(self) -> Iterator[tuple[str, bytes]]:
        """The small files that a verifier reads first."""
        yield "policy.txt", policy().encode()
        yield "rotations.txt", keyring.join(keys.statements()).encode()
        yield "checkpoint.txt", self.scope.position.checkpoint.note.encode()

    # --- Proofs -------------------------------------------------------------------------------------------
    def _add_proofs(self, archive: Archive) -> None:
        position = self.scope.position
        archive.add("proof.bin", selectors.proof_hashes(position.checkpoint.size, self.written.places))
        archive.add("streams.ndjson", self._stream_ends())
        archive.add("consistency.ndjson", outside.consistency(position))
        for path, content in self.anchors:
            archive.add(path, [content])

    def _stream_ends(self) -> Iterator[bytes]:
        """Where each complete stream ends, and the proof that the heads entry says so."""
        if not self.scope.parts:
            return
        lines = sorted(formats.heads_line(*end) for end in selectors.ends_at(self.scope.position))
        leaves = [leaf_hash(line) for line in lines]
        for part in sorted(self.scope.parts.values(), key=lambda part: part.stream):
            yield canonical.dumps(_stream_end(part, lines, leaves)) + b"\n"

    # --- What the rooms contribute ------------------------------------------------------------------------
    def _add_artefacts(self, archive: Archive) -> None:
        """The records of each stream; of what was approved, signed or attached, what an event names."""
        wanted = {
            f"{folder}/{digest}" for folder, digests in self.written.named.items() for digest in digests
        }
        taken: dict[str, bytes] = {}
        for stream in sorted(self._streams()):
            with_records = self._has_records(stream)
            for found in evidence.collect(self._asked(stream)):
                if isinstance(found, evidence.Missing):
                    self.missing |= {found.sentence} if with_records else set()
                elif path := self._place_of(found, stream, wanted, with_records=with_records):
                    _add_once(archive, found, path, taken)
        have = {path.split(".")[0] for path in taken}
        for name in sorted(wanted - have):
            raise Conflict(f"An event names {name}, and nobody has it. Restore the database from a backup.")

    def _streams(self) -> set[str]:
        return set(self.scope.parts) | self.written.streams | self.written.naming_streams

    def _has_records(self, stream: str) -> bool:
        """Of the streams of others that merely name a person, no records belong into that person's bundle."""
        return (
            stream in self.scope.parts
            or self.bundle.kind in {BundleKind.PERIOD, BundleKind.FRAMEWORK}
            or (stream in self.bundle.streams)
        )

    def _asked(self, stream: str) -> evidence.Scope:
        return evidence.Scope(stream, self.bundle.since, self.bundle.until, self.bundle.framework)

    def _place_of(
        self, artefact: evidence.Artefact, stream: str, wanted: set[str], *, with_records: bool
    ) -> str | None:
        """Its path in the bundle; the records of each stream have a folder."""
        if named := _named(artefact.path):
            if f"{named[1]}/{named[2]}" in wanted:
                return artefact.path
            is_apart = with_records and named[1] == "documents"  # attached, but not by an event in scope
            return f"artefacts/{stream.replace('/', '-')}/{artefact.path}" if is_apart else None
        if not _free(artefact.path):
            raise ValueError(f"{artefact.path!r} is not a path for an artefact of a bundle.")
        if not with_records:
            return None
        folder, _, rest = artefact.path.partition("/")
        return f"{folder}/{stream.replace('/', '-')}/{rest}"

    # --- What it says of itself ---------------------------------------------------------------------------
    def _manifest(self, archive: Archive) -> dict[str, JSON]:
        checkpoint = self.scope.position.checkpoint
        incomplete: list[JSON] = list(self.incomplete)
        return {
            "completeness": str(self.scope.completeness),
            "incomplete": incomplete,
            "format": verify.FORMAT,
            "kind": self.bundle.kind,
            "subject": self.bundle.subject,
            **self.scope.described,
            "events": self.written.count,
            "checkpoint": {"size": checkpoint.size, "root": bytes(checkpoint.root).hex()},
            "files": [member.description for member in archive.members],
        }

    def _custody(self) -> dict[str, JSON]:
        """Who asked, and what it was built with; when is in the ledger, as `bundle.built`."""
        position = self.scope.position
        return {
            "bundle": str(self.bundle.pk),
            "requested_by": self.bundle.requested_by,
            "requested_by_name": self.bundle.requested_by_name,
            "requested_at": formats.timestamp(self.bundle.requested_at),
            "state": {
                "entries": position.checkpoint.size,
                "sealed_at": formats.timestamp(position.heads.sealed_at),
            },
            "built_with": {
                "countersign": VERSION,
                "python": platform.python_version(),
                "zlib": zlib.ZLIB_RUNTIME_VERSION,
                "verifier_sha256": hashlib.sha256(VERIFIER.read_bytes()).hexdigest(),
            },
            "exporter": str(keys.export().verifier),
            "events": ["bundle.requested", "bundle.built", "bundle.downloaded"],
        }


def policy() -> str:
    """The ledger's key says which key signs bundles: who trusts the first need know no other."""
    sealer = keys.seal()
    return sealer.sign(f"countersign/policy/v1\nledger {sealer.verifier}\nbundles {keys.export().verifier}\n")


def _stream_end(part: Part, lines: list[bytes], leaves: list[bytes]) -> dict[str, JSON]:
    index = lines.index(formats.heads_line(part.stream, part.end, part.leaf))
    return {
        "stream": part.stream,
        "head": {"n": part.end, "leaf": part.leaf.hex()},
        "index": index,
        "count": len(lines),
        "proof": [sibling.hex() for sibling in inclusion_proof(leaves, index)],
    }


def _add_once(archive: Archive, artefact: evidence.Artefact, path: str, taken: dict[str, bytes]) -> None:
    if path not in taken:
        pieces = [artefact.content] if artefact.pieces is None else artefact.pieces
        taken[path] = bytes.fromhex(archive.add(path, pieces).sha256)
    elif artefact.pieces is not None or hashlib.sha256(artefact.content).digest() != taken[path]:
        raise ValueError(f"Two different artefacts are called {path}.")


def _json(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n"
