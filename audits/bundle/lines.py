"""The one pass over the entries: each is read once, its body opened once, and written to three files."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from audits import bodies, selectors, subject_keys
from audits.archive import Archive
from audits.bundle import explanations
from audits.bundle.scope import Scope, subject_of
from audits.choices import Action
from audits.errors import Conflict
from audits.selectors import Line
from audits.verify import verify

LINES_A_FILE = 10_000
SAMPLE = 1_000
"""Events that the readable pages show; events.csv has all."""
NAMING = {
    Action.APPROVAL_REQUESTED: ("digest", "approvals"),
    Action.DOCUMENT_ATTACHED: ("sha256", "documents"),
    Action.IMPACT_ASSESSMENT_SIGNED: ("sha256", "assessments"),
}
"""Which events name a file of the bundle by its digest, under which key of their payload."""

Progress = Callable[[int, int], None]


class Shown(NamedTuple):
    """An event as the readable pages show it."""

    number: int
    header: dict[str, Any]
    actor_name: str
    payload: dict[str, Any]
    is_erased: bool


@dataclass
class Written:
    """What the pass has learnt."""

    places: "array[int]" = field(default_factory=lambda: array("q"))
    count: int = 0
    erased: int = 0
    streams: set[str] = field(default_factory=set)
    named: dict[str, set[str]] = field(
        default_factory=lambda: {folder: set() for _key, folder in NAMING.values()}
    )
    titles: dict[str, str] = field(default_factory=dict)
    naming_streams: set[str] = field(default_factory=set)
    shown: list[Shown] = field(default_factory=list)


class Pass:
    """Writes entries/, bodies/ and events.csv to an archive, and gathers what the proofs are about."""

    def __init__(self, scope: Scope, archive: Archive, progress: Progress) -> None:
        self.scope, self.archive, self.progress = scope, archive, progress
        self.written = Written()
        self.table = archive.packer("events.csv")
        self.table.write(verify.csv_row(verify.COLUMNS))
        self._keys: dict[bytes, subject_keys.SubjectKey | None] = {}
        self._erased_keys: dict[str, int] = {}  # where it was sealed that they were destroyed
        self._redacted: dict[UUID, int] = {}
        self.explained: set[UUID] = set()
        self._rows: list[bytes] = []
        self._entries: list[bytes] = []
        self._bodies: list[bytes] = []

    def run(self) -> Written:
        """
        Raises:
            Conflict: a part of an event is gone, and nothing explains it.
        """
        places = self.scope.gather()
        explaining = explanations.needed(self.scope, places)
        extra = selectors.places_of_events(self.scope.position, explaining)
        while more := explanations.needed(self.scope, array("q", extra)) - explaining:
            explaining |= more  # whoever did what explains may be erased too
            extra = selectors.places_of_events(self.scope.position, explaining)
        self._know(extra, explaining)
        if not set(extra) <= _members(places, extra):
            places = array("q", sorted({*places, *extra}))
        files, total = _Pair(self.archive, 0), len(places)
        for done, line in enumerate(selectors.lines_at(places)):
            if done % selectors.CHUNK == 0:
                self._flush(files)
                self._keys.clear()
                self.progress(done, total)
            if files.lines == LINES_A_FILE:
                self._flush(files)
                files = files.following()
            self._write(line, files)
        self._flush(files)
        files.close()
        self.archive.append(self.table)
        return self.written

    def _flush(self, files: "_Pair") -> None:
        if self._entries:
            files.entries.write(b"\n".join(self._entries) + b"\n")
            files.bodies.write(b"".join(self._bodies))
            self.table.write(b"".join(self._rows))
        self._entries, self._bodies, self._rows = [], [], []

    def _know(self, places: list[int], wanted: set[UUID]) -> None:
        """Read the explaining events first: what they say is gone may come before them."""
        for line in selectors.lines_at(places):
            payload = self._opened(line, bodies.PAYLOAD, _id_of(line))
            if payload is None:
                continue
            said = orjson.loads(payload.content)
            self.explained.add(_id_of(line))
            self._erased_keys |= dict.fromkeys(said.get("keys", ()), line.seq)
            if isinstance(redacted := said.get("events"), list):  # of a pruned segment it is their number
                self._redacted |= {UUID(event): line.seq for event in redacted}
        if absent := wanted - self.explained:
            raise Conflict(
                f"The event {min(absent)}, which explains that something is gone, is not sealed yet or gone "
                "itself. Request the bundle again; if it fails again, run `manage.py ledger verify`."
            )

    def _write(self, line: Line, files: "_Pair") -> None:
        entry = line.entry
        if line.header is None:
            self._add(line, entry, files)
            return
        header = orjson.loads(bytes(line.header))
        about = self.scope.about(line, header)
        is_ours = (header["stream"], header["outcome"]) == verify.SYSTEM
        explains = is_ours and header["action"] in verify.EXPLAINING  # a mere neighbour has its body too
        if not about and not explains and not self._is_neighbour(header):
            return
        self._add(line, entry, files)
        if about or explains:
            self._add_body(line, header, about)

    def _is_neighbour(self, header: dict[str, Any]) -> bool:
        return self.scope.places is not None or header["stream"] in self.scope.parts

    def _add(self, line: Line, entry: bytes, files: "_Pair") -> None:
        self._entries.append(entry)
        self.written.places.append(line.seq)
        files.lines += 1

    def _add_body(self, line: Line, header: dict[str, Any], about: bool) -> None:  # noqa: FBT001 - as it was found
        event = UUID(header["id"])
        payload, name = self._opened(line, bodies.PAYLOAD, event), self._opened(line, bodies.NAME, event)
        id_ = header["id"].encode()
        if payload is None or name is None:
            self._bodies.append(self._erased_line(line, header, payload, name))
        else:
            text = orjson.dumps(name.content.decode())
            self._bodies.append(
                b'{"body":%b,"body_salt":"%b","id":"%b","name":%b,"name_salt":"%b"}\n'
                % (payload.content, payload.salt.hex().encode(), id_, text, name.salt.hex().encode())
            )
        if not about:
            return
        written = self.written
        written.count += 1
        written.streams.add(header["stream"])
        actor_name = name.content.decode() if name else ""
        place = {"q": line.seq, "n": line.number, "t": self._sealed_at(line)}
        self._rows.append(verify.csv_row(verify.cells(header, place, actor_name)))
        if header["action"] in NAMING and payload:
            key, folder = NAMING[header["action"]]
            named = orjson.loads(payload.content)
            if digest := named.get(key):
                written.named[folder].add(digest)
                written.titles[digest] = str(named.get("title", ""))
                written.naming_streams.add(header["stream"])
        if written.count <= SAMPLE:
            said = orjson.loads(payload.content) if payload else {}
            written.shown.append(Shown(line.number, header, actor_name, said, payload is None))

    @staticmethod
    def _sealed_at(line: Line) -> str:
        """From the sealed place, whose last member is the time."""
        return bytes(line.seal)[-29:-2].decode()

    def _erased_line(
        self, line: Line, header: dict[str, Any], payload: bodies.Opened | None, name: bodies.Opened | None
    ) -> bytes:
        """Nulls for what is gone; once it is certain that an event explains it."""
        self.written.erased += 1
        said: dict[str, Any] = {"id": header["id"]}
        for part, opened, key in (
            (bodies.PAYLOAD, payload, line.body_key),
            (bodies.NAME, name, line.name_key),
        ):
            word = part.decode()
            said[word] = said[f"{word}_salt"] = None
            if opened is not None:
                said[word] = (
                    orjson.loads(opened.content) if part == bodies.PAYLOAD else opened.content.decode()
                )
                said[f"{word}_salt"] = opened.salt.hex()
            elif key is not None and self._erased_keys.get(bytes(key).hex(), -1) > line.seq:
                said[f"{word}_key"] = bytes(key).hex()
            elif self._redacted.get(UUID(header["id"]), -1) < line.seq:
                raise Conflict(
                    f"The {word} of event {header['id']} ({subject_of(part, header)}) is gone, and nothing "
                    "explains it. Run `manage.py ledger verify`; restore the database from a backup."
                )
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS) + b"\n"

    def _opened(self, line: Line, part: bytes, event: UUID) -> bodies.Opened | None:
        """As `bodies.unseal`, looking for each key once a thousand lines."""
        id_, box = (
            (line.body_key, line.body_box) if part == bodies.PAYLOAD else (line.name_key, line.name_box)
        )
        if id_ is None or box is None:
            return None
        key_id = bytes(id_)
        if key_id not in self._keys:
            self._keys[key_id] = subject_keys.find(key_id)
        key = self._keys[key_id]
        return None if key is None else bodies.open_box(part, event.bytes, key, bytes(box))


class _Pair:
    """Files of entries and bodies with one number."""

    def __init__(self, archive: Archive, number: int) -> None:
        self.archive, self.number, self.lines = archive, number, 0
        self.entries = archive.packer(f"entries/{number:06}.ndjson")
        self.bodies = archive.packer(f"bodies/{number:06}.ndjson")

    def following(self) -> "_Pair":
        self.close()
        return _Pair(self.archive, self.number + 1)

    def close(self) -> None:
        self.archive.append(self.entries)
        self.archive.append(self.bodies)


def _id_of(line: Line) -> UUID:
    return UUID(orjson.loads(bytes(line.header or b"{}"))["id"])


def _members(places: "array[int]", wanted: list[int]) -> set[int]:
    """Which of `wanted` are among `places`, without a set of them all."""
    few = set(wanted)
    return {place for place in places if place in few} if few else set()
