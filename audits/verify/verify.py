#!/usr/bin/env python3
"""Verify an evidence bundle, offline and without the program that made it.

    python verify.py BUNDLE [--key KEY] [--known-checkpoint FILE]

KEY is the ledger's verifier key, or a file that holds it: get it from the organisation by another way
than the bundle, before you need it. FILE is a checkpoint of the same ledger that you kept earlier.

Exit codes: 0 verified, 1 wrong, 2 unreadable, 3 verified with limits (they are listed).
Needs Python 3.9 or later and nothing else. `docs/bundle-format.md` describes the format.
"""

# ruff: noqa: PLR2004, T201 - the numbers are the formats' own; it prints, for there is no log
from __future__ import annotations

import argparse
import base64
import binascii
import json
import re
import struct
import sys
import zlib
from collections.abc import Iterator, Sequence
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

VERIFIED, WRONG, UNREADABLE, LIMITED = 0, 1, 2, 3
FORMAT = "countersign/bundle/v1"
EMPTY = "0" * 64
CHUNK = 1 << 16
COLUMNS = (
    "seq", "number", "time", "sealed_at", "action", "outcome", "actor", "actor_name", "object", "frameworks",
    "evaluation", "policy", "provenance", "trace", "id",
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


# --- Signed notes (c2sp.org/signed-note) ---------------------------------------------------------------
class Key(NamedTuple):
    name: str
    hash: bytes
    public: bytes


def parse_key(text: str, where: str) -> Key:
    try:
        name, digest, encoded = text.strip().split("+", 2)
        material = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        raise Wrong(f"{where}: {text.strip()[:80]!r} is not a verifier key.") from None
    key = Key(name, sha256(name.encode() + b"\n" + material).digest()[:4], material[1:])
    canonical = base64.b64encode(material).decode() == encoded
    if len(material) != 33 or material[0] != 1 or key.hash.hex() != digest or not canonical:
        raise Wrong(f"{where}: {text.strip()[:80]!r} is damaged, or no Ed25519 verifier key.")
    return key


def open_note(content: bytes, key: Key, where: str) -> list[str]:
    """The lines of the text that `key` has signed."""
    text, separator, signatures = content.rpartition(b"\n\n")
    line = re.fullmatch("\u2014 ([^ +\n]+) ([A-Za-z0-9+/=]+)\n", signatures.decode("utf-8", "replace"))
    if not separator or not line:
        raise Wrong(f"{where}: not a signed note of one signature.")
    blob = base64.b64decode(line[2] + "==")
    if line[1] != key.name or blob[:4] != key.hash or base64.b64encode(blob).decode() != line[2]:
        raise Wrong(f"{where}: it bears no signature of the key {key.name} ({key.hash.hex()}).")
    if not ed25519_verifies(key.public, text + b"\n", blob[4:]):
        raise Wrong(f"{where}: the signature of {key.name} does not fit the text; one of them was changed.")
    return text.decode().split("\n")


def open_checkpoint(content: bytes, key: Key, where: str) -> tuple[int, bytes]:
    """(size, root) of a signed checkpoint (c2sp.org/tlog-checkpoint)."""
    lines = open_note(content, key, where)
    if len(lines) != 3 or lines[0] != key.name or not lines[1].isdecimal():
        raise Wrong(f"{where}: not a checkpoint of the ledger {key.name}.")
    return int(lines[1]), base64.b64decode(lines[2], validate=True)


# --- The archive: a ZIP in which every byte is accounted for -------------------------------------------
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
        _, *fixed, method, time, date, crc, packed, size, length, extra = struct.unpack("<4s5H3I2H", header)
        path = file.read(length).decode("utf-8", "replace")
        if (fixed, time, date, extra) != ([20, 0x0800], 0, 0x21, 0) or method not in (0, 8):
            raise Wrong(f"{path}: its ZIP header (byte {position}) is not in the form of a bundle.")
        if not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*", path):
            raise Wrong(f"The ZIP names a file {path!r}, which no bundle contains.")
        if path in members:
            raise Wrong(f"{path} is in the ZIP twice.")
        members[path] = Member(path, method, crc, packed, size, position, position + 30 + length)
        position += 30 + length + packed
        if position > end:
            raise Wrong(f"{path}: the file is cut short, or its ZIP header (byte {position}) is damaged.")
    file.seek(position)
    if file.read() != _directory(members, position):
        raise Wrong(f"The ZIP directory (from byte {position}) does not list exactly the files before it.")
    return members


def _directory(members: dict[str, Member], start: int) -> bytes:
    rows = b"".join(
        struct.pack(
            "<4s6H3I5H2I", b"PK\x01\x02", 0x0314, 20, 0x0800, member.method, 0, 0x21, member.crc,
            member.packed_size, member.size, len(member.path), 0, 0, 0, 0, 0o100644 << 16, member.offset,
        ) + member.path.encode()
        for member in members.values()
    )  # fmt: skip
    count = len(members)
    return rows + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, count, count, len(rows), start, 0)


