#!/usr/bin/env python3
"""Verify an evidence bundle, offline and without the program that made it.

    python verify.py BUNDLE [--key KEY] [--policy FILE] [--known-checkpoint FILE] [--jobs N]

KEY is the ledger's verifier key, or a file that holds it: get it from the organisation by another way
than the bundle, before you need it. --policy is the same, as a policy.txt that you were given; it pins
the key that signs bundles too. --known-checkpoint is a checkpoint of the same ledger that you kept: it
shows that the ledger was not rewritten since.

How it goes, in the order of the text below: who signed (keys, rotations, manifest); that every byte of
the ZIP is a listed file; the entries, in pieces by as many processes as there are processors (each entry
is canonical, commits to its body, follows the one before it in its stream, and is a row of the table);
the tree over them, up to the signed root; that nothing is left out; that what is gone is explained.

Exit codes: 0 verified, 1 wrong, 2 unreadable, 3 verified with limits (they are listed).
Needs Python 3.9 or later and nothing else. `docs/bundle-format.md` describes the format.
"""

# ruff: noqa: PLR2004, PLR0917, T201, UP017 - the formats' own numbers; a line has many parts; it prints; Python 3.9
from __future__ import annotations

import argparse
import base64
import binascii
import json
import multiprocessing
import os
import re
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from hashlib import sha256, sha512
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

VERIFIED, WRONG, UNREADABLE, LIMITED = 0, 1, 2, 3
FORMAT = "countersign/bundle/v1"
EMPTY = "0" * 64
CHUNK = 1 << 16
SEVERAL = 8 << 20
"""From so many bytes of entries on it is worth starting processes."""
COLUMNS = (
    "seq", "stream", "number", "time", "sealed_at", "action", "outcome", "actor", "actor_name", "object",
    "frameworks", "evaluation", "policy", "provenance", "trace", "id",
)  # fmt: skip


class Wrong(Exception):
    """The bundle is not what it says it is; the message names what is wrong."""


class Unreadable(Exception):
    """There is nothing here that could be verified."""


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
    challenge = int.from_bytes(sha512(signature[:32] + public + message).digest(), "little") % ORDER
    left, right = _multiply(scalar, base), _add(commitment, _multiply(challenge, key))
    return not (
        (left[0] * right[2] - right[0] * left[2]) % P or (left[1] * right[2] - right[1] * left[2]) % P
    )


# --- Signed notes (c2sp.org/signed-note), and which key signs what ---------------------------------------
class Key(NamedTuple):
    name: str
    hash: bytes
    public: bytes


def parse_key(text: str, where: str, algorithm: int = 1) -> Key:
    """A verifier key: 1 is Ed25519, 4 the cosignature of a witness."""
    try:
        name, digest, encoded = text.strip().split("+", 2)
        material = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise Wrong(f"{where}: {text.strip()[:80]!r} is not a verifier key.") from None
    key = Key(name, sha256(name.encode() + b"\n" + material).digest()[:4], material[1:])
    canonical = base64.b64encode(material).decode() == encoded
    if len(material) != 33 or material[0] != algorithm or key.hash.hex() != digest or not canonical:
        raise Wrong(f"{where}: {text.strip()[:80]!r} is damaged, or no Ed25519 verifier key.")
    return key


def signatures(content: bytes, key: Key, where: str) -> tuple[bytes, list[bytes]]:
    """The text of a note, and what stands in its signature lines for this key."""
    text, separator, lines = content.rpartition(b"\n\n")
    blobs = []
    for line in lines.decode("utf-8", "replace").split("\n")[:-1]:
        found = re.fullmatch("\u2014 ([^ +\n]+) ([A-Za-z0-9+/]+={0,2})", line)
        blob = base64.b64decode(found[2] + "==") if found else b""
        if not found or base64.b64encode(blob).decode() != found[2]:
            raise Wrong(f"{where}: {line[:80]!r} is no signature line.")
        if found[1] == key.name and blob[:4] == key.hash:
            blobs.append(blob[4:])
    if not separator or not lines.endswith(b"\n"):
        raise Wrong(f"{where}: not a signed note.")
    if not blobs:
        raise Wrong(f"{where}: it bears no signature of the key {key.name} ({key.hash.hex()}).")
    return text + b"\n", blobs


def open_note(content: bytes, key: Key, where: str) -> list[str]:
    """The lines of the text that `key` has signed."""
    text, blobs = signatures(content, key, where)
    if not all(ed25519_verifies(key.public, text, blob) for blob in blobs):
        raise Wrong(f"{where}: the signature of {key.name} does not fit the text; one of them was changed.")
    return text[:-1].decode().split("\n")


def cosigned_at(content: bytes, key: Key, where: str) -> int:
    """When a witness cosigned a checkpoint, in seconds since 1970 (c2sp.org/tlog-cosignature)."""
    text, blobs = signatures(content, key, where)
    seconds = int.from_bytes(blobs[0][:8], "big")
    signed = b"cosignature/v1\ntime %d\n" % seconds + text
    if not ed25519_verifies(key.public, signed, blobs[0][8:]):
        raise Wrong(f"{where}: the cosignature of {key.name} does not fit the checkpoint.")
    return seconds


