#!/usr/bin/env python3
"""Verify an evidence bundle, offline and without the program that made it.

    python verify.py BUNDLE [--key KEY] [--policy FILE] [--known-checkpoint FILE] [--witness KEY]

KEY is the ledger's verifier key, or a file that holds it: get it from the organisation by another way
than the bundle, before you need it. --policy is the same, as a policy.txt that you were given; it pins
the key that signs bundles too. --known-checkpoint is a checkpoint of the same ledger that you kept: it
shows that the ledger was not rewritten since. --witness is the verifier key of a witness.

How it goes, in the order of the text below: signatures (Ed25519, notes and keys); every byte of the ZIP
is a listed file (the archive); one walk over the entries and their bodies, each of which is canonical,
follows the one before it and is a row of the table, up to the signed root of their tree (entries and
streams); nothing is left out but what sealed events say (what is gone); and the rest (the whole).

Exit codes: 0 verified, 1 wrong, 2 unreadable, 3 verified with limits (they are listed).
Needs Python 3.9 or later and nothing else. `docs/bundle-format.md` describes the format.
"""

# ruff: noqa: PLR2004, T201, UP017 - the formats' own numbers; it prints; Python 3.9
from __future__ import annotations

import argparse
import base64
import json
import os
import re
import struct
import sys
import zlib
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

VERIFIED, WRONG, UNREADABLE, LIMITED = 0, 1, 2, 3
FORMAT = "countersign/bundle/v1"
Row = dict[str, Any]


class Wrong(Exception):
    """The bundle is not what it says it is; the message names what is wrong."""


class Unreadable(Exception):
    """There is nothing here that could be verified."""


MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, zlib.error)
"""What Python raises where something has another form than is expected of it."""


def need(holds: object, otherwise: str) -> None:
    if not holds:
        raise Wrong(otherwise)


# --- Ed25519 (RFC 8032, 5.1) ---------------------------------------------------------------------------
P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]  # extended coordinates X, Y, Z, T: x = X/Z, y = Y/Z, xy = T/Z


def _add(a: Point, b: Point) -> Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    return (f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P


def _multiply(scalar: int, point: Point) -> Point:
    total: Point = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            total = _add(total, point)
        point, scalar = _add(point, point), scalar >> 1
    return total


def _point(encoded: bytes) -> Point | None:
    """The point of 32 bytes; None where they encode none, or not in the one allowed way."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (1 << 255) - 1
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


BASE = (4 * pow(5, P - 2, P) % P).to_bytes(32, "little")


def ed25519_verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    base, key, commitment = _point(BASE), _point(public), _point(signature[:32])
    scalar = int.from_bytes(signature[32:], "little")
    if base is None or key is None or commitment is None or scalar >= ORDER or len(signature) != 64:
        return False
    eightfold = _multiply(8, key)
    if eightfold[0] == 0 or len(public) != 32:  # a key of small order fits signatures of any text
        return False
    challenge = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = _multiply(scalar, base), _add(commitment, _multiply(challenge, key))
    return not any((left[i] * right[2] - right[i] * left[2]) % P for i in (0, 1))


# --- Notes and keys (c2sp.org/signed-note), and which key signs what ------------------------------------
class Key(NamedTuple):
    name: str
    hash: bytes
    public: bytes


def from_base64(text: str) -> bytes:
    """What is encoded; nothing where the text is not the one canonical form."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return found if base64.b64encode(found).decode() == text else b""


def parse_key(text: str, where: str, algorithm: int = 1) -> Key:
    """A verifier key: 1 is Ed25519, 4 the cosignature of a witness."""
    name, digest, encoded = [*text.strip().split("+", 2), "", ""][:3]
    material = from_base64(encoded)
    key = Key(name, sha256(name.encode() + b"\n" + material).digest()[:4], material[1:])
    is_whole = len(material) == 33 and material[0] == algorithm and key.hash.hex() == digest
    need(is_whole, f"{where}: {text.strip()[:80]!r} is no such verifier key, or damaged.")
    return key


def signatures(content: bytes, key: Key, where: str, most: float) -> tuple[bytes, list[bytes]]:
    """The text of a note, and what stands in its signature lines for this key; in all there are `most`."""
    text, separator, signed = content.rpartition(b"\n\n")
    need(separator and signed.endswith(b"\n"), f"{where}: not a signed note.")
    need(signed.count(b"\n") <= most, f"{where}: it bears another signature than it should.")
    found = []
    for line in signed.decode("utf-8", "replace").split("\n")[:-1]:
        parts = re.fullmatch("\u2014 ([^ +\n]+) ([A-Za-z0-9+/=]+)", line)
        blob = from_base64(parts[2]) if parts else b""
        need(blob, f"{where}: {line[:80]!r} is no signature line.")
        if parts and parts[1] == key.name and blob[:4] == key.hash:
            found.append(blob[4:])
    need(found, f"{where}: it bears no signature of the key {key.name} ({key.hash.hex()}).")
    return text + b"\n", found


def open_note(content: bytes, key: Key, where: str, most: float = 1) -> list[str]:
    """The lines of the text that `key` has signed, among at most so many."""
    text, found = signatures(content, key, where, most)
    fits = all(ed25519_verifies(key.public, text, signature) for signature in found)
    need(fits, f"{where}: the signature of {key.name} does not fit the text; one of them was changed.")
    return text[:-1].decode().split("\n")


def cosigned_at(content: bytes, key: Key, where: str) -> int:
    """When a witness cosigned a checkpoint, in seconds since 1970 (c2sp.org/tlog-cosignature)."""
    text, found = signatures(content, key, where, float("inf"))
    seconds = int.from_bytes(found[0][:8], "big")
    fits = ed25519_verifies(key.public, b"cosignature/v1\ntime %d\n" % seconds + text, found[0][8:])
    need(fits, f"{where}: the cosignature of {key.name} does not fit the checkpoint.")
    return seconds


def open_checkpoint(content: bytes, key: Key, where: str, most: float = 1) -> tuple[int, bytes]:
    """(size, root) of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
    origin, size, root, *more = [*open_note(content, key, where, most), "", ""]
    fits = origin == key.name and re.fullmatch("0|[1-9][0-9]{0,17}", size) and len(from_base64(root)) == 32
    need(fits and len(more) == 2, f"{where}: not a checkpoint of the ledger {key.name}.")
    return int(size), from_base64(root)


def policy_keys(policy: bytes, where: str) -> tuple[Key, Key]:
    """The ledger's key and the key for bundles that a policy names."""
    named = re.match(rb"countersign/policy/v1\nledger (.+)\nbundles (.+)\n\n", policy)
    if not named:
        raise Wrong(f"{where}: not the list of keys that it should be.")
    return parse_key(named[1].decode(), where), parse_key(named[2].decode(), where)


class Term(NamedTuple):
    """A key, and the sizes of the checkpoints that it may sign, the last one included."""

    key: Key
    first: int
    last: float
    is_trusted_by_the_one_before: bool = False


STATEMENT = re.compile(
    rb"countersign/(?:rotation|(replacement))/v1\nold (\S+)\nnew (\S+)\n"
    rb"size (0|[1-9][0-9]{0,17})\n(?(1)reason [^\n]+\n)\n"
)


def terms(content: bytes, only: Key) -> list[Term]:
    """Which key followed which: `rotations.txt`, or the only key there was."""
    found: list[Term] = []
    for number, note in enumerate(content.split(b"--\n") if content else [], 1):
        where, said = f"rotations.txt, statement {number}", STATEMENT.match(note)
        if not said:
            raise Wrong(f"{where}: not a statement about the ledger's key.")
        old, new, size = parse_key(said[2].decode(), where), parse_key(said[3].decode(), where), int(said[4])
        found = found or [Term(old, 0, float("inf"))]
        follows = old == found[-1].key and new != old and new.name == old.name
        need(follows, f"{where}: it does not follow the key before it: one was left out or changed.")
        for key in (new,) if said[1] else (old, new):
            open_note(note, key, where, 1 if said[1] else 2)
        need(said[1] or size >= found[-1].first, f"{where}: it is before the one that precedes it.")
        found = [term for term in found if term.first <= size]
        found[-1] = found[-1]._replace(last=size)
        found.append(Term(new, size + 1 if said[1] else size, float("inf"), not said[1]))
    return found or [Term(only, 0, float("inf"))]


# --- The archive: a ZIP in which every byte is accounted for -------------------------------------------
STORED = {"policy.txt", "rotations.txt", "checkpoint.txt", "manifest.json", "manifest.sig"}
LIMIT, MEMBERS = 2**32 - 1, 2**16 - 1
"""From here on a number stands in a ZIP64 field."""
is_path = re.compile(r"[A-Za-z0-9_-]+(\.+[A-Za-z0-9_-]+)*(/[A-Za-z0-9_-]+(\.+[A-Za-z0-9_-]+)*)*").fullmatch
CHUNK, LINE, MOST = 1 << 16, 1 << 21, 1 << 26
"""Bytes that are read at once, that a line has at most, and a file that is read whole."""


class Member(NamedTuple):
    path: str
    method: int
    crc: int
    packed_size: int
    size: int
    offset: int
    start: int


def read_members(file: BinaryIO) -> dict[str, Member]:
    """Walk from the first byte to the last; anything that is not in its one place is refused."""
    members: dict[str, Member] = {}
    position, end, seen = 0, file.seek(0, 2), set[str]()
    while True:
        file.seek(position)
        header = file.read(30)
        if header[:4] == b"PK\x01\x02":
            break
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            error = Wrong if members else Unreadable
            raise error(f"The ZIP structure is damaged at byte {position}, or this is no bundle.")
        method, crc, packed, size, length, extra = struct.unpack("<8xH4x3I2H", header)
        path, more = file.read(length).decode("utf-8", "replace"), file.read(extra)
        if more[:4] == b"\1\0\x10\0" and len(more) == 20:
            size, packed = struct.unpack_from("<2Q", more, 4)
        member = Member(path, method, crc, packed, size, position, position + 30 + length + extra)
        is_formal = method in (0, 8) and header + path.encode() + more == _header(member, is_central=False)
        need(is_formal, f"{path}: its ZIP header (byte {position}) is not in the form of a bundle.")
        need(is_path(path), f"The ZIP names a file {path!r}, which no bundle contains.")
        need(path.lower() not in seen, f"{path} is in the ZIP twice, or differs in case only.")
        seen.add(path.lower())
        members[path] = member
        position = member.start + packed
        need(position <= end, f"{path}: the file is cut short, or its header before byte {position} damaged.")
    file.seek(position)
    rows = b"".join(_header(member, is_central=True) for member in members.values())
    fits = file.read() == rows + _ends(len(members), position, len(rows))
    need(fits, f"The ZIP directory (from byte {position}) does not list exactly the files before it.")
    return members


def _header(member: Member, *, is_central: bool) -> bytes:
    """APPNOTE 4.3.7, or 4.3.12 in the central directory, with a ZIP64 field for what does not fit."""
    path, numbers = member.path.encode(), [member.size, member.packed_size, member.offset]
    if is_central:
        large = [number for number in numbers if number >= LIMIT]
        size, packed, offset = (2**32 - 1 if number >= LIMIT else number for number in numbers)
    else:
        large = numbers[:2] if max(numbers[:2]) >= LIMIT else []
        size, packed = [2**32 - 1] * 2 if large else numbers[:2]
    version, more = 45 if large else 20, b""
    if large:
        more = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large)
    common = struct.pack(
        "<5H3I2H", version, 0x0800, member.method, 0, 0x21, member.crc, packed, size, len(path), len(more)
    )
    if is_central:
        end = struct.pack("<3H2I", 0, 0, 0, 0o100644 << 16, offset)
        return b"PK\x01\x02" + struct.pack("<H", 0x0300 | version) + common + end + path + more
    return b"PK\x03\x04" + common + path + more