# --- The bundle ----------------------------------------------------------------------------------------
def _refuse(text: str) -> None:
    raise ValueError(text)


decode = json.JSONDecoder(parse_float=_refuse, parse_constant=_refuse).decode
encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode

_TEXT = r'"[^"\\\x00-\x1f]*(?:\\(?:["\\bfnrt]|u00(?:0[0-7bef]|1[0-9a-f]))[^"\\\x00-\x1f]*)*"'
_HASH, _NUMBER = '"[0-9a-f]{64}"', "(?:0|[1-9][0-9]{0,15})"
_PLACE = rf',"s":{{"n":{_NUMBER},"p":{_HASH},"q":{_NUMBER},"t":{_TEXT}}},"v":1}}'
_HEADER = (
    rf'{{"action":{_TEXT},"actor":{_TEXT},"body":{_HASH},(?:"evaluation":{_TEXT},)?'
    rf'(?:"frameworks":\[{_TEXT}(?:,{_TEXT})*\],)?"id":{_TEXT},"name":{_HASH},"object":{_TEXT},"outcome":{_TEXT},'
    rf'(?:"policy":{{"sha256":{_TEXT},"version":{_TEXT}}},)?(?:"provenance":{_TEXT},)?'
    rf'"stream":{_TEXT},"time":{_TEXT},(?:"trace":{_TEXT},)?"v":1}}'
)
_HEADS = rf'{{"count":{_NUMBER},"root":{_HASH}}}'
is_entry = re.compile(f'{{(?:"e":{_HEADER}|"h":{_HEADS}){_PLACE}'.encode()).fullmatch
"""The one way to write an entry in canonical JSON; quicker than writing it again to compare."""


def canonical(value: Any) -> bytes:
    """RFC 8785 on the ledger's profile: sorted ASCII keys, no floats."""
    return encode(value).encode()


def parse(line: bytes, where: str) -> dict[str, Any]:
    """A line of canonical JSON: exactly one way to write it, so exactly one way to read it."""
    try:
        value = decode(line.decode())
        if isinstance(value, dict) and canonical(value) == line:
            return value
    except (ValueError, RecursionError):
        pass
    raise Wrong(f"{where}: not canonical JSON.")


def csv_line(entry: dict[str, Any], name: str) -> bytes:
    """A row of events.csv."""
    header, place = entry["e"], entry["s"]
    more = header.get
    return csv_row(
        (
            str(place["q"]), str(place["n"]), header["time"], place["t"], header["action"], header["outcome"],
            header["actor"], name, header["object"], " ".join(more("frameworks", ())),
            more("evaluation", ""), more("policy", {}).get("version", ""), more("provenance", ""),
            more("trace", ""), header["id"],
        )
    )  # fmt: skip


_CELL = r'(?:[^",\r\n=+@\t-][^",\r\n]*)?'
is_plain_row = re.compile(f"{_CELL}(?:,{_CELL}){{{len(COLUMNS) - 1}}}").fullmatch


def csv_row(cells: Sequence[str]) -> bytes:
    """RFC 4180; text that a spreadsheet would run as a formula gets a leading apostrophe."""
    row = ",".join(cells)
    return (row if is_plain_row(row) else ",".join(map(_cell, cells))).encode() + b"\r\n"