def open_checkpoint(content: bytes, key: Key, where: str) -> tuple[int, bytes]:
    """(size, root) of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
    lines = open_note(content, key, where)
    if len(lines) != 3 or lines[0] != key.name or not lines[1].isdecimal():
        raise Wrong(f"{where}: not a checkpoint of the ledger {key.name}.")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


class Term(NamedTuple):
    """A key, and the sizes of the checkpoints that it may sign, the last one included."""

    key: Key
    first: int
    last: float
    is_trusted_by_the_one_before: bool = False


def terms(content: bytes, only: Key) -> list[Term]:
    """Which key followed which: `rotations.txt`, or the only key there was."""
    found: list[Term] = []
    for number, note in enumerate(content.split(b"--\n") if content else [], 1):
        where = f"rotations.txt, statement {number}"
        said = re.match(
            rb"countersign/(rotation|replacement)/v1\nold (\S+)\nnew (\S+)\nsize ([0-9]{1,18})\n"
            rb"(reason [^\n]+\n)?\n",
            note,
        )
        if not said or (said[1] == b"replacement") != bool(said[5]):
            raise Wrong(f"{where}: not a statement about the ledger's key.")
        old, new, size = parse_key(said[2].decode(), where), parse_key(said[3].decode(), where), int(said[4])
        found = found or [Term(old, 0, float("inf"))]
        if old != found[-1].key or new == old or new.name != old.name:
            raise Wrong(
                f"{where}: it does not follow the key before it: a statement was left out or changed."
            )
        rotation = not said[5]
        for key in (old, new) if rotation else (new,):
            open_note(note, key, where)
        if rotation and size < found[-1].first:
            raise Wrong(f"{where}: it is before the one that precedes it.")
        found = [term for term in found if term.first <= size]
        found[-1] = found[-1]._replace(last=size)
        found.append(Term(new, size if rotation else size + 1, float("inf"), rotation))
    return found or [Term(only, 0, float("inf"))]


# --- The archive: a ZIP in which every byte is accounted for -------------------------------------------
LIMIT, MEMBERS = 2**32 - 1, 2**16 - 1
"""From here on a number stands in a ZIP64 field."""


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
    position, end = 0, file.seek(0, 2)
    while True:
        file.seek(position)
        header = file.read(30)
        if header[:4] == b"PK\x01\x02":
            break
        if len(header) < 30 or header[:4] != b"PK\x03\x04":
            error = Wrong if members else Unreadable
            raise error(f"The ZIP structure is damaged at byte {position}, or this is no bundle.")
        method, crc, packed, size, length, extra = (
            *struct.unpack_from("<H", header, 8),
            *struct.unpack_from("<3I2H", header, 14),
        )
        path, more = file.read(length).decode("utf-8", "replace"), file.read(extra)
        if more[:4] == b"\1\0\x10\0" and len(more) == 20:
            size, packed = struct.unpack_from("<2Q", more, 4)
        member = Member(path, method, crc, packed, size, position, position + 30 + length + extra)
        if method not in (0, 8) or header + path.encode() + more != _local(member):
            raise Wrong(f"{path}: its ZIP header (byte {position}) is not in the form of a bundle.")
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", path):
            raise Wrong(f"The ZIP names a file {path!r}, which no bundle contains.")
        if path in members:
            raise Wrong(f"{path} is in the ZIP twice.")
        members[path] = member
        position = member.start + packed
        if position > end:
            raise Wrong(f"{path}: the file is cut short, or its ZIP header (byte {position}) is damaged.")
    file.seek(position)
    rows = b"".join(map(_central, members.values()))
    if file.read() != rows + _ends(len(members), position, len(rows)):
        raise Wrong(f"The ZIP directory (from byte {position}) does not list exactly the files before it.")
    return members


def _local(member: Member) -> bytes:
    """APPNOTE 4.3.7."""
    path, sizes, more = member.path.encode(), (member.packed_size, member.size), b""
    if max(sizes) >= LIMIT:
        more, sizes = struct.pack("<2H2Q", 1, 16, member.size, member.packed_size), (2**32 - 1, 2**32 - 1)
    return struct.pack(
        "<4s5H3I2H", b"PK\x03\x04", 45 if more else 20, 0x0800, member.method, 0, 0x21, member.crc, *sizes,
        len(path), len(more),
    ) + path + more  # fmt: skip


def _central(member: Member) -> bytes:
    """APPNOTE 4.3.12, with a ZIP64 field for the numbers that do not fit."""
    path, numbers = member.path.encode(), (member.size, member.packed_size, member.offset)
    large = [number for number in numbers if number >= LIMIT]
    more = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size, packed, offset = (2**32 - 1 if number >= LIMIT else number for number in numbers)
    version = 45 if large else 20
    return struct.pack(
        "<4s6H3I5H2I", b"PK\x01\x02", 0x0300 | version, version, 0x0800, member.method, 0, 0x21, member.crc,
        packed, size, len(path), len(more), 0, 0, 0, 0o100644 << 16, offset,
    ) + path + more  # fmt: skip


def _ends(count: int, start: int, length: int) -> bytes:
    """APPNOTE 4.3.14 to 4.3.16."""
    more = b""
    if count >= MEMBERS or max(start, length) >= LIMIT:
        more = struct.pack("<4sQ2H2I4Q", b"PK\x06\x06", 44, 0x032D, 45, 0, 0, count, count, length, start)
        more += struct.pack("<4sIQI", b"PK\x06\x07", 0, start + length, 1)
        count = 2**16 - 1 if count >= MEMBERS else count
        start, length = (2**32 - 1 if number >= LIMIT else number for number in (start, length))
    return more + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, length, start, 0)


Row = dict[str, Any]


def content(file: BinaryIO, member: Member, row: Row) -> Iterator[bytes]:
    """What is in a file, in pieces no larger than they should be.

    `row` is what the signed manifest says of it. The sizes hold throughout; the digests, of the bytes as
    they stand in the ZIP and of what they unpack to, are checked with the last piece.
    """
    sizes = (member.packed_size, member.size)
    if sizes != (row["packed_size"], row["size"]):
        raise Wrong(f"{member.path} is not the file that was signed: its bytes were changed.")
    packed_digest, digest, crc = sha256(), sha256(), 0
    for piece in _unpacked(file, member, packed_digest):
        digest.update(piece)
        crc = zlib.crc32(piece, crc)
        yield piece
    expected = (row["packed_sha256"], row["sha256"], crc)
    if (packed_digest.hexdigest(), digest.hexdigest(), member.crc) != expected:
        raise Wrong(f"{member.path} is not the file that was signed: its bytes were changed.")


def _unpacked(file: BinaryIO, member: Member, digest: Any) -> Iterator[bytes]:
    inflater, left, end = zlib.decompressobj(-15), member.size, member.start + member.packed_size
    for position in range(member.start, end, CHUNK):
        file.seek(position)
        rest, piece = file.read(min(CHUNK, end - position)), b""
        digest.update(rest)
        while rest or len(piece) > CHUNK:  # what did not fit into a piece comes in the next
            if member.method == 8:
                piece = inflater.decompress(rest, min(left, CHUNK) + 1)
                rest = inflater.unconsumed_tail
            else:
                piece, rest = rest, b""
            left -= len(piece)
            if left < 0 or inflater.unused_data:
                raise Wrong(f"{member.path}: it does not have the size that it should have.")
            yield piece
    if left or (member.method == 8 and not inflater.eof):
        raise Wrong(f"{member.path}: it does not have the size that it should have.")


def lines(pieces: Iterable[bytes], where: str) -> Iterator[list[bytes]]:
    """Lines, some at a time. Each ends with a newline, the last one too."""
    rest = b""
    for piece in pieces:
        *whole, rest = (rest + piece).split(b"\n")
        yield whole
    if rest:
        raise Wrong(f"{where}: its last line does not end.")


# --- JSON and CSV: one way to write, so one way to read --------------------------------------------------
def _refuse(text: str) -> None:
    raise ValueError(text)


decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode


def canonical(value: Any) -> bytes:
    """RFC 8785 on the ledger's profile: sorted ASCII keys, no floats."""
    return encode(value).encode()


def parse(line: bytes, where: str) -> dict[str, Any]:
    """A line of canonical JSON."""
    try:
        value = decode(line.decode())
        if isinstance(value, dict) and canonical(value) == line:
            return value
    except (ValueError, RecursionError):
        pass
    raise Wrong(f"{where}: not canonical JSON.")