def _ends(count: int, start: int, length: int) -> bytes:
    """APPNOTE 4.3.14 to 4.3.16."""
    more = b""
    if count >= MEMBERS or max(start, length) >= LIMIT:
        more = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 0x032D, 45, 0, 0, count, count, length, start)
        more += struct.pack("<4sIQI", b"PK\x06\x07", 0, start + length, 1)
        count = 2**16 - 1 if count >= MEMBERS else count
        start, length = (2**32 - 1 if number >= LIMIT else number for number in (start, length))
    return more + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, length, start, 0)


def packed(file: BinaryIO, member: Member) -> Iterator[bytes]:
    """The bytes of a member as they stand in the ZIP."""
    end = member.start + member.packed_size
    for position in range(member.start, end, CHUNK):
        file.seek(position)
        yield file.read(min(CHUNK, end - position))


def unpacked(file: BinaryIO, member: Member) -> Iterator[bytes]:
    if member.method == 0:
        yield from packed(file, member)
        return
    inflater = zlib.decompressobj(-15)
    for some in packed(file, member):
        rest, piece = some, b""
        while rest or len(piece) == CHUNK:  # what did not fit into a piece comes in the next
            piece = inflater.decompress(rest, CHUNK)
            rest = inflater.unconsumed_tail
            need(not inflater.unused_data, f"{member.path}: bytes follow the end of its packed content.")
            yield piece
    need(inflater.eof, f"{member.path}: its packed content has no end.")


def content(file: BinaryIO, member: Member, row: Row) -> Iterator[bytes]:
    """What is in a member, in pieces; with the last one it is known to be what the manifest's `row` says."""
    digest, crc, size = sha256(), 0, 0
    for piece in unpacked(file, member):
        size, crc = size + len(piece), zlib.crc32(piece, crc)
        digest.update(piece)
        need(size <= member.size, f"{member.path}: it does not have the size that it should have.")
        yield piece
    expected = (member.size, member.crc, row["size"], row["sha256"])
    fits = (size, crc, size, digest.hexdigest()) == expected
    need(fits, f"{member.path} is not the file that was signed: its bytes were changed.")