def _cell(text: str) -> str:
    text = "'" + text if text[:1] in tuple("=+-@\t\r") else text
    return '"' + text.replace('"', '""') + '"' if re.search('[",\r\n]', text) else text


class Stream:
    """The content of one or several members, checked against the manifest while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self.pieces, self.buffer, self.at = pieces, b"", 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, fewer only at the end."""
        while len(self.buffer) < self.at + size and (piece := next(self.pieces, b"")):
            self.buffer, self.at = self.buffer[self.at :] + piece, 0
        self.at += size
        return self.buffer[self.at - size : self.at]

    def lines(self) -> Iterator[bytes]:
        rest = b""
        for piece in self.pieces:
            *lines, rest = (rest + piece).split(b"\n")
            yield from lines
        if rest:
            yield rest


class Bundle:
    """Everything that is checked; `proved` and `limits` say in words what came of it."""

    def __init__(self, file: BinaryIO, outside_key: Key | None, known: bytes | None) -> None:
        self.file, self.outside_key, self.known = file, outside_key, known
        self.proved: list[str] = []
        self.limits: list[str] = []
        self.place = "manifest.json"
        self.named: dict[str, str] = {}
        self.read_already: set[str] = set()
        self.entry: tuple[int, bytes] | None = None

    def verify(self) -> None:
        try:
            self.check()
        except (KeyError, TypeError, ValueError, AttributeError, IndexError, zlib.error) as error:
            raise Wrong(f"{self.place}: malformed ({type(error).__name__}: {error}).") from None

    def check(self) -> None:
        self.members = read_members(self.file)
        self.check_signatures()
        self.check_packed()
        self.check_entries()
        self.check_heads()
        self.check_approvals()
        for path in self.members:
            if path not in self.read_already:
                for _ in self.content(path):
                    pass
        self.say()

    def check_signatures(self) -> None:
        """Outside key -> policy.txt -> the bundle's key -> manifest.json; and the checkpoint."""
        policy = self.raw("policy.txt")
        named = re.match(rb"countersign/policy/v1\nledger (.+)\nbundles (.+)\n\n", policy)
        if not named:
            raise Wrong("policy.txt: not the list of keys that it should be.")
        self.key = self.outside_key or parse_key(named[1].decode(), "policy.txt")
        open_note(policy, self.key, "policy.txt")
        exporter = parse_key(named[2].decode(), "policy.txt")
        manifest = self.raw("manifest.json")
        expected = ["countersign/manifest/v1", sha256(manifest).hexdigest()]
        if open_note(self.raw("manifest.sig"), exporter, "manifest.sig") != expected:
            raise Wrong("manifest.json was changed after it was signed: manifest.sig signs another.")
        self.manifest = json.loads(manifest)
        if self.manifest["format"] != FORMAT:
            raise Unreadable(f"This verifier reads {FORMAT}; the bundle is {self.manifest['format']}.")
        self.size, self.root = open_checkpoint(self.raw("checkpoint.txt"), self.key, "checkpoint.txt")
        self.stream, self.scope = self.manifest["stream"], self.manifest["range"]
        self.whole = self.manifest["completeness"] == "stream"

    def raw(self, path: str) -> bytes:
        """One of the small files that stand unpacked in the ZIP, so that every bit of them counts."""
        member = self.members.get(path)
        if member is None:
            raise Wrong(f"{path} is missing.")
        self.file.seek(member.start)
        content = self.file.read(member.packed_size)
        if (member.method, member.size, member.crc) != (0, len(content), zlib.crc32(content)):
            raise Wrong(f"{path}: its bytes, or its ZIP header, were changed.")
        self.read_already.add(path)
        return content

    def check_packed(self) -> None:
        """Exactly the files that the manifest lists, byte for byte as they stand in the ZIP."""
        self.listed = {row["path"]: row for row in self.manifest["files"]}
        present = set(self.members) - {"manifest.json", "manifest.sig"}
        for path in set(self.listed).symmetric_difference(present):
            raise Wrong(f"{path} is " + ("missing." if path in self.listed else "not in the manifest."))
        for path, row in self.listed.items():
            member, digest = self.members[path], sha256()
            for piece in self.packed(member):
                digest.update(piece)
            sizes = (member.packed_size, member.size)
            if digest.hexdigest() != row["packed_sha256"] or sizes != (row["packed_size"], row["size"]):
                raise Wrong(f"{path} is not the file that was signed: its bytes were changed.")

    def packed(self, member: Member) -> Iterator[bytes]:
        """The bytes as they stand in the ZIP, in pieces."""
        end = member.start + member.packed_size
        for position in range(member.start, end, CHUNK):
            self.file.seek(position)
            yield self.file.read(min(CHUNK, end - position))

    def content(self, path: str) -> Iterator[bytes]:
        """The inflated content, in pieces no larger than they should be; its digest is checked at the end."""
        self.read_already.add(path)
        member, inflater = self.members[path], zlib.decompressobj(-15)
        digest, crc, left, piece = sha256(), 0, member.size, b""
        for packed in self.packed(member):
            rest = packed
            while rest or len(piece) > CHUNK:
                piece = inflater.decompress(rest, min(left, CHUNK) + 1)
                rest, left = inflater.unconsumed_tail, left - len(piece)
                if left < 0 or inflater.unused_data:
                    raise Wrong(f"{path}: it does not have the size that it should have.")
                digest.update(piece)
                crc = zlib.crc32(piece, crc)
                yield piece
        if not inflater.eof or (left, crc) != (0, member.crc):
            raise Wrong(f"{path}: it does not have the size that it should have.")
        if digest.hexdigest() != self.listed[path]["sha256"]:
            raise Wrong(f"{path} is not the file that was signed.")

    def folder(self, prefix: str) -> Stream:
        paths = sorted(path for path in self.listed if path.startswith(prefix))
        return Stream(piece for path in paths for piece in self.content(path))

    # --- Entries: the tree, the stream's numbers and links, the bodies, the table -----------------------
    def check_entries(self) -> None:
        self.head = parse(self.folder("streams.ndjson").read(CHUNK).rstrip(b"\n"), "streams.ndjson")
        checkpoint = {"size": self.size, "root": self.root.hex()}
        if (self.head["stream"], checkpoint) != (self.stream, self.manifest["checkpoint"]):
            raise Wrong("streams.ndjson and checkpoint.txt do not fit the manifest.")
        self.events, self.last = 0, (0, EMPTY)
        self.proof, self.entries = self.folder("proof.bin"), self.checked_entries()
        self.entry = next(self.entries, None)
        if self.subtree(0, self.size) != self.root or self.entry or self.proof.read(1):
            raise Wrong("The entries do not belong to the signed tree: entries/ or proof.bin was changed.")
        if "h" not in self.final:
            raise Wrong(f"{self.place}: the last entry is not the signed heads of all streams.")
        first, last = self.scope["first"], self.scope["last"]
        until = min(last + 1, self.head["head"]["n"])
        if self.whole and self.last[0] != until:
            raise Wrong(f"The stream ends at number {until}, the bundle after {self.last[0]}: cut short.")
        if self.events != self.scope["count"] or (self.whole and self.events != last - first + 1):
            raise Wrong(f"There are {self.events} events; the manifest says {self.scope['count']}.")

    def subtree(self, low: int, high: int) -> bytes:
        """The hash of the leaves [low, high): proof.bin gives it where none of them is in the bundle."""
        if self.entry is None or self.entry[0] >= high:
            return self.proof.read(32)
        if high - low == 1:
            leaf = self.entry[1]
            self.entry = next(self.entries, None)
            return leaf
        middle = low + (1 << (high - low - 1).bit_length() - 1)
        return sha256(b"\1" + self.subtree(low, middle) + self.subtree(middle, high)).digest()

    def checked_entries(self) -> Iterator[tuple[int, bytes]]:
        """(index in the tree, leaf) of every entry, once all else about it is known to be right."""
        bodies = self.folder("bodies/").lines()
        table, seq, self.final = self.folder("events.csv"), -1, {}
        self.expect(table, csv_row(COLUMNS))
        for number, line in enumerate(self.folder("entries/").lines(), 1):
            self.place = f"entries/, line {number}"
            if not is_entry(line):
                raise Wrong(f"{self.place}: not canonical JSON of an entry.")
            entry = self.final = decode(line.decode())
            if entry["s"]["q"] <= seq:
                raise Wrong(f"{self.place} (entry {entry['s']['q']}): it is not in its place.")
            seq, leaf = entry["s"]["q"], sha256(b"\0" + line)
            if "e" in entry and self.check_place(entry, leaf.hexdigest()):
                self.events += 1
                self.expect(table, csv_line(entry, self.check_body(entry["e"], next(bodies, b""))))
            yield seq, leaf.digest()
        if next(bodies, None) is not None or table.read(1):
            raise Wrong("bodies/ or events.csv holds more than the entries do.")

    def check_place(self, entry: dict[str, Any], leaf: str) -> bool:
        """The place in the stream; False for the neighbours that only show where the range ends."""
        header, place, (number, previous) = entry["e"], entry["s"], self.last
        since, until = self.scope["since"], self.scope["until"]
        start = max(self.scope["first"] - 1, 1) if self.whole else place["n"]
        if header["stream"] != self.stream or place["n"] <= number:
            raise Wrong(f"{self.place}: it is not of the stream {self.stream}, or out of order.")
        if self.whole and place["n"] != (number + 1 if number else start):
            raise Wrong(f"{self.place}: number {place['n']} comes after {number}: something is left out.")
        if place["n"] == number + 1 and (number or place["n"] == 1) and place["p"] != previous:
            raise Wrong(
                f"{self.place}: it does not follow the entry before it, number {number}: one was changed."
            )
        self.last = (place["n"], leaf)
        if place["n"] == self.head["head"]["n"] and leaf != self.head["head"]["leaf"]:
            raise Wrong(f"{self.place}: the signed heads name another end of the stream.")
        before, after = bool(since) and place["t"] < since, bool(until) and place["t"] >= until
        if (place["n"] < self.scope["first"], place["n"] > self.scope["last"]) != (before, after):
            raise Wrong(f"{self.place}: sealed at {place['t']}, on the wrong side of the period's end.")
        if self.manifest["framework"] and self.manifest["framework"] not in header.get("frameworks", ()):
            raise Wrong(f"{self.place}: it does not name the framework {self.manifest['framework']}.")
        return not (before or after)

    def check_body(self, header: dict[str, Any], line: bytes) -> str:
        """Payload and name are those that the header committed to; the name."""
        where = f"bodies/, event {header['id']}"
        row = decode(line.decode()) if line else {}
        if row.get("id") != header["id"]:
            raise Wrong(f"{where}: the body is missing, and no redaction explains it.")
        body, name = canonical(row["body"]), row["name"]
        if line != canonical(row):
            raise Wrong(f"{where}: not canonical JSON of a body.")
        for part, content in ((b"body", body), (b"name", name.encode())):
            salted = b"countersign/%b/v1\0" % part + bytes.fromhex(row[part.decode() + "_salt"]) + content
            if sha256(salted).hexdigest() != header[part.decode()]:
                raise Wrong(f"{where}: the {part.decode()} is not the one that the event committed to.")
        if header["action"] == "approval.requested" and "digest" in row["body"]:
            self.named[row["body"]["digest"]] = self.place
        return str(name)

    def expect(self, table: Stream, row: bytes) -> None:
        if table.read(len(row)) != row:
            raise Wrong(f"events.csv: its row for {self.place} is not what the entry says.")

    def check_heads(self) -> None:
        """The stream's end is a leaf of the tree that the heads entry names (RFC 9162, 2.1.3.2)."""
        self.place = "streams.ndjson"
        head, index, last = self.head["head"], self.head["index"], self.head["count"] - 1
        node = sha256(f"\0{self.stream}|{head['n']}|{head['leaf']}".encode()).digest()
        for sibling in map(bytes.fromhex, self.head["proof"]):
            if index & 1 or index == last:
                node = sha256(b"\1" + sibling + node).digest()
                while index and not index & 1:
                    index, last = index >> 1, last >> 1
            else:
                node = sha256(b"\1" + node + sibling).digest()
            index, last = index >> 1, last >> 1
        if last or {"count": self.head["count"], "root": node.hex()} != self.final["h"]:
            raise Wrong("streams.ndjson: the end of the stream is not the one that the signed heads name.")

    def check_approvals(self) -> None:
        """What people decided on is there, exactly, and nothing is passed off as such."""
        files = {path[10:-5]: path for path in self.listed if path.startswith("approvals/")}
        for digest, path in files.items():
            if digest != self.listed[path]["sha256"]:
                raise Wrong(f"{path}: its content does not have the digest in its name.")
            if digest not in self.named:
                raise Wrong(f"{path}: no event of this bundle requests this approval.")
        for digest, place in self.named.items():
            if digest not in files:
                raise Wrong(f"approvals/{digest}.json, which {place} names, is missing.")

    def say(self) -> None:
        first, last, sealed = self.scope["first"], self.scope["last"], self.final["s"]["t"]
        self.proved += [
            f"{self.events} events of {self.stream} are what the ledger {self.key.name} sealed, every byte.",
            f"The ledger had {self.size} entries, and its key {self.key.hash.hex()} signed their root.",
        ]
        if self.whole:
            self.proved.append(f"Nothing is left out between numbers {first} and {last}.")
        if self.whole and last == self.head["head"]["n"]:
            self.proved.append(f"Number {last} was the stream's end at {sealed}; nothing later is covered.")
        if self.named:
            self.proved.append(f"{len(self.named)} approved contents are the ones that the events name.")
        if not self.whole:
            self.limits.append("Presence only: that nothing was left out is not proved.")
        if self.outside_key is None:
            self.limits.append("The key came from the bundle itself: whoever forged all of it would pass.")
        if self.known is not None:
            size, root = open_checkpoint(self.known, self.key, "the known checkpoint")
            if size != self.size:
                self.limits.append(f"Your checkpoint is of size {size}: not comparable with {self.size}.")
            elif root != self.root:
                raise Wrong(f"The ledger was rewritten: your checkpoint of size {size} has another root.")
            else:
                self.proved.append("It is the very tree of which you kept a checkpoint.")