_TEXT = r'([^"\\\x00-\x1f]*(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*)*)'
_LIST = _TEXT.replace("([", "(?:[", 1)
_HASH, _NUMBER = "([0-9a-f]{64})", "(0|[1-9][0-9]{0,15})"
_TIME = r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z)"
_PLACE = rf',"s":{{"n":{_NUMBER},"p":"{_HASH}","q":{_NUMBER},"t":"{_TIME}"}},"v":1}}'
is_event = re.compile(
    (
        rf'{{"e":{{"action":"{_TEXT}","actor":"{_TEXT}","body":"{_HASH}",(?:"evaluation":"{_TEXT}",)?'
        rf'(?:"frameworks":\[("{_LIST}"(?:,"{_LIST}")*)\],)?"id":"{_TEXT}","name":"{_HASH}",'
        rf'"object":"{_TEXT}","outcome":"{_TEXT}",'
        rf'(?:"policy":{{"sha256":"{_LIST}","version":"{_TEXT}"}},)?(?:"provenance":"{_TEXT}",)?'
        rf'"stream":"{_TEXT}","time":"{_TIME}",(?:"trace":"{_TEXT}",)?"v":1}}{_PLACE}'
    ).encode()
).fullmatch
"""The one way to write an event's entry in canonical JSON; its groups are the values, still escaped."""
is_heads = re.compile(rf'{{"h":{{"count":{_NUMBER},"root":"{_HASH}"}}{_PLACE}'.encode()).fullmatch
SALT = b',"body_salt":"'
is_rest = re.compile(
    rf',"body_salt":"{_HASH}","id":"{_TEXT}","name":"{_TEXT}","name_salt":"{_HASH}"}}'.encode()
).fullmatch
"""What follows the payload of a body, where nothing was erased.

No text holds a bare quotation mark: the last `SALT` in a line is the one that ends the payload.
"""


def escaped(text: str) -> bytes:
    """As it stands between the quotation marks."""
    return canonical(text)[1:-1]


def unescaped(text: bytes) -> bytes:
    return decode(f'"{text.decode()}"').encode() if b"\\" in text else text


_CELL = rb'(?:[^",\r\n=+@\t-][^",\r\n]*)?'
is_plain_row = re.compile(rb"%b(?:,%b){%d}" % (_CELL, _CELL, len(COLUMNS) - 1)).fullmatch