def lines(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    """Each ends with a newline, the last one too."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        need(len(rest) <= LINE, f"{where}: a line is too long.")
    need(not rest, f"{where}: its last line does not end.")


def hashes(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Of 32 bytes each; whatever is left over at the end comes as the last one."""
    rest = b""
    for piece in pieces:
        rest += piece
        yield from (rest[at : at + 32] for at in range(0, len(rest) - 31, 32))
        rest = rest[len(rest) // 32 * 32 :]
    if rest:
        yield rest


# --- Canonical JSON and CSV: one way to write, so one way to read ----------------------------------------
def _refuse(text: str) -> None:
    raise ValueError(f"{text} is no number of the ledger")


def _integer(text: str) -> int:
    if text == "-0" or len(text.lstrip("-")) > 16 or abs(int(text)) >= 2**53:
        raise ValueError(f"{text[:80]} is no number of the ledger")
    return int(text)


def _once(pairs: list[tuple[str, Any]]) -> Row:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name stands twice")
    return dict(pairs)


decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).raw_decode
encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
decode_any = json.JSONDecoder(
    parse_float=_refuse, parse_int=_integer, parse_constant=_refuse, object_pairs_hook=_once
).decode
"""For JSON that is not canonical: a name that stands twice would be read in two ways."""
is_name = re.compile("[a-z0-9_.]{1,64}").fullmatch


def canonical(value: Any) -> bytes:
    """RFC 8785 on the ledger's profile: sorted ASCII keys, no floats."""
    return encode(value).encode()


def parse(line: bytes, where: str) -> Row:
    """A line of canonical JSON."""
    try:
        value = decode(line.decode())[0]
        if isinstance(value, dict) and canonical(value) == line:
            return value
    except (ValueError, RecursionError):
        pass
    raise Wrong(f"{where}: not canonical JSON.")


def is_in_profile(value: Any, depth: int = 8) -> bool:
    """Whether it keeps to the ledger's profile: names, sizes of integers, depth."""
    if not isinstance(value, (dict, list)):
        return not isinstance(value, int) or abs(value) < 2**53
    if not depth or (isinstance(value, dict) and not all(map(is_name, value))):
        return False
    for item in value.values() if isinstance(value, dict) else value:
        if not isinstance(item, str) and not is_in_profile(item, depth - 1):
            return False
    return True


COLUMNS = (
    "seq", "stream", "number", "time", "sealed_at", "action", "outcome", "actor", "actor_name", "object",
    "frameworks", "evaluation", "policy", "provenance", "trace", "id",
)  # fmt: skip
FORMULA = frozenset("=+-@\t\r")
"""A cell that begins so is one that a spreadsheet would run; it gets a leading apostrophe."""


def cells(event: Row, place: Row, actor_name: str) -> tuple[str, ...]:
    """The row of an event in events.csv, as text."""
    more = event.get
    return (
        str(place["q"]), event["stream"], str(place["n"]), event["time"], place["t"], event["action"],
        event["outcome"], event["actor"], actor_name, event["object"], " ".join(more("frameworks", ())),
        more("evaluation", ""), more("policy", {}).get("version", ""), more("provenance", ""),
        more("trace", ""), event["id"],
    )  # fmt: skip


def csv_row(cells: Sequence[str]) -> bytes:
    """RFC 4180."""
    cells = [f"'{cell}" if cell[:1] in FORMULA else cell for cell in cells]
    row = ",".join(cells)
    if row.count(",") >= len(cells) or '"' in row or "\r" in row or "\n" in row:
        row = ",".join(
            '"' + cell.replace('"', '""') + '"' if re.search('[",\r\n]', cell) else cell for cell in cells
        )
    return row.encode() + b"\r\n"


# --- Entries and streams -------------------------------------------------------------------------------
TEXT = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*)*"'
HASH, COUNT, INDEX = '"[0-9a-f]{64}"', "[1-9][0-9]{0,15}", "(?:0|[1-9][0-9]{0,15})"
TIME = r'"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z"'
UUID = '"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"'
EVENT = (
    rf'"e":{{"action":{TEXT},"actor":{TEXT},"body":{HASH},(?:"evaluation":{TEXT},)?'
    rf'(?:"frameworks":\[{TEXT}(?:,{TEXT})*\],)?"id":{UUID},"name":{HASH},"object":{TEXT},"outcome":{TEXT},'
    rf'(?:"policy":{{"sha256":{TEXT},"version":{TEXT}}},)?(?:"provenance":{TEXT},)?"stream":{TEXT},'
    rf'"time":{TIME},(?:"trace":{TEXT},)?"v":1}}'
)
HEADS = rf'"h":{{"count":{INDEX},"root":{HASH}}}'
PLACE = rf'"s":{{"n":{COUNT},"p":{HASH},"q":{INDEX},"t":{TIME}}}'
is_entry = re.compile(rf'{{(?:{EVENT}|{HEADS}),{PLACE},"v":1}}').fullmatch
"""The one way to write an entry in canonical JSON."""

SYSTEM, EXPLAINING = ("system", "success"), {"subject.erased", "body.redacted", "segment.pruned"}
"""Stream, outcome and actions of the events that explain why something is gone."""
CONTENTS = {
    "approval.requested": ("approvals", "digest"),
    "document.attached": ("documents", "sha256"),
    "impact_assessment.signed": ("assessments", "sha256"),
}
"""The actions whose payload names a file of the bundle by its digest: in which folder, under which name."""
EMPTY = "0" * 64
"""What the first entry of a stream names as the leaf before it."""
CLOCKS = timedelta(minutes=1)
"""So far the clocks of machines may differ: what is sealed at once can seem to be from after that."""
SEGMENT = 1024
"""From so many entries on, a hash in proof.bin is kept: it may be the root of what was pruned."""


class Scope:
    """Which events the manifest says are in the bundle."""

    def __init__(self, manifest: Row) -> None:
        self.range, self.presence, self.period = manifest["range"], manifest["presence"], manifest["period"]
        self.since = self.period["since"] or ""  # before all times
        self.until = self.period["until"] or "~"  # after all
        self.streams: dict[str, Row] = {part["stream"]: part for part in manifest["streams"]}
        need(len(self.streams) == len(manifest["streams"]), "manifest.json: it names a stream twice.")
        is_one = not (self.range and (self.streams or self.presence))
        need(is_one, "manifest.json: a range of the ledger names no streams and no presence.")
        is_some = self.range or self.streams or self.presence
        need(is_some, "manifest.json: it names no range, no streams and no presence: it is about nothing.")
        level = "range" if self.range else "presence" if self.presence else "stream"
        level = "mixed" if self.presence and self.streams else level
        need(level == manifest["completeness"], f"manifest.json: this scope proves the level {level!r}.")
        self.check_kind(manifest["kind"])

    def check_kind(self, kind: str) -> None:
        """A bundle that is called one of a person is about that person, and so on."""
        wanted: Row = self.presence or {"framework": None, "party": None, "streams": None}
        complete, named = list(self.streams), [*self.streams, *(wanted["streams"] or ())]
        one, framework, party = ",".join(named), wanted["framework"], wanted["party"]
        self.about = ", ".join([*named, *filter(None, (framework,))]) or "the ledger"
        fits = {
            "agent": len(named) == 1 and one.startswith("agent/") and party is None,
            "person": complete == named == [party] and one.startswith("person/") and framework is None,
            "period": self.range,
            "framework": framework and not complete and party is None,
            "case": complete and not self.presence,
        }
        need(fits.get(kind), f"manifest.json: a bundle about {self.about} is not one of the kind {kind!r}.")

    def holds(self, event: Row, place: Row, where: str) -> bool | None:
        """Whether the bundle is about this event; False: it is next to the scope; None: neither."""
        if self.range:
            at, first, last = place["q"], self.range["low"], self.range["high"] - 1
        elif event["stream"] in self.streams:
            part = self.streams[event["stream"]]
            at, first, last = place["n"], part["first"], part["last"]
        else:
            return self.is_present(event, place["t"]) or None
        self.check_side(at, first, last, place["t"], where)
        return True if first <= at <= last else False if at in (first - 1, last + 1) else None

    def is_present(self, event: Row, time: str) -> bool:
        """Whether an event of another stream is among those whose presence the bundle proves."""
        wanted = self.presence
        return (
            wanted is not None
            and self.since <= time < self.until
            and wanted["party"] in (None, event["actor"], event["object"])
            and (wanted["framework"] is None or wanted["framework"] in event.get("frameworks", ()))
            and (wanted["streams"] is None or event["stream"] in wanted["streams"])
        )

    def check_side(self, at: int, first: int, last: int, time: str, where: str) -> None:
        if (at < first, at > last) != (time < self.since, time >= self.until):
            raise Wrong(f"{where}: sealed at {time}, on the wrong side of the period's end.")


