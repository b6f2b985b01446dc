"""A ZIP file with exactly one form: no clock, no attributes, no slack. Pure but for the file it writes.

Members stand one after another in the order of writing, without comments; the central directory
follows. ZIP64 fields stand where a number does not fit, and nowhere else (APPNOTE 4.5.3). Every byte
is determined by the members, so a verifier can account for every byte. Content that is equal gives a
file that is equal, given the same zlib.
"""

import hashlib
import shutil
import struct
import tempfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import IO, BinaryIO, Self

from audits.canonical import JSON

STORED, DEFLATED = 0, 8
LIMIT = 2**32 - 1
"""What stands in a 32-bit field to say that the ZIP64 field holds the number."""
MEMBERS = 2**16 - 1
LEVEL = 1
"""Of deflate. Most of a bundle is hashes: higher levels take three times as long for a tenth less."""
IN_MEMORY = 4 << 20
_VERSION, _VERSION64, _UTF8, _TIME, _DATE = 20, 45, 0x0800, 0, 0x0021  # 1980-01-01, the zero of ZIP's clock
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR = struct.Struct("<4sIQI")
_UNIX, _REGULAR_FILE = 3 << 8, 0o100644 << 16
_SATURATED32, _SATURATED16 = 2**32 - 1, 2**16 - 1


@dataclass(frozen=True, slots=True)
class Member:
    """A file in the archive. The packed digest is that of its bytes as they stand in the archive."""

    path: str
    method: int
    crc: int
    size: int
    sha256: str
    packed_size: int
    packed_sha256: str
    offset: int

    @property
    def description(self) -> dict[str, JSON]:
        """As a manifest lists it."""
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "packed_size": self.packed_size,
            "packed_sha256": self.packed_sha256,
        }


class Packer:
    """A member in the making, packed into a temporary file: several can be made at once."""

    def __init__(self, path: str, *, stored: bool = False) -> None:
        self.path, self.method = path, STORED if stored else DEFLATED
        self.file: IO[bytes] = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the archive closes it
        self._deflater = zlib.compressobj(LEVEL, zlib.DEFLATED, -15)
        self.plain, self.packed = hashlib.sha256(), hashlib.sha256()
        self.crc = self.size = self.packed_size = 0

    def write(self, piece: bytes) -> None:
        self.plain.update(piece)
        self.crc = zlib.crc32(piece, self.crc)
        self.size += len(piece)
        self._keep(self._deflater.compress(piece) if self.method == DEFLATED else piece)

    def finish(self) -> None:
        if self.method == DEFLATED:
            self._keep(self._deflater.flush())
        self.file.seek(0)

    def _keep(self, packed: bytes) -> None:
        self.packed.update(packed)
        self.packed_size += self.file.write(packed)


class Archive:
    """Writes to a binary file, a member at a time, without holding any of them.

    As a context it removes, in the end, what was packed and not put in.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._packers: list[Packer] = []
        self.members: list[Member] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        for packer in self._packers:
            packer.file.close()

    def packer(self, path: str, *, stored: bool = False) -> Packer:
        """A member in the making, for `append`."""
        self._packers.append(Packer(path, stored=stored))
        return self._packers[-1]

    def add(self, path: str, pieces: Iterable[bytes], *, stored: bool = False) -> Member:
        packer = self.packer(path, stored=stored)
        for piece in pieces:
            packer.write(piece)
        return self.append(packer)

    def append(self, packer: Packer) -> Member:
        """Put in what was packed."""
        packer.finish()
        member = Member(
            packer.path, packer.method, packer.crc, packer.size, packer.plain.hexdigest(),
            packer.packed_size, packer.packed.hexdigest(), self._position,
        )  # fmt: skip
        header = _local(member)
        self._file.write(header)
        with packer.file:
            shutil.copyfileobj(packer.file, self._file, 1 << 20)
        self._packers.remove(packer)
        self._position += len(header) + member.packed_size
        self.members.append(member)
        return member

    def close(self) -> None:
        """Write the central directory; the file itself stays open."""
        start, length = self._position, 0
        for member in self.members:
            length += self._file.write(_central(member))
        self._file.write(_ends(len(self.members), start, length))


def _local(member: Member) -> bytes:
    """APPNOTE 4.3.7; where a size does not fit, both stand in the ZIP64 field."""
    name = member.path.encode()
    sizes, more, version = (member.packed_size, member.size), b"", _VERSION
    if max(sizes) >= LIMIT:
        more = struct.pack("<2H2Q", 1, 16, member.size, member.packed_size)
        sizes, version = (_SATURATED32, _SATURATED32), _VERSION64
    return (
        _LOCAL.pack(
            b"PK\x03\x04",
            version,
            _UTF8,
            member.method,
            _TIME,
            _DATE,
            member.crc,
            *sizes,
            len(name),
            len(more),
        )
        + name
        + more
    )


def _central(member: Member) -> bytes:
    """APPNOTE 4.3.12; what does not fit stands in the ZIP64 field: size, packed size, offset."""
    name = member.path.encode()
    numbers = (member.size, member.packed_size, member.offset)
    large = [number for number in numbers if number >= LIMIT]
    more = struct.pack(f"<2H{len(large)}Q", 1, 8 * len(large), *large) if large else b""
    size, packed_size, offset = (_SATURATED32 if number >= LIMIT else number for number in numbers)
    version = _VERSION64 if large else _VERSION
    return (
        _CENTRAL.pack(
            b"PK\x01\x02", _UNIX | version, version, _UTF8, member.method, _TIME, _DATE, member.crc,
            packed_size, size, len(name), len(more), 0, 0, 0, _REGULAR_FILE, offset,
        ) + name + more
    )  # fmt: skip


def _ends(count: int, start: int, length: int) -> bytes:
    """APPNOTE 4.3.14 to 4.3.16; the ZIP64 records where one of the three numbers does not fit."""
    more = b""
    if count >= MEMBERS or max(start, length) >= LIMIT:
        more = _END64.pack(
            b"PK\x06\x06", 44, _UNIX | _VERSION64, _VERSION64, 0, 0, count, count, length, start
        ) + _LOCATOR.pack(b"PK\x06\x07", 0, start + length, 1)
        count = _SATURATED16 if count >= MEMBERS else count
        start = _SATURATED32 if start >= LIMIT else start
        length = _SATURATED32 if length >= LIMIT else length
    return more + _END.pack(b"PK\x05\x06", 0, 0, count, count, length, start, 0)
