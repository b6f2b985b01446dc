"""A ZIP file with exactly one form: no clock, no attributes, no slack. Pure but for the file it writes.

Members stand one after another in the order of writing, without extra fields or comments; the central
directory follows. Every byte is determined by the members, so a verifier can account for every byte.
Content that is equal gives a file that is equal, given the same zlib.
"""

import hashlib
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from audits.canonical import JSON

STORED, DEFLATED = 0, 8
LIMIT = 2**32 - 1
_VERSION, _UTF8, _TIME, _DATE = 20, 0x0800, 0, 0x0021  # 1980-01-01, the zero of ZIP's clock
_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_UNIX, _REGULAR_FILE = 3 << 8, 0o100644 << 16


class ArchiveTooLargeError(ValueError):
    """Beyond 4 GiB or 65,535 members: this form has no ZIP64."""


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


class Archive:
    """Writes to a seekable binary file, a member at a time, without holding any of them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.members: list[Member] = []

    def add(self, path: str, chunks: Iterable[bytes], *, stored: bool = False) -> Member:
        """
        Raises:
            ArchiveTooLargeError: see there.
        """
        offset = self._file.tell()
        method = STORED if stored else DEFLATED
        self._file.write(self._local(path, method, 0, 0, 0))
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        plain, packed = hashlib.sha256(), hashlib.sha256()
        crc = size = packed_size = 0

        def write(piece: bytes) -> None:
            nonlocal packed_size
            packed.update(piece)
            packed_size += self._file.write(piece)

        for chunk in chunks:
            plain.update(chunk)
            crc = zlib.crc32(chunk, crc)
            size += len(chunk)
            write(chunk if stored else packer.compress(chunk))
        if not stored:
            write(packer.flush())
        if max(size, self._file.tell()) > LIMIT:
            raise ArchiveTooLargeError("The bundle would be larger than 4 GiB. Choose a shorter period.")
        self._patch(offset, self._local(path, method, crc, packed_size, size))
        member = Member(path, method, crc, size, plain.hexdigest(), packed_size, packed.hexdigest(), offset)
        self.members.append(member)
        return member

    def close(self) -> None:
        """Write the central directory; the file itself stays open."""
        start = self._file.tell()
        for member in self.members:
            name = member.path.encode()
            self._file.write(
                _CENTRAL.pack(
                    b"PK\x01\x02", _UNIX | _VERSION, _VERSION, _UTF8, member.method, _TIME, _DATE,
                    member.crc, member.packed_size, member.size, len(name), 0, 0, 0, 0,
                    _REGULAR_FILE, member.offset,
                ) + name
            )  # fmt: skip
        count, end = len(self.members), self._file.tell()
        if count > 0xFFFF or end > LIMIT:  # noqa: PLR2004
            raise ArchiveTooLargeError("The bundle would have too many files. Choose a shorter period.")
        self._file.write(_END.pack(b"PK\x05\x06", 0, 0, count, count, end - start, start, 0))

    def _patch(self, offset: int, header: bytes) -> None:
        end = self._file.tell()
        self._file.seek(offset)
        self._file.write(header)
        self._file.seek(end)

    @staticmethod
    def _local(path: str, method: int, crc: int, packed_size: int, size: int) -> bytes:
        name = path.encode()
        return _LOCAL.pack(
            b"PK\x03\x04", _VERSION, _UTF8, method, _TIME, _DATE, crc, packed_size, size, len(name), 0
        ) + name  # fmt: skip