class Walk:
    """The one walk over entries and bodies, in order; it keeps what is needed after it."""

    def __init__(self, bundle: Bundle, history: dict[str, list[str]]) -> None:
        """`history` are the digests of the rows in history/, by the event that commits to each."""
        self.bundle, self.scope, self.history, self.gone = bundle, Scope(bundle.manifest), history, Gone()
        self.place, self.time, self.events, self.ahead = -1, "", 0, 0
        self.heads: Row | None = None
        self.runs: dict[str, list[Row]] = {}  # of a stream: entries whose numbers follow each other
        self.places = array("q")
        self.given: dict[tuple[int, int], bytes] = {}
        self.named: dict[str, str] = {}
        self.table = sha256(csv_row(COLUMNS))

    def check(self) -> None:
        bundle = self.bundle
        self.proof, self.leaves = hashes(bundle.content("proof.bin")), self.read_leaves()
        self.leaf = next(self.leaves, None)
        is_tree = self.subtree(0, bundle.size) == bundle.root and not self.leaf and not next(self.proof, None)
        need(is_tree, "The entries do not belong to the signed tree: entries/ or proof.bin was changed.")
        is_last = self.heads and self.place == bundle.size - 1
        need(is_last, "entries/: the last entry is not the signed heads of all streams.")
        said, table = bundle.manifest["events"], bundle.listed.get("events.csv", {}).get("sha256")
        need(self.events == said, f"There are {self.events} events; the manifest says {said}.")
        need(self.table.hexdigest() == table, "events.csv is not the table that entries and bodies give.")

    def subtree(self, low: int, high: int) -> bytes:
        """The hash of the leaves [low, high): proof.bin gives it where none of them is in the bundle."""
        if self.leaf is None or self.leaf[0] >= high:
            hash_ = next(self.proof, b"")
            if high - low >= SEGMENT:
                self.given[low, high] = hash_
            return hash_
        if high - low == 1:
            hash_, self.leaf = self.leaf[1], next(self.leaves, None)
            return hash_
        middle = low + split(high - low)
        return node(self.subtree(low, middle), self.subtree(middle, high))

    def read_leaves(self) -> Iterator[tuple[int, bytes]]:
        """The index and hash of each entry, once all else about it is known to be right."""
        paths = [path for path in self.bundle.listed if path.startswith(("entries/", "bodies/"))]
        for number in range((len(paths) + 1) // 2):
            entries, self.path = f"entries/{number:06}.ndjson", f"bodies/{number:06}.ndjson"
            self.bodies = lines(self.bundle.content(self.path), self.path)
            for index, line in enumerate(lines(self.bundle.content(entries), entries), 1):
                self.where = self.bundle.place = f"{entries}, line {index}"
                yield self.check_entry(line)
            need(next(self.bodies, None) is None, f"{self.path} holds more than {entries} does.")

    def check_entry(self, line: bytes) -> tuple[int, bytes]:
        text = line.decode("utf-8", "replace")
        if not is_entry(text) or text.encode() != line:
            raise Wrong(f"{self.where}: not canonical JSON of an entry.")
        entry, leaf = decode(text)[0], sha256(b"\0" + line)
        place, event, self.heads = entry["s"], entry.get("e"), entry.get("h")
        if place["q"] <= self.place or place["t"] < self.time:
            raise Wrong(f"{self.where} (entry {place['q']}): it is not in its place.")
        self.place, self.time = place["q"], place["t"]
        self.places.append(self.place)
        self.follow(event["stream"] if event else "heads", place, leaf.hexdigest())
        if event:
            self.check_event(event, place)
        elif len(self.places) == self.place + 1:  # all entries before these heads are here
            fits = self.heads == self.ends()
            need(fits, f"{self.where}: the heads are not where the streams before them end.")
        if not event and self.place != self.bundle.size - 1:  # heads before the last: only with a range
            low, high = (self.scope.range["low"], self.scope.range["high"]) if self.scope.range else (0, -1)
            need(low - 1 <= self.place <= high, f"{self.where}: the bundle is not about these heads.")
            self.scope.check_side(self.place, low, high - 1, self.time, self.where)
        return self.place, leaf.digest()

    def follow(self, stream: str, place: Row, leaf: str) -> None:
        """In every stream the numbers grow, and where they follow each other, so do the leaves."""
        number, runs = place["n"], self.runs.setdefault(stream, [])
        last = runs[-1]["last"] if runs else 0
        if number <= last:
            raise Wrong(f"{self.where}: number {number} of {stream} comes after {last}.")
        if not runs or number > last + 1:
            if stream not in self.scope.streams and not self.scope.range:
                runs.clear()  # only where it ended matters for what comes
            runs.append({"first": number, "previous": place["p"], "from": place["q"]})
        elif place["p"] != runs[-1]["leaf"]:
            what = f"it does not follow number {last} of {stream}"
            raise Wrong(f"{self.where}: {what}: one of them was changed.")
        runs[-1].update(last=number, leaf=leaf, to=place["q"])

    def ends(self) -> Row:
        """The heads of all streams, so far."""
        ends = [(of, runs[-1]["last"], runs[-1]["leaf"]) for of, runs in self.runs.items() if of != "heads"]
        said = sorted("|".join(map(str, end)).encode() for end in ends)
        return {"count": len(said), "root": root_of([sha256(b"\0" + line).digest() for line in said]).hex()}

    def check_event(self, event: Row, place: Row) -> None:
        in_scope = self.scope.holds(event, place, self.where)
        explains = (event["stream"], event["outcome"]) == SYSTEM and event["action"] in EXPLAINING
        if event["stream"] == "heads" or (in_scope is None and not explains):
            raise Wrong(f"{self.where}: the bundle is not about this event, {event['id']}.")
        if event["time"] > place["t"] and _moment(event["time"]) - _moment(place["t"]) > CLOCKS:
            self.ahead += 1
        if not in_scope and not explains:
            return  # a neighbour, which shows where the scope ends
        payload, actor_name = self.read_body(event)
        if explains:
            if payload is None:
                raise Wrong(f"{self.where}: event {event['id']} explains what is gone, and is gone itself.")
            self.gone.explain(event, payload, self.place)
        if payload is not None and in_scope:
            self.check_named(event, payload)
        if in_scope:
            self.events += 1
            self.table.update(csv_row(cells(event, place, actor_name or "")))

    def read_body(self, event: Row) -> tuple[Row | None, str | None]:
        """Payload and name, None where they are gone; else those that the header committed to."""
        line, where = next(self.bodies, b""), f"{self.path}, event {event['id']}"
        row = parse(line, where) if line else {}
        if row.get("id") != event["id"]:
            raise Wrong(f"{where}: the body is missing.")
        # No text holds a bare quotation mark, so the last such name is the one that ends the payload.
        exact = {"body": line[8 : line.rfind(b',"body_salt":')], "name": (row["name"] or "").encode()}
        members = {"body", "body_salt", "id", "name", "name_salt"}
        for part, content in exact.items():
            salt = row[f"{part}_salt"]
            if row[part] is None is salt:
                members.add(f"{part}_key")
                self.gone.note(part, row.get(f"{part}_key"), event, self.place)
            elif row[part] is None or commitment(part, salt, content) != event[part]:
                raise Wrong(f"{where}: the {part} is not the one that the event committed to.")
        is_payload = isinstance(row["body"], (dict, type(None))) and is_in_profile(row["body"])
        if not members >= row.keys() or not is_payload:
            raise Wrong(f"{where}: it holds what no body does.")
        return row["body"], row["name"]

    def check_named(self, event: Row, payload: Row) -> None:
        """What a payload commits to besides: contents by their digest, and rows of history."""
        folder, key = CONTENTS.get(event["action"], ("", ""))
        if folder and key in payload:
            self.named[f"{folder}/{payload[key]}"] = self.where
        if event["id"] in self.history:
            committed = {row["digest"] for row in payload.get("history", ())}
            for digest in self.history.pop(event["id"]):
                need(digest in committed, f"history/: event {event['id']} commits to no row {digest}.")

    def check_stream(self, end: Row) -> None:
        """Dense from the neighbour before the scope to the one after it, but for what was pruned."""
        stream, head, where = end["stream"], end["head"], f"streams.ndjson, {end['stream']}"
        leaf = sha256(f"\0{stream}|{head['n']}|{head['leaf']}".encode()).digest()
        index, count, path = end["index"], end["count"], [*map(bytes.fromhex, end["proof"])]
        root = included(leaf, index, count, path) if 0 <= index < count else b""
        is_end = not path and {"count": count, "root": root.hex()} == self.heads
        need(is_end, f"{where}: the end of the stream is not the one that the signed heads name.")
        first, last = self.scope.streams[stream]["first"], self.scope.streams[stream]["last"]
        need(1 <= first <= last + 1 <= head["n"] + 1, f"{where}: numbers {first} to {last} are no range.")
        low, high = max(first - 1, 1), min(last + 1, head["n"])
        links = {
            row["first"]: row
            for row in self.gone.numbers.get(stream, ())
            if first <= row["first"] <= row["last"] <= last
        }
        for run in self.runs.get(stream, ()):
            is_below = run["last"] < head["n"] or (run["last"], run["leaf"]) == (head["n"], head["leaf"])
            need(is_below, f"{where}: the signed heads name another end of the stream.")
            if run["last"] >= low and run["first"] <= high:
                links[max(run["first"], low)] = run
        number, before = chained(stream, links, low)
        for start, link in sorted(links.items()):
            if "event" in link:
                self.gone.say(f"{stream}, numbers {start} to {link['last']}", link["event"])
        is_whole = number > high and (high < head["n"] or before == head["leaf"])
        ends = f"The stream {stream} ends at number {head['n']}, the bundle after {number - 1}"
        need(is_whole, f"{ends}: cut short.")

    def check_segments(self) -> None:
        """Of what was pruned nothing is there."""
        for low, (high, _, event) in self.gone.segments.items():
            at = bisect_left(self.places, low)
            is_gone = at == bisect_left(self.places, high)
            need(is_gone, f"Event {event} says that entries {low} to {high - 1} were pruned: one is there.")

    def check_range(self) -> None:
        """A range of the ledger: every entry, from the neighbour before it to the one after it."""
        low, high, size = self.scope.range["low"], self.scope.range["high"], self.bundle.size
        is_right = 0 <= low <= high < size and (low == 0 or self.scope.period["since"])
        is_right = is_right and (high == size - 1 or self.scope.period["until"])
        need(is_right, f"The range of entries {low} to {high} is not what the period asks for.")
        at = max(low - 1, 0)
        inside = self.places[bisect_left(self.places, at) : bisect_left(self.places, high + 1)]
        for place in [*inside, high + 1]:
            while at < place:
                until, _, event = self.gone.segments.get(at, (0, "", ""))
                is_said = low <= at < until <= high
                need(is_said, f"Entry {at} of the range is left out, and nothing explains it.")
                self.gone.say(f"Entries {at} to {until - 1}", event)
                at = until
            at = place + 1
        for stream, runs in self.runs.items():
            links = {
                row["first"]: row
                for row in self.gone.numbers.get(stream, ())
                if low <= row["low"] < row["high"] <= high
            }
            links.update((run["first"], run) for run in runs if run["to"] >= low - 1 and run["from"] <= high)
            chained(stream, links, 1 if low == 0 else min(links, default=0))


def chained(stream: str, links: dict[int, Row], number: int) -> tuple[int, str | None]:
    """Numbers and leaves follow from `number` on, one run or pruned row after the other; where they end."""
    before = EMPTY if number == 1 else None
    for start, link in sorted(links.items()):
        follows = start == number and before in (None, link["previous"])
        need(follows, f"{stream}: number {start} comes after {number - 1}: something is left out.")
        number, before = link["last"] + 1, link["leaf"]
    return number, before


def _moment(time: str) -> datetime:
    return datetime.strptime(time, "%Y-%m-%dT%H:%M:%S.%fZ")  # noqa: DTZ007 - only ever compared


is_hash = re.compile("[0-9a-f]{64}").fullmatch


def commitment(part: str, salt: str, content: bytes) -> str:
    """What a header says of a part; nothing where the salt is none."""
    if not is_hash(salt):
        return ""
    return sha256(f"countersign/{part}/v1\0".encode() + bytes.fromhex(salt) + content).hexdigest()


def node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def split(count: int) -> int:
    """How many leaves are on the left, of two or more (RFC 9162, 2.1.1)."""
    return 1 << (count - 1).bit_length() - 1


def root_of(leaves: list[bytes]) -> bytes:
    """Of a whole tree (RFC 9162, 2.1.1)."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256().digest()
    left = split(len(leaves))
    return node(root_of(leaves[:left]), root_of(leaves[left:]))


def included(leaf: bytes, index: int, count: int, path: list[bytes]) -> bytes:
    """The root of `count` leaves from one of them; takes its path from the end (RFC 9162, 2.1.3.1)."""
    if count == 1:
        return leaf
    sibling, left = path.pop() if path else b"", split(count)
    if index < left:
        return node(included(leaf, index, left, path), sibling)
    return node(sibling, included(leaf, index - left, count - left, path))


def continued(first: int, second: int, old: bytes, proof: list[bytes]) -> tuple[bytes, bytes]:
    """The roots of `first` leaves and of the `second` that begin with them, from that of the first, `old`;
    takes the proof from the end (RFC 9162, 2.1.4.1)."""
    if first == second:
        root = old or (proof.pop() if proof else b"")
        return root, root
    sibling, left = proof.pop() if proof else b"", split(second)
    if first <= left:
        before, after = continued(first, left, old, proof)
        return before, node(after, sibling)
    before, after = continued(first - left, second - left, b"", proof)
    return node(sibling, before), node(sibling, after)


# --- What is gone --------------------------------------------------------------------------------------
class Gone:
    """What is not there any more, and the sealed events of the same tree that say why."""

    def __init__(self) -> None:
        self.destroyed: dict[tuple[str, str], list[int]] = {}  # where the parts under a key were
        self.withheld: dict[str, int] = {}
        self.erasures: dict[tuple[str, str], tuple[int, str, str]] = {}  # where that is said, by whom, why
        self.redactions: dict[str, tuple[int, str, str]] = {}
        self.segments: dict[int, tuple[int, str, str]] = {}
        self.numbers: dict[str, list[Row]] = {}
        self.said: list[str] = []

    def note(self, part: str, key: str | None, event: Row, place: int) -> None:
        """A payload or name is not there; `key` is the destroyed key under which it was, if it was one."""
        of = event["stream"] if part == "body" else event["actor"]
        is_own = of.startswith("person/") or (part == "body" and of.startswith("agent/"))
        subject = of if is_own else "system"
        if key is None:
            self.withheld[event["id"]] = place
            return
        is_theirs = key[:32] == sha256(subject.encode()).hexdigest()[:32]
        need(is_theirs, f"bodies/, event {event['id']}: the {part} was under no key of {subject}.")
        self.destroyed.setdefault((key, subject), []).append(place)

    def explain(self, event: Row, payload: Row, place: int) -> None:
        """An event that says why something is gone."""
        if event["action"] == "subject.erased":
            for key in payload["keys"]:
                self.erasures[key, payload["subject"]] = place, event["id"], payload["reason"]
        elif event["action"] == "body.redacted":
            for of in payload["events"]:
                self.redactions[of] = place, event["id"], payload["reason"]
        else:
            low, high = payload["low"], payload["high"]
            need(0 <= low < high <= place, f"Event {event['id']} says that entries after it were pruned.")
            self.segments[low] = high, payload["root"], event["id"]
            for row in payload["streams"]:
                self.numbers.setdefault(row["stream"], []).append(
                    {**row, "low": low, "high": high, "event": event["id"]}
                )

    def say(self, what: str, event: str) -> None:
        self.said.append(f"{what}: pruned, says event {event}.")

    def check(self, given: dict[tuple[int, int], bytes]) -> None:
        """Keys were destroyed, bodies redacted; `given` are the hashes of entries that are not there."""
        for (key, subject), places in sorted(self.destroyed.items()):
            said_at, event, reason = self.erasures.get((key, subject), (-1, "", ""))
            parts = f"bodies/: parts about {subject} are missing"
            need(said_at > places[-1], f"{parts}, and no event after them says that a key was destroyed.")
            what = f"{len(places)} payloads or names of {subject}: erased"
            self.said.append(f"{what}, says event {event}: {json.dumps(reason)}.")
        for of, place in self.withheld.items():
            is_said = of in self.redactions and self.redactions[of][0] > place
            need(is_said, f"bodies/, event {of}: the body is missing, and no redaction after it explains it.")
        for (_, event, reason), count in sorted(Counter(self.redactions[of] for of in self.withheld).items()):
            self.said.append(f"{count} bodies: redacted, says event {event}: {json.dumps(reason)}.")
        for (low, high), hash_ in given.items():
            is_same = self.root_of(low, high) in (b"", hash_)
            need(is_same, f"The pruned entries {low} to {high - 1} had another root than an event says.")

    def root_of(self, low: int, high: int) -> bytes:
        """From the roots of pruned segments; nothing where they do not make up the range."""
        end, root, _ = self.segments.get(low, (0, "", ""))
        if end == high:
            return bytes.fromhex(root)
        if high - low == 1:
            return b""
        middle = low + split(high - low)
        left = self.root_of(low, middle)
        right = self.root_of(middle, high) if left else b""
        return node(left, right) if right else b""


# --- The whole -----------------------------------------------------------------------------------------
class Outside(NamedTuple):
    """What the auditor brings: nothing of it comes from the bundle."""

    key: Key | None = None
    exporter: Key | None = None
    checkpoint: bytes | None = None
    witnesses: tuple[Key, ...] = ()


class Bundle:
    """Everything that is checked; `proved`, `gone` and `limits` say in words what came of it."""

    def __init__(self, path: Path, outside: Outside = Outside()) -> None:  # noqa: B008 - it is immutable
        self.path, self.outside, self.place = path, outside, "manifest.json"
        self.proved: list[str] = []
        self.gone: list[str] = []
        self.limits: list[str] = []
        self.receipts: list[str] = []
        self.read: set[str] = set()

    def verify(self) -> None:
        with self.path.open("rb") as self.file:
            try:
                self.check()
            except MALFORMED as error:
                raise Wrong(f"{self.place}: malformed ({type(error).__name__}: {error}).") from None

    def check(self) -> None:
        self.members = read_members(self.file)
        self.check_signatures()
        self.check_files()
        self.walk = Walk(self, self.read_history())
        self.walk.check()
        self.check_ends()
        self.walk.gone.check(self.walk.given)
        self.check_contents()
        self.check_consistency()
        self.check_anchors()
        for path in sorted(set(self.listed) - self.read):
            self.place = path
            for _ in self.content(path):
                pass
        self.say()
        self.say_limits()

    def check_signatures(self) -> None:
        """Outside key -> rotations.txt -> policy.txt -> the bundle's key -> manifest.json; the checkpoint."""
        policy, manifest = self.raw("policy.txt"), self.raw("manifest.json")
        ledger, exporter = policy_keys(policy, "policy.txt")
        self.terms = terms(self.raw("rotations.txt"), ledger)
        self.key = self.terms[-1].key
        need(self.key == ledger, "policy.txt names another key of the ledger than rotations.txt leads to.")
        self.check_trust(self.outside.key or self.key)
        open_note(policy, self.key, "policy.txt")
        given = self.outside.exporter or exporter
        need(given == exporter, "policy.txt names another key for bundles than the policy you were given.")
        signed = open_note(self.raw("manifest.sig"), exporter, "manifest.sig")
        is_signed = signed == ["countersign/manifest/v1", sha256(manifest).hexdigest()]
        need(is_signed, "manifest.json was changed after it was signed: manifest.sig signs another.")
        self.manifest = decode_any(manifest.decode())
        if self.manifest["format"] != FORMAT:
            raise Unreadable(f"This verifier reads {FORMAT}; the bundle is {self.manifest['format']}.")
        self.size, self.root = open_checkpoint(self.raw("checkpoint.txt"), self.key, "checkpoint.txt")
        need(self.size >= self.terms[-1].first, "checkpoint.txt is older than the key that signed it.")
        said = {"size": self.size, "root": self.root.hex()}
        need(said == self.manifest["checkpoint"], "checkpoint.txt does not fit the manifest.")

    def check_trust(self, trusted: Key) -> None:
        """The key that the auditor trusts must lead to the one in use, each signing the next."""
        known = [term.key for term in self.terms]
        if trusted not in known:
            none = f"policy.txt: it bears no signature of the key {trusted.name} ({trusted.hash.hex()})"
            raise Wrong(f"{none}, and rotations.txt does not lead from it to the key in use.")
        later = self.terms[known.index(trusted) + 1 :]
        for term in later:
            replaced = "rotations.txt: the ledger's key was replaced after a loss or a compromise"
            ask = f"without the signature of the one before. Ask for the new key ({term.key.hash.hex()})"
            need(term.is_trusted_by_the_one_before, f"{replaced}, {ask}.")
        if later:
            count, last = len(later), self.key.hash.hex()
            self.proved.append(f"{count} rotations lead from your key to {last}, each signed by both.")

    def raw(self, path: str) -> bytes:
        """One of the small files that stand unpacked in the ZIP; its bytes are all that it is."""
        if path not in self.members:
            raise Wrong(f"{path} is missing.")
        member = self.members[path]
        self.file.seek(member.start)
        found = self.file.read(min(member.packed_size, MOST))
        fits = (member.method, member.size, member.crc) == (0, len(found), zlib.crc32(found))
        need(fits, f"{path}: its bytes, or its ZIP header, were changed.")
        return found

    def check_files(self) -> None:
        """Exactly the files that the manifest lists, packed so; what they hold is checked when it is read."""
        self.listed: dict[str, Row] = {row["path"]: row for row in self.manifest["files"]}
        for path in sorted(set(self.listed) ^ (set(self.members) - {"manifest.json", "manifest.sig"})):
            raise Wrong(f"{path} is " + ("missing." if path in self.listed else "not in the manifest."))
        order = [*self.listed, "manifest.json", "manifest.sig"]
        need(list(self.members) == order, "The ZIP has its files in another order than the manifest.")
        for path, row in self.listed.items():
            digest, member = sha256(), self.members[path]
            for piece in packed(self.file, member):
                digest.update(piece)
            fits = (digest.hexdigest(), member.packed_size) == (row["packed_sha256"], row["packed_size"])
            need(fits, f"{path} is not the file that was signed: its bytes were changed.")
            need((member.method == 0) == (path in STORED), f"{path} is not packed as such a file is.")

    def content(self, path: str) -> Iterator[bytes]:
        if path not in self.listed:
            raise Wrong(f"{path} is missing.")
        self.read.add(path)
        yield from content(self.file, self.members[path], self.listed[path])

    def json_lines(self, path: str) -> Iterator[Row]:
        self.place = path
        for line in lines(self.content(path), path):
            row = parse(line, path)
            need(is_in_profile(row), f"{path}: not canonical JSON.")
            yield row

    def json_file(self, path: str) -> Any:
        self.place = path
        need(self.listed[path]["size"] <= MOST, f"{path} is too large.")
        return decode_any(b"".join(self.content(path)).decode())

    def read_history(self) -> dict[str, list[str]]:
        """The digests of the rows in history/, which fit them, by the event that commits to each."""
        found: dict[str, list[str]] = {}
        for path in self.listed:
            for row in self.json_file(path)["rows"] if path.startswith("history/") else ():
                fits = sha256(canonical(row["record"])).hexdigest() == row["digest"]
                need(fits, f"{path}: a row does not have its digest, {row['digest']}.")
                found.setdefault(row["event"], []).append(row["digest"])
        self.rows = sum(map(len, found.values()))
        return found

    def check_ends(self) -> None:
        """Nothing is left out of the complete streams, or of the range."""
        ends, streams = list(self.json_lines("streams.ndjson")), sorted(self.walk.scope.streams)
        is_about = [end["stream"] for end in ends] == streams
        need(is_about, "streams.ndjson: it is not about the streams that the manifest calls complete.")
        for end in ends:
            self.walk.check_stream(end)
        if self.walk.scope.range:
            self.walk.check_range()
        self.walk.check_segments()

    def check_contents(self) -> None:
        """What people decided on and attached is there, exactly, and nothing is passed off as such."""
        files: dict[str, str] = {}
        for path, row in self.listed.items():
            if path.startswith(("approvals/", "assessments/", "documents/")):
                found = re.fullmatch(r"([a-z]+/([0-9a-f]{64}))(\.[a-z0-9]{1,8})?", path)
                if not found or found[2] != row["sha256"]:
                    raise Wrong(f"{path}: its content does not have the digest in its name.")
                files[found[1]] = path
        for name, place in self.walk.named.items():
            need(name in files, f"{name}, which {place} names, is missing.")
        for name, path in files.items():
            need(name in self.walk.named, f"{path}: no event of this bundle requests, signs or attaches it.")

    def check_consistency(self) -> None:
        """Earlier checkpoints lead to this one; among them perhaps one that you kept."""
        self.earlier = {self.size: self.root}
        for row in self.json_lines("consistency.ndjson"):
            root, proof = bytes.fromhex(row["root"]), [*map(bytes.fromhex, row["proof"])]
            is_earlier = 0 < row["first"] < self.size
            leads = is_earlier and continued(row["first"], self.size, root, proof) == (root, self.root)
            tree = f"consistency.ndjson: the tree of {row['first']} entries"
            need(leads and not proof, f"{tree} does not lead to this one.")
            self.earlier[row["first"]] = root
        if self.outside.checkpoint is not None:
            self.compare(*self.open_earlier(self.outside.checkpoint, "the known checkpoint"))

    def open_earlier(self, note: bytes, where: str) -> tuple[int, bytes]:
        """A checkpoint of this ledger, signed with the key that counted for its size."""
        said = re.match(rb"[^\n]*\n([0-9]{1,18})\n", note)
        size = int(said[1]) if said else 0
        for term in self.terms:
            line = f"\u2014 {term.key.name} ".encode() + base64.b64encode(term.key.hash)[:5]
            if term.first <= size <= term.last and line in note:
                return open_checkpoint(note, term.key, where, float("inf"))
        raise Wrong(f"{where}: it is not signed with the key that this ledger had at {size} entries.")

    def compare(self, size: int, root: bytes) -> None:
        """With the checkpoint that you kept."""
        if size not in self.earlier:
            self.limits.append(
                f"Your checkpoint is of {size} entries, for which the bundle holds no proof: not compared "
                f"with {self.size}. Ask for `manage.py ledger compare`, or a newer bundle."
            )
            return
        is_same = self.earlier[size] == root
        need(is_same, f"The ledger was rewritten: your checkpoint of {size} entries has another root.")
        tree = "It is the very tree" if size == self.size else f"The tree continues the one of {size} entries"
        self.proved.append(f"{tree} of which you kept a checkpoint.")

    def check_anchors(self) -> None:
        """Receipts of checkpoints that were published outside: each of them leads to this tree."""
        index = "anchors/index.json"
        for row in self.json_file(index) if index in self.listed else ():
            self.place = folder = row["receipt"].rpartition("/")[0]
            note, receipt = map(b"".join, map(self.content, (f"{folder}/checkpoint.txt", row["receipt"])))
            size, root = self.open_earlier(note, f"{folder}/checkpoint.txt")
            if size not in self.earlier:
                what = f"{folder}/checkpoint.txt is of {size} entries"
                self.limits.append(f"{what}, for which the bundle holds no proof.")
                continue
            leads = (size, root) == (row["size"], self.earlier[size])
            need(leads, f"{folder}/checkpoint.txt: the tree of {size} entries does not lead to this one.")
            self.say_receipt(row, note, receipt)

    # --- In words -----------------------------------------------------------------------------------------
    def say_receipt(self, row: Row, note: bytes, receipt: bytes) -> None:
        """What was checked of one receipt, and what is left to whoever reads this."""
        path, size, sink = row["receipt"], row["size"], json.dumps(row["sink"])
        known = [key for key in self.outside.witnesses if b" %b " % key.name.encode() in receipt]
        if path.endswith("/timestamp.tsr"):
            data = f"-data {path.removesuffix('timestamp.tsr')}checkpoint.txt"
            to_do = f"timestamped: check it with `openssl ts -verify {data} -in {path} -CAfile CA`"
        elif not path.endswith("/cosignature.txt"):
            to_do = f"published to {sink}: compare {path} with what is there"
        elif known:
            seconds = cosigned_at(note + receipt, known[0], path)
            moment = datetime.fromtimestamp(seconds, timezone.utc).isoformat()
            self.proved.append(f"The witness {known[0].name} cosigned {size} entries at {moment}.")
            return
        else:
            to_do = "cosigned: not checked; give the witness's key with --witness"
        self.receipts.append(f"{size} entries, {to_do}.")

    def say(self) -> None:
        """What was proved, and what is gone."""
        walk, key, manifest, named = self.walk, self.key, self.manifest, self.walk.named
        self.proved[:0] = [
            f"What is proved ends at {walk.time}: of what came after, nothing is known.",
            f"It is about {walk.scope.about}; the manifest calls that {encode(manifest['subject'])}.",
            f"{walk.events} events are what the ledger {key.name} sealed, every byte.",
            f"The ledger had {self.size} entries then; its key {key.hash.hex()} signed the root.",
        ]
        if len(self.earlier) == 1:
            self.proved.append("No earlier checkpoint was compared: the bundle holds none.")
        end = "" if manifest["period"]["until"] else f", its end at {walk.time}"
        for part in manifest["streams"]:
            numbers = f"numbers {part['first']} and {part['last']}"
            self.proved.append(f"{part['stream']}: nothing is left out between {numbers}{end}.")
        if places := manifest["range"]:
            numbers = f"{places['low']} to {places['high'] - 1}"
            self.proved.append(f"The ledger's entries {numbers}: nothing is left out.")
        unbound = sum(map(len, walk.history.values()))
        for count, what in (
            (sum(name.startswith("approvals/") for name in named), "approved contents"),
            (sum(name.startswith("assessments/") for name in named), "signed assessments"),
            (sum(name.startswith("documents/") for name in named), "attached documents"),
            (self.rows - unbound, "rows of history"),
        ):
            self.proved += [f"{count} {what} are the ones that the events name."] if count else []
        self.gone = walk.gone.said
        what = "rows of history are of events whose payload is not here; the manifest vouches for them"
        self.gone += [f"{unbound} {what}."] if unbound else []

    def say_limits(self) -> None:
        level, until = self.manifest["completeness"], self.manifest["period"]["until"]
        if until and until > self.walk.time:
            self.limits.append(f"The period ends at {until}, what is proved already at {self.walk.time}.")
        if level == "presence":
            self.limits.append("Presence only: that nothing was left out is not proved.")
        if level == "mixed":
            what = "Of events in other streams presence only: that none was left out is not proved"
            self.limits.append(f"{what}.")
        if ahead := self.walk.ahead:
            self.limits.append(f"{ahead} events have a time after their sealing: a clock was wrong.")
        self.limits += [f"Incomplete: {json.dumps(missing)}." for missing in self.manifest["incomplete"]]
        if self.outside.key is None:
            self.limits.append("The key came from the bundle itself: whoever forged all of it would pass.")


CANNOT = (
    "That what was recorded is true, or that what was never recorded did not happen.",
    "That the clock was right: times are the machine's own.",
    "That the key's holder shows everybody the same ledger, unless you kept a checkpoint to compare.",
    "That records in artefacts/ and the readable pages are true: the manifest vouches for them.",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an evidence bundle offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", help="the ledger's verifier key, or a file that holds it")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="a policy.txt that you were given")
    parser.add_argument("--known-checkpoint", type=Path, metavar="FILE", help="a checkpoint kept earlier")
    parser.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle(options.bundle, _outside(options))
        bundle.verify()
    except Wrong as error:
        code, said = WRONG, [f"WRONG: {error}"]
    except (Unreadable, OSError) as error:
        code, said = UNREADABLE, [f"UNREADABLE: {error}"]
    else:
        code, said = (LIMITED, ["VERIFIED WITH LIMITS"]) if bundle.limits else (VERIFIED, ["VERIFIED"])
        for title, sentences in (
            ("Limits", bundle.limits),
            ("Proved", bundle.proved),
            ("Gone or apart, and explained", bundle.gone),
            ("Receipts from outside, for you to check", bundle.receipts),
            ("Cannot prove", CANNOT),
        ):
            said += ["", f"{title}:", *(f"  - {sentence}" for sentence in sentences)] if sentences else []
    _print(said)
    return code


def _outside(options: argparse.Namespace) -> Outside:
    """What the auditor gave; any fault in it is one of usage, not of the bundle."""
    key = exporter = None
    try:
        if options.policy:
            policy = options.policy.read_bytes()
            key, exporter = policy_keys(policy, "--policy")
            open_note(policy, key, "--policy")
        if options.key:
            is_key = options.key.count("+") > 1 and not Path(options.key).is_file()
            given = parse_key(options.key if is_key else Path(options.key).read_text("utf-8"), "--key")
            need(key in (None, given), "--key and --policy name different keys of the ledger.")
            key = given
        witnesses = tuple(parse_key(text, "--witness", 4) for text in options.witness)
    except (Wrong, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None
    known = options.known_checkpoint.read_bytes() if options.known_checkpoint else None
    return Outside(key, exporter, known, witnesses)


def _print(said: list[str]) -> None:
    """Line by line: nothing that the bundle says can forge a line, or command a terminal."""
    try:
        for line in said:
            print("".join(sign if sign.isprintable() else "?" for sign in line))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough; nothing is left for Python to flush at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    sys.exit(main())
