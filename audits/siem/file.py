"""Lines at the end of a file, for a forwarder to pick up.

To rotate it, rename it: it is opened anew for each batch.
"""

import fcntl
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from audits.siem.address import Sink
from audits.siem.transport import Message, NotDelivered, Options

MODE = 0o600


def deliver(sink: Sink, messages: Sequence[Message], _options: Options) -> None:
    """Append the batch, and see it on the disk.

    Raises:
        NotDelivered: the file cannot be written, or another process is writing it.
    """
    data = b"".join(message.line + b"\n" for message in messages)
    try:
        _append(sink.path, data)
    except OSError as error:
        raise NotDelivered(f"{sink.path} cannot be written: {error.strerror or error}.") from error


def _append(path: Path, data: bytes) -> None:
    # Not to wait where somebody put a pipe that nobody reads.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC, MODE)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError("it is not an ordinary file")
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        rest = memoryview(_after_what_was_torn(descriptor) + data)
        while rest:
            rest = rest[os.write(descriptor, rest) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_folder(path.parent)


def _after_what_was_torn(descriptor: int) -> bytes:
    """A process that died within a line must not lend its beginning to the next record."""
    size = os.fstat(descriptor).st_size
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _sync_folder(folder: Path) -> None:
    """A new file's name is on the disk only with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