CANNOT = (
    "That what was recorded is true, or that what was never recorded did not happen.",
    "That the clock was right: times are the machine's own.",
    "That the key's holder shows everybody the same ledger, unless you kept a checkpoint to compare.",
)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Verify an evidence bundle offline.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", help="the ledger's verifier key, or a file that holds it")
    parser.add_argument("--known-checkpoint", type=Path, metavar="FILE", help="a checkpoint kept earlier")
    options = parser.parse_args(arguments)
    try:
        key = _outside_key(options.key) if options.key else None
        known = options.known_checkpoint.read_bytes() if options.known_checkpoint else None
        with options.bundle.open("rb") as file:
            bundle = Bundle(file, key, known)
            bundle.verify()
    except Wrong as error:
        code, text = WRONG, f"WRONG: {error}"
    except (Unreadable, OSError) as error:
        code, text = UNREADABLE, f"UNREADABLE: {error}"
    else:
        code, text = (LIMITED, "VERIFIED WITH LIMITS") if bundle.limits else (VERIFIED, "VERIFIED")
        for title, lines in (("Proved", bundle.proved), ("Limits", bundle.limits), ("Cannot prove", CANNOT)):
            text += f"\n\n{title}:\n" + "\n".join(f"  - {line}" for line in lines) if lines else ""
    print(text)
    return code


def _outside_key(text: str) -> Key:
    """A key given as text, or as the file that holds it; any fault is one of usage, not of the bundle."""
    try:
        is_key = text.count("+") > 1 and not Path(text).is_file()
        return parse_key(text if is_key else Path(text).read_text("utf-8"), "--key")
    except (Wrong, UnicodeDecodeError) as error:
        raise Unreadable(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
