"""A file that is only appended to: another machine's disk, `chattr +a`, or shipped away as it grows."""

import os
from collections.abc import Iterator
from pathlib import Path

import orjson

from audits.anchors.address import Address
from audits.anchors.base import AnchorUnavailable, AnchorWrong, Prove, Published, Seen
from audits.choices import AnchorLevel


class FileSink:
    """A line of JSON a checkpoint: `note`, `root` (hexadecimal) and `size`."""

    level = AnchorLevel.COPIED
    receipt_file = "line.json"

    def __init__(self, address: Address) -> None:
        self.name = address.name
        self._path = Path(address.target)

    def publish(self, checkpoint: Published, before: int, prove: Prove) -> bytes:  # noqa: ARG002 - Sink's
        line = _line(checkpoint)
        try:
            is_new = not self._path.exists()
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
            try:
                # A line that a full disk cut short stays: what follows begins on a line of its own.
                begin = b"" if _ends_whole(descriptor) else b"\n"
                if os.write(descriptor, begin + line) != len(begin + line):
                    raise AnchorUnavailable(f"{self._path}: the disk took only a part of the line.")
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            if is_new:
                _sync_directory(self._path.parent)
        except OSError as error:
            raise AnchorUnavailable(f"{self._path}: {error.strerror}") from error
        return line

    def check(self, checkpoint: Published, receipt: bytes) -> None:  # noqa: ARG002 - Sink's
        wanted = _line(checkpoint)
        if not any(line == wanted for line in self._lines()):
            raise AnchorWrong(
                f"{self._path} no longer holds the line of the checkpoint of {checkpoint.size} entries, or "
                "another one in its place."
            )

    def survey(self, newest: Published, prove: Prove) -> Iterator[Seen]:  # noqa: ARG002 - Sink's
        for number, line in enumerate(self._lines(), 1):
            try:
                said = orjson.loads(line)
                yield Seen(int(said["size"]), bytes.fromhex(said["root"]), f"{self._path}, line {number}")
            except (ValueError, KeyError, TypeError) as error:
                if line.endswith(b"}\n"):
                    raise AnchorWrong(f"{self._path}, line {number}, is not a checkpoint.") from error

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._path.open("rb") as file:
                yield from file
        except FileNotFoundError as error:
            raise AnchorWrong(f"{self._path} is gone.") from error
        except OSError as error:
            raise AnchorUnavailable(f"{self._path}: {error.strerror}") from error


def _line(checkpoint: Published) -> bytes:
    said = {"note": checkpoint.note, "root": checkpoint.root.hex(), "size": checkpoint.size}
    return orjson.dumps(said) + b"\n"


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