def csv_row(cells: Sequence[bytes]) -> bytes:
    """RFC 4180; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    row = b",".join(cells)
    return (row if is_plain_row(row) else b",".join(map(_cell, cells))) + b"\r\n"


def _cell(text: bytes) -> bytes:
    text = b"'" + text if text[:1] in (b"=", b"+", b"-", b"@", b"\t", b"\r") else text
    return b'"' + text.replace(b'"', b'""') + b'"' if re.search(b'[",\r\n]', text) else text


TABLE_HEAD = csv_row([name.encode() for name in COLUMNS])


# --- A piece of the entries: what can be checked without the others --------------------------------------
EXPLAINING = (b"subject.erased", b"body.redacted", b"segment.pruned")
"""The actions, in the stream `system`, of the events that explain why something is gone."""
CONTENTS = {b"approval.requested": ("digest", "approvals/"), b"document.attached": ("sha256", "documents/")}
"""The actions whose payload names a file of the bundle by its digest: under which key, and where it is."""


class Rules(NamedTuple):
    """What the manifest says is in the bundle. Text is as it stands in a line, still escaped."""

    streams: dict[bytes, tuple[int, int]]
    places: tuple[int, int] | None
    presence: bool
    among: frozenset[bytes]
    party: bytes
    framework: bytes
    since: bytes
    until: bytes
    size: int

    @classmethod
    def of(cls, manifest: Row) -> Rules:
        range_, presence, period = manifest["range"], manifest["presence"], manifest["period"]
        wanted = presence or {"streams": [], "party": None, "framework": None}
        return cls(
            {escaped(part["stream"]): (part["first"], part["last"]) for part in manifest["streams"]},
            (range_["low"], range_["high"]) if range_ else None,
            presence is not None,
            frozenset(map(escaped, wanted["streams"] or ())),
            escaped(wanted["party"] or ""),
            canonical(wanted["framework"]) if wanted["framework"] else b"",
            (period["since"] or "").encode(),
            (period["until"] or "~").encode(),
            manifest["checkpoint"]["size"],
        )

    def names(self, stream: bytes, actor: bytes, object_: bytes, frameworks: bytes) -> bool:
        """Whether a bundle that proves presence is about such an event."""
        return (
            self.presence
            and (not self.among or stream in self.among)
            and (not self.party or self.party in (actor, object_))
            and (not self.framework or _lists(frameworks, self.framework))
        )


def _lists(frameworks: bytes, framework: bytes) -> bool:
    """Whether an array holds a text; both as they stand in a line."""
    return framework in frameworks and decode(framework.decode()) in decode(f"[{frameworks.decode()}]")


class Run(NamedTuple):
    """Entries of one stream whose numbers follow each other: where they begin and end."""

    first: int
    previous: str
    last: int
    leaf: str


class Gone(NamedTuple):
    """A part of an event that is not there: `key` is the destroyed key that boxed it, if it was one."""

    event: str
    part: str
    key: str
    subject: str


class Piece:
    """Entries and bodies of one number, checked; what the walk over all pieces needs of them stays."""

    def __init__(self, rules: Rules, number: int) -> None:
        self.rules, self.number, self.line = rules, number, 0
        self.place, self.time = -1, b""
        self.start: tuple[int, bytes] | None = None
        self.nodes: list[tuple[int, int, bytes]] = []
        self.open_runs: dict[bytes, list[list[Any]]] = {}
        self.runs: dict[str, list[Run]] = {}
        self.spans: list[tuple[int, int]] = []
        self.events = self.table_size = 0
        self.table = ""
        self.heads: Row | None = None
        self.named: dict[str, str] = {}
        self.gone: list[Gone] = []
        self.explanations: list[tuple[str, str, Row]] = []

    def read(self, entries: Iterator[list[bytes]], bodies: Iterator[list[bytes]]) -> None:
        self.bodies = (line for some in bodies for line in some)
        table = sha256()
        for some in entries:
            self.rows: list[tuple[bytes, ...]] = []
            for line in some:
                self.line += 1
                self.check(line)
            written = table_of(self.rows)
            table.update(written)
            self.table_size += len(written)
        if next(self.bodies, None) is not None:
            raise Wrong(
                f"bodies/{self.number:06}.ndjson holds more than entries/{self.number:06}.ndjson does."
            )
        self.table = table.hexdigest()
        self.runs = {stream.decode(): [Run(*run) for run in runs] for stream, runs in self.open_runs.items()}
        del self.bodies, self.rows, self.open_runs

    @property
    def where(self) -> str:
        return f"entries/{self.number:06}.ndjson, line {self.line}"

    def check(self, line: bytes) -> None:
        found = is_event(line)
        heads = None if found else is_heads(line)
        if not (found or heads) or not (line.isascii() or _is_utf8(line)):
            raise Wrong(f"{self.where}: not canonical JSON of an entry.")
        if heads:
            count, root, number, previous, place, time = heads.groups()
            self.heads = {"count": int(count), "root": root.decode(), "q": int(place)}
            self.check_heads(int(place), time)
            self.follow(b"heads", int(number), previous.decode(), int(place), time, sha256(b"\0" + line))
        elif found:
            self.heads = None
            self.check_event(line, found.groups(b""))

    def check_heads(self, place: int, time: bytes) -> None:
        """Heads are the last entry, and whichever a range of the ledger holds."""
        if place == self.rules.size - 1:
            return
        low, high = self.rules.places or (0, -1)
        if not low - 1 <= place <= high:
            raise Wrong(f"{self.where}: the bundle is not about these heads.")
        if (place < low, place >= high) != (time < self.rules.since, time >= self.rules.until):
            raise Wrong(f"{self.where}: sealed at {time.decode()}, on the wrong side of the period's end.")

    def check_event(self, line: bytes, values: tuple[bytes, ...]) -> None:
        (
            action, actor, body, evaluation, frameworks, id_, name, object_, outcome, policy, provenance,
            stream, recorded, trace, number, previous, place, time,
        ) = values  # fmt: skip
        self.follow(stream, int(number), previous.decode(), int(place), time, sha256(b"\0" + line))
        in_scope = self.is_in_scope(stream, int(number), int(place), time, actor, object_, frameworks)
        explains = stream == b"system" and action in EXPLAINING
        if in_scope is None and not explains:
            raise Wrong(f"{self.where}: the bundle is not about this event, {unescaped(id_).decode()}.")
        if not in_scope and not explains:
            return  # a neighbour, which shows where the scope ends
        actor_name = self.check_body(next(self.bodies, b""), action, stream, actor, id_, body, name)
        if in_scope:
            self.events += 1
            row: tuple[bytes, ...] = (
                place, stream, number, recorded, time, action, outcome, actor, actor_name, object_,
                frameworks[1:-1].replace(b'","', b" "), evaluation, policy, provenance, trace, id_,
            )  # fmt: skip
            if b"\\" in line:
                listed = " ".join(decode(f"[{frameworks.decode()}]")).encode()
                row = (
                    *map(unescaped, row[:8]),
                    actor_name,
                    unescaped(object_),
                    listed,
                    *map(unescaped, row[11:]),
                )
            self.rows.append(row)

    def follow(self, stream: bytes, number: int, previous: str, place: int, time: bytes, leaf: Any) -> None:
        """The place in the ledger and in its stream."""
        if place <= self.place or time < self.time:
            raise Wrong(f"{self.where} (entry {place}): it is not in its place.")
        if self.start is None:
            self.start = (place, time)
        if self.rules.places is not None:
            if self.spans and self.spans[-1][1] == place:
                self.spans[-1] = (self.spans[-1][0], place + 1)
            else:
                self.spans.append((place, place + 1))
        self.place, self.time = place, time
        runs = self.open_runs.setdefault(stream, [])
        if not runs or number > runs[-1][2] + 1:
            runs.append([number, previous, number, leaf.hexdigest()])
        elif number == runs[-1][2] + 1 and previous == runs[-1][3]:
            runs[-1][2:] = [number, leaf.hexdigest()]
        else:  # says what is wrong
            append_run([Run(*runs[-1])], Run(number, previous, number, ""), stream.decode(), self.where)
        self.nodes.append((place, 1, leaf.digest()))
        self.fold()

    def fold(self) -> None:
        """Two complete neighbours are one node (RFC 9162, 2.1.1): fewer to carry over."""
        nodes = self.nodes
        while len(nodes) > 1:
            (low, size, left), (middle, other, right) = nodes[-2:]
            if size != other or low + size != middle or low & (2 * size - 1):
                return
            nodes[-2:] = [(low, 2 * size, sha256(b"\1" + left + right).digest())]

    def is_in_scope(
        self,
        stream: bytes,
        number: int,
        place: int,
        time: bytes,
        actor: bytes,
        object_: bytes,
        frameworks: bytes,
    ) -> bool | None:
        """Whether the bundle is about this event; False: it is next to the scope; None: neither."""
        rules = self.rules
        before, after = time < rules.since, time >= rules.until
        if rules.places is not None:
            at, (first, last) = place, (rules.places[0], rules.places[1] - 1)
        elif stream in rules.streams:
            at, (first, last) = number, rules.streams[stream]
        else:
            is_named = not (before or after) and rules.names(stream, actor, object_, frameworks)
            return True if is_named else None
        if (at < first, at > last) != (before, after):
            raise Wrong(f"{self.where}: sealed at {time.decode()}, on the wrong side of the period's end.")
        return True if first <= at <= last else False if at in (first - 1, last + 1) else None

    def check_body(
        self, line: bytes, action: bytes, stream: bytes, actor: bytes, id_: bytes, body: bytes, name: bytes
    ) -> bytes:
        """Payload and name are those that the header committed to; the name, empty where it is gone."""
        end = line.rfind(SALT)
        found = is_rest(line, end) if end > 0 and line[:9] == b'{"body":{' else None
        if found is None or not line.isascii():
            return self.check_any_body(line, action, stream, actor, id_, body, name)
        payload, (salt, of, actor_name, name_salt) = line[8:end], found.groups()
        actor_name = unescaped(actor_name)
        if of != id_:
            raise Wrong(f"bodies/{self.number:06}.ndjson: the body of event {id_.decode()} is missing.")
        if commitment(b"body", salt, payload) != body:
            self.refuse_part("body", id_)
        if commitment(b"name", name_salt, actor_name) != name:
            self.refuse_part("name", id_)
        if action in CONTENTS or action in EXPLAINING:
            self.keep(action, stream, id_, decode(payload.decode()))
        return actor_name

    def check_any_body(
        self, line: bytes, action: bytes, stream: bytes, actor: bytes, id_: bytes, body: bytes, name: bytes
    ) -> bytes:
        """The same, slower, where a part was erased or is not ASCII."""
        where, event = (
            f"bodies/{self.number:06}.ndjson, event {unescaped(id_).decode()}",
            unescaped(id_).decode(),
        )
        row = parse(line, where) if line else {}
        if row.get("id") != event:
            raise Wrong(f"{where}: the body is missing.")
        known = {"body", "body_salt", "id", "name", "name_salt"}
        for part, committed in (("body", body), ("name", name)):
            content_, salt = row[part], row[f"{part}_salt"]
            if content_ is None and salt is None:
                of = unescaped(stream if part == "body" else actor).decode()
                is_own = of.startswith(("agent/", "person/") if part == "body" else "person/")
                self.gone.append(Gone(event, part, row.get(f"{part}_key", ""), of if is_own else "system"))
                known.add(f"{part}_key")
                continue
            exact = canonical(content_) if part == "body" else content_.encode()
            if commitment(part.encode(), salt.encode(), exact) != committed:
                self.refuse_part(part, id_)
        if not set(row) <= known:
            raise Wrong(f"{where}: it holds more than a body does.")
        if row["body"] is not None and (action in CONTENTS or action in EXPLAINING):
            self.keep(action, stream, id_, row["body"])
        return (row["name"] or "").encode()

    def refuse_part(self, part: str, id_: bytes) -> None:
        raise Wrong(
            f"bodies/{self.number:06}.ndjson, event {unescaped(id_).decode()}: the {part} is not the one "
            "that the event committed to."
        )

    def keep(self, action: bytes, stream: bytes, id_: bytes, payload: Row) -> None:
        if action in CONTENTS:
            key, folder = CONTENTS[action]
            if key in payload:
                self.named[folder + payload[key]] = self.where
        elif stream == b"system":
            self.explanations.append((action.decode(), unescaped(id_).decode(), payload))


def commitment(part: bytes, salt: bytes, exact: bytes) -> bytes:
    return sha256(b"countersign/%b/v1\0" % part + binascii.unhexlify(salt) + exact).hexdigest().encode()


def append_run(runs: list[Run], more: Run, stream: str, where: str) -> None:
    """Add entries of a stream to those before; where the numbers follow each other, so do the leaves."""
    last = runs[-1]
    if more.first <= last.last:
        raise Wrong(f"{where}: number {more.first} of {stream} comes after {last.last}.")
    if more.first > last.last + 1:
        runs.append(more)
    elif more.previous != last.leaf:
        raise Wrong(f"{where}: it does not follow number {last.last} of {stream}: one of them was changed.")
    else:
        runs[-1] = Run(last.first, last.previous, more.last, more.leaf)


def table_of(rows: list[tuple[bytes, ...]]) -> bytes:
    """Rows of events.csv; at once where no cell needs quotation marks or an apostrophe."""
    if not rows:
        return b""
    table = b"\r\n".join([b",".join(row) for row in rows]) + b"\r\n"
    count = len(rows)
    plain = table.count(b",") == count * (len(COLUMNS) - 1) and b'"' not in table
    plain = plain and table.count(b"\r") == count and table.count(b"\n") == count
    if plain and not re.search(rb"[,\n][=+@\t-]", table):
        return table
    return b"".join(map(csv_row, rows))


def _is_utf8(line: bytes) -> bool:
    try:
        return bool(line.decode())
    except UnicodeDecodeError:
        return False


class Job(NamedTuple):
    """What a process needs to read one piece."""

    bundle: str
    rules: Rules
    number: int
    entries: tuple[Member, Row]
    bodies: tuple[Member, Row]


def read_piece(job: Job) -> Piece:
    piece = Piece(job.rules, job.number)
    with open(job.bundle, "rb") as file, open(job.bundle, "rb") as other:  # noqa: PTH123 - the path is text
        entries, bodies = content(file, *job.entries), content(other, *job.bodies)
        try:
            piece.read(lines(entries, job.entries[0].path), lines(bodies, job.bodies[0].path))
        except Wrong:
            for _ in chain(entries, bodies):  # where the file itself was changed, that is what is wrong
                pass
            raise
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, zlib.error) as error:
            raise Wrong(f"{piece.where}: malformed ({type(error).__name__}: {error}).") from None
    return piece


def in_order(jobs: Iterator[Job], processes: int) -> Iterator[Piece]:
    """The pieces in their order, read by several processes, a few of them ahead."""
    if processes < 2:
        yield from map(read_piece, jobs)
        return
    with multiprocessing.Pool(processes) as pool:
        ahead = [pool.apply_async(read_piece, (job,)) for job in islice(jobs, processes + 2)]
        while ahead:
            yield ahead.pop(0).get()
            ahead += [pool.apply_async(read_piece, (job,)) for job in islice(jobs, 1)]


# --- The bundle ----------------------------------------------------------------------------------------
class Outside(NamedTuple):
    """What the auditor brings: nothing of it comes from the bundle."""

    key: Key | None = None
    exporter: Key | None = None
    checkpoint: bytes | None = None
    witnesses: tuple[Key, ...] = ()


class Bundle:
    """Everything that is checked; `proved`, `gone` and `limits` say in words what came of it."""

    def __init__(self, path: Path, outside: Outside = Outside(), jobs: int = 1) -> None:  # noqa: B008 - it is immutable
        self.path, self.outside, self.jobs = path, outside, jobs
        self.proved: list[str] = []
        self.gone: list[str] = []
        self.limits: list[str] = []
        self.place = "manifest.json"
        self.read_already: set[str] = set()
        self.runs: dict[str, list[Run]] = {}
        self.spans: list[tuple[int, int]] = []
        self.time = b""
        self.events = 0
        self.heads: Row | None = None
        self.named: dict[str, str] = {}
        self.destroyed: dict[tuple[str, str], int] = {}
        self.redacted: dict[str, int] = {}
        self.explanations: list[tuple[str, str, Row]] = []
        self.anchors: list[str] = []

    def verify(self) -> None:
        with self.path.open("rb") as self.file:
            try:
                self.check()
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, zlib.error) as error:
                raise Wrong(f"{self.place}: malformed ({type(error).__name__}: {error}).") from None

    def check(self) -> None:
        self.members = read_members(self.file)
        self.check_signatures()
        self.check_list()
        self.check_entries()
        self.check_streams()
        self.check_places()
        self.check_gone()
        self.check_contents()
        self.check_consistency()
        self.check_anchors()
        for path in self.listed:
            if path not in self.read_already:
                self.place = path
                for _ in self.content(path):
                    pass
        self.say()

    # --- Who signed ---------------------------------------------------------------------------------------
    def check_signatures(self) -> None:
        """Outside key -> rotations.txt -> policy.txt -> the bundle's key -> manifest.json; the checkpoint."""
        policy = self.raw("policy.txt")
        ledger, exporter = policy_keys(policy, "policy.txt")
        self.terms = terms(self.raw("rotations.txt"), ledger)
        self.key = self.terms[-1].key
        if self.key != ledger:
            raise Wrong("policy.txt names another key of the ledger than rotations.txt leads to.")
        self.check_trust(self.outside.key or self.key)
        open_note(policy, self.key, "policy.txt")
        if self.outside.exporter and self.outside.exporter != exporter:
            raise Wrong("policy.txt names another key for bundles than the policy that you were given.")
        manifest = self.raw("manifest.json")
        expected = ["countersign/manifest/v1", sha256(manifest).hexdigest()]
        if open_note(self.raw("manifest.sig"), exporter, "manifest.sig") != expected:
            raise Wrong("manifest.json was changed after it was signed: manifest.sig signs another.")
        self.manifest = json.loads(manifest)
        if self.manifest["format"] != FORMAT:
            raise Unreadable(f"This verifier reads {FORMAT}; the bundle is {self.manifest['format']}.")
        self.size, self.root = open_checkpoint(self.raw("checkpoint.txt"), self.key, "checkpoint.txt")
        if self.size < self.terms[-1].first:
            raise Wrong("checkpoint.txt is older than the key that signed it.")
        if self.manifest["range"] and (self.manifest["streams"] or self.manifest["presence"]):
            raise Wrong("manifest.json: a range of the ledger names no streams and no presence.")
        self.complete: dict[str, Row] = {part["stream"]: part for part in self.manifest["streams"]}
        if {"size": self.size, "root": self.root.hex()} != self.manifest["checkpoint"]:
            raise Wrong("checkpoint.txt does not fit the manifest.")

    def check_trust(self, trusted: Key) -> None:
        """The key that the auditor trusts must lead to the one in use, each signing the next."""
        known = [term.key for term in self.terms]
        if trusted not in known:
            raise Wrong(
                f"policy.txt: it bears no signature of the key {trusted.name} ({trusted.hash.hex()}), and "
                "rotations.txt does not lead from it to the key in use."
            )
        later = self.terms[known.index(trusted) + 1 :]
        for term in later:
            if not term.is_trusted_by_the_one_before:
                raise Wrong(
                    "rotations.txt: the ledger's key was replaced after a loss or a compromise, without the "
                    f"signature of the one before. Ask for the new key ({term.key.hash.hex()})."
                )
        if later:
            self.proved.append(
                f"{len(later)} rotations lead from your key to {self.key.hash.hex()}, each signed by both."
            )

    def raw(self, path: str) -> bytes:
        """One of the small files that stand unpacked in the ZIP; its bytes are all that it is."""
        member = self.members.get(path)
        if member is None:
            raise Wrong(f"{path} is missing.")
        self.file.seek(member.start)
        found = self.file.read(min(member.packed_size, 1 << 26))
        if (member.method, member.size, member.crc) != (0, len(found), zlib.crc32(found)):
            raise Wrong(f"{path}: its bytes, or its ZIP header, were changed.")
        return found

    # --- The files ----------------------------------------------------------------------------------------
    def check_list(self) -> None:
        """Exactly the files that the manifest lists. Their bytes are checked wherever they are read."""
        self.listed = {row["path"]: row for row in self.manifest["files"]}
        present = set(self.members) - {"manifest.json", "manifest.sig"}
        for path in sorted(set(self.listed).symmetric_difference(present)):
            raise Wrong(f"{path} is " + ("missing." if path in self.listed else "not in the manifest."))

    def content(self, path: str) -> Iterator[bytes]:
        if path not in self.listed:
            raise Wrong(f"{path} is missing.")
        self.read_already.add(path)
        with self.path.open("rb") as file:
            yield from content(file, self.members[path], self.listed[path])

    def json_lines(self, path: str) -> Iterator[Row]:
        self.place = path
        for some in lines(self.content(path), path):
            for line in some:
                yield parse(line, path)

    # --- The entries: the tree, the streams, the table -----------------------------------------------------
    def check_entries(self) -> None:
        self.table = Reader(self.content("events.csv"))
        if self.table.read(len(TABLE_HEAD)) != TABLE_HEAD:
            raise Wrong("events.csv: its first row does not name the columns.")
        self.proof, self.nodes = Reader(self.content("proof.bin")), self.read_nodes()
        self.node = next(self.nodes, None)
        if self.subtree(0, self.size) != self.root or self.node or self.proof.read(1):
            raise Wrong("The entries do not belong to the signed tree: entries/ or proof.bin was changed.")
        if self.heads is None or self.heads["q"] != self.size - 1:
            raise Wrong("entries/: the last entry is not the signed heads of all streams.")
        if self.table.read(1):
            raise Wrong("events.csv holds more than the entries do.")
        if self.events != self.manifest["events"]:
            raise Wrong(f"There are {self.events} events; the manifest says {self.manifest['events']}.")

    def subtree(self, low: int, high: int) -> bytes:
        """The hash of the leaves [low, high): proof.bin gives it where none of them is in the bundle."""
        if self.node is None or self.node[0] >= high:
            return self.proof.read(32)
        first, size, hash_ = self.node
        if (first, size) == (low, high - low):
            self.node = next(self.nodes, None)
            return hash_
        if high - low == 1:
            raise Wrong("The entries do not belong to the signed tree: entries/ was changed.")
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return sha256(b"\1" + self.subtree(low, middle) + self.subtree(middle, high)).digest()

    def read_nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """The nodes that the entries make up, once all else about them is known to be right."""
        last = -1
        for piece in in_order(self.pieces(), self.processes()):
            self.place = f"entries/{piece.number:06}.ndjson"
            if piece.start is None:
                continue
            if piece.start[0] <= last or piece.start[1] < self.time:
                raise Wrong(f"{self.place}: it is not in its place.")
            last, self.time = piece.place, piece.time
            self.join(piece)
            yield from piece.nodes

    def pieces(self) -> Iterator[Job]:
        """entries/ and bodies/ come in pairs, numbered from 0."""
        rules = Rules.of(self.manifest)
        paths = [path for path in self.listed if path.startswith(("entries/", "bodies/"))]
        self.read_already.update(paths)
        for number in range((len(paths) + 1) // 2):
            pair = (f"entries/{number:06}.ndjson", f"bodies/{number:06}.ndjson")
            for path in pair:
                if path not in self.listed:
                    raise Wrong(f"{path} is missing.")
            entries, bodies = ((self.members[path], self.listed[path]) for path in pair)
            yield Job(str(self.path), rules, number, entries, bodies)

    def processes(self) -> int:
        size = sum(row["size"] for path, row in self.listed.items() if path.startswith("entries/"))
        return self.jobs if size > SEVERAL else 1

    def join(self, piece: Piece) -> None:
        """Add what one piece says to what those before it said."""
        for stream, runs in piece.runs.items():
            known = self.runs.setdefault(stream, [])
            for run in runs:
                if known:
                    append_run(known, run, stream, self.place)
                else:
                    known.append(run)
            if stream not in self.complete:
                del known[:-1]  # only where it ended matters for what comes
        if self.spans and piece.spans and self.spans[-1][1] == piece.spans[0][0]:
            piece.spans[0] = (self.spans.pop()[0], piece.spans[0][1])
        self.spans += piece.spans
        written = self.table.read(piece.table_size)
        if sha256(written).hexdigest() != piece.table:
            raise Wrong(f"events.csv: its rows for {self.place} are not what the entries say.")
        self.events += piece.events
        self.heads = piece.heads
        self.named |= piece.named
        self.explanations += piece.explanations
        for gone in piece.gone:
            if gone.key:
                if gone.key[:32] != sha256(gone.subject.encode()).hexdigest()[:32]:
                    raise Wrong(
                        f"bodies/, event {gone.event}: the {gone.part} was under no key of {gone.subject}."
                    )
                self.destroyed[gone.key, gone.subject] = self.destroyed.get((gone.key, gone.subject), 0) + 1
            else:
                self.redacted[gone.event] = self.redacted.get(gone.event, 0) + 1

    # --- What is not left out ------------------------------------------------------------------------------
    def check_streams(self) -> None:
        """Each complete stream: where the signed heads say that it ended, and every number up to there."""
        self.pruned: dict[str, list[Row]] = {}
        for action, event, said in self.explanations:
            for row in said["streams"] if action == "segment.pruned" else ():
                self.pruned.setdefault(row["stream"], []).append({**row, "event": event})
        ends = list(self.json_lines("streams.ndjson"))
        if [end["stream"] for end in ends] != sorted(self.complete):
            raise Wrong("streams.ndjson: it is not about the streams that the manifest calls complete.")
        for end in ends:
            self.place = f"streams.ndjson, {end['stream']}"
            self.check_end(end)
            self.check_numbers(self.complete[end["stream"]], end["head"]["n"], end["head"]["leaf"])

    def check_end(self, end: Row) -> None:
        """The stream's end is a leaf of the tree that the heads entry names (RFC 9162, 2.1.3.2)."""
        head, index, last = end["head"], end["index"], end["count"] - 1
        node = sha256(f"\0{end['stream']}|{head['n']}|{head['leaf']}".encode()).digest()
        for sibling in map(bytes.fromhex, end["proof"]):
            if index & 1 or index == last:
                node = sha256(b"\1" + sibling + node).digest()
                while index and not index & 1:
                    index, last = index >> 1, last >> 1
            else:
                node = sha256(b"\1" + node + sibling).digest()
            index, last = index >> 1, last >> 1
        named = {"count": self.heads["count"], "root": self.heads["root"]} if self.heads else {}
        if last or {"count": end["count"], "root": node.hex()} != named:
            raise Wrong(f"{self.place}: the end of the stream is not the one that the signed heads name.")

    def check_numbers(self, part: Row, end: int, end_leaf: str) -> None:
        """Dense from the neighbour before the scope to the one after it, but for what was pruned."""
        stream, first, last = part["stream"], part["first"], part["last"]
        if not 1 <= first <= last + 1 <= end + 1:
            raise Wrong(f"{self.place}: numbers {first} to {last} of {end} are no range.")
        low, high = max(first - 1, 1), min(last + 1, end)
        number, leaf = low, EMPTY if low == 1 else ""
        for run in self.runs.get(stream, ()):
            if run.last > end or (run.last == end and run.leaf != end_leaf):
                raise Wrong(f"{self.place}: the signed heads name another end of the stream.")
            if run.last < low or run.first > high:
                continue
            if run.first > number:
                self.check_pruned(stream, number, run.first, leaf, run.previous, part)
            elif run.first == 1 and run.previous != EMPTY:
                raise Wrong(f"{self.place}: number 1 follows another entry: it was changed.")
            number, leaf = run.last + 1, run.leaf
        if number <= high:
            if high != end or stream not in self.pruned:
                raise Wrong(
                    f"The stream {stream} ends at number {end}, the bundle after {number - 1}: cut short."
                )
            self.check_pruned(stream, number, high + 1, leaf, end_leaf, part)

    def check_pruned(
        self, stream: str, number: int, until: int, leaf: str, next_leaf: str, part: Row
    ) -> None:
        """The numbers from `number` to before `until` are gone; sealed events must say so, link by link."""
        start = number
        rows = {row["first"]: row for row in self.pruned.get(stream, ())}
        while number < until and number in rows and rows[number]["previous"] == leaf:
            last, event, leaf = (rows[number][key] for key in ("last", "event", "leaf"))
            self.gone.append(f"{stream}, numbers {number} to {last}: pruned, says event {event}.")
            number = last + 1
        if (number, leaf) != (until, next_leaf) or start < part["first"] or until - 1 > part["last"]:
            raise Wrong(f"{stream}: number {until} comes after {start - 1}: something is left out.")

    def check_places(self) -> None:
        """A range of the ledger: every entry, from the neighbour before it to the one after it."""
        if self.manifest["range"] is None:
            return
        self.place, period = "manifest.json, range", self.manifest["period"]
        low, high = self.manifest["range"]["low"], self.manifest["range"]["high"]
        open_ends = (period["since"] is not None or low == 0) and (
            period["until"] is not None or high == self.size - 1
        )
        if not 0 <= low <= high < self.size or not open_ends:
            raise Wrong(f"The range of entries {low} to {high} is not what the period asks for.")
        segments = {
            said["low"]: (said["high"], event)
            for action, event, said in self.explanations
            if action == "segment.pruned"
        }
        at = max(low - 1, 0)
        for first, last in [*self.spans, (high + 1, high + 1)]:
            while at < min(first, high + 1):
                if at not in segments or at < low or segments[at][0] > high:
                    raise Wrong(f"Entry {at} of the range is left out, and nothing explains it.")
                self.gone.append(
                    f"Entries {at} to {segments[at][0] - 1}: pruned, says event {segments[at][1]}."
                )
                at = segments[at][0]
            at = max(at, last)

    def check_gone(self) -> None:
        """What was erased is explained by an event of the same ledger, which says why."""
        self.place = "entries/, explaining events"
        erased = {
            (key, said["subject"]): (event, said["reason"])
            for action, event, said in self.explanations
            if action == "subject.erased"
            for key in said["keys"]
        }
        redacted = {
            of: (event, said["reason"])
            for action, event, said in self.explanations
            if action == "body.redacted"
            for of in said["events"]
        }
        for (key, subject), count in sorted(self.destroyed.items()):
            if (key, subject) not in erased:
                raise Wrong(
                    f"bodies/: parts about {subject} are missing, and no event says that a key was destroyed."
                )
            event, reason = erased[key, subject]
            self.gone.append(
                f"{count} payloads or names of {subject}: erased, says event {event}: {json.dumps(reason)}."
            )
        reasons: dict[tuple[str, str], int] = {}
        for of in self.redacted:
            if of not in redacted:
                raise Wrong(f"bodies/, event {of}: the body is missing, and no redaction explains it.")
            reasons[redacted[of]] = reasons.get(redacted[of], 0) + 1
        for (event, reason), count in sorted(reasons.items()):
            self.gone.append(f"{count} bodies: redacted, says event {event}: {json.dumps(reason)}.")

    # --- What else is in it --------------------------------------------------------------------------------
    def check_contents(self) -> None:
        """What people decided on and attached is there, exactly, and nothing is passed off as such."""
        files: dict[str, str] = {}
        for path, row in self.listed.items():
            if path.startswith(("approvals/", "documents/")):
                found = re.fullmatch(r"((?:approvals|documents)/([0-9a-f]{64}))(\.[a-z0-9]{1,8})?", path)
                if not found or found[2] != row["sha256"]:
                    raise Wrong(f"{path}: its content does not have the digest in its name.")
                files[found[1]] = path
        for name, place in self.named.items():
            if name not in files:
                raise Wrong(f"{name}, which {place} names, is missing.")
        for name, path in files.items():
            if name not in self.named and path.startswith("approvals/"):
                raise Wrong(f"{path}: no event of this bundle requests this approval.")
        self.documents = [path for path in files if path.startswith("documents/")]

    def check_consistency(self) -> None:
        """Earlier checkpoints lead to this one (RFC 9162, 2.1.4.2); among them perhaps one that you kept."""
        self.earlier: dict[int, bytes] = {}
        for row in self.json_lines("consistency.ndjson"):
            root, proof = bytes.fromhex(row["root"]), [bytes.fromhex(node) for node in row["proof"]]
            if not continues(row["first"], root, self.size, self.root, proof):
                raise Wrong(
                    f"consistency.ndjson: the tree of {row['first']} entries does not lead to this one."
                )
            self.earlier[row["first"]] = root
        if self.outside.checkpoint is not None:
            size, root = self.open_earlier(self.outside.checkpoint, "the known checkpoint")
            self.compare(size, root)

    def open_earlier(self, note: bytes, where: str) -> tuple[int, bytes]:
        """A checkpoint of this ledger, signed with the key that counted for its size."""
        lines = note.decode("utf-8", "replace").split("\n")
        size = int(lines[1]) if len(lines) > 1 and lines[1].isdecimal() else 0
        for term in self.terms:
            if term.first <= size <= term.last and b" %b " % term.key.name.encode() in note:
                return open_checkpoint(note, term.key, where)
        raise Wrong(f"{where}: it is not signed with the key that this ledger had at {size} entries.")

    def compare(self, size: int, root: bytes) -> None:
        known = self.root if size == self.size else self.earlier.get(size)
        if known is None:
            self.limits.append(
                f"Your checkpoint is of {size} entries, for which the bundle holds no proof: not compared "
                f"with {self.size}. Ask for `manage.py ledger compare`, or a newer bundle."
            )
        elif known != root:
            raise Wrong(f"The ledger was rewritten: your checkpoint of {size} entries has another root.")
        elif size == self.size:
            self.proved.append("It is the very tree of which you kept a checkpoint.")
        else:
            self.proved.append(
                f"The tree continues the one of {size} entries of which you kept a checkpoint."
            )

    def check_anchors(self) -> None:
        """Receipts of checkpoints that were published outside: each of them leads to this tree."""
        index = "anchors/index.json"
        for row in json.loads(b"".join(self.content(index))) if index in self.listed else ():
            self.place = folder = row["receipt"].rpartition("/")[0]
            note, receipt = map(b"".join, map(self.content, (f"{folder}/checkpoint.txt", row["receipt"])))
            size, root = self.open_earlier(note, f"{folder}/checkpoint.txt")
            known = self.root if size == self.size else self.earlier.get(size)
            if known is None:
                self.limits.append(
                    f"{folder}/checkpoint.txt is of {size} entries, for which the bundle holds no proof."
                )
                continue
            if known != root or size != row["size"]:
                raise Wrong(f"{folder}/checkpoint.txt: the tree of {size} entries does not lead to this one.")
            self.say_anchor(row, note, receipt)

    def say_anchor(self, row: Row, note: bytes, receipt: bytes) -> None:
        """What was checked of one receipt, and what is left to whoever reads this."""
        path, size, sink = row["receipt"], row["size"], json.dumps(row["sink"])
        if path.endswith("/cosignature.txt"):
            for key in self.outside.witnesses:
                if b" %b " % key.name.encode() in receipt:
                    seconds = cosigned_at(note + receipt, key, path)
                    moment = datetime.fromtimestamp(seconds, timezone.utc).isoformat()
                    self.proved.append(f"The witness {key.name} cosigned {size} entries at {moment}.")
                    return
            self.anchors.append(
                f"{size} entries, cosigned: not checked; give the witness's key with --witness."
            )
        elif path.endswith("/timestamp.tsr"):
            data = path.rpartition("/")[0] + "/checkpoint.txt"
            command = f"openssl ts -verify -data {data} -in {path} -CAfile CA"
            self.anchors.append(f"{size} entries, timestamped: check it with `{command}`.")
        else:
            self.anchors.append(f"{size} entries, published to {sink}: compare {path} with what is there.")

    # --- In words ------------------------------------------------------------------------------------------
    def say(self) -> None:
        sealed = self.time.decode()
        self.proved[:0] = [
            f"{self.events} events are what the ledger {self.key.name} sealed, every byte.",
            f"The ledger had {self.size} entries at {sealed}; its key {self.key.hash.hex()} signed the root.",
        ]
        for stream, part in self.complete.items():
            self.proved.append(
                f"{stream}: nothing is left out between numbers {part['first']} and {part['last']}"
                + (f", its end at {sealed}." if not self.manifest["period"]["until"] else ".")
            )
        if self.manifest["range"]:
            low, high = self.manifest["range"]["low"], self.manifest["range"]["high"]
            self.proved.append(f"The ledger's entries {low} to {high - 1}: nothing is left out.")
        approvals = sum(name.startswith("approvals/") for name in self.named)
        if approvals:
            self.proved.append(f"{approvals} approved contents are the ones that the events name.")
        bound = sum(path.split(".")[0] in self.named for path in self.documents)
        if bound:
            self.proved.append(f"{bound} attached documents are the ones that the events name.")
        self.say_limits(len(self.documents) - bound)

    def say_limits(self, unbound: int) -> None:
        level = self.manifest["completeness"]
        if level != self.level():
            raise Wrong(f"manifest.json: a bundle of this scope does not prove the level {level!r}.")
        if level == "presence":
            self.limits.append("Presence only: that nothing was left out is not proved.")
        if level == "mixed":
            self.limits.append(
                "Of events in other streams presence only: that none was left out is not proved."
            )
        self.limits += [f"Incomplete: {json.dumps(missing)}." for missing in self.manifest["incomplete"]]
        if unbound:
            self.gone.append(
                f"{unbound} documents were attached outside this scope; the manifest vouches for them."
            )
        if self.outside.key is None:
            self.limits.append("The key came from the bundle itself: whoever forged all of it would pass.")

    def level(self) -> str:
        if self.manifest["range"]:
            return "range"
        if self.manifest["presence"]:
            return "mixed" if self.manifest["streams"] else "presence"
        return "stream"


class Reader:
    """Pieces as one file to read from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.buffer, self.at = pieces, b"", 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        parts = [self.buffer[self.at :]]
        have = len(parts[0])
        if have < size:
            while have < size and (piece := next(self.pieces, b"")):
                parts.append(piece)
                have += len(piece)
            self.buffer, self.at = b"".join(parts), 0
        self.at += size
        return self.buffer[self.at - size : self.at]


def policy_keys(policy: bytes, where: str) -> tuple[Key, Key]:
    """The ledger's key and the key for bundles that a policy names."""
    named = re.match(rb"countersign/policy/v1\nledger (.+)\nbundles (.+)\n\n", policy)
    if not named:
        raise Wrong(f"{where}: not the list of keys that it should be.")
    return parse_key(named[1].decode(), where), parse_key(named[2].decode(), where)


def continues(first: int, first_root: bytes, second: int, second_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree of `second` leaves begins with the one of `first` (RFC 9162, 2.1.4.2)."""
    if not 0 < first < second:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    hashes = iter(proof)
    old = new = first_root if first & (first - 1) == 0 else next(hashes, b"")
    for sibling in hashes:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = sha256(b"\1" + sibling + old).digest(), sha256(b"\1" + sibling + new).digest()
            while at and not at & 1:
                at, last = at >> 1, last >> 1
        else:
            new = sha256(b"\1" + new + sibling).digest()
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


CANNOT = (
    "That what was recorded is true, or that what was never recorded did not happen.",
    "That the clock was right: times are the machine's own.",
    "That the key's holder shows everybody the same ledger, unless you kept a checkpoint to compare.",
    "That records in artefacts/, history/ and the readable pages are true: the manifest vouches for them.",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an evidence bundle offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", help="the ledger's verifier key, or a file that holds it")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="a policy.txt that you were given")
    parser.add_argument("--known-checkpoint", type=Path, metavar="FILE", help="a checkpoint kept earlier")
    parser.add_argument("--witness", action="append", default=[], help="verifier key of a witness")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes at most")
    options = parser.parse_args(arguments)
    try:
        bundle = Bundle(options.bundle, _outside(options), options.jobs)
        bundle.verify()
    except Wrong as error:
        code, text = WRONG, f"WRONG: {error}"
    except (Unreadable, OSError) as error:
        code, text = UNREADABLE, f"UNREADABLE: {error}"
    else:
        code, text = (LIMITED, "VERIFIED WITH LIMITS") if bundle.limits else (VERIFIED, "VERIFIED")
        for title, said in (
            ("Limits", bundle.limits),
            ("Proved", bundle.proved),
            ("Gone or apart, and explained", bundle.gone),
            ("Receipts from outside, for you to check", bundle.anchors),
            ("Cannot prove", CANNOT),
        ):
            text += f"\n\n{title}:\n" + "\n".join(f"  - {line}" for line in said) if said else ""
    print(text)
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
            if key not in (None, given):
                raise Wrong("--key and --policy name different keys of the ledger.")  # noqa: TRY301
            key = given
        witnesses = tuple(parse_key(text, "--witness", 4) for text in options.witness)
    except (Wrong, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None
    known = options.known_checkpoint.read_bytes() if options.known_checkpoint else None
    return Outside(key, exporter, known, witnesses)


if __name__ == "__main__":
    sys.exit(main())
